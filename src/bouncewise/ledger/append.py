"""Evidence on its way in: what is new among the entries of one transaction, written once.

Reads: entries, made of reports and verdicts by ``entry``, perhaps in another process. Gives: how many events were
new; enters whose state may change as pending. An event that is there already, from whatever file, changes nothing.
"""

from __future__ import annotations

import sqlite3
from typing import Any, NamedTuple

import msgspec
import zstandard

from bouncewise.ledger import pending, rows
from bouncewise.ledger.traffic import SLOT
from bouncewise.model import Advice, Kind, Report, Verdict
from bouncewise.rfc import address

MAX_EVIDENCE = 256 * 1024
"""Octets of raw evidence kept of one message: the bounce and the head of what it returned."""

_EVENT = "INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

# The deliveries of one transaction, by day: the first and the last, and of an address the receiver of the first.
_CAME = (
    "CREATE TEMP TABLE IF NOT EXISTS came (address INTEGER, day INTEGER, first INTEGER, last INTEGER, receiver TEXT,"
    " domain TEXT, PRIMARY KEY (address, day)) WITHOUT ROWID"
)
# An address counts once a day where its first delivery was; one that turns out to be earlier moves the count there.
_TRAFFIC = (
    "WITH moved AS (SELECT c.domain AS domain, c.receiver AS receiver, c.first AS at, d.receiver AS receiver_before,"
    " d.first AS before FROM came c LEFT JOIN delivery d USING (address, day) WHERE c.domain != ''"
    " AND (d.first IS NULL OR (c.first, c.receiver) < (d.first, d.receiver)))"
    " INSERT INTO traffic SELECT unit, at / ?, sum(n) FROM ("
    " SELECT receiver AS unit, at, 1 AS n FROM moved UNION ALL SELECT domain, at, 1 FROM moved"
    " UNION ALL SELECT receiver_before, before, -1 FROM moved WHERE before IS NOT NULL"
    " UNION ALL SELECT domain, before, -1 FROM moved WHERE before IS NOT NULL"
    ") GROUP BY 1, 2 ON CONFLICT DO UPDATE SET delivered = delivered + excluded.delivered"
)
_DELIVERY = (
    "INSERT INTO delivery SELECT address, day, first, last, receiver FROM came WHERE true ON CONFLICT DO UPDATE SET"
    " receiver = iif((excluded.first, excluded.receiver) < (first, receiver), excluded.receiver, receiver),"
    " first = min(first, excluded.first), last = max(last, excluded.last)"
)


class Told(NamedTuple):
    """What is no delivery: its content's number, what ``meaning`` gives, and msgpack of report, raw and verdict."""

    digest: int
    meaning: tuple[Any, ...]
    packed: bytes


class Entry(NamedTuple):
    """One finding on its way into the ledger: a normalised address, microseconds since 1970, None where no time is told."""

    name: str
    at: int | None
    receiver: str
    told: Told | None


def entry(report: Report, verdict: Verdict | None, raw: bytes, key: bytes, receiver: str) -> Entry:
    """What the ledger is to know of a report. *key*: the same for the same event wherever it is read."""
    name = address.normalise(report.recipient)
    at = rows.stamp(report.at) if report.at else None
    if report.kind is Kind.DELIVERED:
        return Entry(name, at, receiver, None)
    packed = msgspec.msgpack.encode([report, raw[:MAX_EVIDENCE], verdict])
    return Entry(name, at, receiver, Told(int.from_bytes(key[:8], signed=True), meaning(report, verdict), packed))


def append(db: sqlite3.Connection, batch: int, entries: list[Entry]) -> int:
    """Write *entries* inside the open transaction of *db*: how many events were new. Whose state may change is pending."""
    began = int(db.execute("SELECT started FROM batch WHERE id = ?", (batch,)).fetchone()[0])
    named = [e for e in entries if e.name]
    _deliveries(db, [(e.name, began if e.at is None else e.at, e.receiver) for e in named if e.told is None])
    new = _events(db, batch, [(e, e.told) for e in named if e.told and not _is_known_undated(db, e, e.told)], began)
    rows.reach(db, max((began if e.at is None else e.at for e in named), default=0))
    return new


def _events(db: sqlite3.Connection, batch: int, told: list[tuple[Entry, Told]], began: int) -> int:
    if not told:
        return 0
    packed = msgspec.msgpack.encode([msgspec.Raw(t.packed) for _, t in told])
    block = db.execute(
        "INSERT INTO block (batch, data) VALUES (?, ?)", (batch, zstandard.compress(packed, 3))
    ).lastrowid
    said = [
        (e.name, (began if e.at is None else e.at, t.digest, *t.meaning, block, item))
        for item, (e, t) in enumerate(told)
    ]
    # Evidence about everybody at a domain stands under the domain's name as well.
    of_domains = [(_domain(name), row) for name, row in said if row[4] == Advice.SUPPRESS_DOMAIN]
    names = {name for name, _ in (*said, *of_domains)}
    db.executemany(rows.NEW_ADDRESS, map(rows.address_row, names))
    db.executemany(pending.ADD, ((rows.id_of(name),) for name in names))
    before = db.total_changes
    db.executemany(_EVENT, ((rows.id_of(name), *row) for name, row in said))
    new = db.total_changes - before
    db.executemany(_EVENT, ((rows.id_of(name), *row) for name, row in of_domains))
    if not new:
        db.execute("DELETE FROM block WHERE id = ?", (block,))
    return new


def meaning(report: Report, v: Verdict | None) -> tuple[Any, ...]:
    """What an event says: kind, cause, advice, rule, words and receiver."""
    if v is None:
        return (report.kind, None, None, "", str(report.kind), "")
    code = " ".join(str(c) for c in (v.reply_code, v.status) if c)
    words = f"{code} {v.evidence}".strip()[:200]
    return (report.kind, v.cause, v.advice, v.rule, words, v.receiver or "")


def _deliveries(db: sqlite3.Connection, delivered: list[tuple[str, int, str]]) -> None:
    """Of each day's deliveries to an address, and to its domain, the first and the last.

    Only to the state of what is held or suppressed does a delivery make a difference: it never takes freedom.
    """
    days: dict[tuple[str, int], tuple[int, str, int]] = {}
    for name, at, receiver in delivered:
        day = (name, rows.day_of(at))
        seen = days.get(day)
        days[day] = (at, receiver, at) if seen is None else (*min(seen[:2], (at, receiver)), max(seen[2], at))
    of_domains: dict[tuple[str, int], tuple[int, int]] = {}
    came = []
    for (name, number), (first, receiver, last) in days.items():
        domain = _domain(name)
        came.append((rows.id_of(name), number, first, last, receiver, domain))
        begun, ended = of_domains.get((domain, number), (first, last))
        of_domains[domain, number] = (min(begun, first), max(ended, last))
    came += [(rows.id_of(who), number, *span, "", "") for (who, number), span in of_domains.items()]
    db.execute(_CAME)
    db.executemany("INSERT OR IGNORE INTO came VALUES (?, ?, ?, ?, ?, ?)", came)
    db.execute(_TRAFFIC, (SLOT,))
    db.execute(_DELIVERY)
    db.execute(pending.ADD_NOT_FREE)
    db.execute("DELETE FROM came")


def _is_known_undated(db: sqlite3.Connection, e: Entry, told: Told) -> bool:
    """An event without a time of its own is filed under its batch's; read again, it must be found by its content."""
    if e.at is not None:
        return False
    sql = "SELECT 1 FROM event WHERE address = ? AND digest = ?"
    return db.execute(sql, (rows.id_of(e.name), told.digest)).fetchone() is not None


def _domain(name: str) -> str:
    return f"@{name.rpartition('@')[2]}"
