"""Complaint rates against what receivers accept, and the feedback loops that report complaints.

Reads: loops.toml. Gives: its numbers and rows, and how serious a rate is.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from functools import cache
from importlib import resources

import msgspec


class LoopKind(StrEnum):
    """What a receiver reports: each complaint, only rates, or nothing."""

    REPORTS = "reports"
    RATES = "rates"
    NONE = "none"


class RateLevel(StrEnum):
    """A complaint rate against the limits. FEW: too few mails to tell. UNREPORTED: the receiver
    reports no single complaints, or none has arrived and no loop is configured.
    """

    OVER_LIMIT = "over-limit"
    OVER_AIM = "over-aim"
    FINE = "fine"
    FEW = "few"
    UNREPORTED = "unreported"


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``aim`` and ``limit``: shares from 0 to 1; ``least_delivered``: mails needed for a level."""

    aim: float
    limit: float
    least_delivered: int
    sources: tuple[str, ...]


class FeedbackLoop(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A receiver's feedback loop; ``domains``: of its reports."""

    receiver: str
    kind: LoopKind
    enrol: str
    source: str
    domains: tuple[str, ...] = ()

    def is_among(self, senders: Collection[str]) -> bool:
        """Whether *senders* (domains or mail addresses of configured loops) name this one."""
        return any(sender.rpartition("@")[2] in self.domains for sender in senders)


class Loops(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    limits: Limits
    loop: tuple[FeedbackLoop, ...]


@cache
def loops() -> Loops:
    """The contents of loops.toml."""
    path = resources.files("bouncewise.sender") / "loops.toml"
    return msgspec.toml.decode(path.read_bytes(), type=Loops)


def level_of(complaints: int, delivered: int, limits: Limits, *, reported: bool) -> RateLevel:
    """How serious *complaints* of *delivered* mails are; *reported*: a loop reports them."""
    if not complaints and not reported:
        return RateLevel.UNREPORTED
    if delivered < limits.least_delivered:
        return RateLevel.FEW
    rate = complaints / delivered
    if rate >= limits.limit:
        return RateLevel.OVER_LIMIT
    return RateLevel.OVER_AIM if rate >= limits.aim else RateLevel.FINE
