"""Stored evidence judged again: the tables side of it, on trial or for good.

On trial every table that a judgement changes is shadowed by a temporary copy on disk, and other processes read and write the
ledger meanwhile; for good it is one transaction, and other writers wait. What runs between is the same. Blocks are never
written: they keep the verdict as first judged. Refuses with LedgerError where there is no room, or another writes for too long.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import zstandard

from bouncewise.errors import LedgerError
from bouncewise.ledger import rows
from bouncewise.ledger.append import meaning
from bouncewise.model import Advice, Decision, Report, State, Verdict
from bouncewise.rfc import address

_NEVER_CHANGED = {"meta", "batch", "done", "block", "delivery", "traffic", "act", "pending", "moved"}
_PAGE = 10_000  # names derived at a time
_BLOCK = msgspec.msgpack.Decoder(list[tuple[Report, msgspec.Raw, msgspec.Raw]])  # an old verdict need not be readable
_SINCE = "coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'replayed'), 0)"

_FIND = (
    "SELECT digest, kind, cause, advice, rule, words, receiver FROM event"
    " WHERE address = ? AND at = ? AND block = ? AND item = ?"
)
_CHANGE = (
    "UPDATE event SET kind = ?, cause = ?, advice = ?, rule = ?, words = ?, receiver = ?"
    " WHERE address = ? AND at = ? AND digest = ?"
)
# Beside the decisions: the rule that now judges the words that decided before, and the one that judged then those that do now.
_CHANGES = (
    "CREATE TEMP TABLE changed AS SELECT a.name, b.state, b.cause, b.scope, b.since, b.until, b.why, b.rule, b.by,"
    " s.state, s.cause, s.scope, s.since, s.until, s.why, s.rule, s.by,"
    " (SELECT max(e.rule) FROM event e WHERE e.address = a.id AND e.at = b.since),"
    " coalesce((SELECT max(w.rule) FROM was w WHERE w.address = a.id AND w.at = s.since),"
    " (SELECT max(e.rule) FROM event e WHERE e.address = a.id AND e.at = s.since))"
    " FROM address a LEFT JOIN before b ON b.address = a.id LEFT JOIN state s ON s.address = a.id"
    " WHERE b.state IS NOT s.state OR b.cause IS NOT s.cause OR b.scope IS NOT s.scope OR b.rule IS NOT s.rule"
    " OR b.until IS NOT s.until"
)


class Block(NamedTuple):
    """Reports that came in together. ``began``: the time by which those without one of their own are filed."""

    number: int
    began: int
    reports: list[Report]


class Again:
    """A ledger whose events get new verdicts. Ledger's own methods meanwhile see what is entered here."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        db.execute("CREATE TEMP TABLE before AS SELECT * FROM state")
        db.execute("CREATE UNIQUE INDEX temp.before_address ON before (address)")
        db.execute("CREATE TEMP TABLE was (address INTEGER, at INTEGER, rule TEXT, PRIMARY KEY (address, at, rule))")

    def blocks(self, since: datetime | None) -> list[int]:
        """The numbers of all blocks, or of those with an event at *since* or later."""
        if since is None:
            found = self._db.execute("SELECT id FROM block ORDER BY id")
        else:
            found = self._db.execute(
                "SELECT DISTINCT block FROM event WHERE at >= ? ORDER BY block", (rows.stamp(since),)
            )
        return [int(number) for (number,) in found]

    def block(self, number: int) -> Block:
        """The reports of one block."""
        sql = "SELECT started, data FROM block JOIN batch ON batch.id = block.batch WHERE block.id = ?"
        began, data = self._db.execute(sql, (number,)).fetchone()
        return Block(number, int(began), [report for report, _, _ in _BLOCK.decode(zstandard.decompress(data))])

    def enter(self, block: Block, verdicts: list[Verdict | None], since: datetime | None) -> int:
        """Put *verdicts* on the events of *block*, those at *since* or later; how many of them say something new.

        A report whose event came in with another block is left to that one.
        """
        changed, first = 0, rows.stamp(since) if since else -(1 << 62)
        for item, (report, verdict) in enumerate(zip(block.reports, verdicts, strict=True)):
            at = rows.stamp(report.at) if report.at else block.began
            name = address.normalise(report.recipient)
            if not name or at < first:
                continue
            place = (rows.id_of(name), at, block.number, item)
            found = self._db.execute(_FIND, place).fetchone()
            now = meaning(report, verdict)
            if found is not None and found[1:] != now:
                changed += 1
                self._change(name, place, found, now)
        return changed

    def _change(
        self, name: str, place: tuple[int, int, int, int], found: tuple[Any, ...], now: tuple[Any, ...]
    ) -> None:
        who, at, block, item = place
        digest, (_, _, old_advice, old_rule, *_), advice = found[0], found[1:], now[2]
        self._db.execute(_CHANGE, (*now, who, at, digest))
        self._db.execute("INSERT OR IGNORE INTO was VALUES (?, ?, ?)", (who, at, old_rule))
        domain = f"@{name.rpartition('@')[2]}"
        there = rows.id_of(domain)
        if old_advice == Advice.SUPPRESS_DOMAIN:
            self._db.execute(
                "DELETE FROM event WHERE address = ? AND at = ? AND block = ? AND item = ?", (there, *place[1:])
            )
            self._db.execute("INSERT OR IGNORE INTO was VALUES (?, ?, ?)", (there, at, old_rule))
        if advice == Advice.SUPPRESS_DOMAIN:
            self._db.execute(rows.NEW_ADDRESS, rows.address_row(domain))
            row = (there, at, digest, *now, block, item)
            self._db.execute("INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def name_count(self) -> int:
        """How many names have evidence."""
        return int(self._db.execute("SELECT count(*) FROM address").fetchone()[0])

    def names(self) -> Iterator[list[str]]:
        """All names with evidence, some at a time, in the order in which their events lie in the file."""
        last = -(1 << 63) - 1
        sql = "SELECT id, name FROM address WHERE id >= ? ORDER BY id LIMIT ?"
        while page := self._db.execute(sql, (last + 1, _PAGE)).fetchall():
            last = page[-1][0]
            yield [name for _, name in page]
            if last == (1 << 63) - 1:
                return

    def settle(self) -> None:
        """Note down what has changed among the decisions, for ``changes``."""
        self._db.execute(_CHANGES)

    def changes(self) -> Iterator[tuple[str, Decision, Decision]]:
        """Name, decision before and after, by name. An OK decision carries the rule that (then, now) judges the same words."""
        for name, *row in self._db.execute("SELECT * FROM changed ORDER BY name"):
            yield name, _decision(row[:8], row[17]), _decision(row[8:16], row[16])

    def keep(self, by: str, rules: str, version: str, since: datetime | None) -> None:
        """Make it so, and log who did it and from which rules to which."""
        judged = self._db.execute(f"SELECT rules FROM batch WHERE id >= {_SINCE} GROUP BY rules ORDER BY min(id)")
        others = " ".join(version for (version,) in judged if version != rules) or rules
        source = f"replay by {by}: rules {others} -> {rules}{f', since {since.isoformat()}' if since else ''}"
        row = (source[:1000], rules, version, time.time_ns() // 1000)
        sql = "INSERT INTO batch (source, rules, version, started) VALUES (?, ?, ?, ?)"
        batch = self._db.execute(sql, row).lastrowid
        if since is None:
            self._db.execute("INSERT OR REPLACE INTO meta VALUES ('replayed', ?)", (str(batch),))
        self._db.execute("COMMIT")


@contextmanager
def again(db: sqlite3.Connection, *, trial: bool) -> Iterator[Again]:
    """Judge again: all is undone at the end but what ``keep`` was called for, which on trial nobody may."""
    try:
        db.execute("PRAGMA temp_store=FILE")
        db.execute("BEGIN" if trial else "BEGIN IMMEDIATE")
        if trial:
            _shadow(db)
        yield Again(db)
    except sqlite3.OperationalError as bad:
        raise LedgerError(
            f"replay: {bad}. Nothing was changed. Is another bouncewise writing? Is there room for temporary files, as much as"
            " the ledger's own? SQLITE_TMPDIR names another folder for them."
        ) from None
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")
        db.execute("PRAGMA temp_store=MEMORY")  # drops every temporary table as well


def judged_by_others(db: sqlite3.Connection, rules: str) -> str | None:
    """The version of rules other than *rules* that last judged anything since all was judged again; None: there is none."""
    sql = f"SELECT rules FROM batch WHERE id >= {_SINCE} AND rules != ? ORDER BY id DESC LIMIT 1"
    found = db.execute(sql, (rules,)).fetchone()
    return str(found[0]) if found else None


def _shadow(db: sqlite3.Connection) -> None:
    """Temporary tables in front of those of the file: SQLite looks for a name among the temporary ones first."""
    db.execute("PRAGMA temp.cache_size=-65536")
    sql = "SELECT type, name, tbl_name, sql FROM main.sqlite_master WHERE sql IS NOT NULL ORDER BY type = 'index'"
    for kind, name, table, made in db.execute(sql).fetchall():
        if kind == "trigger" or table in _NEVER_CHANGED:
            continue
        db.execute(made.replace(f"CREATE {kind.upper()} {name}", f"CREATE {kind.upper()} temp.{name}", 1))
        if kind == "table":
            db.execute(f"INSERT INTO temp.{name} SELECT * FROM main.{name}")


def _decision(row: list[Any], rule: str | None) -> Decision:
    return Decision(state=State.OK, rule=rule or "") if row[0] is None else rows.decision(tuple(row))
