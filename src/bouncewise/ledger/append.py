"""Evidence into the tables: what is new among the entries of one transaction, written once.

Gives: how many events were new; the names whose state may change become pending. An event that
is there already, from whatever file, changes nothing.
"""

from __future__ import annotations

import msgspec
import zstandard

from bouncewise.ledger.database import Database, Row
from bouncewise.ledger.entries import DeliveryEntry, Entry, EventEntry
from bouncewise.ledger.rows import address_row, domain_of, id_of, new_id
from bouncewise.ledger.traffic import Traffic
from bouncewise.model import Advice
from bouncewise.times import MICROS_A_DAY, MICROS_A_SLOT


def append(database: Database, batch: int, entries: list[Entry]) -> int:
    """Write *entries* of *batch* inside the open transaction; how many of the events are new."""
    events = [e for e in entries if isinstance(e, EventEntry) and e.name]
    deliveries = [e for e in entries if isinstance(e, DeliveryEntry) and e.name]
    if deliveries:
        _append_deliveries(database, deliveries)
    new = _append_events(database, batch, [e for e in events if not _is_known_undated(database, e)])
    traffic = Traffic(database)
    if times := [e.at for e in events] + [e.at for e in deliveries]:
        traffic.mark_observed(min(times), max(times))
    if deliveries:
        traffic.mark_delivered(min(e.at for e in deliveries))
    return new


def _append_events(database: Database, batch: int, events: list[EventEntry]) -> int:
    if not events:
        return 0
    packed = msgspec.msgpack.encode([msgspec.Raw(e.packed) for e in events])
    (block,) = database.one("block_add", batch=batch, data=zstandard.compress(packed, 3)) or (0,)
    rows = [(e.name, (e.at, e.digest, *e.columns, block, item)) for item, e in enumerate(events)]
    # Evidence about everybody at a domain is filed under the domain's name as well.
    domain_rows = [
        (domain_of(e.name), row)
        for e, (_, row) in zip(events, rows, strict=True)
        if e.columns.advice == Advice.SUPPRESS_DOMAIN
    ]
    names = {name for name, _ in (*rows, *domain_rows)}
    database.many("address_add", map(address_row, names))
    database.many("pending_add", ((id_of(name),) for name in names))
    new = database.many("event_add", ((id_of(name), *row) for name, row in rows))
    database.many("event_add", ((id_of(name), *row) for name, row in domain_rows))
    if not new:
        database.run("block_delete", id=block)
    return new


def _is_known_undated(database: Database, entry: EventEntry) -> bool:
    """An event without a time of its own is filed under its batch's; read again, it must be
    found by its content.
    """
    if not entry.undated:
        return False
    return database.one("event_known", address=id_of(entry.name), digest=entry.digest) is not None


class _DeliveryDay:
    """The deliveries to one address, or domain, on one day; the receiver is that of the first."""

    __slots__ = ("domain", "first", "last", "receiver")

    def __init__(self, first: int, last: int, receiver: str, domain: str) -> None:
        self.first, self.last = first, last
        self.receiver = receiver
        self.domain = domain


_Days = dict[tuple[int, int], _DeliveryDay]


def _append_deliveries(database: Database, deliveries: list[DeliveryEntry]) -> None:
    """Of each day's deliveries to an address, and to its domain, the first and the last; and the
    traffic that they make.
    """
    days = _by_address(deliveries)
    whole = _by_domain(days)
    database.run("incoming_create")
    database.many("incoming_add", sorted((*days, *whole)))
    database.many("traffic_add", _traffic(database, days))
    both = (*days.items(), *whole.items())
    rows = sorted(
        (*key, d.first, d.last, d.receiver) for key, d in both
    )  # a tree takes rows in order twice as fast
    database.many("delivery_add", rows)
    database.run("pending_add_incoming")
    database.run("incoming_clear")


def _by_address(deliveries: list[DeliveryEntry]) -> _Days:
    days: _Days = {}
    for name, at, receiver in deliveries:
        key = (new_id(name), at // MICROS_A_DAY)
        if (day := days.get(key)) is None:
            days[key] = _DeliveryDay(at, at, receiver, domain_of(name))
            continue
        if (at, receiver) < (day.first, day.receiver):
            day.first, day.receiver = at, receiver
        if at > day.last:
            day.last = at
    return days


def _by_domain(days: _Days) -> _Days:
    whole: _Days = {}
    for (_, number), day in days.items():
        key = (id_of(day.domain), number)
        if (found := whole.get(key)) is None:
            whole[key] = _DeliveryDay(day.first, day.last, "", day.domain)
            continue
        if day.first < found.first:
            found.first = day.first
        if day.last > found.last:
            found.last = day.last
    return whole


def _traffic(database: Database, days: _Days) -> list[Row]:
    """What the tables of traffic gain: an address counts once a day, in the slot of its first
    delivery.
    """
    counts: dict[tuple[str, int], int] = {}
    for day in days.values():
        slot = day.first // MICROS_A_SLOT
        for key in ((day.receiver, slot), (day.domain, slot)):
            counts[key] = counts.get(key, 0) + 1
    for who, number, first, receiver in database.each("incoming_known"):
        if (
            known := days.get((who, number))
        ) is not None:  # of two firsts the later does not count, or no more
            later, at_receiver = max((known.first, known.receiver), (first, receiver))
            for key in (
                (at_receiver, later // MICROS_A_SLOT),
                (known.domain, later // MICROS_A_SLOT),
            ):
                counts[key] = counts.get(key, 0) - 1
    return sorted((destination, slot, n) for (destination, slot), n in counts.items() if n)
