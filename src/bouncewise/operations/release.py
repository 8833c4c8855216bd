"""Undo: which suppressions and holds one mishap made, and what follows when a person says that it was one, or was none."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

from bouncewise.errors import InputError
from bouncewise.ledger import Ledger
from bouncewise.ledger.rulings import Ruling
from bouncewise.model import Decision, Incident, Kind, State
from bouncewise.operations.incidents import SAMPLES, refused_in, slots_of, time_of
from bouncewise.operations.pipeline import derive
from bouncewise.policy.decide import FREE, standing
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


class Scene(NamedTuple):
    """An incident in full: whom it refused and how each stands at a time, what the servers said, what people said of it."""

    incident: Incident
    stands: dict[str, State]
    samples: list[str]
    rulings: list[Ruling]


def incident_of(unit: str, opened: datetime | None, ledger: Ledger) -> Incident:
    """The incident of *unit* that *opened* then, or the latest. Raises InputError where there is none."""
    found = [i for i in ledger.traffic.incidents() if i.unit == unit and opened in (None, i.opened)]
    if not found:
        when = f" opened {opened:%Y-%m-%d %H:%M}" if opened else ""
        raise InputError(f"no incident at {unit}{when}; `bouncewise incidents` lists them")
    return found[0]


def scene(incident: Incident, ledger: Ledger, at: datetime) -> Scene:
    """*incident* in full, with how those stand *at* a time whom it refused."""
    span = slots_of(incident)
    names = ledger.traffic.refused(*span, incident.unit)
    samples = ledger.traffic.said(*span, incident.unit, SAMPLES)
    return Scene(incident, _stand(names, ledger, at), samples, ledger.traffic.rulings.of(incident))


def rule(said: Ruling, ledger: Ledger, policy: Policy, *, dry_run: bool) -> list[tuple[str, State, State]]:
    """Enter what a person *said* of an incident, and decide again: whose state differs, from what to what."""
    with ledger.change(keep=not dry_run):
        names = sorted(refused_in(ledger, said.unit))
        before = _stand(names, ledger, said.at)
        ledger.traffic.rulings.add(said)
        derive(ledger, policy, names)
        after = _stand(names, ledger, said.at)
    return [(name, before[name], after[name]) for name in names if before[name] is not after[name]]


def _stand(names: Collection[str], ledger: Ledger, at: datetime) -> dict[str, State]:
    known = ledger.decisions(names)
    return {name: standing(known.get(name, FREE), at).state for name in names}


def latest(ledger: Ledger) -> datetime:
    """The last ten minutes that the ledger knows anything of."""
    return time_of(ledger.traffic.latest())


def acting_at(ledger: Ledger, now: datetime) -> datetime:
    """When what a person does *now* counts: now, and after all evidence; where old logs are read, right after those.

    A ledger whose last evidence is more than a day from now is not live: it stands where its evidence stands.
    """
    behind = ledger.latest() + timedelta(microseconds=1)
    return max(now, behind) if behind.year < 1971 or abs(now - behind) <= timedelta(days=1) else behind
