"""The incident guard at work: incidents from the ledger's traffic, and what surrounds a refusal.

Reads: a ledger and the policy. Gives: the incidents, entered into the ledger, with the names whose Decisions they touch; and
for ``decide`` what surrounded each refusal as of a time. Everything is derived from events' own times, never from the clock.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bouncewise.ledger import Ledger
from bouncewise.model import Cause, Event, Incident
from bouncewise.policy.decide import Around
from bouncewise.policy.incidents import Hour, Span, spans
from bouncewise.policy.load import Policy

WINDOW = 45 * 24
"""Hours looked back: a month of usual traffic before an incident that may still be open."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FAR = 1 << 30


def watch(ledger: Ledger, policy: Policy) -> set[str]:
    """Find the incidents of the last weeks anew and enter them; the names whose Decisions may have changed."""
    latest = ledger.latest_hour()
    since = latest - WINDOW
    before = {(i.unit, i.opened): i for i in ledger.incidents()}
    seen: list[tuple[Incident, set[int]]] = []
    for unit, by_hour in ledger.flips(since, policy.dead.good_days * 24).items():
        if sum(map(len, by_hour.values())) < policy.guard.least:
            continue
        delivered = dict(ledger.deliveries(unit, since))
        hours = (Hour(h, delivered.get(h, 0), len(by_hour.get(h, ()))) for h in sorted({*delivered, *by_hour}))
        for span in spans(hours, latest, policy.guard):
            whom = {who for h, some in by_hour.items() if span.opened <= h <= (span.closed or h) for who in some}
            seen.append((_incident(unit, span), whom))
    found = [incident for incident, whom in seen if not _is_part(incident, whom, seen)]
    ledger.put_incidents(found, time_of(since))
    now = {(i.unit, i.opened): i for i in ledger.incidents()}
    names: set[str] = set()
    for key in {*before, *now}:
        incident = now.get(key) or before[key]
        # An open incident moves its probes from day to day, so it touches its names each time.
        if incident.closed is None or before.get(key) != now.get(key):
            until = _FAR if incident.closed is None else _hour(incident.closed)
            names.update(ledger.refused(incident.unit, _hour(incident.opened) - 24, until))
    return names


def _is_part(incident: Incident, whom: set[int], seen: list[tuple[Incident, set[int]]]) -> bool:
    """Whether a domain's incident is only what one sees there of its receiver's."""
    return incident.unit.startswith("@") and any(
        not i.unit.startswith("@") and whom <= all_ and abs(i.opened - incident.opened) <= timedelta(days=1)
        for i, all_ in seen
    )


def refused_in(ledger: Ledger, unit: str) -> set[str]:
    """All whom *unit* refused as dead in any of its incidents."""
    found: set[str] = set()
    for incident in ledger.incidents():
        if incident.unit == unit:
            until = _FAR if incident.closed is None else _hour(incident.closed)
            found.update(ledger.refused(unit, _hour(incident.opened) - 1, until))
    return found


class Surroundings:
    """What surrounds refusals, as known *at* a time (None: now); remembers what it looked up."""

    def __init__(self, ledger: Ledger, policy: Policy, at: datetime | None = None) -> None:
        self._ledger, self._policy, self._at = ledger, policy, at
        self._incidents: dict[str, list[Incident]] = {}
        for incident in ledger.incidents():
            if at is None or incident.opened <= at:
                seen = incident if at is None or (incident.closed and incident.closed <= at) else _reopened(incident)
                self._incidents.setdefault(incident.unit, []).append(seen)
        self._near: dict[tuple[str, int], int] = {}
        self._asking: dict[tuple[str, datetime], set[str]] = {}

    def of(self, name: str, event: Event) -> Around:
        """What surrounds the refusal *event* of *name*."""
        domain = f"@{name.rpartition('@')[2]}"
        receiver = event.receiver if event.cause is not Cause.ACCESS_DENIED else ""
        incident = self._during(domain, event.at) or self._during(receiver, event.at)
        asks = incident is not None and incident.closed is None and name in self._asking_at(incident)
        return Around(incident, self._neighbours(receiver, event.at), self._neighbours(domain, event.at), asks)

    def _during(self, unit: str, at: datetime) -> Incident | None:
        begun = [i for i in self._incidents.get(unit, ()) if i.opened - timedelta(hours=1) <= at]
        return next((i for i in begun if i.closed is None or at <= i.closed + timedelta(hours=1)), None)

    def _neighbours(self, unit: str, at: datetime) -> int:
        if not unit:
            return 0
        hour, span = _hour(at), self._policy.guard.neighbour_hours
        if (unit, hour) not in self._near:
            until = hour + span + 1 if self._at is None else min(hour + span + 1, _hour(self._at) + 1)
            self._near[unit, hour] = sum(n for _, n in self._ledger.deliveries(unit, hour - span, until))
        return self._near[unit, hour]

    def _asking_at(self, incident: Incident) -> set[str]:
        """Of a domain that is held, the few that ask today; another few tomorrow."""
        key = (incident.unit, incident.opened)
        if key not in self._asking:
            now = self._ledger.latest_hour() if self._at is None else _hour(self._at)
            own = incident.unit.startswith("@")  # at a receiver, those who are not held ask every day
            names = self._ledger.refused(incident.unit, _hour(incident.opened) - 1, now) if own else []
            day = (now - _hour(incident.opened)) // 24
            count = min(self._policy.guard.probes, len(names))
            self._asking[key] = {names[(day * count + i) % len(names)] for i in range(count)}
        return self._asking[key]


def _incident(unit: str, span: Span) -> Incident:
    return Incident(
        unit=unit, opened=time_of(span.opened), closed=None if span.closed is None else time_of(span.closed),
        recovered=span.recovered, flipped=span.flipped, mailed=span.mailed, usual=span.usual,
    )  # fmt: skip


def _reopened(incident: Incident) -> Incident:
    return Incident(
        unit=incident.unit, opened=incident.opened, closed=None, recovered=False, flipped=incident.flipped,
        mailed=incident.mailed, usual=incident.usual,
    )  # fmt: skip


def time_of(hour: int) -> datetime:
    """The beginning of an hour that is counted from 1970."""
    return _EPOCH + timedelta(hours=hour)


def _hour(when: datetime) -> int:
    return int((when - _EPOCH) // timedelta(hours=1))
