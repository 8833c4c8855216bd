"""Between nouns and rows: times, addresses, events and decisions as SQLite holds them."""

from __future__ import annotations

import hashlib
import sqlite3
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from bouncewise.model import Advice, Cause, Decision, Event, Incident, Kind, Scope, State

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400_000_000

IN = 500
"""Names asked for in one SELECT."""


def stamp(when: datetime) -> int:
    """Microseconds since 1970."""
    since = when - _EPOCH
    return since.days * _DAY + since.seconds * 1_000_000 + since.microseconds


def when(stamp_: int) -> datetime:
    """The time of a stamp."""
    return _EPOCH + timedelta(microseconds=stamp_)


def day_of(stamp_: int) -> int:
    """The day of a stamp, counted from 1970."""
    return stamp_ // _DAY


def new_id(name: str) -> int:
    """The number of a normalised address, or of ``@domain``: 64 bits, signed as SQLite's integers are."""
    return int.from_bytes(hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), signed=True)


id_of = lru_cache(maxsize=1 << 16)(new_id)
"""The same of a name that is met again soon."""


def reach(db: sqlite3.Connection, stamp_: int) -> None:
    """Remember that the ledger knows of this time."""
    sql = "INSERT INTO meta VALUES ('latest', ?) ON CONFLICT DO UPDATE SET value = max(CAST(value AS INTEGER), ?)"
    db.execute(sql, (str(stamp_), stamp_))


NEW_ADDRESS = "INSERT OR IGNORE INTO address VALUES (?, ?, ?)"


def address_row(name: str) -> tuple[int, str, int]:
    """The row of table address for a normalised address or an ``@domain``."""
    local, _, domain = name.rpartition("@")
    return (id_of(name), name, id_of(f"@{domain}") if local else 0)


def event(row: Sequence[Any]) -> Event:
    """An Event from (at, kind, cause, advice, rule, words, receiver)."""
    at, kind, cause, advice, rule, words, receiver = row
    return Event(
        at=when(at), kind=kind, cause=Cause(cause) if cause else None, advice=Advice(advice) if advice else None,
        rule=rule, words=words, receiver=receiver,
    )  # fmt: skip


def act(row: Sequence[Any]) -> Event:
    """An Event from (at, kind, cause, scope, until, why, by)."""
    at, kind, cause, scope, until, why, by = row
    return Event(
        at=when(at), kind=kind, cause=Cause(cause) if cause else None, scope=Scope(scope), words=why, by=by,
        rule="manual", until=when(until) if until is not None else None,
    )  # fmt: skip


def delivery(stamp_: int) -> Event:
    """A delivery at that time."""
    return Event(at=when(stamp_), kind=Kind.DELIVERED)


def last_in_row(deliveries: list[int], others: list[int]) -> set[int]:
    """Of *deliveries*, those that stand last before one of the *others*, or beside it, or at the end. All are stamps."""
    ordered = sorted(deliveries)
    kept = set(ordered[-1:])
    for at in others:
        before = bisect_left(ordered, at)
        kept.update(ordered[max(0, before - 1) : bisect_right(ordered, at)])
    return kept


def decision(row: tuple[Any, ...]) -> Decision:
    """A Decision from (state, cause, scope, since, until, why, rule, by)."""
    state, cause, scope, since, until, why, rule, by = row
    return Decision(
        state=State(state), cause=Cause(cause) if cause else None, scope=Scope(scope), since=when(since),
        until=when(until) if until is not None else None, why=why, rule=rule, by=by,
    )  # fmt: skip


def state_row(address: int, d: Decision) -> tuple[Any, ...]:
    """The row of table state for a Decision that is not OK."""
    since = stamp(d.since) if d.since else 0
    return (address, d.state, d.cause, d.scope, since, stamp(d.until) if d.until else None, d.why, d.rule, d.by)


def incident(row: tuple[Any, ...]) -> Incident:
    """An Incident from (unit, opened, closed, recovered, flipped, mailed, usual)."""
    unit, opened, closed, recovered, flipped, mailed, usual = row
    return Incident(
        unit=unit, opened=when(opened), closed=None if closed is None else when(closed), recovered=bool(recovered),
        flipped=flipped, mailed=mailed, usual=usual,
    )  # fmt: skip


def incident_row(i: Incident) -> tuple[Any, ...]:
    """The reverse."""
    return (
        i.unit,
        stamp(i.opened),
        None if i.closed is None else stamp(i.closed),
        i.recovered,
        i.flipped,
        i.mailed,
        i.usual,
    )
