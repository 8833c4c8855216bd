"""What an automatic reply states about the person who does not read the mail."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

import msgspec

ABSENCE_RULE = "absence."
"""Before the state, it is the rule of an event that an automatic reply with a statement gives."""


class AbsenceState(StrEnum):
    """Why nobody answers. Only AWAY ends by itself."""

    AWAY = "away"
    LEFT = "left"
    """The person no longer works there."""
    MOVED = "moved"
    """The address is given up; the person has another one."""
    UNMONITORED = "unmonitored"
    """Nobody reads the mailbox."""


class Absence(msgspec.Struct, frozen=True):
    """The statement of one automatic reply. It is weak evidence and decides nothing.

    ``until``: the last date that the reply names as end of the absence or day of return; None if
    it names none, or only in a form that can be read in two ways. ``contacts``: addresses that the
    reply names instead, as written. ``words``: the sentence that states it.
    """

    state: AbsenceState
    until: date | None
    contacts: tuple[str, ...]
    words: str

    @property
    def summary(self) -> str:
        """The statement for people: the state, its date, the contacts, then the words."""
        until = f" until {self.until}" if self.until else ""
        contacts = f"; contact {', '.join(self.contacts)}" if self.contacts else ""
        return f"{self.state}{until}{contacts}: “{self.words}”"
