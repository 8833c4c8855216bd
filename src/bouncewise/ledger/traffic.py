"""How much arrived where, hour by hour: what tells one departed colleague from a receiver's bad day.

A unit is a receiver's id or an ``@domain``. Deliveries are counted as they come in, each address once a day; flips (refusals as
dead of addresses that were good lately) are found among the events. Incidents are derived from both and can be again.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable

HOUR = 3_600_000_000
_COUNT = "INSERT INTO traffic VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET delivered = delivered + excluded.delivered"


def count(db: sqlite3.Connection, delivered: Iterable[tuple[str, int]]) -> None:
    """Add deliveries, (unit, time) each."""
    hours = Counter((unit, at // HOUR) for unit, at in delivered if unit)
    db.executemany(_COUNT, ((unit, hour, n) for (unit, hour), n in sorted(hours.items())))


def latest(db: sqlite3.Connection) -> int:
    """The last hour that anything is known of."""
    hour = db.execute("SELECT max(hour) FROM traffic").fetchone()[0] or 0
    at = db.execute("SELECT max(at) FROM event WHERE advice = 'suppress-address'").fetchone()[0] or 0
    return max(int(hour), int(at) // HOUR)


def flips(db: sqlite3.Connection, since: int, good: int) -> dict[str, dict[int, set[int]]]:
    """By unit and hour, the addresses that flipped from *since* on: refused as dead within *good* hours of a delivery."""
    sql = (
        "SELECT e.address, e.at, e.cause, e.receiver, a.name FROM event e JOIN address a ON a.id = e.address"
        " WHERE e.advice = 'suppress-address' AND e.kind = 'failed' AND e.at >= ? AND EXISTS"
        " (SELECT 1 FROM delivery d WHERE d.address = e.address AND d.first < e.at AND d.last > e.at - ?) ORDER BY e.at"
    )
    found: dict[str, dict[int, set[int]]] = {}
    for who, at, cause, receiver, name in db.execute(sql, (since * HOUR, good * HOUR)):
        for unit in units(name, receiver, cause):
            found.setdefault(unit, {}).setdefault(at // HOUR, set()).add(who)
    return found


def units(name: str, receiver: str, cause: str | None) -> list[str]:
    """Whose neighbours speak of a refusal: the domain's, and the receiver's unless each of its tenants has a directory."""
    domain = f"@{name.rpartition('@')[2]}"
    return [domain, receiver] if receiver and cause != "access-denied" else [domain]


def deliveries(db: sqlite3.Connection, unit: str, since: int, until: int = 1 << 40) -> list[tuple[int, int]]:
    """(hour, delivered) of a unit from *since* to before *until*."""
    sql = "SELECT hour, delivered FROM traffic WHERE unit = ? AND hour >= ? AND hour < ? ORDER BY hour"
    return [(int(h), int(n)) for h, n in db.execute(sql, (unit, since, until))]


def refused(db: sqlite3.Connection, unit: str, since: int, until: int) -> list[str]:
    """Names refused as dead at *unit* in the hours from *since* to *until*, by name."""
    sql = (
        "SELECT DISTINCT a.name, e.receiver, e.cause FROM event e JOIN address a ON a.id = e.address"
        " WHERE e.advice = 'suppress-address' AND e.at >= ? AND e.at < ? ORDER BY a.name"
    )
    found = db.execute(sql, (since * HOUR, (until + 1) * HOUR))
    return [name for name, receiver, cause in found if unit in units(name, receiver, cause)]


def refusals_of_us(db: sqlite3.Connection, since: int, least: int) -> list[tuple[int, str, str, int, int, str]]:
    """(day, receiver, cause, addresses, delivered there that day, sample) where a receiver refused the sender or message."""
    sql = (
        "SELECT e.at / 86400000000 AS day, e.receiver, e.cause, count(DISTINCT e.address) AS n, coalesce((SELECT sum(delivered)"
        " FROM traffic t WHERE t.unit = e.receiver AND t.hour / 24 = e.at / 86400000000), 0), max(e.words) FROM event e"
        " WHERE e.advice IN ('fix-sender', 'fix-message') AND e.receiver != '' AND e.at >= ?"
        " GROUP BY day, e.receiver, e.cause HAVING n >= ? ORDER BY day DESC, n DESC"
    )
    return list(db.execute(sql, (since * HOUR, least)))
