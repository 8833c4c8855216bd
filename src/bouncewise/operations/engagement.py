"""Acts of recipients into the ledger: which are a machine's is found out from all acts that are
read together and from the deliveries that the ledger knows.

Reads: Engagements, in any order. Gives: counts by address, day and kind. Acts without a possible
time are left out. The same acts read twice change nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from bouncewise.ledger import Store
from bouncewise.ledger.entries import EARLIEST
from bouncewise.model import Engagement
from bouncewise.policy.segment import Seen, SegmentPolicy, kinds
from bouncewise.rfc import address
from bouncewise.times import MICROS_A_DAY, MICROS_A_SECOND, Day, Micros, day_of, micros

EARLY = 60 * MICROS_A_SECOND
"""A delivery so soon after an act belongs to it: gateways test links before they deliver."""


def record(
    ledger: Store, acts: Iterable[Engagement], numbers: SegmentPolicy, now: datetime
) -> Counter[str]:
    """Add *acts* inside the open transaction; how many of each kind. *now*: when they are read."""
    latest = micros(now) + MICROS_A_DAY
    by_name: dict[str, list[tuple[Micros, Engagement]]] = {}
    for act in acts:
        at = micros(act.at)
        if EARLIEST <= at <= latest:
            by_name.setdefault(address.normalise(act.recipient), []).append((at, act))
    if not by_name:
        return Counter()
    days = [day_of(at) for found in by_name.values() for at, _ in found]
    times = ledger.engagement.delivery_times(by_name, Day(min(days) - 1), Day(max(days) + 1))
    counts: Counter[tuple[str, Day, str]] = Counter()
    for name, found in by_name.items():
        found.sort(key=lambda item: item[0])
        mailed = times.get(name, [])
        seen = [_seen(at, act, mailed) for at, act in found]
        for (at, _), weighed in zip(found, kinds(seen, numbers), strict=True):
            counts[name, day_of(at), weighed.value] += 1
    ledger.engagement.add((*key, count) for key, count in counts.items())
    by_kind: Counter[str] = Counter()
    for (_, _, kind), count in counts.items():
        by_kind[kind] += count
    return by_kind


def _seen(at: Micros, act: Engagement, mailed: Sequence[Micros]) -> Seen:
    next_one = bisect_right(mailed, at)
    delivery = mailed[next_one - 1] if next_one else None
    if next_one < len(mailed) and mailed[next_one] - at <= EARLY:
        delivery = mailed[next_one]
    seconds = None if delivery is None else delivery / MICROS_A_SECOND
    return Seen(act.kind, at / MICROS_A_SECOND, act.link, act.agent, act.flagged, seconds)


def prune(ledger: Store, numbers: SegmentPolicy) -> None:
    """Forget acts that are older than the policy's memory, counted from the last known one."""
    span = ledger.engagement.span()
    if span is not None and span[1] - span[0] > numbers.memory_days:
        with ledger.change():
            ledger.engagement.prune(Day(span[1] - numbers.memory_days))
