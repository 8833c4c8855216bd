"""What happened around events, for ``policy.decide``: the incident they fall into, neighbours that
had mail delivered, what covers the time of a claim, and hosts that only pass mail on.

Everything follows from the times of events, never from the clock.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from bouncewise.ledger import Store
from bouncewise.ledger.deliveries import HANDED_OVER, OWN_DNS, SEVERAL_RELAYS
from bouncewise.ledger.rows import domain_of
from bouncewise.model import Event, Incident, Proof
from bouncewise.model.bearing import directory
from bouncewise.operations.incidents import incidents_as_of
from bouncewise.policy.decide import RefusalContext
from bouncewise.policy.load import Policy
from bouncewise.policy.trust import ClaimEffect, claim_effect
from bouncewise.times import SLOTS_A_DAY, SLOTS_AN_HOUR, Slot, slot_at, slot_time

END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)

MAX_RETURN = timedelta(days=30)
"""A notice does not come later than this after its mail was sent."""


class RefusalContexts:
    """What surrounds refusals, as known *at* a time (None: now); remembers what it looked up."""

    def __init__(self, ledger: Store, policy: Policy, at: datetime | None = None) -> None:
        self.at = at
        self._ledger, self._policy = ledger, policy
        # As of a time, the whole slots before it are known.
        self._last = ledger.traffic.latest() if at is None else Slot(slot_at(at) - 1)
        self._incidents: dict[str, list[Incident]] = {}
        for incident in incidents_as_of(ledger, policy, at):
            self._incidents.setdefault(incident.destination, []).append(incident)
        self._known = END_OF_TIME if at is None else at
        self._hand_overs: set[int] | None = None
        self._effects: dict[tuple[datetime, datetime | None], tuple[bool, int]] = {}
        self._delivered_about: dict[tuple[str, Slot], int] = {}
        self._probes: dict[tuple[str, datetime], set[str]] = {}

    def of(self, name: str) -> RefusalContext:
        """What surrounds the refusals of *name*."""
        return _OfName(self, name)

    def incident(self, name: str, event: Event) -> tuple[Incident | None, bool]:
        """The incident during which *name* was refused by *event*; and whether *name* is one of
        its probes.
        """
        found = self._about(domain_of(name), event.at) or self._about(_directory(event), event.at)
        return found, found is not None and found.closed is None and name in self._probes_of(found)

    def neighbours(self, name: str, event: Event) -> tuple[int, int]:
        """Others at the receiver, where one directory answers for all, and in the domain, that
        had mail delivered about then.
        """
        return self._delivered(_directory(event), event.at), self._delivered(
            domain_of(name), event.at
        )

    def claim_effect(self, event: Event) -> ClaimEffect:
        """What a claim may do, by what own logs cover and by the claims of its day."""
        policy = self._policy.trust
        key = _mail_time(event), event.arrived
        if event.proof in (Proof.UNSIGNED, Proof.IMPLAUSIBLE):
            return claim_effect(event, covered=False, on_that_day=0, policy=policy)
        if key not in self._effects:
            self._effects[key] = self._covered(*key), self._claims_on(event.at)
        covered, count = self._effects[key]
        return claim_effect(event, covered=covered, on_that_day=count, policy=policy)

    def _covered(self, mailed: datetime, arrived: datetime | None) -> bool:
        """Whether own logs cover the time of the returned mail, or that of the notice's arrival.
        A notice that no server of ours received can bear any date.
        """
        coverage = self._ledger.coverage
        within = timedelta(hours=self._policy.trust.coverage_hours)
        if arrived is None and coverage.covers_anything(self._known):
            return True
        times = {mailed} if arrived is None else {mailed, arrived}
        return any(coverage.covers(time, within, self._known) for time in times)

    def _claims_on(self, at: datetime) -> int:
        day = slot_time(Slot(slot_at(at) // SLOTS_A_DAY * SLOTS_A_DAY))
        until = min(day + timedelta(days=1), self._known + timedelta(microseconds=1))
        return sum(self._ledger.coverage.claims_by_day(day, until).values())

    def is_hand_over(self, delivery: Event) -> bool:
        """Whether mail was accepted by a host that only passes it on."""
        if delivery.relay == 0:
            return False
        if self._hand_overs is None:
            least = self._policy.trust.relay_domains
            certain = {HANDED_OVER, SEVERAL_RELAYS}
            self._hand_overs = certain | self._ledger.coverage.relays(least, self._known)
        return delivery.relay in self._hand_overs

    def resolver_failed(self, event: Event) -> bool:
        """Whether our own resolver failed at that time."""
        return self._during(OWN_DNS, event.at) is not None

    def _during(self, destination: str, at: datetime) -> Incident | None:
        begun = (i for i in self._incidents.get(destination, ()) if i.opened <= at)
        return next((i for i in begun if i.closed is None or at < i.closed), None)

    def _about(self, destination: str, at: datetime) -> Incident | None:
        """The incident then, or one that ended so shortly before that it may have recurred."""
        again = timedelta(hours=self._policy.incident.reopen_hours)
        begun = [i for i in self._incidents.get(destination, ()) if i.opened <= at]
        ended = (i for i in begun if i.recovered and i.closed and at < i.closed + again)
        return self._during(destination, at) or next(ended, None)

    def _delivered(self, destination: str, at: datetime) -> int:
        if not destination:
            return 0
        slot, span = slot_at(at), self._policy.incident.neighbour_hours * SLOTS_AN_HOUR
        key = destination, slot
        if key not in self._delivered_about:
            end = min(slot + span, self._last) + 1
            self._delivered_about[key] = self._ledger.traffic.delivered(
                destination, Slot(slot - span), Slot(end)
            )
        return self._delivered_about[key]

    def _probes_of(self, incident: Incident) -> set[str]:
        """Of a domain that is held, the few addresses that may be mailed today; others tomorrow."""
        key = (incident.destination, incident.opened)
        if key not in self._probes:
            self._probes[key] = self._choose_probes(incident)
        return self._probes[key]

    def _choose_probes(self, incident: Incident) -> set[str]:
        if not incident.destination.startswith("@"):
            return set()  # at a receiver, addresses that are not held are mailed every day
        opened = slot_at(incident.opened)
        names = self._ledger.traffic.refused(incident.destination, opened, Slot(self._last + 1))
        day = (self._last - opened) // SLOTS_A_DAY
        count = min(self._policy.incident.probes, len(names))
        if (
            incident.baseline_rate is None
        ):  # probably no address exists: one probe every other day is enough
            count = int(day % 2 == 0 and day > 0 and bool(names))
        return {names[(day * count + i) % len(names)] for i in range(count)}


class _OfName(NamedTuple):
    """The context of one name's refusals."""

    contexts: RefusalContexts
    name: str

    def incident(self, event: Event) -> tuple[Incident | None, bool]:
        return self.contexts.incident(self.name, event)

    def neighbours(self, event: Event) -> tuple[int, int]:
        return self.contexts.neighbours(self.name, event)

    def claim_effect(self, event: Event) -> ClaimEffect:
        return self.contexts.claim_effect(event)

    def is_hand_over(self, delivery: Event) -> bool:
        return self.contexts.is_hand_over(delivery)

    def resolver_failed(self, event: Event) -> bool:
        return self.contexts.resolver_failed(event)


def _mail_time(event: Event) -> datetime:
    """When the mail of a notice was sent, as far as that can be."""
    sent = event.sent
    return sent if sent is not None and timedelta(0) <= event.at - sent <= MAX_RETURN else event.at


def _directory(event: Event) -> str:
    return directory(event.cause, event.receiver)
