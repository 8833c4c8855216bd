"""What the ledger knows about a refused address and about other addresses around that time.

Reads: a ledger, up to a time. Gives: the counts that ``evidence`` interprets. Nothing is written.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from bouncewise.diagnosis.evidence import AddressHistory, NeighbourCounts
from bouncewise.ledger import Store
from bouncewise.ledger.records import Period
from bouncewise.lists import typos
from bouncewise.model import Cause, Event, Incident, Kind
from bouncewise.model.bearing import directory
from bouncewise.times import Slot, slot_at

NEAR = timedelta(hours=12)
"""Deliveries this long before or after a refusal show whether the directory worked.

As ``neighbour_hours`` of the policy. At a large provider, refusals of other addresses are counted
in the same hours, because a refusal on the day before is a different event.
"""

BEFORE, AFTER = timedelta(hours=24), timedelta(hours=72)
"""At other domains, which are mailed rarely, refusals in this period belong together."""

RECENT = timedelta(days=30)
"""A neighbour delivered this long before its refusal is recent; as ``alive_days`` of the policy."""


class Refused(NamedTuple):
    """A refusal. ``name`` and ``domain`` are '' if unknown."""

    name: str
    domain: str
    cause: Cause
    receiver: str
    at: datetime
    is_about_sender: bool
    """Whether the cause is a fault of the sender or the message."""


class Surroundings(NamedTuple):
    """What the ledger knows; None: unknown, or not relevant to the cause."""

    history: AddressHistory | None = None
    at_domain: NeighbourCounts | None = None
    at_receiver: NeighbourCounts | None = None
    refusing_receivers: int | None = None
    incident: str | None = None


def surroundings_of(
    refused: Refused, ledger: Store, incidents: tuple[Incident, ...], as_of: datetime
) -> Surroundings:
    """The surroundings of *refused* in a ledger, with nothing that happened after *as_of*."""
    view = _LedgerView(refused, ledger, as_of)
    has_directory = bool(directory(refused.cause, refused.receiver))
    return Surroundings(
        history=view.history() if refused.domain else None,
        at_domain=view.at_domain() if refused.domain else None,
        at_receiver=view.neighbours(refused.receiver) if has_directory else None,
        refusing_receivers=view.refusing_receivers() if refused.is_about_sender else None,
        incident=view.incident(incidents) if refused.domain else None,
    )


class _LedgerView:
    """The ledger around one refusal."""

    def __init__(self, refused: Refused, ledger: Store, as_of: datetime) -> None:
        self._refused, self._ledger = refused, ledger
        self._domain = f"@{refused.domain}"
        self._events: list[Event] = ledger.history(refused.name, as_of) if refused.domain else []
        self._deliveries = [e.at for e in self._events if e.kind == Kind.DELIVERED]
        at = refused.at
        self._near = Period(at - NEAR, min(as_of, at + NEAR), as_of)
        self._days = Period(at - BEFORE, min(as_of, at + AFTER), as_of)
        self._is_large = refused.domain in typos.known_domains().mailbox_providers

    def history(self) -> AddressHistory:
        refused_at = self._refused.at
        before = [at for at in self._deliveries if at <= refused_at]
        refusals = [
            event.at
            for event in self._events
            if event.kind == Kind.FAILED and (not before or event.at > before[-1])
        ]
        refused_on = {at.date() for at in refusals}
        return AddressHistory(
            delivered_days=(refused_at - before[-1]) / timedelta(days=1) if before else None,
            refused_days=len(refused_on - {refused_at.date()}),
            refused_for=max(refusals, default=refused_at) - min(refusals, default=refused_at),
            recovered=any(at > refused_at for at in self._deliveries),
        )

    def neighbours(self, destination: str) -> NeighbourCounts:
        is_small_domain = destination == self._domain and not self._is_large
        period = self._days if is_small_domain else self._near
        refused, recent, recovered = self._ledger.neighbours.fates(
            self._refused.name, destination, self._refused.cause, period, RECENT
        )
        since, until, _ = self._near
        own = len({at.date() for at in self._deliveries if since <= at <= until})
        slots = slot_at(since), Slot(slot_at(until) + 1)
        delivered = max(0, self._ledger.traffic.delivered(destination, *slots) - own)
        return NeighbourCounts(
            refused=refused, recent=recent, recovered=recovered, delivered=delivered
        )

    def at_domain(self) -> NeighbourCounts:
        last = self._ledger.neighbours.last_delivery(self._domain, self._refused.at)
        days = (self._refused.at - last) / timedelta(days=1) if last else None
        return msgspec.structs.replace(self.neighbours(self._domain), last_delivery_days=days)

    def refusing_receivers(self) -> int:
        found = self._ledger.neighbours.receivers_refusing(self._refused.cause, self._near)
        return len(found)

    def incident(self, incidents: tuple[Incident, ...]) -> str | None:
        """Which incident the refusal belongs to: "domain", "receiver", "recovered" or "ended"."""
        hour = timedelta(hours=1)
        at = self._refused.at
        for destination in (self._domain, directory(self._refused.cause, self._refused.receiver)):
            for incident in incidents:
                if incident.destination != destination or at < incident.opened - hour:
                    continue
                if incident.closed is None:
                    is_domain = destination == self._domain and not self._is_large
                    return "domain" if is_domain else "receiver"
                if at <= incident.closed + hour:
                    return "recovered" if incident.recovered else "ended"
        return None
