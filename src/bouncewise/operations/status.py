"""What a ledger holds: how many names are in which state, for which cause, and how far what decided
is believed.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import NamedTuple

from bouncewise.ledger import Store
from bouncewise.model import Basis, Decision, State, Trust
from bouncewise.policy.decide import awaiting_probe, in_force
from bouncewise.policy.load import Policy


class StatusRow(NamedTuple):
    """Names with a Decision of one kind in force."""

    state: State
    basis: Basis
    cause: str
    trust: Trust


class Status(NamedTuple):
    """The counts of a ledger at one time.

    ``names``: addresses and domains with any evidence; ``unmailable``: those with a Decision in
    force; ``on_claims_alone``: those of them for which only claims speak; ``latest``: the time of
    the last evidence.
    """

    names: int
    unmailable: int
    on_claims_alone: int
    latest: datetime
    rows: list[tuple[StatusRow, int]]


def status(ledger: Store, policy: Policy, at: datetime) -> Status:
    """The status of *ledger* at a time; the rows are sorted, the most frequent first."""
    rows: Counter[StatusRow] = Counter()
    unmailable = claimed = 0
    for name, decisions in ledger.states():
        standing = [d for d in decisions if in_force(d, at).state is not State.OK]
        if name.startswith("@") and not standing:
            awaiting = (awaiting_probe(d, policy, at) for d in decisions)
            standing = [d for d in awaiting if d.state is not State.OK]
        rows.update(map(_row, standing))
        unmailable += bool(standing)
        claimed += bool(standing) and all(d.trust is Trust.CLAIMED for d in standing)
    counts = sorted(rows.items(), key=lambda row: (-row[1], row[0]))
    names = ledger.counts()["address"]
    return Status(names, unmailable, claimed, ledger.latest(), counts)


def _row(decision: Decision) -> StatusRow:
    cause = decision.cause.value if decision.cause else decision.rule
    return StatusRow(decision.state, decision.basis, cause, decision.trust)
