"""What befell others: how many of a domain, or of a receiver, were refused the same way, and came back.

Asked for one case at a time, by people: these walk the table of addresses, or of events, and take seconds in a large ledger.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
import zstandard

from bouncewise.ledger import rows
from bouncewise.model import Report, Verdict

_LATELY = 30 * 86_400_000_000
_FATES = (
    "SELECT e.address AS who, max(EXISTS(SELECT 1 FROM delivery d WHERE d.address = e.address AND d.first < e.at AND d.last > e.at - ?))"
    " AS good, max(EXISTS(SELECT 1 FROM delivery d WHERE d.address = e.address AND d.last > e.at AND d.first <= ?)) AS back"
    " FROM {}event e WHERE {} AND e.address != ? AND e.kind IN ('failed', 'delayed') AND e.cause = ? AND e.at >= ? AND e.at <= ?"
    " GROUP BY e.address"
)


class Fates(NamedTuple):
    """Others refused with the same cause: how many; of them delivered to in the month before; delivered to since."""

    refused: int
    good: int
    back: int


def at_domain(db: sqlite3.Connection, name: str, domain: str, cause: str, since: int, until: int, known: int) -> Fates:
    """Of the others at ``@domain``, those refused with *cause* between two stamps; *known*: the last stamp looked at."""
    where = "substr(a.name, ?) = ? AND a.name != ?"
    sql = _FATES.format("address a JOIN ", f"a.id = e.address AND {where}").replace("event e WHERE", "event e ON")
    sql = f"SELECT count(*), coalesce(sum(good), 0), coalesce(sum(back), 0) FROM ({sql})"  # noqa: S608
    values = (_LATELY, known, -len(domain), domain, domain, rows.id_of(name), cause, since, until)
    return Fates(*map(int, db.execute(sql, values).fetchone()))


def at_receiver(
    db: sqlite3.Connection, name: str, receiver: str, cause: str, since: int, until: int, known: int
) -> Fates:
    """The same of a receiver's."""
    sql = f"SELECT count(*), coalesce(sum(good), 0), coalesce(sum(back), 0) FROM ({_FATES.format('', 'e.receiver = ?')})"  # noqa: S608
    values = (_LATELY, known, receiver, rows.id_of(name), cause, since, until)
    return Fates(*map(int, db.execute(sql, values).fetchone()))


def receivers_refusing(db: sqlite3.Connection, cause: str, since: int, until: int, least: int) -> list[str]:
    """Receivers that refused *least* addresses or more with *cause* between two stamps."""
    sql = (
        "SELECT receiver FROM event WHERE cause = ? AND at >= ? AND at <= ? AND kind IN ('failed', 'delayed') AND receiver != ''"
        " GROUP BY receiver HAVING count(DISTINCT address) >= ? ORDER BY receiver"
    )
    return [receiver for (receiver,) in db.execute(sql, (cause, since, until, least))]


def last_refused_at(db: sqlite3.Connection, domain: str, until: int) -> str | None:
    """Whose refusal was the last at ``@domain``."""
    sql = (
        "SELECT a.name FROM address a JOIN event e ON e.address = a.id WHERE substr(a.name, ?) = ? AND a.name != ? AND e.at <= ?"
        " AND e.kind IN ('failed', 'delayed') AND e.cause IS NOT NULL ORDER BY e.at DESC, a.name LIMIT 1"
    )
    found = db.execute(sql, (-len(domain), domain, domain, until)).fetchone()
    return found and str(found[0])


def delivered_to(db: sqlite3.Connection, names: Iterable[str], until: int) -> str | None:
    """The first of *names* that mail was delivered to."""
    sql = "SELECT 1 FROM delivery WHERE address = ? AND first <= ? LIMIT 1"
    return next((name for name in names if db.execute(sql, (rows.id_of(name), until)).fetchone()), None)


def verdict_on(db: sqlite3.Connection, name: str, at: int) -> Verdict | None:
    """The whole verdict on a refusal, from the raw evidence; None where the ledger has no such event."""
    sql = "SELECT b.data, e.item FROM event e JOIN block b ON b.id = e.block WHERE e.address = ? AND e.at = ? AND e.cause IS NOT NULL"
    found = db.execute(sql, (rows.id_of(name), at)).fetchone()
    if found is None:
        return None
    kept: list[Any] = msgspec.msgpack.decode(zstandard.decompress(found[0]), type=list[tuple[Report, bytes, Verdict | None]])
    verdict: Verdict | None = kept[found[1]][2]
    return verdict
