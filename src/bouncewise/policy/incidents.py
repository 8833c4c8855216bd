"""Many good addresses turning bad at once: when an incident opens, closes, and whether it was one.

Reads: of one unit, a receiver or a domain, hour by hour: how many addresses had mail delivered, and how many that were good
lately were refused as dead ("flipped"). Gives: its incidents. Pure; hours are counted from 1970.

The test: of all mailed within a day, so many flips have a chance of less than ``alpha`` where each address turns bad with
the unit's usual rate (its own past flips outside incidents, begun with the policy's), by the binomial law. So a sender of 500
and one of 50 million have the same risk of a false alarm per test. It is over when so many deliveries without a flip have
come since the last flip that less than ``doubt`` of such stretches would be met while the incident lasts. It was no incident, but
the end of those mailboxes, when ``max_days`` pass without a delivery after the last flip.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from bouncewise.policy.load import Guard


class Hour(NamedTuple):
    """One hour of one unit."""

    hour: int
    delivered: int
    flipped: int


class Span(NamedTuple):
    """An incident: hours from ``opened`` to ``closed`` (None: still open); ``recovered``: the directory came back."""

    opened: int
    closed: int | None
    recovered: bool
    flipped: int
    mailed: int
    usual: float


def spans(hours: Iterable[Hour], latest: int, guard: Guard) -> list[Span]:
    """The incidents of a unit, in order. *hours* ascend; *latest* is the last hour that anything at all is known of."""
    found: list[Span] = []
    flips, mails = guard.usual_flips, guard.usual_mails
    day: deque[Hour] = deque()
    current: Span | None = None
    quiet = 0  # deliveries since the last flip
    for hour in hours:
        if current is not None and hour.hour - current.opened >= 24 * guard.max_days:
            found.append(current._replace(closed=current.opened + 24 * guard.max_days, recovered=quiet > 0))
            current = None
        if current is None:
            while day and hour.hour - day[0].hour >= 24:
                past = day.popleft()
                flips, mails = flips + past.flipped, mails + past.delivered + past.flipped
            day.append(hour)
            flipped, mailed = sum(h.flipped for h in day), sum(h.delivered + h.flipped for h in day)
            usual = flips / mails
            if hour.flipped and flipped >= guard.least and tail(mailed, flipped, usual) < guard.alpha:
                first = next(h.hour for h in day if h.flipped)
                since = sum(h.delivered + h.flipped for h in day if h.hour >= first)
                current, quiet = Span(first, None, False, flipped, since, usual), 0
                day.clear()
            continue
        if hour.flipped:
            current, quiet = (
                current._replace(
                    flipped=current.flipped + hour.flipped, mailed=current.mailed + hour.delivered + hour.flipped
                ),
                0,
            )
            share = hour.flipped / (hour.delivered + hour.flipped)
            if (
                hour.delivered
                and tail(hour.delivered + hour.flipped, hour.flipped, current.usual) > 0.01
                and share < 0.2
            ):
                quiet = hour.delivered  # a flip of the usual kind, among many deliveries
        else:
            quiet += hour.delivered
        if quiet and quiet >= enough(current, guard.doubt):
            found.append(current._replace(closed=hour.hour, recovered=True))
            current = None
    if current is not None and latest - current.opened >= 24 * guard.max_days:
        current = current._replace(closed=current.opened + 24 * guard.max_days, recovered=quiet > 0)
    return [*found, current] if current is not None else found


def enough(span: Span, doubt: float) -> int:
    """Deliveries in a row that an incident of this share would hardly let through."""
    share = min(0.99, max(0.02, span.flipped / max(1, span.mailed)))
    return max(1, math.ceil(math.log(doubt) / math.log(1 - share)))


def tail(n: int, x: int, p: float) -> float:
    """The chance of *x* or more among *n*, each with the chance *p*."""
    if x <= 0:
        return 1.0
    p = min(max(p, 1e-6), 0.5)
    term = math.exp(
        math.lgamma(n + 1) - math.lgamma(x + 1) - math.lgamma(n - x + 1) + x * math.log(p) + (n - x) * math.log1p(-p)
    )
    total = 0.0
    for k in range(x, n + 1):
        total += term
        term *= (n - k) / (k + 1) * p / (1 - p)
        if term < total * 1e-9:
            break
    return min(1.0, total)
