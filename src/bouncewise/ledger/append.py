"""Evidence into the tables: what is new among the entries of one transaction, written once.

Gives: how many events were new; the names whose state may change become pending. An event that
is there already, from whatever file, changes nothing. A mail that own logs record changes what
follows from the reports about it, whichever was read first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import zstandard

from bouncewise.ledger import deliveries, mails
from bouncewise.ledger.coverage import mark_claims, mark_covered
from bouncewise.ledger.database import Database
from bouncewise.ledger.entries import (
    DeliveryEntry,
    Entry,
    EventColumns,
    EventEntry,
    Names,
    Origin,
    names_of,
)
from bouncewise.ledger.mails import Recorded
from bouncewise.ledger.placing import Place, places
from bouncewise.ledger.queries import MOST_IDS
from bouncewise.ledger.rows import DATED, address_row, id_of
from bouncewise.ledger.tallies import mark_due
from bouncewise.ledger.traffic import Traffic
from bouncewise.model import Report, Trust
from bouncewise.times import Micros

_BLOCK = msgspec.msgpack.Decoder(list[tuple[Report, msgspec.Raw, msgspec.Raw]])


def append(database: Database, batch: int, entries: list[Entry]) -> int:
    """Write *entries* of *batch* inside the open transaction; how many of the events are new."""
    events = [e for e in entries if isinstance(e, EventEntry) and e.name]
    delivered = [e for e in entries if isinstance(e, DeliveryEntry) and e.name]
    changed = mails.record(database, (*delivered, *events))
    if delivered:
        deliveries.append(database, delivered)
    traffic = Traffic(database)
    if changed:
        _place_again(database, traffic, changed)
    new = _append_events(database, batch, list(_unknown(database, events)))
    if times := [e.at for e in events] + [e.at for e in delivered]:
        traffic.mark_observed(min(times), max(times))
    if delivered:
        traffic.mark_delivered(min(e.at for e in delivered))
    mark_covered(database, (*delivered, *events))
    return new


def _append_events(database: Database, batch: int, events: list[EventEntry]) -> int:
    if not events:
        return 0
    packed = msgspec.msgpack.encode([msgspec.Raw(e.packed) for e in events])
    (block,) = database.one("block_add", batch=batch, data=zstandard.compress(packed, 3)) or (0,)
    about = mails.recorded(database, [(e.origin, e.at) for e in events])
    rows: list[tuple[Any, ...]] = []  # one of each event, under the last recipient's name
    other_rows: list[tuple[Any, ...]] = []
    names: set[str] = set()
    claimed: list[Micros] = []
    for item, (event, mail) in enumerate(zip(events, about, strict=True)):
        for place in places(event.names, event.at, event.columns, event.origin, mail):
            names.add(place.name)
            if place.trust == Trust.CLAIMED:
                claimed.append(event.at)
            row = _row(event, place, block, item)
            (rows if place.name == event.name else other_rows).append(row)
    mailings = {deliveries.mailing_key(e.mailing): e.mailing for e in events if e.mailing}
    database.many("mailing_add", ((key, *mailings[key]) for key in sorted(mailings)))
    database.many("address_add", map(address_row, sorted(names)))
    database.many("pending_add", ((id_of(name),) for name in sorted(names)))
    new = database.many("event_add", rows)
    database.many("event_add", other_rows)
    if new:
        mark_due(database, (event.at for event in events))
    else:
        database.run("block_delete", id=block)
    mark_claims(database, claimed)
    return new


def _row(event: EventEntry, place: Place, block: int, item: int) -> tuple[Any, ...]:
    """The row of query event_add."""
    kind, cause, _, rule, words, receiver = event.columns
    mailing = deliveries.mailing_key(event.mailing)
    return (
        id_of(place.name),
        event.at,
        event.digest,
        *(kind, cause, place.advice, rule, words, receiver),
        *event.origin,
        mailing,
        *place[2:],
        block,
        item,
    )


def _unknown(database: Database, events: list[EventEntry]) -> Iterator[EventEntry]:
    """*events* without those that are there already under another time: of an event without a
    time, or a year, of its own the content decides.
    """
    seen: set[tuple[str, int]] = set()
    for event in events:
        if event.origin.undated != DATED:
            key = (event.name, event.digest)
            if key in seen or database.one(
                "event_known", address=id_of(event.name), digest=event.digest
            ):
                continue
            seen.add(key)
        yield event


# ── reports about mails that were recorded later ────────────────────────────────────────────────


class _Filed(NamedTuple):
    """A report that is there already."""

    names: Names
    at: Micros
    digest: int
    columns: EventColumns
    origin: Origin


_REPORTS_OF = (
    ("event_with_message", "event_of_message"),
    ("event_with_queue", "event_of_queue"),
)
"""Whether there are reports that name a mail in some way, and which they are."""


def _place_again(database: Database, traffic: Traffic, keys: set[int]) -> None:
    """Place the reports anew that may concern the mails with these keys."""
    found = {
        place
        for named, query in _REPORTS_OF
        if database.one(named)
        for place in _by_keys(database, query, sorted(keys))
    }
    reports = [filed for place in sorted(found) if (filed := _filed(database, *place)) is not None]
    about = mails.recorded(database, [(filed.origin, filed.at) for filed in reports])
    for filed, mail in zip(reports, about, strict=True):
        _replace(database, traffic, filed, mail)


def _by_keys(database: Database, query: str, keys: list[int]) -> Iterator[tuple[int, int]]:
    for at in range(0, len(keys), MOST_IDS):
        yield from ((b, i) for b, i in database.all(query, keys=keys[at : at + MOST_IDS]))


def _filed(database: Database, block: int, item: int) -> _Filed | None:
    (data,) = database.one("block_data", id=block) or (None,)
    if data is None:
        return None
    names = names_of(_BLOCK.decode(zstandard.decompress(data))[item][0])
    row = database.one("event_filed", address=id_of(names.final), block=block, item=item)
    if row is None:
        return None
    at, digest, *rest = row
    return _Filed(names, at, digest, EventColumns(*rest[:6]), Origin(*rest[6:]))


def _replace(database: Database, traffic: Traffic, filed: _Filed, mail: Recorded) -> None:
    found = places(filed.names, filed.at, filed.columns, filed.origin, mail)
    placed = [place for place in found if not place.name.startswith("@")]
    key = {"at": filed.at, "digest": filed.digest}
    for place in placed:
        if place.name not in filed.names[:3]:
            database.many("address_add", [address_row(place.name)])
            source, copy = id_of(filed.names.final), id_of(place.name)
            database.run("event_copy", source=source, copy=copy, **key)
    names = {place.name for place in placed}
    rows = [(*place[1:], id_of(place.name), filed.at, filed.digest) for place in placed]
    changed = database.many("event_place", [(*row, *row[:-3]) for row in rows])
    for name in filed.names.header:
        if name not in names:
            changed += database.run("event_unplace", address=id_of(name), **key)
    if changed:
        every = {*names, *filed.names.header}
        database.many("pending_add", ((id_of(name),) for name in sorted(every)))
        traffic.mark_observed(filed.at, filed.at)
        mark_due(database, [filed.at])
