"""How much arrived where, in slots of ten minutes: what tells one departed colleague from a receiver's bad day.

A unit is a receiver's id, "" for all hosts that are no known receiver's, or an ``@domain``. Deliveries are counted as they
come in, each address once a day; flips (refusals as dead of addresses that were good lately) are found among the events.
Incidents are derived from both and can be again.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple, TypeVar

from bouncewise.ledger import rows
from bouncewise.ledger.rulings import Rulings
from bouncewise.model import Cause, Incident

T = TypeVar("T")

SLOT = 600_000_000
"""Microseconds of a slot; policy/incidents.py counts in them."""

_DAY = 86_400_000_000


def units(name: str, receiver: str, cause: str | None) -> list[str]:
    """Whose neighbours speak of a refusal: the domain's, and the receiver's unless each of its tenants has a directory."""
    domain = f"@{name.rpartition('@')[2]}"
    return [domain, receiver] if receiver and cause != "access-denied" else [domain]


def _of(unit: str) -> tuple[str, int | str]:
    """In SQL, as ``units`` has it: the refusals of a unit, and what stands for it there."""
    if unit.startswith("@"):
        return "a.domain = ?", rows.id_of(unit)
    return "e.receiver = ? AND e.cause != 'access-denied'", unit


class Refusals(NamedTuple):
    """By slot, the addresses that flipped there (refused as dead, the first time since a delivery), and those refused again."""

    flipped: dict[int, set[int]]
    again: dict[int, set[int]]


class OfUs(NamedTuple):
    """One receiver's refusals of us for one cause on one day, counted from 1970: addresses, deliveries there, a sample."""

    cause: Cause
    day: int
    receiver: str
    refused: int
    delivered: int
    first: datetime
    last: datetime
    words: str


class Traffic:
    """What a ledger knows of receivers and domains."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.rulings = Rulings(db)

    def first(self) -> int:
        """The first slot that anything is known of; 0 where nothing is."""
        return self._span("heard", (0, 0))[0]

    def latest(self) -> int:
        """The last slot that anything is known of."""
        return self._span("heard", (0, 0))[1]

    def _span(self, name: str, nothing: T) -> tuple[int, int] | T:
        found = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        if found is None:
            return nothing
        first, last = found[0].split()
        return int(first), int(last)

    def _widen(self, name: str, first: int, last: int) -> None:
        before = self._span(name, (first, last))
        span = f"{min(first, before[0])} {max(last, before[1])}"
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, span))

    def deliveries(self, unit: str, since: int, until: int) -> list[tuple[int, int]]:
        """(slot, delivered) of a unit from *since* to before *until*."""
        sql = "SELECT slot, delivered FROM traffic WHERE unit = ? AND slot >= ? AND slot < ? AND delivered > 0 ORDER BY slot"
        return [(int(s), int(n)) for s, n in self._db.execute(sql, (unit, since, until))]

    def refusals(self, since: int, until: int, good: int) -> dict[str, Refusals]:
        """By unit, the refusals as dead from slot *since* to before *until*, of addresses good within *good* slots before."""
        sql = (
            "WITH good AS (SELECT e.address, e.at, e.cause, e.receiver, (SELECT max(iif(d.last < e.at, d.last, d.first))"
            " FROM delivery d WHERE d.address = e.address AND d.first < e.at) AS delivered FROM event e"
            " WHERE e.advice = 'suppress-address' AND e.kind = 'failed' AND e.at >= ? AND e.at < ?)"
            " SELECT g.address, g.at, g.cause, g.receiver, a.name, EXISTS (SELECT 1 FROM event p WHERE p.address = g.address"
            " AND p.at < g.at AND p.at >= g.delivered AND p.advice = 'suppress-address' AND p.kind = 'failed')"
            " FROM good g JOIN address a ON a.id = g.address WHERE g.delivered > g.at - ? ORDER BY g.at"
        )
        found: dict[str, Refusals] = {}
        for who, at, cause, receiver, name, again in self._db.execute(sql, (since * SLOT, until * SLOT, good * SLOT)):
            for unit in units(name, receiver, cause):
                found.setdefault(unit, Refusals({}, {}))[again].setdefault(at // SLOT, set()).add(who)
        return found

    def refusals_of_us_at(self, units: Collection[str], since: int, until: int) -> dict[str, Counter[int]]:
        """Of each unit, by slot, how many of its addresses were refused for the sender's or the message's sake."""
        wanted = {rows.id_of(unit) if unit.startswith("@") else unit: Counter[int]() for unit in units}
        sql = (
            "SELECT e.at / ?, e.receiver, a.domain, count(DISTINCT e.address) FROM event e JOIN address a ON a.id = e.address"
            " WHERE e.advice IN ('fix-sender', 'fix-message') AND e.kind = 'failed' AND e.at >= ? AND e.at < ? GROUP BY 1, 2, 3"
        )
        for slot, *unit, n in self._db.execute(sql, (SLOT, since * SLOT, until * SLOT)):
            for one in unit:
                if one in wanted:
                    wanted[one][slot] += n
        return dict(zip(units, wanted.values(), strict=True))

    def strangers(self, since: int, until: int, least: int) -> dict[str, dict[int, int]]:
        """By ``@domain`` and slot, of addresses refused as dead where nobody was ever delivered to: how many for the first time.

        Of domains with *least* such addresses before slot *until*, one of them from *since* on; of none where the ledger is told
        of no deliveries at all.
        """
        if not self._db.execute("SELECT 1 FROM delivery LIMIT 1").fetchone():
            return {}
        dead = "e.advice = 'suppress-address' AND e.kind = 'failed'"
        unheard = "NOT EXISTS (SELECT 1 FROM delivery d WHERE d.address = a.domain AND d.first < e.at)"
        sql = (
            "WITH new AS (SELECT DISTINCT a.domain AS domain FROM event e JOIN address a ON a.id = e.address"
            f" WHERE a.domain != 0 AND {dead} AND e.at >= :since AND e.at < :until AND {unheard})"
            " SELECT a.name, e.at / :slot FROM new CROSS JOIN address a ON a.domain = new.domain AND a.domain != 0"
            f" CROSS JOIN event e ON e.address = a.id WHERE {dead} AND e.at < :until AND {unheard} ORDER BY e.at"
        )
        found: dict[str, dict[int, int]] = {}
        met: set[str] = set()
        for name, slot in self._db.execute(sql, {"since": since * SLOT, "until": until * SLOT, "slot": SLOT}):
            slots = found.setdefault(f"@{name.rpartition('@')[2]}", {})
            slots[slot] = slots.get(slot, 0) + (name not in met)
            met.add(name)
        return {unit: slots for unit, slots in found.items() if sum(slots.values()) >= least}

    def refused(self, since: int, until: int, unit: str) -> list[str]:
        """Names refused as dead at *unit* in the slots from *since* to before *until*, by name."""
        which, own = _of(unit)
        sql = (
            "SELECT DISTINCT a.name FROM event e JOIN address a ON a.id = e.address"
            f" WHERE e.advice = 'suppress-address' AND e.at >= ? AND e.at < ? AND {which} ORDER BY a.name"
        )
        found = self._db.execute(sql, (since * SLOT, until * SLOT, own))
        return [name for (name,) in found]

    # ── what is not looked at yet ──────────────────────────────────────────────────────────────────────────

    def touch(self, first: int, last: int) -> None:
        """Remember that evidence came from *first* to *last*, microseconds, and that incidents were not looked for there since.

        A delivery may move what was counted later on its day.
        """
        self._widen("heard", first // SLOT, last // SLOT)
        self._widen("touched", first // SLOT, last // _DAY * (_DAY // SLOT) + _DAY // SLOT - 1)

    def touched(self) -> tuple[int, int] | None:
        """The first and the last such slot; None where all was looked at."""
        return self._span("touched", None)

    def looked(self) -> None:
        """All was looked at."""
        self._db.execute("DELETE FROM meta WHERE name = 'touched'")

    # ── incidents ───────────────────────────────────────────────────────────────────────────────────────────

    def incidents(self) -> list[Incident]:
        """Every incident, as people ruled on it, the latest first."""
        sql = "SELECT unit, opened, closed, recovered, flipped, mailed, usual FROM incident ORDER BY opened DESC, unit"
        return self.rulings.applied(rows.incident(row) for row in self._db.execute(sql))

    def put(self, found: list[Incident], since: datetime, until: datetime) -> None:
        """The incidents that opened from *since* to before *until*, in the place of what stood there."""
        self._db.execute(
            "DELETE FROM incident WHERE opened >= ? AND opened < ?", (rows.stamp(since), rows.stamp(until))
        )
        new = map(rows.incident_row, found)
        self._db.executemany("INSERT OR REPLACE INTO incident VALUES (?, ?, ?, ?, ?, ?, ?)", new)

    def said(self, since: int, until: int, unit: str, most: int) -> list[str]:
        """What *unit* said when it refused addresses as dead, the commonest *most* first."""
        which, own = _of(unit)
        sql = (
            "SELECT e.words FROM event e JOIN address a ON a.id = e.address WHERE e.advice = 'suppress-address'"
            f" AND e.at >= ? AND e.at < ? AND {which} GROUP BY e.words ORDER BY count(*) DESC, e.words LIMIT ?"
        )
        return [words for (words,) in self._db.execute(sql, (since * SLOT, until * SLOT, own, most))]

    def refusals_of_us(self, since: datetime, least: int) -> list[OfUs]:
        """Where and when receivers refused the sender or message, for *least* addresses a day; by cause and day."""
        sql = (
            "SELECT e.cause, e.at / 86400000000 AS day, e.receiver, count(DISTINCT e.address) AS n,"
            " coalesce((SELECT sum(delivered) FROM traffic t WHERE t.unit = e.receiver AND t.slot / 144 = e.at / 86400000000), 0)"
            ", min(e.at), max(e.at), max(e.words) FROM event e"
            " WHERE e.advice IN ('fix-sender', 'fix-message') AND e.kind = 'failed' AND e.at >= ?"
            " GROUP BY day, e.receiver, e.cause HAVING n >= ? ORDER BY e.cause, day, n DESC"
        )
        found = self._db.execute(sql, (rows.stamp(since), least))
        return [
            OfUs(Cause(cause), day, receiver, refused, delivered, rows.when(first), rows.when(last), words)
            for cause, day, receiver, refused, delivered, first, last, words in found
        ]
