"""Evidence on its way in: what is new among the entries of one transaction, written once.

Reads: entries, each a Report with its Verdict, raw bytes and a key of its content. Gives: how many events were new, and
the names whose state may have changed. An event that is there already, from whatever file, changes nothing.
"""

from __future__ import annotations

import sqlite3
from typing import Any, NamedTuple

import msgspec
import zstandard

from bouncewise.ledger import rows, traffic
from bouncewise.model import Advice, Kind, Report, Verdict
from bouncewise.rfc import address

MAX_EVIDENCE = 256 * 1024
"""Octets of raw evidence kept of one message: the bounce and the head of what it returned."""

_EVENT = "INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_DELIVERY = (
    "INSERT INTO delivery VALUES (?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last)"
)


class Entry(NamedTuple):
    """One finding on its way into the ledger."""

    report: Report
    verdict: Verdict | None
    raw: bytes
    key: bytes
    receiver: str = ""


def append(db: sqlite3.Connection, batch: int, entries: list[Entry]) -> tuple[int, set[str]]:
    """Write *entries* inside the open transaction of *db*: new events, and names touched."""
    named = [(name, entry) for entry in entries if (name := address.normalise(entry.report.recipient))]
    began = int(db.execute("SELECT started FROM batch WHERE id = ?", (batch,)).fetchone()[0])
    touched = _deliveries(db, [(n, e) for n, e in named if e.report.kind is Kind.DELIVERED], began)
    told = [(n, e) for n, e in named if e.report.kind is not Kind.DELIVERED]
    new, more = _events(db, batch, [(n, e) for n, e in told if not _is_known_undated(db, n, e)], began)
    rows.reach(db, max((rows.stamp(e.report.at) if e.report.at else began for _, e in named), default=0))
    return new, touched | more


def _events(db: sqlite3.Connection, batch: int, told: list[tuple[str, Entry]], began: int) -> tuple[int, set[str]]:
    if not told:
        return 0, set()
    packed = msgspec.msgpack.encode([[e.report, e.raw[:MAX_EVIDENCE], e.verdict] for _, e in told])
    block = db.execute(
        "INSERT INTO block (batch, data) VALUES (?, ?)", (batch, zstandard.compress(packed, 6))
    ).lastrowid
    said = [(name, (*_said(entry, began), block, item)) for item, (name, entry) in enumerate(told)]
    # Evidence about everybody at a domain stands under the domain's name as well.
    of_domains = [(_domain(name), row) for name, row in said if row[4] == Advice.SUPPRESS_DOMAIN]
    names = {name for name, _ in (*said, *of_domains)}
    db.executemany(rows.NEW_ADDRESS, map(rows.address_row, names))
    before = db.total_changes
    db.executemany(_EVENT, ((rows.id_of(name), *row) for name, row in said))
    new = db.total_changes - before
    db.executemany(_EVENT, ((rows.id_of(name), *row) for name, row in of_domains))
    if not new:
        db.execute("DELETE FROM block WHERE id = ?", (block,))
    return new, names


def _said(entry: Entry, began: int) -> tuple[Any, ...]:
    """at, digest, kind, cause, advice, rule, words and receiver of an event."""
    at = rows.stamp(entry.report.at) if entry.report.at else began
    return (at, _digest(entry), *meaning(entry.report, entry.verdict))


def meaning(report: Report, v: Verdict | None) -> tuple[Any, ...]:
    """What an event says: kind, cause, advice, rule, words and receiver."""
    if v is None:
        return (report.kind, None, None, "", str(report.kind), "")
    code = " ".join(str(c) for c in (v.reply_code, v.status) if c)
    words = f"{code} {v.evidence}".strip()[:200]
    return (report.kind, v.cause, v.advice, v.rule, words, v.receiver or "")


def _deliveries(db: sqlite3.Connection, delivered: list[tuple[str, Entry]], began: int) -> set[str]:
    """Of each day's deliveries to an address, and to its domain, the first and the last."""
    days: dict[tuple[int, int], tuple[int, int]] = {}
    units: dict[tuple[int, int], tuple[str, str]] = {}
    for name, entry in delivered:
        at = rows.stamp(entry.report.at) if entry.report.at else began
        for who in (name, _domain(name)):
            slot = (rows.id_of(who), rows.day_of(at))
            if who is name:
                units[slot] = (entry.receiver, _domain(name))
            first, last = days.get(slot, (at, at))
            days[slot] = (min(first, at), max(last, at))
    known = "SELECT 1 FROM delivery WHERE address = ? AND day = ?"
    fresh = [(days[slot][0], names) for slot, names in units.items() if not db.execute(known, slot).fetchone()]
    traffic.count(db, ((unit, at) for at, names in fresh for unit in names))
    db.executemany(_DELIVERY, ((*slot, *span) for slot, span in sorted(days.items())))
    names = {name for name, _ in delivered}
    return _not_free(db, names | set(map(_domain, names)))


def _not_free(db: sqlite3.Connection, names: set[str]) -> set[str]:
    """Those of *names* that are held or suppressed: only to them does a delivery make a difference, it never takes freedom."""
    by_id = {rows.id_of(name): name for name in names}
    ids = list(by_id)
    found: set[str] = set()
    for i in range(0, len(ids), rows.IN):
        some = ids[i : i + rows.IN]
        sql = f"SELECT address FROM state WHERE address IN ({','.join('?' * len(some))})"  # noqa: S608
        found.update(by_id[who] for (who,) in db.execute(sql, some))
    return found


def _is_known_undated(db: sqlite3.Connection, name: str, entry: Entry) -> bool:
    """An event without a time of its own is filed under its batch's; read again, it must be found by its content."""
    if entry.report.at is not None:
        return False
    sql = "SELECT 1 FROM event WHERE address = ? AND digest = ?"
    return db.execute(sql, (rows.id_of(name), _digest(entry))).fetchone() is not None


def _digest(entry: Entry) -> int:
    return int.from_bytes(entry.key[:8], signed=True)


def _domain(name: str) -> str:
    return f"@{name.rpartition('@')[2]}"
