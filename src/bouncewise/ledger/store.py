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
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Self

from bouncewise.ledger import histories, index, mails, migrate, rejudge, rows, state_tallies
from bouncewise.ledger.append import append
from bouncewise.ledger.audit import Audit
from bouncewise.ledger.coverage import Coverage
from bouncewise.ledger.daily import Daily
from bouncewise.ledger.database import Database
from bouncewise.ledger.engagement import Engagement
from bouncewise.ledger.entries import Entry
from bouncewise.ledger.erasure import Erasure
from bouncewise.ledger.failed_mails import FailedMails
from bouncewise.ledger.familiarity import Familiarity
from bouncewise.ledger.forgotten import Forgotten
from bouncewise.ledger.imports import Imports
from bouncewise.ledger.incidents import Incidents
from bouncewise.ledger.index import Index
from bouncewise.ledger.location import Location, locate
from bouncewise.ledger.neighbours import Neighbours
from bouncewise.ledger.opening import open_database
from bouncewise.ledger.outcomes import Outcomes
from bouncewise.ledger.pending import Pending
from bouncewise.ledger.protocol import Store
from bouncewise.ledger.queries import MOST_IDS
from bouncewise.ledger.records import Batch, Sent
from bouncewise.ledger.sender_reports import SenderReports
from bouncewise.ledger.tallies import Tallies
from bouncewise.ledger.traffic import Traffic
from bouncewise.model import Decision, Decisions, Event
from bouncewise.times import Day, Micros, datetime_of, day_of, micros

_END_OF_TIME = Micros(1 << 62)


class SqlStore:
    """A Store over an SQL database. Use as a context manager; every change is inside ``with
    store.change():``.
    """

    def __init__(self, database: Database) -> None:
        self._db = database
        self.name, self.path = database.name, database.path
        self.traffic = Traffic(database)
        self.incidents = Incidents(database)
        self.pending = Pending(database)
        self.neighbours = Neighbours(database)
        self.familiarity = Familiarity(database)
        self.coverage = Coverage(database)
        self.sender_reports = SenderReports(database)
        self.outcomes = Outcomes(database)
        self.engagement = Engagement(database)
        self.failed_mails, self.daily = FailedMails(database), Daily(database)
        self.tallies, self.forgotten = Tallies(database), Forgotten(database)
        self.erasure, self.imports = Erasure(database), Imports(database)
        self.audit = Audit(database)
        self._own_changes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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
        """A new batch, of reports from *source* classified by *rules* of bouncewise *version*."""
        began = Micros(time.time_ns() // 1000)
        (number,) = self._db.one(
            "batch_add", source=source, rules=rules, version=version, started=began
        ) or (0,)
        return Batch(number, began)

    def mark_done(self, batch: Batch, fingerprint: bytes, path: str) -> None:
        """Record that a source was read to its end in *batch*."""
        self._db.run("done_add", fingerprint=fingerprint, path=path, batch=batch.number)

    def cursor(self, name: str) -> int:
        """Up to where the source with this name was read; 0: nothing of it."""
        found = self._db.one("meta_get", name=f"cursor:{name}")
        return int(found[0]) if found else 0

    def move_cursor(self, name: str, at: int) -> None:
        """Record that the source was read up to *at*."""
        self._db.run("meta_set", name=f"cursor:{name}", value=str(at))

    def remembered(self, name: str) -> str:
        """A note that an operation keeps between its runs; '' where there is none."""
        found = self._db.one("meta_get", name=f"note:{name}")
        return str(found[0]) if found else ""

    def remember(self, name: str, text: str) -> None:
        """Keep such a note."""
        self._db.run("meta_set", name=f"note:{name}", value=text)

    def append(self, batch: Batch, entries: list[Entry]) -> int:
        """Add the new *entries*; how many events are new. Names they concern become pending."""
        if times := [entry.at for entry in entries if entry.name]:
            self._reach(max(times))
        return append(self._db, batch.number, entries)

    def prune_mails(self, before: datetime) -> None:
        """Forget the recipients of mails before that time."""
        mails.prune(self._db, micros(before))

    def act(self, name: str, event: Event) -> bool:
        """Add an act of a person; False where it is there. An imported one may be listed again."""
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
                stream=event.stream,
                until=micros(event.until) if event.until else None,
                why=event.words,
                by=event.by,
                imports=" ".join(map(str, event.imports)),
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
        """The version of rules other than *rules* applied since the last replay, or None."""
        found = self._db.one("batch_other_rules", first=rejudge.last_replay(self._db), rules=rules)
        return str(found[0]) if found else None

    def rejudging(self, *, trial: bool) -> AbstractContextManager[rejudge.Rejudge]:
        """Re-evaluate all evidence, as a trial or permanently."""
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
            yield from histories.of(self._db, page, last, brief)

    def names(self) -> Iterator[str]:
        """Every address and ``@domain`` with evidence other than deliveries, by name."""
        return (name for (name,) in self._db.each("address_all"))

    def names_at(self, domain: str, most: int) -> list[str]:
        """The first *most* addresses at an ``@domain`` with evidence other than deliveries, in
        the order of their ids.
        """
        return [
            name
            for (name,) in self._db.all("address_at_domain", domain=rows.id_of(domain), most=most)
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

    def put(self, decisions: Iterable[tuple[str, Decisions]]) -> None:
        """Replace the derived state of names."""
        numbers: list[int] = []
        states: list[rows.Row] = []
        for name, found in decisions:
            number = rows.id_of(name)
            numbers.append(number)
            states += (rows.state_row(number, decision) for decision in found)
        before = state_tallies.uncount(self._db, numbers)
        if index.is_kept(self._db):
            changed = before.symmetric_difference(row[0] for row in states)
            self._db.many("state_change_add", ((number,) for number in sorted(changed)))
        self._db.many("state_delete", ((number,) for number in sorted(before)))
        self._db.many("state_put", sorted(states))
        state_tallies.count(self._db, states)

    def states(self, after: str | None = None) -> Iterator[tuple[str, Decisions]]:
        query = "state_all" if after is None else "state_behind"
        behind = rows.id_of(after) if after else rows.FIRST_ID
        for name, found in groupby(self._db.each(query, after=behind), key=itemgetter(0)):
            yield name, tuple(rows.decision(row[1:]) for row in found)

    def decisions(self, names: Iterable[str]) -> dict[str, Decisions]:
        """The derived state of those of *names* that have one."""
        wanted = {rows.id_of(name): name for name in names}
        found: dict[str, list[Decision]] = {}
        for name, *row in self._db.by_ids("state_of", wanted):
            found.setdefault(name, []).append(rows.decision(row))
        return {name: tuple(found[name]) for name in wanted.values() if name in found}

    def state_counts(self) -> dict[tuple[str, str], int]:
        """How many Decisions there are by state and cause (the rule where there is none)."""
        return {(state, cause): count for state, cause, count in self._db.all("state_counts")}

    def index(self) -> Index:
        """What is suppressed or held now."""
        return index.read(self._db)

    def write_index(self) -> None:
        """Write the index into a file if there are enough states that it pays."""
        index.write_if_due(self._db)

    def sent(self, since: datetime, until: datetime) -> Iterator[Sent]:
        """How many addresses had mail delivered, by day, stream, campaign and receiver."""
        days = {"since": day_of(micros(since)), "until": day_of(micros(until))}
        return (Sent(Day(day), *rest) for day, *rest in self._db.each("sent_counts", **days))

    def counts(self) -> dict[str, int]:
        """How many rows the ledger has, by table."""
        return {
            table: self._db.count(table)
            for table in ("address", "event", "delivery", "act", "state")
        }


def open_store(
    where: Location | Path | str, *, create: bool = False, read_only: bool = False
) -> Store:
    """The store in an SQLite file, or in the PostgreSQL database that a URL names; *create*: make
    it where there is none; *read_only*: to ask questions of, without permission to write.

    Brings an older schema up to date. Raises LedgerError where it is no ledger, or is not usable.
    """
    location = locate(where)
    if read_only:
        database = open_database(location, read_only=True)
        try:
            if migrate.is_current(database):
                return SqlStore(database)
        except BaseException:
            database.close()
            raise
        database.close()
    database = open_database(location, create=create)
    try:
        migrate.prepare(database, create=create)
        database.prepare_writing()
    except BaseException:
        database.close()
        raise
    return SqlStore(database)
