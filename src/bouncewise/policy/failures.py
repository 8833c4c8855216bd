"""Failures and delays of mail to a name for one transient cause, as windows of policy.toml count
them. Pure.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bouncewise.model import Event, Kind
from bouncewise.policy.load import Window


class Failures:
    """The days on which mail to one name failed, or was delayed, for one cause."""

    def __init__(self, since: datetime) -> None:
        self.since = self.held = since
        self._days: list[tuple[datetime, bool]] = []  # and whether mail failed for good
        self._enough = False

    def add(self, event: Event, apart: timedelta) -> None:
        failed = event.kind == Kind.FAILED
        if not self._days or event.at - self._days[-1][0] >= apart:
            self._days.append((event.at, failed))
        elif failed:
            self._days[-1] = self._days[-1][0], True

    def are_enough(self, now: datetime, window: Window) -> bool:
        """Whether they hold the name; once they do, each further one does."""
        within = timedelta(days=window.within_days)
        counted = [failed for at, failed in self._days if now - at <= within]
        failed = sum(counted)
        weight = failed * window.delays + (len(counted) - failed) * window.failures
        self._enough |= weight >= window.failures * window.delays
        return self._enough

    def is_forgotten(self, now: datetime, window: Window) -> bool:
        """Whether the last of them, and the hold that followed, is too long ago."""
        last = max(self.held, self._days[-1][0] if self._days else self.since)
        return now - last > timedelta(days=window.within_days)
