"""Many good addresses turning bad at once: when an incident opens, closes, and whether it was one.

Reads: of one unit, a receiver or a domain, in slots of ten minutes: how many addresses had mail delivered, how many that were
good lately were refused as dead for the first time ("flipped"), and how many were refused as dead again. Gives: its incidents.
Pure; slots are counted from 1970.

The test is Page's cumulative sum (E. S. Page, Biometrika 41, 1954): the log-likelihood that a share of all good addresses
flips (``shares``, each in its turn) against the unit's usual rate, begun anew whenever it falls below nothing. It opens above
log(shares / alpha). Then, by Lorden's bound (Annals of Mathematical Statistics 42, 1971), false alarms are at least 1 / alpha
mails apart on average, whatever the number of units: the same for a sender of 500 and of 50 million. The sum's last beginning is
when it opened, or the slot before where that held flips: it began in the middle of it. The usual rate is the unit's own past
flips outside incidents, begun with the policy's, a day behind.

It closes by the same sum the other way round: usual traffic against the incident's own share, above log(1 / doubt); the last
beginning of that sum is when it closed, after that slot where it held refusals. An incident that returns within ``again_hours``
never closed. It was none, but the end of those mailboxes, when ``max_days`` pass without a sign of life and refusals go on in
their second half; what those say who asked last is waited for, a day. Where nobody was asked it is taken for over: silence proves
nothing.

Where nobody was ever delivered to there is no usual rate, and ``unheard_of`` counts instead.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from bouncewise.policy.load import Guard

SLOTS_A_DAY = 144
"""Ten minutes each: fine enough to say when an outage began, coarse enough to keep for years."""

LEAST = 2
"""Flips without which no share of the policy's could be told from chance; so few need no look."""


class Slot(NamedTuple):
    """Ten minutes of one unit."""

    slot: int
    delivered: int
    flipped: int
    again: int = 0


class Span(NamedTuple):
    """An incident from slot ``opened`` to before ``closed`` (None: still open); ``recovered``: the directory came back."""

    opened: int
    closed: int | None
    recovered: bool
    flipped: int
    mailed: int
    usual: float | None


def spans(slots: Iterable[Slot], latest: int, guard: Guard) -> list[Span]:
    """The incidents of a unit, in order. *slots* ascend; *latest* is the last slot that anything at all is known of."""
    found: list[Span] = []
    calm = _Calm(guard)
    storm: _Storm | None = None
    for slot in slots:
        if storm is not None and slot.slot - storm.opened >= (guard.max_days + 1) * SLOTS_A_DAY:
            found.append(storm.given_up())
            storm, calm.sums = None, {}
        if storm is None:
            begun = calm.take(slot)
            if begun is None:
                continue
            storm = _Storm(begun, slot.slot, guard)
            if found and found[-1].recovered and begun.opened - (found[-1].closed or 0) <= guard.again_hours * 6:
                storm.resume(found.pop())
        elif (span := storm.take(slot)) is not None:
            found.append(span)
            storm, calm.sums = None, {}
    if storm is None:
        return found
    past = latest - storm.opened >= guard.max_days * SLOTS_A_DAY
    return [*found, storm.given_up() if past else storm.span(None)]


def unheard_of(refused: Mapping[int, int], arrived: int | None, latest: int, guard: Guard) -> list[Span]:
    """The incident of a domain where nobody was ever delivered to: by slot, how many were *refused* as dead for the first time;
    none where others were again.

    ``strangers`` of them, before anybody's mail *arrived* in some slot and within max_days, say more of the domain than of each
    address. It passes with the first delivery; after max_days without one those mailboxes are gone, if somebody was refused as
    dead in their second half too.
    """
    window = guard.max_days * SLOTS_A_DAY
    many = (
        s for s in sorted(refused) if sum(n for at, n in refused.items() if s <= at < s + window) >= guard.strangers
    )
    opened = next(many, None)
    if opened is None:
        return []
    end = opened + window
    until = min(end, latest + 1 if arrived is None else arrived)
    flipped = sum(n for slot, n in refused.items() if opened <= slot < until)
    if flipped < guard.strangers:
        return []
    if arrived is not None and arrived < end + SLOTS_A_DAY:
        return [Span(opened, min(arrived, end), True, flipped, flipped, None)]
    if latest < end:
        return [Span(opened, None, False, flipped, flipped, None)]
    last = max(slot for slot in refused if slot < end)
    return [Span(opened, end, not _asked(opened, last, guard), flipped, flipped, None)]


class _Sum(NamedTuple):
    """A cumulative sum since slot ``began``, with the flips and the mails in it."""

    value: float
    began: int
    flipped: int
    mailed: int


class _Calm:
    """A unit while nothing happens there: its usual rate, and the sums that would notice."""

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        self.flips, self.mails = guard.usual_flips, guard.usual_mails
        self.day: deque[Slot] = deque()
        self.sums: dict[float, _Sum] = {}

    def take(self, slot: Slot) -> Span | None:
        """The incident that *slot* shows, if it does."""
        while self.day and slot.slot - self.day[0].slot >= SLOTS_A_DAY:
            past = self.day.popleft()
            self.flips, self.mails = self.flips + past.flipped, self.mails + past.delivered + past.flipped
        if not slot.flipped and not self.sums:
            self.day.append(slot)
            return None
        usual = self.flips / self.mails
        mailed = slot.delivered + slot.flipped
        highest: _Sum | None = None
        for share in self.guard.shares:
            if share < 3 * usual:
                continue
            before = self.sums.pop(share, None) or _Sum(0.0, slot.slot, 0, 0)
            if not (slot.flipped or before.value):
                continue
            value = before.value + evidence(slot.delivered, slot.flipped, usual, share)
            after = _Sum(value, before.began, before.flipped + slot.flipped, before.mailed + mailed)
            if value > 0:
                self.sums[share] = after
            highest = max(highest or after, after)
        if highest is None or highest.value < math.log(len(self.guard.shares) / self.guard.alpha):
            self.day.append(slot)
            return None
        opened, flipped, mailed = highest.began, highest.flipped, highest.mailed
        while self.day and self.day[-1].slot >= opened:
            self.day.pop()
        if self.day and self.day[-1].slot == opened - 1 and self.day[-1].flipped:
            first = self.day.pop()
            opened, flipped, mailed = first.slot, flipped + first.flipped, mailed + first.delivered + first.flipped
        return Span(opened, None, False, flipped, mailed, usual)


class _Storm:
    """A unit during an incident."""

    def __init__(self, begun: Span, seen: int, guard: Guard) -> None:
        self.guard, self.opened, self.usual = guard, begun.opened, begun.usual or 0.0
        self.flipped, self.mailed, self.again = begun.flipped, begun.mailed, 0
        self.share = _share(begun.flipped, begun.mailed)
        self.over = 0.0
        self.refused = seen
        self.ended = seen + 1

    def resume(self, before: Span) -> None:
        """It is the incident *before*, that seemed over."""
        self.opened, self.usual = before.opened, before.usual or 0.0
        self.flipped, self.mailed = self.flipped + before.flipped, self.mailed + before.mailed

    def take(self, slot: Slot) -> Span | None:
        """The incident whole, if *slot* shows that it is over."""
        mailed = slot.delivered + slot.flipped + slot.again
        self.flipped, self.mailed, self.again = (
            self.flipped + slot.flipped, self.mailed + mailed, self.again + slot.again,
        )  # fmt: skip
        before, refused = self.over, slot.flipped + slot.again
        self.over = max(0.0, before - evidence(slot.delivered, refused, self.usual, self.share))
        if refused:
            self.refused = slot.slot
        if not self.over or (not before and refused):
            self.ended = slot.slot + 1
        if not self.over:
            self.share = _share(self.flipped + self.again, self.mailed)
        return self.span(self.ended) if self.over >= math.log(1 / self.guard.doubt) else None

    def span(self, closed: int | None) -> Span:
        """The incident as it stands."""
        return Span(self.opened, closed, closed is not None, self.flipped, self.mailed, self.usual)

    def given_up(self) -> Span:
        """The incident after ``max_days`` without an end."""
        recovered = self.over > 0 or not _asked(self.opened, self.refused, self.guard)
        return self.span(self.opened + self.guard.max_days * SLOTS_A_DAY)._replace(recovered=recovered)


def evidence(delivered: int, refused: int, usual: float, share: float) -> float:
    """The log-likelihood that *refused* of these came at the rate *share* rather than at the *usual* one."""
    return refused * math.log(share / usual) + delivered * math.log((1 - share) / (1 - usual))


def _asked(opened: int, refused: int, guard: Guard) -> bool:
    """Whether somebody was *refused* still in the second half of the days that an incident may take."""
    return 2 * (refused - opened) >= guard.max_days * SLOTS_A_DAY


def _share(flipped: int, mailed: int) -> float:
    return min(0.995, max(0.02, flipped / max(1, mailed)))
