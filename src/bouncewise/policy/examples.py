"""The examples of policy.toml, tried: each is a short history, or a unit's days, and what must follow.

Reads: an Example and a Policy. Gives: what follows, in the example's own words. A line of a history is ``DAY WHAT``: a cause (a
final failure of it, with its usual advice, or with ``CAUSE: ADVICE``), ``delivered``, ``complaint``, ``unsubscribe``, ``added``
or ``removed``, or ``looked-up: CAUSE`` for what DNS says of the domain (``looked-up``: mail goes somewhere); behind it ``beside
25/4`` (so many others at the receiver/in the domain had mail delivered about then) or ``in open incident``, ``in passed
incident``, ``in final incident`` of the receiver, or ``in open domain incident`` and so on. What must follow: ``DAY STATE``, and
the scope where it is not all. The days of a unit are ``[TIMES x ]DELIVERED/REFUSED[/AGAIN]``, ``hours`` apart; what must follow
is ``open``, ``passed`` or ``final`` for each incident. A ``domain`` with such days is one where nobody was ever delivered to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from bouncewise.model import Advice, Cause, Event, Incident, Kind, Scope
from bouncewise.policy.decide import ADDED, LOOKED_UP, REMOVED, decide, standing
from bouncewise.policy.detector import SLOTS_A_DAY, Slot, spans, unheard_of
from bouncewise.policy.load import Example, Policy

_DAY0 = datetime(2026, 1, 1, 9, tzinfo=UTC)
_LINE = re.compile(
    r"(-?[\d.]+) ([a-z-]+)(?:: ([a-z-]+))?(?: beside (\d+)/(\d+)| in ((?:open|passed|final)(?: domain)?) incident)?"
)
_UNIT = re.compile(r"(?:(\d+) x )?(\d+)/(\d+)(?:/(\d+))?")
_KINDS = {str(k) for k in (Kind.DELIVERED, Kind.COMPLAINT, Kind.UNSUBSCRIBE)}


def follows(example: Example, policy: Policy, advice: Mapping[Cause, Advice]) -> tuple[str, ...]:
    """What follows under *policy*, to be compared with ``then``; *advice*: each cause's usual one.

    Raises ValueError where the example is not written as it must be.
    """
    if example.unit:
        slots = list(_slots(example))
        if example.domain:
            refused, arrived = (
                {s.slot: s.flipped for s in slots if s.flipped or s.again},
                (s.slot for s in slots if s.delivered),
            )
            found = unheard_of(refused, next(arrived, None), slots[-1].slot, policy.guard)
            return tuple(_fate(span.closed, span.recovered) for span in found)
        return tuple(
            _fate(closed, recovered) for _, closed, recovered, *_ in spans(slots, slots[-1].slot, policy.guard)
        )
    told = [_told(line, advice) for line in example.history]
    return tuple(_state(line.partition(" ")[0], told, example.domain, policy) for line in example.then)


def _state(day: str, told: list[_Told], domain: bool, policy: Policy) -> str:
    at = _DAY0 + timedelta(days=float(day))
    known = [t for t in told if t.event.at <= at]
    decision = standing(decide((t.event for t in known), policy, whole_domain=domain, around=_Around(known)), at)
    scope = "" if decision.scope is Scope.ALL else f" {decision.scope}"
    return f"{day} {decision.state}{scope}"


class _Told(NamedTuple):
    """A line of a history."""

    event: Event
    neighbours: tuple[int, int]
    incident: str | None


class _Around(NamedTuple):
    """The surroundings that the lines tell of."""

    told: list[_Told]

    def incident(self, event: Event) -> tuple[Incident | None, bool]:
        fate = next(t.incident for t in self.told if t.event is event)
        if fate is None:
            return None, False
        opened = min(t.event.at for t in self.told if t.incident) - timedelta(hours=1)
        fate, _, domain = fate.partition(" ")
        closed = None if fate == "open" else event.at + timedelta(hours=2)
        found = Incident(
            unit=f"@{domain}" if domain else "receiver", opened=opened, closed=closed, recovered=fate == "passed", flipped=9,
            mailed=9, usual=0.001,
        )  # fmt: skip
        return found, False

    def neighbours(self, event: Event) -> tuple[int, int]:
        return next(t.neighbours for t in self.told if t.event is event)


def _told(line: str, advice: Mapping[Cause, Advice]) -> _Told:
    found = _LINE.fullmatch(line)
    if not found:
        raise ValueError(f"{line!r}: write DAY WHAT, e.g. '3 mailbox-full' or '0 mailbox-unknown beside 25/0'")
    day, what, advised, receiver, domain, incident = found.groups()
    at = _DAY0 + timedelta(days=float(day))
    if what in _KINDS:
        event = Event(at=at, kind=what)
    elif what in (ADDED, REMOVED):
        event = Event(at=at, kind=what, by="somebody")
    elif what == LOOKED_UP:
        event = Event(at=at, kind=what, cause=Cause(advised) if advised else None, by="dns")
    elif what in set(Cause):
        event = Event(
            at=at, kind=Kind.FAILED, cause=Cause(what), advice=Advice(advised or advice[Cause(what)]), rule="example"
        )
    else:
        raise ValueError(
            f"{line!r}: {what} is no cause, and none of {', '.join(sorted({*_KINDS, ADDED, REMOVED, LOOKED_UP}))}"
        )
    return _Told(event, (int(receiver or 0), int(domain or 0)), incident)


def _slots(example: Example) -> Iterator[Slot]:
    at = 0
    for part in example.unit:
        found = _UNIT.fullmatch(part)
        if not found:
            raise ValueError(f"{part!r}: write [TIMES x ]DELIVERED/REFUSED, e.g. '10 x 3/0' or '0/3'")
        times, *counts = (int(number or 0) for number in found.groups())
        for _ in range(times or 1):
            yield Slot(at, *counts)
            at += max(1, int(example.hours * SLOTS_A_DAY / 24))


def _fate(closed: int | None, recovered: bool) -> str:
    return "open" if closed is None else "passed" if recovered else "final"
