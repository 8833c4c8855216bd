"""The ledger: evidence appended in transactions that a crash leaves whole or undone, and what
follows from it.

Reads and gives the nouns of ``model``. Refuses a file that is no ledger, or of a later version,
and says what to do.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Self

from bouncewise.ledger import index, migrate, rejudge, rows
from bouncewise.ledger.append import append
from bouncewise.ledger.database import Database
from bouncewise.ledger.entries import Entry
from bouncewise.ledger.incidents import Incidents
from bouncewise.ledger.index import Index
from bouncewise.ledger.neighbours import Neighbours
from bouncewise.ledger.pending import Pending
from bouncewise.ledger.protocol import Store
from bouncewise.ledger.queries import MOST_IDS
from bouncewise.ledger.records import Batch
from bouncewise.ledger.traffic import Traffic
from bouncewise.model import Decision, Event, State
from bouncewise.times import Micros, datetime_of, micros

_END_OF_TIME = Micros(1 << 62)


class SqlStore:
    """A Store over an SQL database. Use as a context manager; every change is inside ``with
    store.change():``.
    """

    def __init__(self, database: Database) -> None:
        self._db = database
        self.path = database.path
        self.traffic = Traffic(database)
        self.incidents = Incidents(database)
        self.pending = Pending(database)
        self.neighbours = Neighbours(database)
        self._own_changes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<ledger {self.path}>"

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def change(self, *, commit: bool = True) -> AbstractContextManager[None]:
        """A transaction: all of it, or nothing; nothing if not *commit*. Raises LedgerError
        where it fails.
        """
        self._own_changes += 1
        return self._db.transaction(commit=commit)

    def version(self) -> tuple[int, int]:
        """A value that differs after any change of the ledger, by this process or another."""
        return self._own_changes, self._db.data_version()

    # ── evidence in ──────────────────────────────────────────────────────────────────────────────

    def is_done(self, fingerprint: bytes) -> bool:
        """Whether the source with this fingerprint was read to its end before."""
        return self._db.one("done_get", fingerprint=fingerprint) is not None

    def open_batch(self, source: str, rules: str, version: str) -> Batch:
        """A new batch, of reports from *source* judged by *rules* of bouncewise *version*."""
        began = Micros(time.time_ns() // 1000)
        (number,) = self._db.one(
            "batch_add", source=source, rules=rules, version=version, started=began
        ) or (0,)
        return Batch(number, began)

    def mark_done(self, batch: Batch, fingerprint: bytes, path: str) -> None:
        """Record that a source was read to its end in *batch*."""
        self._db.run("done_add", fingerprint=fingerprint, path=path, batch=batch.number)

    def append(self, batch: Batch, entries: list[Entry]) -> int:
        """Add the new ones among *entries*; how many events are new. Names whose state may
        change become pending.
        """
        if times := [entry.at for entry in entries if entry.name]:
            self._reach(max(times))
        return append(self._db, batch.number, entries)

    def act(self, name: str, event: Event) -> bool:
        """Add an act of a person (``event.by``) on an address or ``@domain``; False where it is
        there already.
        """
        self._db.many("address_add", [rows.address_row(name)])
        self._reach(micros(event.at))
        return (
            self._db.run(
                "act_add",
                address=rows.id_of(name),
                at=micros(event.at),
                kind=event.kind,
                cause=event.cause,
                scope=event.scope,
                until=micros(event.until) if event.until else None,
                why=event.words,
                by=event.by,
            )
            > 0
        )

    def _reach(self, at: Micros) -> None:
        if at > micros(self.latest()):
            self._db.run("meta_set", name="latest", value=str(at))

    def latest(self) -> datetime:
        """The latest time of any evidence; 1970 in an empty ledger."""
        found = self._db.one("meta_get", name="latest")
        return datetime_of(Micros(int(found[0]) if found else 0))

    def other_rules(self, rules: str) -> str | None:
        """The version of rules other than *rules* that judged anything since all was judged
        again; None: there is none.
        """
        found = self._db.one("batch_other_rules", first=rejudge.last_replay(self._db), rules=rules)
        return str(found[0]) if found else None

    def rejudging(self, *, trial: bool) -> AbstractContextManager[rejudge.Rejudge]:
        """Judge all evidence again, on trial or for good."""
        return rejudge.rejudging(self._db, trial=trial)

    # ── evidence out ─────────────────────────────────────────────────────────────────────────────

    def history(self, name: str, until: datetime | None = None) -> list[Event]:
        """All that is known of an address or ``@domain`` up to *until*, in the order of time."""
        return next(self.histories((name,), until, brief=False))[1]

    def histories(
        self, names: Iterable[str], until: datetime | None = None, *, brief: bool = True
    ) -> Iterator[tuple[str, list[Event]]]:
        """The ``history`` of each of *names*, in their order; *brief*: of deliveries in a row
        only the last.
        """
        last, remaining = micros(until) if until else _END_OF_TIME, iter(names)
        while page := {rows.id_of(name): name for name in islice(remaining, MOST_IDS)}:
            ids = list(page)
            events: dict[int, list[Event]] = {number: [] for number in ids}
            for number, *row in self._db.each("event_history", until=last, ids=ids):
                events[number].append(rows.event(row))
            for number, *row in self._db.each("act_history", until=last, ids=ids):
                events[number].append(rows.act(row))
            deliveries: dict[int, list[Micros]] = {number: [] for number in ids}
            for number, *day in self._db.each("delivery_history", until=last, ids=ids):
                deliveries[number] += day
            for number, name in page.items():
                others, times = events[number], deliveries[number]
                kept = (
                    rows.last_in_row(times, [micros(e.at) for e in others]) if brief else set(times)
                )
                history = [*others, *map(rows.delivery, kept)]
                yield (
                    name,
                    sorted(history, key=attrgetter("order")) if len(history) > 1 else history,
                )

    def names(self) -> Iterator[str]:
        """Every address and ``@domain`` with evidence other than deliveries, by name."""
        return (name for (name,) in self._db.each("address_all"))

    def names_at(self, domain: str, most: int) -> list[str]:
        """The first *most* addresses at an ``@domain`` with evidence other than deliveries, in
        the order of their ids.
        """
        return [
            name
            for (name,) in self._db.each("address_at_domain", domain=rows.id_of(domain), most=most)
        ]

    def with_evidence(self, names: Iterable[str]) -> set[str]:
        """Those of *names* of which the ledger holds anything but deliveries."""
        wanted = {rows.id_of(name): name for name in names}
        return {
            name
            for number, name in self._db.by_ids("address_names", wanted)
            if wanted[number] == name
        }

    # ── states ───────────────────────────────────────────────────────────────────────────────────

    def put(self, decisions: Iterable[tuple[str, Decision]]) -> None:
        """Replace the derived state of names."""
        released: list[tuple[int]] = []
        others = []
        for name, decision in decisions:
            number = rows.id_of(name)
            if decision.state is State.OK:
                released.append((number,))
            else:
                others.append(rows.state_row(number, decision))
        if index.is_kept(self._db):
            ids = [*(number for (number,) in released), *(row[0] for row in others)]
            before = {number for (number,) in self._db.by_ids("state_exists", ids)}
            after = {row[0] for row in others}
            self._db.many(
                "state_change_add", ((n,) for n in sorted(before.symmetric_difference(after)))
            )
        self._db.many("state_delete", released)
        self._db.many("state_put", sorted(others))

    def states(self) -> Iterator[tuple[str, Decision]]:
        """Everything that is suppressed or held, by name, with holds that have expired."""
        return ((name, rows.decision(row)) for name, *row in self._db.each("state_all"))

    def decisions(self, names: Iterable[str]) -> dict[str, Decision]:
        """The derived state of those of *names* that have one."""
        wanted = {rows.id_of(name): name for name in names}
        found = {name: rows.decision(row) for name, *row in self._db.by_ids("state_of", wanted)}
        return {name: found[name] for name in wanted.values() if name in found}

    def index(self) -> Index:
        """The index of everything that is suppressed or held now."""
        return index.read(self._db)

    def write_index(self) -> None:
        """Write the index into a file if there are enough states that it pays."""
        index.write_if_due(self._db)

    def counts(self) -> dict[str, int]:
        """How many rows the ledger has, by table."""
        return {table: self._db.count(table) for table in ("event", "delivery", "act", "state")}


def open_store(path: Path | str, *, create: bool = False) -> Store:
    """The store in the SQLite file at *path*; *create*: make it where there is none.

    Brings an older schema up to date. Raises LedgerError where the file is missing, is no
    ledger, or cannot be used.
    """
    database = Database(Path(path), create=create)
    try:
        migrate.prepare(database, create=create)
        database.prepare_writing()
    except BaseException:
        database.close()
        raise
    return SqlStore(database)
