"""The ledger in an SQLite file: appended to in transactions that a crash leaves whole or undone.

Reads and gives the nouns of model.py. Refuses a file of another schema version, and says what to do.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from importlib import resources
from itertools import islice
from operator import attrgetter
from pathlib import Path

from bouncewise.errors import LedgerError
from bouncewise.ledger import index, rejudge, rows
from bouncewise.ledger.append import Entry, append
from bouncewise.ledger.index import Index
from bouncewise.ledger.neighbours import Neighbours
from bouncewise.ledger.pending import Pending
from bouncewise.ledger.traffic import Traffic
from bouncewise.model import Decision, Event, State

SCHEMA = 4

_EVENTS = "SELECT address, at, kind, cause, advice, rule, words, receiver FROM event WHERE at <= ?1 AND address IN ({})"
_ACTS = "SELECT address, at, kind, cause, scope, until, why, by FROM act WHERE at <= ?1 AND address IN ({})"
_DAYS = "SELECT address, first, min(last, ?1) FROM delivery WHERE first <= ?1 AND address IN ({})"


class Ledger:
    """An open ledger. Use as a context manager; every change is inside ``with ledger.change():``.

    ``traffic`` is what it knows of receivers and domains, and their incidents; ``pending`` whose state is behind the evidence.
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        """Open the ledger at *path*. *create*: make it where there is none. Raises LedgerError where it cannot be used."""
        self.path = path
        if not create and not path.is_file():
            raise LedgerError(f"{path}: no ledger there. `bouncewise ingest` creates one; --db names another.")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None, timeout=60)
            self._db.execute("PRAGMA busy_timeout=60000")
            self._prepare(create)
            self._to_wal()
            self._db.executescript("PRAGMA synchronous=FULL; PRAGMA cache_size=-65536; PRAGMA temp_store=MEMORY;")
            self.traffic = Traffic(self._db)
            self.pending = Pending(self._db)
        except (sqlite3.Error, OSError) as bad:
            raise LedgerError(f"{path}: cannot be used as a ledger: {bad}. Give another with --db.") from None

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def _to_wal(self) -> None:
        """Write-ahead logging. SQLite does not wait for others who switch at the same moment, so this does."""
        for attempt in range(200):
            try:
                self._db.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError as busy:
                if attempt == 199 or "locked" not in str(busy):
                    raise
                time.sleep(0.05)

    def _refuse_other_files(self, create: bool) -> None:
        """A database of another program is not turned into a ledger, nor is an empty file by a verb that only asks."""
        if self._db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
            raise LedgerError(f"{self.path}: a database, but not a ledger of bouncewise. Give another with --db.")
        if not create:
            raise LedgerError(
                f"{self.path}: an empty file, not a ledger. `bouncewise ingest` creates one; --db names another."
            )

    def _prepare(self, create: bool) -> None:
        if not self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
            self._refuse_other_files(create)
            with self.change():
                if not self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
                    schema = (resources.files("bouncewise.ledger") / "schema.sql").read_text("utf-8")
                    for statement in schema.split(";\n"):
                        self._db.execute(statement)
                    self._db.execute("INSERT INTO meta VALUES ('schema', ?)", (str(SCHEMA),))
        found = self._db.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
        if found is None or found[0] != str(SCHEMA):
            raise LedgerError(
                f"{self.path}: written by another version of bouncewise (schema {found and found[0]}, this is {SCHEMA})."
                " Give another with --db and read the evidence anew; its own version's `suppressions export` keeps the rest."
            )

    @contextmanager
    def change(self, *, keep: bool = True) -> Iterator[None]:
        """A transaction: all of it, or nothing; nothing if not *keep*. LedgerError where another writes for a minute on end."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as bad:
            raise LedgerError(
                f"{self.path}: {bad}; another bouncewise is writing, a replay perhaps: try again"
            ) from None
        try:
            yield
            self._db.execute("COMMIT" if keep else "ROLLBACK")
        except BaseException as bad:
            if self._db.in_transaction:  # a full disk ends the transaction by itself
                self._db.execute("ROLLBACK")
            if isinstance(bad, sqlite3.Error):
                raise LedgerError(f"{self.path}: {bad}. Nothing of this transaction was kept.") from None
            raise

    # ── evidence in ────────────────────────────────────────────────────────────────────────────────────────

    def is_done(self, fingerprint: bytes) -> bool:
        """Whether this very source was read to its end before."""
        return self._db.execute("SELECT 1 FROM done WHERE fingerprint = ?", (fingerprint,)).fetchone() is not None

    def open_batch(self, source: str, rules: str, version: str) -> tuple[int, int]:
        """A new batch; its number, and when it began, in microseconds since 1970."""
        began = time.time_ns() // 1000
        sql = "INSERT INTO batch (source, rules, version, started) VALUES (?, ?, ?, ?)"
        return int(self._db.execute(sql, (source, rules, version, began)).lastrowid or 0), began

    def close_batch(self, batch: int, fingerprint: bytes, path: str) -> None:
        """Remember that the source of *batch* was read to its end."""
        self._db.execute("INSERT OR REPLACE INTO done VALUES (?, ?, ?)", (fingerprint, path, batch))

    def append(self, batch: int, entries: list[Entry]) -> int:
        """Add what is new among *entries*: how many events that were. Whose state they may change is pending."""
        return append(self._db, batch, entries)

    def act(self, name: str, event: Event) -> bool:
        """Add an act of a person (``event.by``) on an address or ``@domain``; False where it stood there already."""
        until = rows.stamp(event.until) if event.until else None
        row = (
            rows.id_of(name), rows.stamp(event.at), event.kind, event.cause, event.scope, until, event.words, event.by,
        )  # fmt: skip
        self._db.execute(rows.NEW_ADDRESS, rows.address_row(name))
        rows.reach(self._db, rows.stamp(event.at))
        sql = "INSERT OR IGNORE INTO act (address, at, kind, cause, scope, until, why, by) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        return self._db.execute(sql, row).rowcount > 0

    def judged_by_others(self, rules: str) -> str | None:
        """See ``rejudge.judged_by_others``."""
        return rejudge.judged_by_others(self._db, rules)

    def again(self, *, trial: bool) -> AbstractContextManager[rejudge.Again]:
        """See ``rejudge.again``."""
        return rejudge.again(self._db, trial=trial)

    def latest(self) -> datetime:
        """The latest time that any evidence here tells of; 1970 in an empty ledger."""
        found = self._db.execute("SELECT value FROM meta WHERE name = 'latest'").fetchone()
        return rows.when(int(found[0]) if found else 0)

    # ── evidence and state out ─────────────────────────────────────────────────────────────────────────────

    def history(self, name: str, until: datetime | None = None) -> list[Event]:
        """All that is known of an address or ``@domain`` up to *until*, in the order of time."""
        return next(self.histories((name,), until, brief=False))[1]

    def histories(
        self, names: Iterable[str], until: datetime | None = None, *, brief: bool = True
    ) -> Iterator[tuple[str, list[Event]]]:
        """The ``history`` of each of *names*, in their order; *brief*: of deliveries in a row only the last."""
        last, remaining = rows.stamp(until) if until else 1 << 62, iter(names)
        while some := {rows.id_of(name): name for name in islice(remaining, rows.IN)}:
            told: dict[int, list[Event]] = {who: [] for who in some}
            asked, marks = (last, *some), ",".join("?" * len(some))
            for who, *row in self._db.execute(_EVENTS.format(marks), asked):
                told[who].append(rows.event(row))
            for who, *row in self._db.execute(_ACTS.format(marks), asked):
                told[who].append(rows.act(row))
            came: dict[int, list[int]] = {who: [] for who in some}
            for who, *day in self._db.execute(_DAYS.format(marks), asked):
                came[who] += day
            for who, name in some.items():
                others = told[who]
                stamps = rows.last_in_row(came[who], [rows.stamp(e.at) for e in others]) if brief else set(came[who])
                all_ = [*others, *map(rows.delivery, stamps)]
                yield name, sorted(all_, key=attrgetter("order")) if len(all_) > 1 else all_

    def known(self) -> Iterator[str]:
        """Every address and ``@domain`` with evidence other than deliveries, by name."""
        yield from (name for (name,) in self._db.execute("SELECT name FROM address ORDER BY name"))

    def names_at(self, domain: str, most: int) -> list[str]:
        """The first *most* addresses at an ``@domain`` with evidence other than deliveries, in no telling order."""
        sql = "SELECT name FROM address WHERE domain = ? AND domain != 0 ORDER BY id LIMIT ?"
        return [name for (name,) in self._db.execute(sql, (rows.id_of(domain), most))]

    def has_evidence(self, names: Iterable[str]) -> set[str]:
        """Those of *names* for which the ledger holds anything but deliveries."""
        asked = {rows.id_of(name): name for name in names}
        ids = list(asked)
        found: set[str] = set()
        for i in range(0, len(ids), rows.IN):
            some = ids[i : i + rows.IN]
            marks = ",".join("?" * len(some))
            found.update(
                name
                for who, name in self._db.execute(f"SELECT id, name FROM address WHERE id IN ({marks})", some)
                if asked[who] == name
            )
        return found

    def put(self, decisions: Iterable[tuple[str, Decision]]) -> None:
        """The derived state of addresses, in the place of what stood there."""
        free, others = [], []
        for name, decision in decisions:
            who = rows.id_of(name)
            if decision.state is State.OK:
                free.append((who,))
            else:
                others.append(rows.state_row(who, decision))
        self._db.executemany("DELETE FROM state WHERE address = ?", free)
        self._db.executemany("INSERT OR REPLACE INTO state VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", sorted(others))

    def states(self) -> Iterator[tuple[str, Decision]]:
        """Everything that is suppressed or held, by name. Holds that have run out are among them."""
        sql = (
            "SELECT name, state, cause, scope, since, until, why, rule, by FROM state JOIN address ON address.id = state.address"
            " ORDER BY name"
        )
        for name, *row in self._db.execute(sql):
            yield name, rows.decision(tuple(row))

    def index(self) -> Index:
        """The index of everything that is suppressed or held, as it stands now."""
        return index.read(self._db, self.path)

    def keep_index(self) -> None:
        """Write what ``index`` reads into a file, if there is so much that it pays."""
        index.keep(self._db, self.path)

    def decisions(self, names: Iterable[str]) -> dict[str, Decision]:
        """The derived state of those of *names* that have one."""
        found = {}
        sql = (
            "SELECT name, state, cause, scope, since, until, why, rule, by FROM state JOIN address ON address.id = state.address"
            " WHERE state.address = ?"
        )
        for name in names:
            for who, *row in self._db.execute(sql, (rows.id_of(name),)):
                if who == name:
                    found[name] = rows.decision(tuple(row))
        return found

    @property
    def neighbours(self) -> Neighbours:
        """Questions about what befell others."""
        return Neighbours(self._db)

    def counts(self) -> dict[str, int]:
        """How much the ledger holds, by table."""
        return {
            t: int(self._db.execute(f"SELECT count(*) FROM {t}").fetchone()[0])
            for t in ("event", "delivery", "act", "state")
        }
