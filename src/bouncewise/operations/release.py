"""Release: undo the suppressions and holds that evidence made, by incident, time, receiver,
cause, rule or trust.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from bouncewise.ledger import Store
from bouncewise.model import Basis, Decision, Event, Scope
from bouncewise.operations.incidents import refused_by
from bouncewise.operations.suppress import effective_time, record
from bouncewise.policy.decide import RELEASED
from bouncewise.policy.load import Policy


class ReleaseFilter(NamedTuple):
    """Which suppressions and holds are meant: those that match every condition that is not None."""

    incident: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    receiver: str | None = None
    cause: str | None = None
    rule: str | None = None
    trust: str | None = None


def matching(wanted: ReleaseFilter, ledger: Store) -> list[tuple[str, Decision]]:
    """The Decisions of evidence that match, by name; wishes and acts are never among them. An
    incident has made no Decision that is older than the incident.
    """
    refused = refused_by(ledger, wanted.incident) if wanted.incident else None
    derived = (
        (name, d)
        for name, decisions in ledger.states()
        for d in decisions
        if d.basis is Basis.EVIDENCE
        and (refused is None or (name in refused and d.since and d.since >= refused[name]))
    )
    return [(name, d) for name, d in derived if _matches(name, d, wanted, ledger)]


def release(
    names: list[str], why: str, by: str, now: datetime, ledger: Store, policy: Policy
) -> None:
    """Release *names*: earlier evidence is kept, and no longer counts."""
    act = Event(at=effective_time(ledger, now), kind=RELEASED, scope=Scope.ALL, words=why, by=by)
    record(names, act, ledger, policy)


def _matches(name: str, d: Decision, wanted: ReleaseFilter, ledger: Store) -> bool:
    for asked, found in ((wanted.cause, d.cause), (wanted.rule, d.rule), (wanted.trust, d.trust)):
        if asked and asked != found:
            return False
    if (
        d.since is None
        or (wanted.since and d.since < wanted.since)
        or (wanted.until and d.since >= wanted.until)
    ):
        return False
    return not wanted.receiver or any(
        e.receiver == wanted.receiver and e.at == d.since for e in ledger.history(name)
    )
