"""Acts of people: a suppression added or removed by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec import structs

from bouncewise.encode import for_storage
from bouncewise.ledger import Store
from bouncewise.ledger.records import Subject
from bouncewise.model import Basis, Decision, Event, State
from bouncewise.operations.decisions import decisions_on, derive
from bouncewise.policy.decide import (
    ADDED,
    OK,
    RELEASED,
    REMOVED,
    awaiting_probe,
    in_force,
    strictest,
)
from bouncewise.policy.load import Policy
from bouncewise.policy.standing import standing


def record(names: Iterable[str], act: Event, ledger: Store, policy: Policy) -> int:
    """Store an act on normalised *names* and derive what follows; how many of the acts are new."""
    names = list(names)
    act = structs.replace(act, words=for_storage(act.words), by=for_storage(act.by))
    with ledger.change():
        new = sum(ledger.act(name, act) for name in names)
        if names and act.kind in (ADDED, REMOVED, RELEASED):  # (not what programs report)
            subject = Subject(names[0] if len(names) == 1 else "", len(names))
            ledger.audit.add(act.kind, (act.by, act.words), act.at, subject)
        derive(ledger, policy, names)
    return new


def effective_time(ledger: Store, now: datetime) -> datetime:
    """The time of an act of *now*: after all evidence; where old logs were read, right after
    those.

    A ledger whose last evidence is more than a day from now is not live: its time is that of its
    evidence.
    """
    behind = ledger.latest() + timedelta(microseconds=1)
    return (
        max(now, behind) if behind.year < 1971 or abs(now - behind) <= timedelta(days=1) else behind
    )


def suppressions(  # noqa: PLR0913 - what is asked for, and how
    ledger: Store,
    policy: Policy,
    state: State,
    at: datetime,
    *,
    past: bool,
    every: bool = False,
    after: str | None = None,
) -> Iterator[tuple[str, Decision]]:
    """The names in *state*, each with its strictest Decision; *every*: with each that is in force.
    *past*: from the evidence up to *at* alone; else from the derived state, at *at*; *after*:
    in the order of ``Store.states``, behind that name.
    """
    found = decisions_on(ledger.names(), ledger, policy, at) if past else ledger.states(after)
    for name, decisions in found:
        if every:
            yield from ((name, d) for d in decisions if in_force(d, at).state is state)
            continue
        decision = strictest((d for d in decisions if d.state is state), at)
        if name.startswith("@") and strictest(decisions, at).state is State.OK:
            of_evidence = next((d for d in decisions if d.basis is Basis.EVIDENCE), OK)
            decision = awaiting_probe(of_evidence, policy, at)
        if decision.state is state:
            yield name, decision


class Undone(NamedTuple):
    """Names that an author added: those on which nothing else stands, and the others."""

    free: list[str]
    kept: list[str]


def added_by(author: str, since: datetime | None, ledger: Store) -> Undone:
    """What *author* added, at or after *since*: an import, or a mistake. Where another act, a wish
    or evidence stands as well, removing everything would let through what they stopped.
    """
    found = Undone([], [])
    is_alone = {
        name: all(d.basis is Basis.ACT for d in decisions)
        for name, decisions in ledger.states()
        if any(d.basis is Basis.ACT for d in decisions)
    }
    for name, history in ledger.histories(is_alone):
        acts = standing(history)
        theirs = [e for e in acts if e.by == author and (since is None or e.at >= since)]
        if theirs:
            is_free = is_alone[name] and len(theirs) == len(acts)
            (found.free if is_free else found.kept).append(name)
    return found
