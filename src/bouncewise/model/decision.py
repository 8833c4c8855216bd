"""What is done with an address or domain: the Events it follows from, and the Decision."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from bouncewise.model.verdict import Advice, Cause


class State(StrEnum):
    """May the address be mailed? OK yes; HELD not until a day; SUPPRESSED no."""

    OK = "ok"
    HELD = "held"
    SUPPRESSED = "suppressed"


class Scope(StrEnum):
    """How far a suppression reaches: all mail, or what people did not ask for one by one."""

    ALL = "all"
    MARKETING = "marketing"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger knows of one address at one time: a Report judged, or an act of a person
    (``by``).
    """

    at: datetime
    kind: str
    cause: Cause | None = None
    advice: Advice | None = None
    rule: str = ""
    words: str = ""
    receiver: str = ""
    scope: Scope = Scope.ALL
    by: str = ""
    until: datetime | None = None

    @property
    def order(self) -> tuple[datetime, str, str, str, str]:
        """Sorts a history: by time, and totally, so that no order of reading changes what
        follows from it.
        """
        return (self.at, self.kind, self.cause or "", self.rule, self.words)


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What is done with an address or a domain, since when, until when (None: for good), and
    why.
    """

    state: State
    cause: Cause | None = None
    scope: Scope = Scope.ALL
    since: datetime | None = None
    until: datetime | None = None
    why: str = ""
    rule: str = ""
    by: str = ""
