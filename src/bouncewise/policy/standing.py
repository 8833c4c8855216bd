"""The suppressions by operators and imports that stand on one name.

Reads: its acts in the order of time. Gives: the additions that neither a removal nor the undoing of
every import that lists them has ended. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable

from bouncewise.model import Event
from bouncewise.policy.acts import ADDED, REMOVED, WITHDRAWN


class Standing:
    """The additions that stand while a history is applied."""

    def __init__(self) -> None:
        self.added: list[Event] = []
        self._withdrawn: set[int] = set()

    def apply(self, event: Event) -> bool:
        """Apply one event; whether additions ended."""
        if event.kind == ADDED:
            self.added.append(event)
            return False
        if event.kind == REMOVED:
            kept: list[Event] = []
        elif event.kind == WITHDRAWN:
            self._withdrawn.update(event.imports)
            kept = [e for e in self.added if not e.imports or set(e.imports) - self._withdrawn]
        else:
            return False
        ended = len(kept) < len(self.added)
        self.added = kept
        return ended


def standing(history: Iterable[Event]) -> list[Event]:
    """The additions that stand after a *history*."""
    found = Standing()
    for event in history:
        found.apply(event)
    return found.added
