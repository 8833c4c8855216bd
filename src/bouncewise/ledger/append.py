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
from bouncewise.ledger.traffic import SLOT, Traffic
from bouncewise.model import Advice, Kind, Report, Verdict
from bouncewise.rfc import address

MAX_EVIDENCE = 256 * 1024
"""Octets of raw evidence kept of one message: the bounce and the head of what it returned."""

_EVENT = "INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

# The deliveries of one transaction: by day the first and the last, and of an address the receiver of the first; the names of
# their domains; and whom the ledger knows to have had some on such a day, with the later of the two firsts.
_TABLES = (
    "CREATE TEMP TABLE IF NOT EXISTS came (address INTEGER, day INTEGER, first INTEGER, last INTEGER, receiver TEXT,"
    " domain INTEGER, PRIMARY KEY (address, day)) WITHOUT ROWID",
    "CREATE TEMP TABLE IF NOT EXISTS named (id INTEGER PRIMARY KEY, name TEXT)",
    "CREATE TEMP TABLE IF NOT EXISTS later (domain INTEGER, first INTEGER, receiver TEXT)",
)
_ONCE_A_DAY = (
    " ON CONFLICT DO UPDATE SET"
    " receiver = iif((excluded.first, excluded.receiver) < (first, receiver), excluded.receiver, receiver),"
    " first = min(first, excluded.first), last = max(last, excluded.last)"
)
_ADDRESSES = f"INSERT INTO came VALUES (?1, ?2, ?3, ?3, ?4, ?5){_ONCE_A_DAY}"
_NAMES = "INSERT OR IGNORE INTO named VALUES (?, ?)"
# An address counts once a day where its first delivery was: of two firsts the later does not count, or no more.
_LATER = (
    "INSERT INTO later SELECT c.domain, max(c.first, d.first),"
    " iif((c.first, c.receiver) < (d.first, d.receiver), d.receiver, c.receiver) FROM came c JOIN delivery d USING (address, day)"
)
_COUNTS = (
    "SELECT {0} AS unit, first / :slot AS slot, 1 AS n FROM came UNION ALL SELECT {0}, first / :slot, -1 FROM later"
)
_SUM = "SELECT unit, slot, sum(n) AS n FROM ({}) GROUP BY unit, slot"
_MORE = " ON CONFLICT DO UPDATE SET delivered = delivered + excluded.delivered"
_AT_RECEIVERS = f"INSERT INTO traffic {_SUM.format(_COUNTS.format('receiver'))}{_MORE}"
_AT_DOMAINS = (
    "INSERT INTO traffic SELECT name, slot, n"
    f" FROM ({_SUM.format(_COUNTS.format('domain'))}) JOIN named ON named.id = unit WHERE true{_MORE}"
)
_WHOLE_DOMAINS = "INSERT INTO came SELECT domain, day, min(first), max(last), '', 0 FROM came GROUP BY domain, day"
_DELIVERY = f"INSERT INTO delivery SELECT address, day, first, last, receiver FROM came WHERE true{_ONCE_A_DAY}"

Delivery = tuple[str, int, str]
"""A delivery's normalised address, time and receiver. Most entries are one, and pass between processes: nothing is cheaper."""


class Told(NamedTuple):
    """What is no delivery: whom and when it is about, its content's number, and msgpack of report, raw and verdict.

    ``undated``: it tells no time, and ``at`` is when it was read; ``meaning`` is what ``meaning`` gives.
    """

    name: str
    at: int
    undated: bool
    digest: int
    meaning: tuple[Any, ...]
    packed: bytes


Entry = Delivery | Told
"""One finding on its way into the ledger. Times are microseconds since 1970."""


def entry(report: Report, verdict: Verdict | None, raw: bytes, key: bytes, receiver: str, began: int) -> Entry:
    """What the ledger is to know of a report. *key*: the same for the same event wherever it is read; *began*: for a time."""
    name = address.normalise(report.recipient)
    at = rows.stamp(report.at) if report.at else began
    if report.kind is Kind.DELIVERED:
        return (name, at, receiver)
    # A rule may have hundreds of phrases, the same each time; the one that decided is among the words of the meaning.
    judged = msgspec.structs.replace(verdict, phrases=()) if verdict else None
    packed = msgspec.msgpack.encode([report, raw[:MAX_EVIDENCE], judged])
    number = int.from_bytes(key[:8], signed=True)
    return Told(name, at, report.at is None, number, meaning(report, verdict), packed)


def append(db: sqlite3.Connection, batch: int, entries: list[Entry]) -> int:
    """Write *entries* inside the open transaction of *db*: how many events were new. Whose state may change is pending."""
    told = [e for e in entries if isinstance(e, Told) and e.name]
    came = [e for e in entries if not isinstance(e, Told) and e[0]]
    if came:
        _deliveries(db, came)
    new = _events(db, batch, [t for t in told if not _is_known_undated(db, t)])
    if times := [t.at for t in told] + [at for _, at, _ in came]:
        rows.reach(db, max(times))
        Traffic(db).touch(min(times), max(times))
    return new


def _events(db: sqlite3.Connection, batch: int, told: list[Told]) -> int:
    if not told:
        return 0
    packed = msgspec.msgpack.encode([msgspec.Raw(t.packed) for t in told])
    block = db.execute(
        "INSERT INTO block (batch, data) VALUES (?, ?)", (batch, zstandard.compress(packed, 3))
    ).lastrowid
    said = [(t.name, (t.at, t.digest, *t.meaning, block, item)) for item, t in enumerate(told)]
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
    kind = report.kind.value
    if v is None:
        return (kind, None, None, "", kind, "")
    code = " ".join(str(c) for c in (v.reply_code, v.status) if c)
    words = f"{code} {v.evidence}".strip()[:200]
    return (kind, v.cause.value, v.advice.value, v.rule, words, v.receiver or "")


def _deliveries(db: sqlite3.Connection, came: list[Delivery]) -> None:
    """Of each day's deliveries to an address, and to its domain, the first and the last.

    Only to the state of what is held or suppressed does a delivery make a difference: it never takes freedom.
    """
    for table in _TABLES:
        db.execute(table)
    domains: dict[int, str] = {}
    lines = []
    for name, at, receiver in came:
        domain = _domain(name)
        there = rows.id_of(domain)
        domains[there] = domain
        lines.append((rows.new_id(name), rows.day_of(at), at, receiver, there))
    lines.sort()  # a tree takes twice as fast what comes in order
    db.executemany(_ADDRESSES, lines)
    db.executemany(_NAMES, domains.items())
    db.execute(_LATER)
    db.execute(_AT_RECEIVERS, {"slot": SLOT})
    db.execute(_AT_DOMAINS, {"slot": SLOT})
    db.execute(_WHOLE_DOMAINS)
    db.execute(_DELIVERY)
    db.execute(pending.ADD_NOT_FREE)
    for table in ("came", "named", "later"):
        db.execute(f"DELETE FROM {table}")


def _is_known_undated(db: sqlite3.Connection, told: Told) -> bool:
    """An event without a time of its own is filed under its batch's; read again, it must be found by its content."""
    if not told.undated:
        return False
    sql = "SELECT 1 FROM event WHERE address = ? AND digest = ?"
    return db.execute(sql, (rows.id_of(told.name), told.digest)).fetchone() is not None


def _domain(name: str) -> str:
    return f"@{name.rpartition('@')[2]}"
