"""A list by engagement: the segment of each address, and what the addresses of each segment cost.

Reads: addresses, a ledger, the policy. Gives: segments, and rates. Changes nothing: no segment
suppresses anybody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from statistics import median
from typing import NamedTuple

from bouncewise.ledger import Store
from bouncewise.ledger.records import Mailed
from bouncewise.lists.names import name_in
from bouncewise.model import State
from bouncewise.operations.check import check
from bouncewise.operations.outcomes import Outages
from bouncewise.policy.load import Policy
from bouncewise.policy.segment import Known, Segment, segment_of
from bouncewise.times import Day, day_of, day_start, micros

COST_DAYS = 90
"""The bounces and complaints of so many days are counted, for the segments before them."""

SAMPLE = 10_000
"""Addresses from which the gap between two mailings is estimated."""

_PAGE = 1000
_NOTHING = Mailed("", None, None, 0, 0, 0, None, None)


class Segmented(NamedTuple):
    """An address with its segment; ``name``: normalised, '' where it is no address, which belongs
    to no segment. ``last_act``: of a person; ``mails_since``: days with mails after it, or in all.
    """

    address: str
    name: str
    segment: Segment | None
    last_act: datetime | None
    mails_since: int
    mails: int


class Cost(NamedTuple):
    """The mails to the addresses of a segment in the days after it was determined, with the hard
    bounces and complaints among them.
    """

    mails: int = 0
    bounces: int = 0
    complaints: int = 0

    def plus(self, other: Cost) -> Cost:
        """The sum of both."""
        return Cost(*(a + b for a, b in zip(self, other, strict=True)))


class Segmenter:
    """Segments addresses, a page at a time. ``factor``: by what days are multiplied; ``past``: only
    evidence up to ``at`` says who is suppressed.
    """

    def __init__(
        self,
        ledger: Store,
        policy: Policy,
        at: datetime,
        factor: float = 1.0,
        *,
        past: bool = False,
    ) -> None:
        self._ledger, self._policy, self._numbers = ledger, policy, policy.segment
        self._at, self._past, self._factor = at, past, factor
        self._outages = Outages(ledger.incidents.all())
        self.costs: dict[Segment, Cost] = {}
        """By the segment of COST_DAYS before."""

    def segments(self, addresses: Iterable[str]) -> Iterator[Segmented]:
        """The segment of each of *addresses*, in order."""
        stream, today = iter(addresses), day_of(micros(self._at))
        while page := list(islice(stream, _PAGE)):
            names = [(given, _name(given)) for given in page]
            wanted = {name for _, name in names if name}
            known = {m.name: m for m in self._ledger.engagement.known(wanted, today)}
            self._count_costs(wanted)
            suppressed = self._suppressed(wanted)
            for given, name in names:
                mailed = known.get(name, _NOTHING)
                segment = self._segment(mailed, today) if name else None
                yield Segmented(
                    given,
                    name,
                    Segment.SUPPRESSED if name in suppressed else segment,
                    None if mailed.act is None else day_start(mailed.act),
                    mailed.since,
                    mailed.mails,
                )

    def _suppressed(self, names: Iterable[str]) -> set[str]:
        """Those of *names* that must not get marketing mail; who is held for a time may, later."""
        answers = check(names, self._ledger, self._policy, at=self._at, past=self._past)
        return {a.address for a in answers if a.decision.state is State.SUPPRESSED}

    def _segment(self, mailed: Mailed, today: Day) -> Segment:
        known = Known(
            None if mailed.first is None else today - mailed.first,
            mailed.mails,
            mailed.covered,
            0 if mailed.covered_first is None else today - mailed.covered_first,
            None if mailed.act is None else max(0, today - mailed.act),
            mailed.since,
        )
        return segment_of(known, self._numbers, self._factor)

    def _count_costs(self, names: set[str]) -> None:
        """Count what *names* cost, by the segments that they had before."""
        since = self._at - timedelta(days=COST_DAYS)
        before = Day(day_of(micros(since)) - 1)
        known = {m.name: m for m in self._ledger.engagement.known(names, before)}
        segments = {name: self._segment(known.get(name, _NOTHING), before) for name in names}
        start = day_start(Day(before + 1))
        found: Counter[tuple[Segment, int]] = Counter()
        for name, days in self._ledger.engagement.mails(names, start, self._at).items():
            found[segments[name], 0] += days
        outcomes = self._ledger.outcomes
        for bounce in outcomes.hard_bounces(start, self._at, names):
            if not self._outages.explain(bounce):
                found[segments[bounce.name], 0] += not bounce.accepted
                found[segments[bounce.name], 1] += 1
        for complaint in outcomes.complaints(start, self._at, names):
            found[segments[complaint.name], 2] += 1
        for (segment, place), count in found.items():
            cost = Cost(*(count if place == i else 0 for i in range(3)))
            self.costs[segment] = self.costs.get(segment, Cost()).plus(cost)


def median_gap(addresses: Iterable[str], ledger: Store, at: datetime) -> float | None:
    """The median of the days between two mails to each of the first SAMPLE *addresses*; None where
    none of them had three.
    """
    names = {name for name in map(_name, islice(addresses, SAMPLE)) if name}
    gaps = [
        (mailed.last - mailed.first) / (mailed.mails - 1)
        for mailed in ledger.engagement.known(names, day_of(micros(at)))
        if mailed.first is not None and mailed.last is not None and mailed.mails > 2
    ]
    return median(gaps) if gaps else None


def _name(given: str) -> str:
    key, error = name_in(given)
    return "" if error or key.startswith("@") else key
