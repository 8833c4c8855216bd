"""Incidents of a ledger: found in its traffic, shown, and corrected by people.

Incidents are derived from the times of events, never from the clock, by blocks of 30 days
counted from 1970, so that what is found does not depend on when it was looked for.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import NamedTuple

from bouncewise.errors import NotFoundError
from bouncewise.ledger import Store
from bouncewise.ledger.deliveries import OWN_DNS
from bouncewise.ledger.records import Refusals
from bouncewise.model import Incident, Ruling
from bouncewise.policy.detector import LEAST, SlotCounts, Span, detect, detect_new_domain
from bouncewise.policy.load import Policy
from bouncewise.times import OPEN_END, SLOTS_A_DAY, SLOTS_AN_HOUR, Slot, later, slot_at, slot_time

BLOCK = 30 * SLOTS_A_DAY
"""Slots of one block."""

BEFORE = 45 * SLOTS_A_DAY
"""Slots looked at before a block: baseline traffic, and an incident that may still be open."""

SAMPLES = 3
"""Replies shown of an incident."""


# ── detection ───────────────────────────────────────────────────────────────────────────────────


class Affected(NamedTuple):
    """Names whose Decisions may have changed: *names*, and every address refused in the slots
    from *since* to before *until*; with those whose domain failed then, where our own resolver
    may have been at fault.
    """

    names: set[str]
    since: Slot
    until: Slot
    resolver_failed: bool


def detect_incidents(ledger: Store, policy: Policy, first: Slot, last: Slot) -> Affected:
    """Find the incidents anew that evidence in the slots from *first* to *last* may change, and
    store them.

    It affects the addresses that those incidents refused, and every address refused near that
    evidence.
    """
    latest = ledger.traffic.latest()
    before = {(i.destination, i.opened): i for i in ledger.incidents.all()}
    begun = [
        later(first, days=-policy.incident.max_days - 1),
        *(slot_at(i.opened) for i in before.values() if i.closed is None),
    ]
    for start in range(min(begun) // BLOCK * BLOCK, min(last + BEFORE, latest) + 1, BLOCK):
        found = _in_block(ledger, policy, Slot(start), latest)
        ledger.incidents.put(found, slot_time(Slot(start)), slot_time(Slot(start + BLOCK)))
    now = {(i.destination, i.opened): i for i in ledger.incidents.all()}
    names: set[str] = set()
    resolver = any(key[0] == OWN_DNS for key, _ in now.items() ^ before.items())
    for key in {*before, *now}:
        incident = now.get(key) or before[key]
        if incident.destination == OWN_DNS:
            continue
        # The probes of an open incident change from day to day, so it affects its addresses each
        # time.
        if incident.closed is None or before.get(key) != now.get(key):
            until = max(_slots_of(i)[1] for i in (before.get(key), now.get(key)) if i)
            until = min(OPEN_END, Slot(until + policy.incident.reopen_hours * SLOTS_AN_HOUR))
            names.update(
                ledger.traffic.refused(incident.destination, slot_at(incident.opened), until)
            )
    near = policy.incident.neighbour_hours * SLOTS_AN_HOUR
    since = first - near
    if resolver:  # all that the incident concerns may be much before the new evidence
        since = min(since, *(slot_at(key[1]) for key in {*before, *now} if key[0] == OWN_DNS))
    return Affected(names, Slot(since), Slot(last + near + 1), resolver)


class _Found(NamedTuple):
    """An incident with the ids of the addresses that it newly refused."""

    incident: Incident
    addresses: set[int]


def _in_block(ledger: Store, policy: Policy, start: Slot, latest: Slot) -> list[Incident]:
    """The incidents that opened in the block from *start* on, by what is known up to slot
    *latest*.
    """
    until = Slot(min(later(Slot(start + BLOCK), days=policy.incident.max_days + 1), latest + 1))
    found = [
        *_at_known_destinations(ledger, policy, Slot(start - BEFORE), until, latest),
        *_at_new_domains(ledger, policy, start, until, latest),
        *_of_our_resolver(ledger, policy, Slot(start - BEFORE), until, latest),
    ]
    found = [f for f in found if start <= slot_at(f.incident.opened) < start + BLOCK]
    return [f.incident for f in found if not _is_part_of_another(f, found)]


def _at_known_destinations(
    ledger: Store, policy: Policy, since: Slot, until: Slot, latest: Slot
) -> list[_Found]:
    found = []
    refusals = ledger.traffic.refusals(since, until, policy.dead.alive_days * SLOTS_A_DAY)
    refusals = {d: r for d, r in refusals.items() if sum(map(len, r.new.values())) >= LEAST}
    # A destination that refuses the sender does not say that recipients are gone: it answers as
    # well as by a delivery.
    answers = ledger.traffic.sender_refusals_by_slot(refusals, since, until)
    for destination, refused in refusals.items():
        delivered = answers[destination] + Counter(
            dict(ledger.traffic.deliveries(destination, since, until))
        )
        for span in detect(_counts(delivered, refused), Slot(min(latest, until)), policy.incident):
            end = span.closed or OPEN_END
            addresses = {
                n for slot, ids in refused.new.items() if span.opened <= slot < end for n in ids
            }
            found.append(_Found(_incident(destination, span), addresses))
    return found


def _of_our_resolver(
    ledger: Store, policy: Policy, since: Slot, until: Slot, latest: Slot
) -> list[_Found]:
    """Many domains that had mail delivered lately and fail in DNS at once: our own resolver."""
    recent = policy.dead.alive_days * SLOTS_A_DAY
    failing = ledger.traffic.failing_domains(since, until, recent)
    if sum(map(len, failing.new.values())) < LEAST:
        return []
    delivered = Counter(dict(ledger.traffic.deliveries(OWN_DNS, since, until)))
    spans = detect(_counts(delivered, failing), Slot(min(latest, until)), policy.incident)
    return [_Found(_incident(OWN_DNS, span), set()) for span in spans]


def _counts(delivered: Counter[Slot], refused: Refusals) -> list[SlotCounts]:
    return [
        SlotCounts(
            slot,
            delivered.get(slot, 0),
            len(refused.new.get(slot, ())),
            len(refused.repeated.get(slot, ())),
        )
        for slot in sorted({*delivered, *refused.new, *refused.repeated})
    ]


def _at_new_domains(
    ledger: Store, policy: Policy, since: Slot, until: Slot, latest: Slot
) -> list[_Found]:
    found = []
    least = policy.incident.new_domain_refusals
    for domain, refused in ledger.traffic.refused_of_new_domains(since, until, least).items():
        delivered = next(
            (s for s, _ in ledger.traffic.deliveries(domain, min(refused), until)), None
        )
        spans = detect_new_domain(refused, delivered, Slot(min(latest, until)), policy.incident)
        found += [_Found(_incident(domain, span), set()) for span in spans]
    return found


def _is_part_of_another(found: _Found, others: list[_Found]) -> bool:
    """Whether a domain's incident is only what shows there of its receiver's."""
    if not found.addresses or not found.incident.destination.startswith("@"):
        return False
    return any(
        not other.incident.destination.startswith("@")
        and found.addresses <= other.addresses
        and abs(other.incident.opened - found.incident.opened) <= timedelta(days=1)
        for other in others
    )


def _incident(destination: str, span: Span) -> Incident:
    return Incident(
        destination=destination,
        opened=slot_time(span.opened),
        closed=None if span.closed is None else slot_time(span.closed),
        recovered=span.recovered,
        newly_refused=span.newly_refused,
        mailed=span.mailed,
        baseline_rate=span.baseline_rate,
    )


# ── what is known of them ───────────────────────────────────────────────────────────────────────


def incidents_as_of(ledger: Store, policy: Policy, at: datetime | None) -> list[Incident]:
    """Every incident, the latest first, as known *at* a time (None: now): by the whole slots
    before it.
    """
    stored = ledger.incidents.all()
    if at is None or at > ledger.latest():
        return stored
    last = Slot(slot_at(at) - 1)
    settled = later(
        last, days=-policy.incident.max_days - 2
    )  # what opened before had ended, and was known to have
    recent = [
        incident
        for start in range(settled // BLOCK * BLOCK, last + 1, BLOCK)
        for incident in _in_block(ledger, policy, Slot(start), last)
        if slot_at(incident.opened) >= settled
    ]
    older = [i for i in stored if slot_at(i.opened) < settled]
    return sorted(
        [*older, *ledger.incidents.apply_rulings(recent, at)],
        key=lambda i: (-slot_at(i.opened), i.destination),
    )


def since_days(ledger: Store, days: int) -> tuple[datetime, list[Incident]]:
    """The time so many days before the last evidence, and the incidents that were open then or
    later, the latest first.
    """
    end = latest(ledger)
    since = end - timedelta(days=days)
    return since, [i for i in ledger.incidents.all() if (i.closed or end) >= since]


def refused_by(ledger: Store, destination: str) -> dict[str, datetime]:
    """Every address that *destination* refused during any of its incidents, with the time when the
    first of these opened.
    """
    found: dict[str, datetime] = {}
    for incident in ledger.incidents.all():
        if incident.destination == destination:
            for name in ledger.traffic.refused(destination, *_slots_of(incident)):
                found[name] = min(incident.opened, found.get(name, incident.opened))
    return found


def _slots_of(incident: Incident) -> tuple[Slot, Slot]:
    """Its first slot, and the one before which it ended."""
    return slot_at(incident.opened), OPEN_END if incident.closed is None else slot_at(
        incident.closed
    )


def find_incident(ledger: Store, destination: str, opened: datetime | None) -> Incident:
    """The incident of *destination* that *opened* then, or the latest. Raises NotFoundError where
    there is none.
    """
    found = [
        i
        for i in ledger.incidents.all()
        if i.destination == destination and opened in (None, i.opened)
    ]
    if not found:
        when = f" opened {opened:%Y-%m-%d %H:%M}" if opened else ""
        raise NotFoundError(
            f"no incident at {destination}{when}; `bouncewise incidents` lists them"
        )
    return found[0]


class Details(NamedTuple):
    """What one incident refused: the names it refused, the words used, and the decisions of
    people about it.
    """

    incident: Incident
    names: list[str]
    samples: list[str]
    rulings: list[Ruling]


def details(ledger: Store, incident: Incident) -> Details:
    """*incident* in full."""
    slots = _slots_of(incident)
    names = ledger.traffic.refused(incident.destination, *slots)
    samples = ledger.traffic.sample_words(incident.destination, *slots, SAMPLES)
    return Details(incident, names, samples, ledger.incidents.rulings(incident))


def latest(ledger: Store) -> datetime:
    """The start of the last slot with evidence."""
    return slot_time(ledger.traffic.latest())
