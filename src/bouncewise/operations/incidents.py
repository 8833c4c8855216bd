"""The incident guard at work: incidents from the ledger's traffic, and what surrounds a refusal.

Reads: a ledger and the policy. Gives: the incidents, entered into the ledger, with the names whose Decisions they touch; and
for ``decide`` what surrounded each refusal as of a time. Everything is derived from events' own times, never from the clock.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from bouncewise.ledger import Ledger
from bouncewise.ledger.traffic import OfUs
from bouncewise.model import Alert, Cause, Event, Incident
from bouncewise.policy.decide import Around
from bouncewise.policy.detector import LEAST, SLOTS_A_DAY, Slot, Span, spans, unheard_of
from bouncewise.policy.load import Policy

BLOCK = 30 * SLOTS_A_DAY
"""Incidents are found by blocks of 30 days counted from 1970, so that what is found does not depend on when one looked."""

WINDOW = 45 * SLOTS_A_DAY
"""Slots looked at before a block: usual traffic, and an incident that may still be open."""

SAMPLES = 3
"""Replies shown of an alert."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SLOT = timedelta(days=1) / SLOTS_A_DAY
_FAR = 1 << 33


class Concerned(NamedTuple):
    """Whose Decisions may have changed: *names*, and whoever was refused as dead in the slots from *since* to before *until*."""

    names: set[str]
    since: int
    until: int


def watch(ledger: Ledger, policy: Policy, first: int, last: int) -> Concerned:
    """Find anew the incidents that evidence in the slots from *first* to *last* may change, and enter them.

    It concerns whom those incidents refused, and whoever was refused near that evidence.
    """
    latest = ledger.traffic.latest()
    before = {(i.unit, i.opened): i for i in ledger.traffic.incidents()}
    begun = [
        first - (policy.guard.max_days + 1) * SLOTS_A_DAY,
        *(slot_of(o) for (_, o), i in before.items() if i.closed is None),
    ]
    for start in range(min(begun) // BLOCK * BLOCK, min(last + WINDOW, latest) + 1, BLOCK):
        ledger.traffic.put(_found(ledger, policy, start, latest), time_of(start), time_of(start + BLOCK))
    now = {(i.unit, i.opened): i for i in ledger.traffic.incidents()}
    near = policy.guard.neighbour_hours * 6
    names: set[str] = set()
    for key in {*before, *now}:
        incident = now.get(key) or before[key]
        # An open incident moves its probes from day to day, so it touches its names each time.
        if incident.closed is None or before.get(key) != now.get(key):
            until = max(slots_of(i)[1] for i in (before.get(key), now.get(key)) if i)
            names.update(ledger.traffic.refused(slot_of(incident.opened), until, incident.unit))
    return Concerned(names, first - near, last + near + 1)


def _found(ledger: Ledger, policy: Policy, start: int, latest: int) -> list[Incident]:
    """The incidents that opened in the block from *start* on, by what is known up to slot *latest*."""
    since, until = start - WINDOW, min(start + BLOCK + (policy.guard.max_days + 1) * SLOTS_A_DAY, latest + 1)
    seen: list[tuple[Incident, set[int]]] = []
    refusals = ledger.traffic.refusals(since, until, policy.dead.good_days * SLOTS_A_DAY)
    refusals = {unit: dead for unit, dead in refusals.items() if sum(map(len, dead.flipped.values())) >= LEAST}
    of_us = ledger.traffic.refusals_of_us_at(refusals, since, until)
    for unit, (flipped, again) in refusals.items():
        # Who refuses us, not the recipient, does not say that the recipient is dead: as good an answer as a delivery.
        delivered = of_us[unit] + Counter(dict(ledger.traffic.deliveries(unit, since, until)))
        slots = (
            Slot(s, delivered.get(s, 0), len(flipped.get(s, ())), len(again.get(s, ())))
            for s in sorted({*delivered, *flipped, *again})
        )
        for span in spans(slots, min(latest, until), policy.guard):
            if start <= span.opened < start + BLOCK:
                whom = {who for s, some in flipped.items() if span.opened <= s < (span.closed or _FAR) for who in some}
                seen.append((_incident(unit, span), whom))
    for unit, refused in ledger.traffic.strangers(start, until, policy.guard.strangers).items():
        arrived = (s for s, _ in ledger.traffic.deliveries(unit, min(refused), until))
        seen += (
            (_incident(unit, span), set[int]())
            for span in unheard_of(refused, next(arrived, None), min(latest, until), policy.guard)
            if start <= span.opened < start + BLOCK
        )
    return [incident for incident, whom in seen if not _is_part(incident, whom, seen)]


def known(ledger: Ledger, policy: Policy, at: datetime | None) -> list[Incident]:
    """Every incident, the latest first, as it could be seen *at* a time: by the whole slots before it."""
    stored = ledger.traffic.incidents()
    if at is None or at > ledger.latest():
        return stored
    last = slot_of(at) - 1
    settled = last - (policy.guard.max_days + 2) * SLOTS_A_DAY  # what opened before is over, and seen to be
    recent = [
        i for start in range(settled // BLOCK * BLOCK, last + 1, BLOCK) for i in _found(ledger, policy, start, last)
        if slot_of(i.opened) >= settled
    ]  # fmt: skip
    found = [*(i for i in stored if slot_of(i.opened) < settled), *ledger.traffic.rulings.applied(recent, at)]
    return sorted(found, key=lambda i: (-slot_of(i.opened), i.unit))


def _is_part(incident: Incident, whom: set[int], seen: list[tuple[Incident, set[int]]]) -> bool:
    """Whether a domain's incident is only what one sees there of its receiver's."""
    return (
        bool(whom)
        and incident.unit.startswith("@")
        and any(
            not i.unit.startswith("@") and whom <= all_ and abs(i.opened - incident.opened) <= timedelta(days=1)
            for i, all_ in seen
        )
    )


def slots_of(incident: Incident) -> tuple[int, int]:
    """Its first slot, and the one before which it ended: far from now where it is open."""
    return slot_of(incident.opened), _FAR if incident.closed is None else slot_of(incident.closed)


def refused_in(ledger: Ledger, unit: str) -> set[str]:
    """All whom *unit* refused as dead in any of its incidents."""
    found: set[str] = set()
    for incident in ledger.traffic.incidents():
        if incident.unit == unit:
            found.update(ledger.traffic.refused(*slots_of(incident), unit))
    return found


def alerts(ledger: Ledger, since: datetime, least: int = 5, share: float = 0.05) -> list[Alert]:
    """The latest first: days in a row on which receivers refused us for *least* addresses, and *share* of their mail, or more."""
    found = ledger.traffic.refusals_of_us(since, least)
    heavy = [row for row in found if row.refused >= share * (row.refused + row.delivered)]
    runs: list[list[OfUs]] = []
    for row in heavy:
        if runs and runs[-1][-1].cause is row.cause and row.day - runs[-1][-1].day <= 1:
            runs[-1].append(row)
        else:
            runs.append([row])
    return sorted(map(_alert, runs), key=lambda alert: (alert.until, alert.cause), reverse=True)


def _alert(run: list[OfUs]) -> Alert:
    refused = Counter[str]()
    for row in run:
        refused[row.receiver] += row.refused
    total = refused.total()
    return Alert(
        cause=run[0].cause, since=min(r.first for r in run), until=max(r.last for r in run),
        receivers=tuple(receiver for receiver, _ in refused.most_common()), refused=total,
        share=total / (total + sum(r.delivered for r in run)), samples=tuple(dict.fromkeys(r.words for r in run))[:SAMPLES],
    )  # fmt: skip


class Surroundings:
    """What surrounds refusals, as known *at* a time (None: now); remembers what it looked up."""

    def __init__(self, ledger: Ledger, policy: Policy, at: datetime | None = None) -> None:
        self._ledger, self._policy, self._at = ledger, policy, at
        self._incidents: dict[str, list[Incident]] = {}
        for incident in known(ledger, policy, at):
            self._incidents.setdefault(incident.unit, []).append(incident)
        self._near: dict[tuple[str, int], int] = {}
        self._asking: dict[tuple[str, datetime], set[str]] = {}

    def of(self, name: str) -> Around:
        """What surrounds the refusals of *name*."""
        return _Place(self, name)

    def incident(self, name: str, event: Event) -> tuple[Incident | None, bool]:
        """The incident into which the refusal *event* of *name* falls; and whether *name* is one that asks."""
        receiver = event.receiver if event.cause is not Cause.ACCESS_DENIED else ""
        found = self._during(_domain(name), event.at) or self._during(receiver, event.at)
        return found, found is not None and found.closed is None and name in self._asking_at(found)

    def neighbours(self, name: str, event: Event) -> tuple[int, int]:
        """Others at the receiver, and in the domain, that had mail delivered about then."""
        return self._delivered(event.receiver, event.at), self._delivered(_domain(name), event.at)

    def _during(self, unit: str, at: datetime) -> Incident | None:
        begun = (i for i in self._incidents.get(unit, ()) if i.opened <= at)
        return next((i for i in begun if i.closed is None or at < i.closed), None)

    def _delivered(self, unit: str, at: datetime) -> int:
        if not unit:
            return 0
        slot, span = slot_of(at), self._policy.guard.neighbour_hours * 6
        if (unit, slot) not in self._near:
            until = slot + span + 1 if self._at is None else min(slot + span, slot_of(self._at)) + 1
            self._near[unit, slot] = sum(n for _, n in self._ledger.traffic.deliveries(unit, slot - span, until))
        return self._near[unit, slot]

    def _asking_at(self, incident: Incident) -> set[str]:
        """Of a domain that is held, the few that ask today; another few tomorrow."""
        key = (incident.unit, incident.opened)
        if key not in self._asking:
            now = self._ledger.traffic.latest() if self._at is None else slot_of(self._at)
            own = incident.unit.startswith("@")  # at a receiver, those who are not held ask every day
            names = self._ledger.traffic.refused(slot_of(incident.opened), now + 1, incident.unit) if own else []
            day = (now - slot_of(incident.opened)) // SLOTS_A_DAY
            count = min(self._policy.guard.probes, len(names))
            if incident.usual is None:  # likelier dead than not: one every other day is enough to see
                count = int(day % 2 == 0 and day > 0 and bool(names))
            self._asking[key] = {names[(day * count + i) % len(names)] for i in range(count)}
        return self._asking[key]


class _Place(NamedTuple):
    """One name in its surroundings."""

    near: Surroundings
    name: str

    def incident(self, event: Event) -> tuple[Incident | None, bool]:
        return self.near.incident(self.name, event)

    def neighbours(self, event: Event) -> tuple[int, int]:
        return self.near.neighbours(self.name, event)


def _domain(name: str) -> str:
    return f"@{name.rpartition('@')[2]}"


def _incident(unit: str, span: Span) -> Incident:
    return Incident(
        unit=unit, opened=time_of(span.opened), closed=None if span.closed is None else time_of(span.closed),
        recovered=span.recovered, flipped=span.flipped, mailed=span.mailed, usual=span.usual,
    )  # fmt: skip


def time_of(slot: int) -> datetime:
    """The beginning of a slot that is counted from 1970."""
    return _EPOCH + slot * _SLOT


def slot_of(when: datetime) -> int:
    """The slot of a time, counted from 1970."""
    return (when - _EPOCH) // _SLOT
