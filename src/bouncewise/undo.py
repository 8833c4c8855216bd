"""Undo: which suppressions and holds one mishap made, and what follows when a person says that it was one, or was none."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from bouncewise.guard import refused_in, time_of
from bouncewise.ledger import Ledger
from bouncewise.model import Decision, Kind
from bouncewise.pipeline import derive
from bouncewise.policy.load import Policy


class Wanted(NamedTuple):
    """Which suppressions and holds are meant: all that fit every condition that is not None."""

    incident: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    receiver: str | None = None
    cause: str | None = None
    rule: str | None = None


def taken(wanted: Wanted, ledger: Ledger) -> list[tuple[str, Decision]]:
    """The derived states that fit *wanted*, by name; what a person wished or did is never among them."""
    refused = refused_in(ledger, wanted.incident) if wanted.incident else None
    ours = ((name, d) for name, d in ledger.states() if not d.by and (refused is None or name in refused))
    return [(name, d) for name, d in ours if _fits(name, d, wanted, ledger)]


def _fits(name: str, d: Decision, wanted: Wanted, ledger: Ledger) -> bool:
    if (
        d.rule in (Kind.COMPLAINT, Kind.UNSUBSCRIBE)
        or (wanted.cause or d.cause) != d.cause
        or (wanted.rule or d.rule) != d.rule
    ):
        return False
    if d.since is None or (wanted.since and d.since < wanted.since) or (wanted.until and d.since >= wanted.until):
        return False
    return not wanted.receiver or any(e.receiver == wanted.receiver and e.at == d.since for e in ledger.history(name))


def ignore(unit: str, opened: datetime, ledger: Ledger, policy: Policy) -> bool:
    """A person says that *unit* had no incident; decisions are derived anew. False where there is none."""
    with ledger.change():
        names = refused_in(ledger, unit)
        known = ledger.traffic.ignore(unit, opened)
        derive(ledger, policy, names)
    return known


def latest(ledger: Ledger) -> datetime:
    """The last ten minutes that the ledger knows anything of."""
    return time_of(ledger.traffic.latest())


def acting_at(ledger: Ledger, now: datetime) -> datetime:
    """When what a person does *now* counts: now, and after all evidence; where old logs are read, right after those.

    A ledger whose last evidence is more than a day from now is not live: it stands where its evidence stands.
    """
    latest = ledger.latest() + timedelta(microseconds=1)
    return max(now, latest) if latest.year < 1971 or abs(now - latest) <= timedelta(days=1) else latest
