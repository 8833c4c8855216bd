"""Engagement: which acts are a machine's, and which segment an address belongs to.

Reads: acts of one address, the time of its mail, and what is known of its mails and acts. Gives: a
kind of act, or a segment. Pure; nothing here suppresses anybody.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum
from math import exp, log
from typing import NamedTuple

import msgspec

from bouncewise.model import ActKind

_PLAIN_AGENT = "Mozilla/5.0"
"""What Apple's and other image proxies call themselves, without the name of a browser."""

_MACHINES = {ActKind.OPEN: ActKind.OPEN_MACHINE, ActKind.CLICK: ActKind.CLICK_MACHINE}


class SegmentPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Numbers by which acts are weighed and addresses are segmented; days and mails as named."""

    new_days: int
    new_mails: int
    new_why: str
    active_days: int
    active_why: str
    cooling_days: int
    lapsing_mails: int
    cooling_why: str
    dormant_days: int
    dormant_mails: int
    dormant_why: str
    never_days: int
    never_mails: int
    never_why: str
    machine_signals: int
    machine_why: str
    prompt_seconds: float
    prompt_why: str
    burst_links: int
    burst_seconds: float
    burst_why: str
    memory_days: int
    memory_why: str
    cadence_gaps: list[int]
    cadence_factors: list[float]
    cadence_why: str

    def factor(self, gap: float) -> float:
        """By what days are multiplied for a list that is mailed every *gap* days."""
        gaps, factors = self.cadence_gaps, self.cadence_factors
        at = bisect_left(gaps, gap)
        if at == 0:
            return factors[0]
        if at == len(gaps):
            return factors[-1]
        share = (log(gap) - log(gaps[at - 1])) / (log(gaps[at]) - log(gaps[at - 1]))
        return exp(log(factors[at - 1]) * (1 - share) + log(factors[at]) * share)


# ── machines ────────────────────────────────────────────────────────────────────────────────────


class Seen(NamedTuple):
    """An act as it was reported. ``at``: seconds; ``mailed``: when its mail was delivered, None
    where that is not known; ``flagged``: the source calls it a machine's.
    """

    kind: ActKind
    at: float
    link: str = ""
    agent: str = ""
    flagged: bool = False
    mailed: float | None = None


def kinds(acts: Sequence[Seen], numbers: SegmentPolicy) -> Iterator[ActKind]:
    """The kind of each of *acts* of one address, in the order of time.

    What the source calls a machine's is one. Of the other signals (a click or open before, or
    promptly after, the delivery; many links at once; a browser without a name) one alone never
    makes a machine, ``machine_signals`` do. Replies and acts outside the mail are a person's.
    """
    bursts = iter(_bursts([act for act in acts if act.kind is ActKind.CLICK], numbers))
    for act in acts:
        machine = _MACHINES.get(act.kind)
        if machine is None:
            yield act.kind
            continue
        signals = int(act.mailed is not None and act.at - act.mailed < numbers.prompt_seconds)
        signals += act.agent.strip() == _PLAIN_AGENT
        signals += act.kind is ActKind.CLICK and next(bursts)
        yield machine if act.flagged or signals >= numbers.machine_signals else act.kind


def _bursts(clicks: Sequence[Seen], numbers: SegmentPolicy) -> Iterator[bool]:
    """Whether each of *clicks* is one of many on different links, within a moment before and after
    it; in linear time.
    """
    near: Counter[str] = Counter()
    first = end = 0
    for click in clicks:
        while end < len(clicks) and clicks[end].at <= click.at + numbers.burst_seconds:
            near[clicks[end].link] += 1
            end += 1
        while clicks[first].at < click.at - numbers.burst_seconds:
            link = clicks[first].link
            near[link] -= 1
            if not near[link]:
                del near[link]
            first += 1
        yield len(near) - ("" in near) >= numbers.burst_links


# ── segments ────────────────────────────────────────────────────────────────────────────────────


class Segment(StrEnum):
    """What an address is for the next mailing."""

    ACTIVE = "active"
    COOLING = "cooling"
    LAPSING = "lapsing"
    DORMANT = "dormant"
    NEVER = "never"
    """It had mails for months, and no act is known."""
    NEW = "new"
    SILENT = "silent"
    """Nothing is known of the acts of the address for enough of its mails; not: inactive."""
    SUPPRESSED = "suppressed"
    """It must not get marketing mail, whatever its acts are."""


class Known(NamedTuple):
    """What is known of an address; days before the time of the question.

    ``first``: since the first mail; ``mails``: days with mails, in all and, ``covered``, at times
    of which acts are known; ``covered_days``: how long the latter go back; ``act``: since the last
    act of a person; ``since``: days with mails after that act.
    """

    first: int | None = None
    mails: int = 0
    covered: int = 0
    covered_days: int = 0
    act: int | None = None
    since: int = 0


def segment_of(known: Known, numbers: SegmentPolicy, factor: float = 1.0) -> Segment:
    """The segment; *factor*: by what days are multiplied."""
    if known.act is not None:
        return _since_act(known.act / factor, known.since, numbers)
    is_young = known.first is None or known.first < numbers.new_days * factor
    if is_young or known.mails < numbers.new_mails:
        return Segment.NEW
    is_long = known.covered_days >= numbers.never_days * factor
    if is_long and known.covered >= numbers.never_mails:
        return Segment.NEVER
    return Segment.SILENT


def _since_act(days: float, mails: int, numbers: SegmentPolicy) -> Segment:
    if days <= numbers.active_days:
        return Segment.ACTIVE
    if days > numbers.dormant_days and mails >= numbers.dormant_mails:
        return Segment.DORMANT
    if days > numbers.cooling_days and mails >= numbers.lapsing_mails:
        return Segment.LAPSING
    return Segment.COOLING
