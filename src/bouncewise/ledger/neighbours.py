"""What befell others: how many of a domain, or of a receiver, were refused the same way, and came back.

Asked for one case at a time, by people: those about a receiver walk the table of events, and take seconds in a large ledger.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import msgspec
import zstandard

from bouncewise.ledger import rows
from bouncewise.ledger.traffic import SLOT, Traffic
from bouncewise.model import Cause, Verdict

_BLOCK = msgspec.msgpack.Decoder(list[tuple[msgspec.Raw, msgspec.Raw, msgspec.Raw]])
_VERDICT: msgspec.msgpack.Decoder[Verdict | None] = msgspec.msgpack.Decoder(Verdict | None)
_LATELY = 30 * 86_400_000_000
_FATES = (
    "SELECT count(*), coalesce(sum(good), 0), coalesce(sum(back), 0) FROM (SELECT"
    " max(EXISTS(SELECT 1 FROM delivery d WHERE d.address = e.address AND d.first < e.at AND d.last > e.at - :lately)) AS good,"
    " max(EXISTS(SELECT 1 FROM delivery d WHERE d.address = e.address AND d.last > e.at AND d.first <= :known)) AS back"
    " FROM {} WHERE e.address != :self"
    " AND e.kind IN ('failed', 'delayed') AND e.cause = :cause AND e.at >= :since AND e.at <= :until"
    " GROUP BY e.address)"
)
_AT_DOMAIN = _FATES.format("address a JOIN event e ON e.address = a.id AND a.domain = :domain AND a.domain != 0")
_AT_RECEIVER = _FATES.format("(SELECT * FROM event WHERE receiver = :unit) e")


class Fates(NamedTuple):
    """Others refused with the same cause: how many; of them delivered to in the month before; delivered to since."""

    refused: int = 0
    good: int = 0
    back: int = 0


class Span(NamedTuple):
    """A stretch of time, and the last moment of which anything is to be known."""

    since: datetime
    until: datetime
    known: datetime


class Neighbours:
    """Questions to the ledger *db* about others. A unit is a receiver's id or an ``@domain``."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def fates(self, name: str, unit: str, cause: Cause, span: Span) -> Fates:
        """Of the others than *name* at *unit*, those refused with *cause* within *span*."""
        values = {
            "lately": _LATELY, "known": rows.stamp(span.known), "self": rows.id_of(name), "cause": cause,
            "since": rows.stamp(span.since), "until": rows.stamp(span.until), "unit": unit, "domain": rows.id_of(unit),
        }  # fmt: skip
        sql = _AT_DOMAIN if unit.startswith("@") else _AT_RECEIVER
        return Fates(*map(int, self._db.execute(sql, values).fetchone()))

    def delivered(self, unit: str, since: datetime, until: datetime) -> int:
        """Deliveries at *unit* in the slots from *since* to *until*, each address once a day."""
        slots = rows.stamp(since) // SLOT, rows.stamp(until) // SLOT + 1
        return sum(n for _, n in Traffic(self._db).deliveries(unit, *slots))

    def knows_deliveries(self) -> bool:
        """Whether the ledger was ever told of a delivery; if not, that there was none means nothing."""
        return bool(self._db.execute("SELECT EXISTS(SELECT 1 FROM delivery)").fetchone()[0])

    def last_delivery(self, name: str, before: datetime) -> datetime | None:
        """When mail was last delivered to *name*, or anybody of an ``@domain``, before a time."""
        stamp = rows.stamp(before)
        sql = "SELECT CASE WHEN last < ? THEN last ELSE first END FROM delivery WHERE address = ? AND first < ? ORDER BY day DESC"
        found = self._db.execute(f"{sql} LIMIT 1", (stamp, rows.id_of(name), stamp)).fetchone()
        return rows.when(found[0]) if found else None

    def receivers_refusing(self, cause: Cause, span: Span, least: int = 3) -> list[str]:
        """Receivers that refused *least* addresses or more with *cause* within *span*."""
        sql = (
            "SELECT receiver FROM event WHERE cause = ? AND at >= ? AND at <= ? AND kind IN ('failed', 'delayed')"
            " AND receiver != '' GROUP BY receiver HAVING count(DISTINCT address) >= ? ORDER BY receiver"
        )
        values = (cause, rows.stamp(span.since), rows.stamp(span.until), least)
        return [receiver for (receiver,) in self._db.execute(sql, values)]

    def last_refused(self, domain: str, known: datetime) -> str | None:
        """Whose refusal was the last at ``@domain``."""
        sql = (
            "SELECT a.name FROM address a JOIN event e ON e.address = a.id WHERE a.domain = :domain AND a.domain != 0"
            " AND e.at <= :known AND e.kind IN ('failed', 'delayed') AND e.cause IS NOT NULL"
            " ORDER BY e.at DESC, a.name LIMIT 1"
        )
        found = self._db.execute(sql, {"domain": rows.id_of(domain), "known": rows.stamp(known)}).fetchone()
        return found and str(found[0])

    def first_delivered(self, names: Iterable[str], known: datetime) -> str | None:
        """The first of *names* that mail was delivered to."""
        sql = "SELECT 1 FROM delivery WHERE address = ? AND first <= ? LIMIT 1"
        stamp = rows.stamp(known)
        return next((name for name in names if self._db.execute(sql, (rows.id_of(name), stamp)).fetchone()), None)

    def verdict(self, name: str, at: datetime) -> Verdict | None:
        """The verdict on a refusal as first judged, without its phrases; None where the ledger has no such event."""
        sql = (
            "SELECT b.data, e.item FROM event e JOIN block b ON b.id = e.block"
            " WHERE e.address = ? AND e.at = ? AND e.cause IS NOT NULL"
        )
        found = self._db.execute(sql, (rows.id_of(name), rows.stamp(at))).fetchone()
        if found is None:
            return None
        kept = _BLOCK.decode(zstandard.decompress(found[0]))
        return _VERDICT.decode(kept[found[1]][2])
