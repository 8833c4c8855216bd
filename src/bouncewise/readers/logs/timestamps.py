"""Time stamps of logs: Unix time, RFC 3339, and RFC 3164 ("Aug 12 21:56:59"), which has no year and
no zone.

Reads: time stamps in the order of the log. Gives: times in UTC. A missing year is the latest one in
which the first line is not later than a day after the file's last change (for a pipe: now); later
lines follow it, so that a log may run over New Year. A missing zone is that of ``use_zone``, else
that of this machine.
Refuses, with None: what is no time.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

_MONTH_NAMES = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}
_BSD = re.compile(
    r"([A-Za-z]{3})\s+(\d{1,2})\s+(?:(\d{4})\s+)?(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,6}))?"
)


_zone: list[tzinfo] = []  # of this process


def use_zone(name: str) -> None:
    """Read logs without a zone, from now on in this process, as of the zone *name* of the time zone
    database; '': as of this machine's. Raises ZoneInfoNotFoundError.
    """
    _zone[:] = [ZoneInfo(name)] if name else []


def _local(when: datetime) -> datetime:
    """A time without a zone in the zone in use."""
    return when.replace(tzinfo=_zone[0]) if _zone else when.astimezone()


class TimestampParser:
    """Parses the time stamps of one log, in their order."""

    def __init__(self, latest: datetime) -> None:
        self._latest = latest.astimezone(_zone[0] if _zone else None) + timedelta(days=1)
        self._year: int | None = None
        self._month = 0
        self._last: tuple[str, datetime | None] = ("", None)

    @classmethod
    def for_file(cls, path: str) -> TimestampParser:
        """The parser for the log at *path*. A log that is no file is taken as written until now."""
        try:
            changed = Path(path).stat().st_mtime
        except (OSError, ValueError):
            return cls(datetime.now(UTC))
        return cls(datetime.fromtimestamp(changed, UTC))

    def parse(self, stamp: str) -> datetime | None:
        """*stamp* in UTC; None if it is no time."""
        if stamp != self._last[0]:
            self._last = (stamp, self._parse(stamp))
        return self._last[1]

    def _parse(self, stamp: str) -> datetime | None:
        try:
            if stamp[:4].isdigit():
                when = datetime.fromisoformat(stamp.replace("/", "-") if "/" in stamp else stamp)
                return (when if when.tzinfo else _local(when)).astimezone(UTC)
            if (m := _BSD.match(stamp)) is None:
                return None
            month = _MONTHS[m[1].casefold()]
            year = int(m[3]) if m[3] else self._year_for(month, int(m[2]))
            when = datetime(year, month, int(m[2]), int(m[4]), int(m[5]), int(m[6]))
            return _local(when).astimezone(UTC)
        except (ValueError, KeyError, OverflowError):
            return None

    def _year_for(self, month: int, day: int) -> int:
        if self._year is None:
            self._year = self._latest.year
            if (month, day) > (self._latest.month, self._latest.day):
                self._year -= 1
        elif month < self._month and self._month - month > 6:
            self._year += 1
        self._month = month
        return self._year
