"""How many Decisions there are of each kind, and pages of them, the latest first.

Decisions without an end are counted as they are stored; those that end are few, and counted by an
index when somebody looks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Any

from bouncewise.ledger import rows
from bouncewise.ledger.database import Database, Row
from bouncewise.ledger.tally_records import Shown, StatePlace, StateTally
from bouncewise.model import Cause, Decision
from bouncewise.times import micros

SCANNED = 20_000
"""Addresses of a domain that one page of its Decisions looks at."""

_CAUSES = frozenset(cause.value for cause in Cause)
_UNTIL = 7  # in the rows of table state


def count(database: Database, states: Iterable[Row]) -> None:
    """Add Decisions to the counts: rows of table state."""
    _add(database, Counter((r[4], r[1], r[5] or r[9], r[11]) for r in states if r[_UNTIL] is None))


def uncount(database: Database, numbers: Sequence[int]) -> set[int]:
    """Subtract the Decisions on names, before they are removed; which names have any."""
    found = list(database.by_ids("tally_state_of", numbers))
    counts = Counter(tuple(row[1:5]) for row in found if row[5])
    _add(database, Counter({key: -number for key, number in counts.items()}))
    return {row[0] for row in found}


def _add(database: Database, counts: Counter[tuple[Any, ...]]) -> None:
    changes = [(*key, number) for key, number in sorted(counts.items()) if number]
    database.many("tally_state_add", changes)
    if any(row[-1] < 0 for row in changes):
        database.run("tally_state_prune")


class StateTallies:
    """See the module."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def counts(self, now: datetime) -> list[StateTally]:
        """The Decisions in force at *now*, by kind."""
        return [StateTally(*row) for row in self._db.all("tally_states", now=micros(now))]

    def begun(self, state: str, cause: str, since: datetime, now: datetime) -> int:
        """How many Decisions of one kind began from then to *now*."""
        span = {"since": micros(since), "now": micros(now)}
        found = self._db.one("state_begun", state=state, **_kind(cause), **span)
        return int(found[0]) if found else 0

    def newest(
        self, kinds: Iterable[tuple[str, str]], after: StatePlace | None, most: int, now: datetime
    ) -> Shown:
        """At most *most* Decisions of these *kinds* (state and cause) in force at *now*, the latest
        first, behind *after*.
        """
        place = after._asdict() if after else dict.fromkeys(StatePlace._fields)
        pages = [
            self._db.all(
                "state_newest", state=state, **_kind(cause), now=micros(now), most=most + 1, **place
            )
            for state, cause in sorted(set(kinds))
        ]
        found = list(islice(merge(*pages, key=_place, reverse=True), most + 1))
        more = len(found) > most
        shown = found[:most]
        return Shown([_decision(row) for row in shown], _place(shown[-1]) if more else None)

    def at_domain(self, domain: str, after: int, now: datetime) -> Shown:
        """Decisions on the addresses at an ``@domain`` behind the id *after*, among the next
        SCANNED addresses; there may be none of them on a page.
        """
        given = {"domain": rows.id_of(domain), "after": after, "scanned": SCANNED}
        last, scanned = self._db.one("address_after", **given) or (None, 0)
        found = self._db.all("state_at_domain", now=micros(now), **given)
        place = StatePlace(0, last, "", "", "") if scanned == SCANNED else None
        return Shown([_decision(row) for row in found], place)


def _kind(cause: str) -> dict[str, str | None]:
    """A cause, or the rule of Decisions that have none, as parameters."""
    is_cause = cause in _CAUSES
    return {"cause": cause if is_cause else None, "rule": None if is_cause else cause}


def _place(row: Row) -> StatePlace:
    return StatePlace(*row[:5])


def _decision(row: Row) -> tuple[str, Decision]:
    since, _, basis, scope, stream, name, state, cause, until, why, rule, by, trust = row
    values = (basis, scope, stream, state, cause, since, until, why, rule, by, trust)
    return name, rows.decision(values)
