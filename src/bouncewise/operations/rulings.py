"""Decisions of people about incidents: that one is over, or was a false alarm; and how its
addresses stand.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from bouncewise.errors import InputError
from bouncewise.ledger import Store
from bouncewise.ledger.records import Subject
from bouncewise.model import Ruling, State
from bouncewise.operations.decisions import derive
from bouncewise.operations.incidents import find_incident, refused_by
from bouncewise.policy.decide import strictest
from bouncewise.policy.load import Policy

CLOSED, IGNORED = "closed", "ignored"
"""What the audit calls the rulings that an incident is over, or was a false alarm."""


class StateChange(NamedTuple):
    """An address whose state differs."""

    name: str
    before: State
    after: State


class Author(NamedTuple):
    """Who decides, why, and when it counts."""

    by: str
    why: str
    at: datetime


def close_incident(
    ledger: Store, destination: str, over: datetime | None, author: Author
) -> Ruling:
    """The ruling that the latest incident of *destination* was over at *over*, or now. Raises
    InputError where it cannot be.
    """
    incident = find_incident(ledger, destination, None)
    if over is None and incident.closed:
        raise InputError(
            f"the incident at {destination} already ended at {incident.closed:%Y-%m-%d %H:%M}; to "
            "record an earlier end, use --ended TIME"
        )
    closed = over or author.at
    if closed <= incident.opened:
        raise InputError(
            f"the incident at {destination} opened at {incident.opened:%Y-%m-%d %H:%M}: --ended "
            "must be later; for a false alarm, use `bouncewise incidents ignore`"
        )
    return Ruling(
        destination=destination,
        opened=incident.opened,
        closed=closed,
        at=author.at,
        why=author.why,
        by=author.by,
    )


def ignore_incident(ledger: Store, destination: str, opened: datetime, author: Author) -> Ruling:
    """The ruling that the incident of *destination* that *opened* then was a false alarm."""
    incident = find_incident(ledger, destination, opened)
    return Ruling(
        destination=destination,
        opened=incident.opened,
        closed=None,
        at=author.at,
        why=author.why,
        by=author.by,
    )


def apply_ruling(
    ruling: Ruling, ledger: Store, policy: Policy, *, dry_run: bool
) -> list[StateChange]:
    """Store a ruling and decide anew; the addresses whose state differs."""
    with ledger.change(commit=not dry_run):
        names = sorted(refused_by(ledger, ruling.destination))
        before = states_at(names, ledger, ruling.at)
        ledger.incidents.add_ruling(ruling)
        derive(ledger, policy, names)
        after = states_at(names, ledger, ruling.at)
        kind = CLOSED if ruling.closed else IGNORED
        subject = Subject(ruling.destination, sum(before[n] is not after[n] for n in names))
        ledger.audit.add(kind, (ruling.by, ruling.why), ruling.at, subject)
    return [StateChange(n, before[n], after[n]) for n in names if before[n] is not after[n]]


def states_at(names: Collection[str], ledger: Store, at: datetime) -> dict[str, State]:
    """The state of each of *names* at a time, by the derived Decisions."""
    decisions = ledger.decisions(names)
    return {name: strictest(decisions.get(name, ()), at).state for name in names}
