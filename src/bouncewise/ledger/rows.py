"""Between nouns and rows: names, events, decisions and incidents as the tables hold them."""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from bouncewise.model import Advice, Cause, Decision, Event, Incident, Kind, Scope, State
from bouncewise.times import Micros, datetime_of, micros

Row = tuple[Any, ...]


def new_id(name: str) -> int:
    """The number of a normalised address or ``@domain``: 64 bits, signed."""
    return int.from_bytes(
        hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), signed=True
    )


id_of = lru_cache(maxsize=1 << 16)(new_id)
"""The same, remembered for names that recur."""


def domain_of(name: str) -> str:
    """The ``@domain`` of a normalised address; of an ``@domain`` itself."""
    return f"@{name.rpartition('@')[2]}"


def address_row(name: str) -> Row:
    """The row of table address for a normalised address or an ``@domain``."""
    return (id_of(name), name, id_of(domain_of(name)) if not name.startswith("@") else 0)


def event(row: Sequence[Any]) -> Event:
    """An Event from (at, kind, cause, advice, rule, words, receiver)."""
    at, kind, cause, advice, rule, words, receiver = row
    return Event(
        at=datetime_of(at),
        kind=kind,
        cause=Cause(cause) if cause else None,
        advice=Advice(advice) if advice else None,
        rule=rule,
        words=words,
        receiver=receiver,
    )


def act(row: Sequence[Any]) -> Event:
    """An Event from (at, kind, cause, scope, until, why, by)."""
    at, kind, cause, scope, until, why, by = row
    return Event(
        at=datetime_of(at),
        kind=kind,
        cause=Cause(cause) if cause else None,
        scope=Scope(scope),
        words=why,
        by=by,
        rule="manual",
        until=None if until is None else datetime_of(until),
    )


def delivery(at: Micros) -> Event:
    """A delivery at that time."""
    return Event(at=datetime_of(at), kind=Kind.DELIVERED)


def last_in_row(deliveries: list[Micros], others: list[Micros]) -> set[Micros]:
    """Of *deliveries*, those that are the last before one of the *others*, at the time of one,
    or the last of all.
    """
    ordered = sorted(deliveries)
    kept = set(ordered[-1:])
    for at in others:
        before = bisect_left(ordered, at)
        kept.update(ordered[max(0, before - 1) : bisect_right(ordered, at)])
    return kept


def decision(row: Sequence[Any]) -> Decision:
    """A Decision from (state, cause, scope, since, until, why, rule, by)."""
    state, cause, scope, since, until, why, rule, by = row
    return Decision(
        state=State(state),
        cause=Cause(cause) if cause else None,
        scope=Scope(scope),
        since=datetime_of(since),
        until=None if until is None else datetime_of(until),
        why=why,
        rule=rule,
        by=by,
    )


def state_row(address: int, d: Decision) -> Row:
    """The row of table state for a Decision that is not OK."""
    since = micros(d.since) if d.since else 0
    return (
        address,
        d.state,
        d.cause,
        d.scope,
        since,
        micros(d.until) if d.until else None,
        d.why,
        d.rule,
        d.by,
    )


def incident(row: Sequence[Any]) -> Incident:
    """An Incident from (destination, opened, closed, recovered, newly_refused, mailed,
    baseline_rate).
    """
    destination, opened, closed, recovered, newly_refused, mailed, baseline_rate = row
    return Incident(
        destination=destination,
        opened=datetime_of(opened),
        closed=None if closed is None else datetime_of(closed),
        recovered=bool(recovered),
        newly_refused=newly_refused,
        mailed=mailed,
        baseline_rate=baseline_rate,
    )


def incident_row(i: Incident) -> Row:
    """The row of table incident."""
    closed = None if i.closed is None else micros(i.closed)
    return (
        i.destination,
        micros(i.opened),
        closed,
        int(i.recovered),
        i.newly_refused,
        i.mailed,
        i.baseline_rate,
    )
