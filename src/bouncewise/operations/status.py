"""What a ledger holds: how many names are in which state, for which cause, and how far what decided
is believed.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import NamedTuple

from bouncewise.ledger import Store
from bouncewise.model import (
    Alert,
    Basis,
    Cause,
    Decision,
    Incident,
    Permanence,
    State,
    Trust,
)
from bouncewise.model.bearing import Bearing
from bouncewise.operations.alerts import alerts
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


class Overview(NamedTuple):
    """What a ledger holds, and what needs somebody.

    ``changes``: by a number of days, the names whose Decision began in them, by state and cause;
    ``sources``: the own logs and events, with the hour of their last entry; ``incidents``: those
    that are open; ``alerts``: those of the last days of ``changes``.
    """

    status: Status
    changes: dict[int, list[tuple[tuple[State, str], int]]]
    sources: dict[str, datetime]
    incidents: list[Incident]
    alerts: list[Alert]


def overview(ledger: Store, policy: Policy, at: datetime, days: tuple[int, ...]) -> Overview:
    """The overview of *ledger* at a time; *days*: how far back changes are counted, the longest
    last.
    """
    changes: dict[int, Counter[tuple[State, str]]] = {number: Counter() for number in days}
    for _, decisions in ledger.states():
        for decision in decisions:
            since = decision.since
            if since is None or in_force(decision, at).state is State.OK:
                continue
            for number, counts in changes.items():
                if at - timedelta(days=number) <= since <= at:
                    counts[decision.state, _row(decision).cause] += 1
    return Overview(
        status(ledger, policy, at),
        {number: counts.most_common() for number, counts in changes.items()},
        ledger.coverage.sources(),
        [i for i in ledger.incidents.all() if i.closed is None],
        alerts(ledger, policy, at - timedelta(days=days[-1])),
    )


class LabelRow(NamedTuple):
    """Addresses whose failure an ESP calls by a label, by our cause. ``contradicts``: it calls a
    dead address temporary, or an address that is not at fault permanent.
    """

    esp: str
    label: str
    permanence: Permanence
    cause: Cause
    contradicts: bool
    addresses: int


def label_audit(ledger: Store, since: datetime, until: datetime) -> list[LabelRow]:
    """What ESPs call the failures of a period, and what the replies mean; contradictions first."""
    names: dict[tuple[str, str, Permanence, Cause, bool], set[str]] = {}
    for mail in ledger.failed_mails.between(since, until):
        if mail.label is None:
            continue
        is_dead = mail.bearing in (Bearing.ADDRESS, Bearing.DOMAIN)
        called = mail.label.permanence
        contradicts = (is_dead and called is Permanence.TRANSIENT) or (
            mail.bearing == Bearing.SENDER and called is Permanence.PERMANENT
        )
        key = (mail.label.name, mail.label.label, called, mail.cause, contradicts)
        names.setdefault(key, set()).add(mail.name)
    rows = [LabelRow(*key, len(found)) for key, found in names.items()]
    return sorted(rows, key=lambda row: (not row.contradicts, -row.addresses, row))


def _row(decision: Decision) -> StatusRow:
    cause = decision.cause.value if decision.cause else decision.rule
    return StatusRow(decision.state, decision.basis, cause, decision.trust)
