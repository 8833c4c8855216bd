"""What is done with an address or domain: the Events it follows from, and the Decisions.

Wishes of the recipient, acts of operators and evidence of bounces decide separately; none
overwrites another. A name has at most one Decision per basis, scope and stream.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from bouncewise.model.trust import Channel, Proof, Trust
from bouncewise.model.verdict import Advice, Cause


class State(StrEnum):
    """May the address be mailed? OK yes; HELD not until a day; SUPPRESSED no; INVALID: it is none,
    which only an answer says.
    """

    OK = "ok"
    HELD = "held"
    SUPPRESSED = "suppressed"
    INVALID = "invalid"


class Scope(StrEnum):
    """How far a suppression reaches: all mail, all marketing mail, or one stream of mail."""

    ALL = "all"
    MARKETING = "marketing"
    STREAM = "stream"


class Basis(StrEnum):
    """What a Decision rests on."""

    EVIDENCE = "evidence"
    """Bounces, deliveries and what DNS states."""
    ACT = "act"
    """An operator, or an imported list."""
    WISH = "wish"
    """The recipient complained or unsubscribed."""


class Mail(NamedTuple):
    """The kind of mail that is asked about: transactional mail answers an action of the recipient;
    ``stream``: its stream's name, '' for any.
    """

    transactional: bool = False
    stream: str = ""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What the ledger knows of one name at one time: a classified Report, or an act (``by``).

    ``meant``: we mailed this name; if not, the event stands beside it, for information, and
    ``about`` is the other name. ``message`` and ``queue`` are keys of the mail's Message-ID and
    queue id, 0 where they are not known; ``sent`` is the Date of a returned mail, ``mailed`` the
    day on which own logs recorded that it was accepted, ``arrived`` when a notice arrived.
    ``relay``: key of the host that accepted a delivery, 0 where it was the receiver's own.
    ``carried``: the Decision of an older ledger, for a kind of event that only migrations make.
    ``imports``: of an imported suppression, the numbers of the imports that list it, the one that
    added it first.
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
    channel: Channel = Channel.LOG
    proof: Proof = Proof.NONE
    trust: Trust = Trust.OWN
    meant: bool = True
    about: str = ""
    undated: bool = False
    message: int = 0
    queue: int = 0
    sent: datetime | None = None
    mailed: datetime | None = None
    arrived: datetime | None = None
    relay: int = 0
    stream: str = ""
    campaign: str = ""
    carried: Decision | None = None
    imports: tuple[int, ...] = ()

    @property
    def order(self) -> tuple[datetime, str, str, str, str, int, int]:
        """Sorts a history: by time, and totally, so that no order of reading changes what
        follows from it.
        """
        return (
            self.at,
            self.kind,
            self.cause or "",
            self.rule,
            self.words,
            self.message,
            self.queue,
        )


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What is done with an address or a domain, since when, until when (None: for good), and
    why. ``trust`` is that of the event that decided.
    """

    state: State
    cause: Cause | None = None
    scope: Scope = Scope.ALL
    since: datetime | None = None
    until: datetime | None = None
    why: str = ""
    rule: str = ""
    by: str = ""
    basis: Basis = Basis.EVIDENCE
    stream: str = ""
    trust: Trust = Trust.OWN


Decisions = tuple[Decision, ...]
"""The Decisions on one name, none of them OK; empty: it may be mailed."""
