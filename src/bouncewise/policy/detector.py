"""Incident detection: many addresses of one destination that were delivered to lately are
refused at once.

Reads: of one destination, a receiver or an ``@domain``, per slot of ten minutes: addresses
delivered to, addresses refused for the first time since a delivery, and addresses refused
repeatedly. Gives: its incidents, when each opened and closed, and whether the addresses turned
out to exist. Pure.

The test is Page's cumulative sum (E. S. Page, Biometrika 41, 1954): the log-likelihood that a
share of the addresses (each of ``shares`` in its turn) is newly refused, against the
destination's baseline rate, restarted whenever it falls below zero. An incident opens above
log(number of shares / alpha). By Lorden's bound (Annals of Mathematical Statistics 42, 1971)
false alarms are then at least 1 / alpha mails apart on average, however many destinations there
are. The incident opened where the sum last restarted, or one slot earlier where that slot holds
refusals too: it began in the middle of it. The baseline rate is the destination's own past
outside incidents, starting from the policy's values, one day behind.

It closes by the same sum in the other direction: baseline traffic against the incident's own
share, above log(1 / doubt); it closed where that sum last restarted, after that slot if the slot
holds refusals. An incident that recurs within ``reopen_hours`` is the same incident. If
``max_days`` pass without deliveries while refusals continue in their second half, the addresses
are gone; an end that shows within the day after max_days still counts. If nobody was mailed in
the second half, the incident counts as recovered: no refusals are no evidence.

A domain where nobody was ever delivered to has no baseline; ``detect_new_domain`` counts its
refusals instead.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from bouncewise.policy.load import IncidentPolicy
from bouncewise.times import OPEN_END, SLOTS_A_DAY, SLOTS_AN_HOUR, Slot, later

LEAST = 2
"""Newly refused addresses below which none of the policy's shares can be told from chance."""

_CLEARLY_MORE = 3  # times the baseline rate that a share must be to be tested against it
_LOWEST_SHARE, _HIGHEST_SHARE = (
    0.02,
    0.995,
)  # of an incident: beyond these one slot would outweigh all others


class SlotCounts(NamedTuple):
    """The addresses of one destination in one slot: delivered to, newly refused, refused
    repeatedly.
    """

    slot: Slot
    delivered: int
    new: int
    repeated: int = 0


class Span(NamedTuple):
    """An incident from slot ``opened`` to before ``closed`` (None: still open); ``recovered``:
    the addresses exist.
    """

    opened: Slot
    closed: Slot | None
    recovered: bool
    newly_refused: int
    mailed: int
    baseline_rate: float | None


def detect(slots: Iterable[SlotCounts], latest: Slot, policy: IncidentPolicy) -> list[Span]:
    """The incidents of a destination, in order. *slots* ascend; *latest* is the last slot with
    any evidence at all.
    """
    found: list[Span] = []
    baseline = _Baseline(policy)
    incident: _OpenIncident | None = None
    for counts in slots:
        if incident is not None and counts.slot >= later(incident.opened, days=policy.max_days + 1):
            found.append(incident.expire())
            incident, baseline.sums = None, {}
        if incident is None:
            begun = baseline.add(counts)
            if begun is None:
                continue
            incident = _OpenIncident(begun, counts.slot, policy)
            if found and found[-1].recovered and _recurs(found[-1], begun, policy):
                incident.resume(found.pop())
        elif (span := incident.add(counts)) is not None:
            found.append(span)
            incident, baseline.sums = None, {}
    if incident is None:
        return found
    expired = latest >= later(incident.opened, days=policy.max_days)
    return [*found, incident.expire() if expired else incident.span(None)]


def _recurs(before: Span, begun: Span, policy: IncidentPolicy) -> bool:
    return begun.opened - (before.closed or OPEN_END) <= policy.reopen_hours * SLOTS_AN_HOUR


def detect_new_domain(
    refused: Mapping[Slot, int], delivered: Slot | None, latest: Slot, policy: IncidentPolicy
) -> list[Span]:
    """The incident of a domain where nobody was ever delivered to; none where there is none.

    *refused*: by slot, the addresses refused for the first time (0: only repeatedly);
    *delivered*: the slot of the first delivery there. ``new_domain_refusals`` of them within
    max_days, before any delivery, say more about the domain than about each address. It recovers
    with the first delivery; after max_days without one the addresses are gone, if any was
    refused in their second half too.
    """
    window = policy.max_days * SLOTS_A_DAY
    starts = (
        s for s in sorted(refused) if _within(refused, s, s + window) >= policy.new_domain_refusals
    )
    opened = next(starts, None)
    if opened is None:
        return []
    end = later(opened, days=policy.max_days)
    count = _within(refused, opened, min(end, latest + 1 if delivered is None else delivered))
    if count < policy.new_domain_refusals:
        return []
    if delivered is not None and delivered < end + SLOTS_A_DAY:
        return [Span(opened, min(delivered, end), True, count, count, None)]
    if latest < end:
        return [Span(opened, None, False, count, count, None)]
    last = max(slot for slot in refused if slot < end)
    return [Span(opened, end, not _mailed_late(opened, last, policy), count, count, None)]


def _within(refused: Mapping[Slot, int], since: int, until: int) -> int:
    return sum(n for slot, n in refused.items() if since <= slot < until)


class _Sum(NamedTuple):
    """A cumulative sum since slot ``began``, with the newly refused and the mailed addresses in
    it.
    """

    value: float
    began: Slot
    new: int
    mailed: int


class _Baseline:
    """A destination outside incidents: its baseline rate, and the sums that would notice an
    incident.
    """

    def __init__(self, policy: IncidentPolicy) -> None:
        self.policy = policy
        self.refused, self.mailed = policy.baseline_refused, policy.baseline_mailed
        self.day: deque[SlotCounts] = deque()
        self.sums: dict[float, _Sum] = {}

    def add(self, counts: SlotCounts) -> Span | None:
        """The incident that *counts* show, if they do."""
        self._learn(counts.slot)
        if not counts.new and not self.sums:
            self.day.append(counts)
            return None
        rate = self.refused / self.mailed
        highest = self._update_sums(counts, rate)
        if highest is None or highest.value < math.log(len(self.policy.shares) / self.policy.alpha):
            self.day.append(counts)
            return None
        return self._incident(highest, rate)

    def _learn(self, now: Slot) -> None:
        """What is a day old becomes part of the baseline."""
        while self.day and now - self.day[0].slot >= SLOTS_A_DAY:
            past = self.day.popleft()
            self.refused, self.mailed = (
                self.refused + past.new,
                self.mailed + past.delivered + past.new,
            )

    def _update_sums(self, counts: SlotCounts, rate: float) -> _Sum | None:
        """The highest of the sums after *counts*."""
        highest: _Sum | None = None
        for share in self.policy.shares:
            if share < _CLEARLY_MORE * rate:
                continue
            before = self.sums.pop(share, None) or _Sum(0.0, counts.slot, 0, 0)
            if not (counts.new or before.value):
                continue
            value = before.value + evidence(counts.delivered, counts.new, rate, share)
            mailed = counts.delivered + counts.new
            after = _Sum(value, before.began, before.new + counts.new, before.mailed + mailed)
            if value > 0:
                self.sums[share] = after
            highest = max(highest or after, after)
        return highest

    def _incident(self, found: _Sum, rate: float) -> Span:
        opened, new, mailed = found.began, found.new, found.mailed
        while self.day and self.day[-1].slot >= opened:
            self.day.pop()
        if self.day and self.day[-1].slot == opened - 1 and self.day[-1].new:
            first = self.day.pop()
            opened, new, mailed = first.slot, new + first.new, mailed + first.delivered + first.new
        return Span(opened, None, False, new, mailed, rate)


class _OpenIncident:
    """A destination during an incident."""

    def __init__(self, begun: Span, seen: Slot, policy: IncidentPolicy) -> None:
        self.policy, self.opened, self.rate = policy, begun.opened, begun.baseline_rate or 0.0
        self.new, self.mailed, self.repeated = begun.newly_refused, begun.mailed, 0
        self.share = _share(begun.newly_refused, begun.mailed)
        self.over = 0.0
        self.last_refusal = seen
        self.ended = Slot(seen + 1)

    def resume(self, before: Span) -> None:
        """It is the incident *before*, that seemed over."""
        self.opened, self.rate = before.opened, before.baseline_rate or 0.0
        self.new, self.mailed = self.new + before.newly_refused, self.mailed + before.mailed

    def add(self, counts: SlotCounts) -> Span | None:
        """The whole incident, if *counts* show that it is over."""
        refused = counts.new + counts.repeated
        self.new, self.repeated = self.new + counts.new, self.repeated + counts.repeated
        self.mailed += counts.delivered + refused
        before = self.over
        self.over = max(0.0, before - evidence(counts.delivered, refused, self.rate, self.share))
        if refused:
            self.last_refusal = counts.slot
        if not self.over or (not before and refused):
            self.ended = Slot(counts.slot + 1)
        if not self.over:
            self.share = _share(self.new + self.repeated, self.mailed)
        return self.span(self.ended) if self.over >= math.log(1 / self.policy.doubt) else None

    def span(self, closed: Slot | None) -> Span:
        """The incident as it is known so far."""
        return Span(self.opened, closed, closed is not None, self.new, self.mailed, self.rate)

    def expire(self) -> Span:
        """The incident after ``max_days`` without an end."""
        recovered = self.over > 0 or not _mailed_late(self.opened, self.last_refusal, self.policy)
        return self.span(later(self.opened, days=self.policy.max_days))._replace(
            recovered=recovered
        )


def evidence(delivered: int, refused: int, rate: float, share: float) -> float:
    """The log-likelihood that addresses are refused at the rate *share* rather than at the
    baseline *rate*.
    """
    return refused * math.log(share / rate) + delivered * math.log((1 - share) / (1 - rate))


def _mailed_late(opened: Slot, last_refusal: Slot, policy: IncidentPolicy) -> bool:
    """Whether an address was still refused in the second half of the days that an incident may
    take.
    """
    return 2 * (last_refusal - opened) >= policy.max_days * SLOTS_A_DAY


def _share(refused: int, mailed: int) -> float:
    return min(_HIGHEST_SHARE, max(_LOWEST_SHARE, refused / max(1, mailed)))
