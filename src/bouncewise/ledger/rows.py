"""Between nouns and rows: names, events, decisions and incidents as the tables hold them."""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache, wraps
from typing import Any, TypeVar

from bouncewise.errors import LedgerError
from bouncewise.model import (
    Advice,
    Basis,
    Cause,
    Channel,
    Decision,
    Event,
    Incident,
    Kind,
    Proof,
    Scope,
    State,
    Trust,
)
from bouncewise.times import Micros, datetime_of, micros

FIRST_ID = -(1 << 63)
"""What comes before every id of a name."""

Row = tuple[Any, ...]
T = TypeVar("T")

DATED, UNDATED, ASSUMED_YEAR = range(3)
"""Whether an event has a time of its own; the last: its source states no year."""


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


def key_of(text: str) -> int:
    """The number of a Message-ID, a queue id, a host or a mailing: 47 bits, never 0."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).digest()
    return (int.from_bytes(digest) >> 1) or 1


def _readable(read: Callable[[Sequence[Any]], T]) -> Callable[[Sequence[Any]], T]:
    """*read*, whose errors about values that cannot be are LedgerErrors."""

    @wraps(read)
    def checked(row: Sequence[Any]) -> T:
        try:
            return read(row)
        except (ValueError, TypeError, OverflowError) as bad:
            raise LedgerError(
                f"the ledger is damaged: {bad}. Restore a copy, or build it anew by `bouncewise "
                "ingest`."
            ) from None

    return checked


def _time(at: int | None) -> datetime | None:
    return None if at is None else datetime_of(Micros(at))


@_readable
def event(row: Sequence[Any]) -> Event:
    """An Event from the columns of query event_history, without the address."""
    at, kind, cause, advice, rule, words, receiver, channel, proof, trust, *rest = row
    meant, about, undated, message, queue, sent, mailed, arrived, stream, campaign = rest
    return Event(
        at=datetime_of(at),
        kind=kind,
        cause=Cause(cause) if cause else None,
        advice=Advice(advice) if advice else None,
        rule=rule,
        words=words,
        receiver=receiver,
        channel=Channel(channel),
        proof=Proof(proof),
        trust=Trust(trust),
        meant=bool(meant),
        about=about,
        undated=undated == UNDATED,
        message=message,
        queue=queue,
        sent=_time(sent),
        mailed=_time(mailed),
        arrived=_time(arrived),
        stream=stream,
        campaign=campaign,
    )


@_readable
def act(row: Sequence[Any]) -> Event:
    """An Event from (at, kind, cause, scope, until, why, by, stream, imports)."""
    at, kind, cause, scope, until, why, by, stream, imports = row
    return Event(
        at=datetime_of(at),
        kind=kind,
        cause=Cause(cause) if cause else None,
        scope=Scope(scope),
        words=why,
        by=by,
        rule="manual",
        until=_time(until),
        stream=stream,
        imports=tuple(map(int, imports.split())),
    )


@_readable
def carried(row: Sequence[Any]) -> Event:
    """An Event from (at, state, cause, since, until, why, rule)."""
    at, state, cause, since, until, why, rule = row
    decided = Decision(
        state=State(state),
        cause=Cause(cause) if cause else None,
        since=datetime_of(since),
        until=_time(until),
        why=why,
        rule=rule,
        trust=Trust.INHERITED,
    )
    return Event(at=datetime_of(at), kind="carried", words=why, rule=rule, carried=decided)


def delivery(at: Micros, relay: int = 0) -> Event:
    """A delivery at that time."""
    return Event(at=datetime_of(at), kind=Kind.DELIVERED, relay=relay)


def last_in_row(deliveries: Iterable[Micros], others: list[Micros]) -> set[Micros]:
    """Of *deliveries*, those that are the last before one of the *others*, at the time of one,
    or the last of all.
    """
    ordered = sorted(deliveries)
    kept = set(ordered[-1:])
    for at in others:
        before = bisect_left(ordered, at)
        kept.update(ordered[max(0, before - 1) : bisect_right(ordered, at)])
    return kept


@_readable
def decision(row: Sequence[Any]) -> Decision:
    """A Decision from the columns of table state, without the address."""
    basis, scope, stream, state, cause, since, until, why, rule, by, trust = row
    return Decision(
        state=State(state),
        cause=Cause(cause) if cause else None,
        scope=Scope(scope),
        since=datetime_of(since),
        until=_time(until),
        why=why,
        rule=rule,
        by=by,
        basis=Basis(basis),
        stream=stream,
        trust=Trust(trust),
    )


def state_row(address: int, d: Decision) -> Row:
    """The row of table state for a Decision that is not OK."""
    return (
        address,
        d.basis,
        d.scope,
        d.stream,
        d.state,
        d.cause,
        micros(d.since) if d.since else 0,
        micros(d.until) if d.until else None,
        d.why,
        d.rule,
        d.by,
        d.trust,
    )


@_readable
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
