"""What is to be done with an address, given all that is known of it: DESIGN's §6 as a fold over its history.

Reads: the events of one address (or of one domain, for domain evidence) in the order of time, and the policy.
Gives: the Decision that stands after the last of them. Pure: the same history gives the same Decision, in whatever
order its files were read; whether a hold has run out is asked of the Decision with a time (``standing``).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from bouncewise.model import Advice, Cause, Decision, Event, Incident, Kind, Scope, State
from bouncewise.policy.load import Policy

FREE = Decision(state=State.OK)

OF_DOMAINS = (Cause.DOMAIN_UNKNOWN, Cause.DOMAIN_NO_MAIL)
"""Causes that are the whole domain's."""

ADDED = "added"
REMOVED = "removed"
"""Kinds of acts: a person, or an imported list, adds or removes a suppression by hand."""
LOOKED_UP = "looked-up"
"""A kind of act: DNS was asked about a domain. Its cause is what DNS says, None where mail goes somewhere."""


class Around(Protocol):
    """What surrounds an address's refusals: asked for only where it matters."""

    def incident(self, event: Event) -> tuple[Incident | None, bool]:
        """The incident into which a refusal falls; and whether this address asks, while others wait, if it has passed."""

    def neighbours(self, event: Event) -> tuple[int, int]:
        """How many others, at the receiver and in the domain, had mail delivered about then."""


class Alone:
    """Nothing is known of the surroundings."""

    def incident(self, event: Event) -> tuple[Incident | None, bool]:
        """None."""
        return None, False

    def neighbours(self, event: Event) -> tuple[int, int]:
        """None."""
        return 0, 0


def decide(
    history: Iterable[Event],
    policy: Policy,
    *,
    whole_domain: bool = False,
    around: Around | None = None,
) -> Decision:
    """The Decision on one address, or a *whole_domain*, after its history, which is sorted by time.

    *around* tells of a refusal what surrounded it: an incident, and neighbours that had mail delivered about then.
    """
    case = _Case(policy, whole_domain, around or Alone())
    for event in history:
        case.take(event)
    return case.decision


def standing(decision: Decision, now: datetime) -> Decision:
    """The same Decision at the time *now*: a hold or suppression that has run out is none."""
    return FREE if decision.until is not None and decision.until <= now else decision


def waiting(decision: Decision, policy: Policy, now: datetime) -> Decision:
    """Of a domain whose decision has run out, what holds all but the few that ask first: until they had the time to."""
    last = decision.until and decision.until + timedelta(days=policy.dead.domain_ask_days)
    if last is None or decision.cause not in OF_DOMAINS or not last > now >= (decision.until or last):
        return FREE
    return msgspec.structs.replace(decision, state=State.HELD, until=last)


class _Case:
    """One address while its history is told."""

    def __init__(self, policy: Policy, whole_domain: bool, around: Around) -> None:
        self.policy = policy
        self.around = around
        self.whole_domain = whole_domain
        self.decision = FREE
        self.there: datetime | None = None
        self.refused: datetime | None = None
        self.failures: dict[Cause, list[datetime]] = {}
        self.failing: dict[Cause, datetime] = {}
        self.lapses = 0

    def take(self, event: Event) -> None:
        if event.kind == Kind.DELIVERED:
            self._delivered(event)
        elif event.kind == ADDED:
            self.decision = _decision(event, State.SUPPRESSED, event.until)
        elif event.kind == REMOVED:
            self.decision, self.refused = FREE, None
            self.failures.clear()
            self.failing.clear()
        elif event.kind == LOOKED_UP:
            self._looked_up(event)
        elif event.kind == Kind.COMPLAINT:
            self._wish(event, self.policy.complaint.scope)
        elif event.kind == Kind.UNSUBSCRIBE:
            self._wish(event, self.policy.unsubscribe.scope)
        elif event.kind == Kind.FAILED:
            self._failed(event)

    def _delivered(self, event: Event) -> None:
        """A delivery is the best evidence of life: it clears whatever evidence, not what people wished or did."""
        self.there, self.refused, self.lapses = event.at, None, 0
        self.failures.clear()
        self.failing.clear()
        if not self.decision.by and not _is_wish(self.decision):
            self.decision = FREE

    def _wish(self, event: Event, scope: Scope) -> None:
        if self._open(event):
            self.decision = _decision(event, State.SUPPRESSED, None, scope)

    def _failed(self, event: Event) -> None:
        if event.advice in (Advice.SUPPRESS_ADDRESS, Advice.SUPPRESS_DOMAIN):
            self._dead(event)
        elif event.cause is not None:
            self._count(event)

    def _dead(self, event: Event) -> None:
        """Suppress at once, unless the address was good lately: then hold, and let a second day confirm it."""
        dead = self.policy.dead
        good = self.there is not None and event.at - self.there <= timedelta(days=dead.good_days)
        domain = event.advice is Advice.SUPPRESS_DOMAIN
        since, first = self.refused, self.refused or event.at
        # A tenant of Microsoft 365 whose directory lags answers so of everybody; where neighbours tell nothing, give it longer.
        lag = event.cause is Cause.ACCESS_DENIED and good
        apart = timedelta(days=dead.hold_days) if lag else timedelta(hours=dead.confirm_hours)
        confirmed = since is not None and apart <= event.at - since
        if since is not None and event.at - since > timedelta(days=dead.memory_days):
            confirmed, first = False, event.at
        self.refused = first
        if not self._open(event) or (self.whole_domain and good and since is None):
            return  # mail arrived at that domain lately: one failed lookup says nothing of the others
        incident, probe = (None, False) if domain else self.around.incident(event)
        if incident is not None:
            self.decision = self._in_incident(event, incident, probe)
        elif confirmed or not (good or domain) or (good and not domain and self._directory_works(event)):
            until = None
            if domain:
                until = event.at + timedelta(
                    days=min(dead.domain_longest_days, dead.domain_until_days << max(0, min(10, self.lapses - 1)))
                )
                self.lapses += 1
            self.decision = _decision(event, State.SUPPRESSED, until)
        elif lag:
            until = first + timedelta(days=dead.tenant_hold_days if event.at == first else dead.hold_days)
            self.decision = _decision(event, State.HELD, until)
        else:
            self.decision = _decision(
                event, State.HELD, event.at + timedelta(days=dead.domain_hold_days if domain else dead.hold_days)
            )

    def _looked_up(self, event: Event) -> None:
        """Of a domain that stands as dead: gone in DNS as well confirms it; where mail goes somewhere again, time is up.

        Then one address asks, for that DNS has a mail server says little of what the server will say.
        """
        until = self.decision.until
        if self.decision.by or self.decision.cause not in OF_DOMAINS or until is None:
            return
        if event.cause is None:
            self.decision = msgspec.structs.replace(self.decision, until=min(until, event.at))
            return
        if until - event.at <= timedelta(days=self.policy.dead.domain_ask_days):
            self.decision = msgspec.structs.replace(
                self.decision, until=min(until, event.at)
            )  # it is being asked about now
        told = msgspec.structs.replace(event, advice=Advice.SUPPRESS_DOMAIN, rule=LOOKED_UP, by="")
        self._dead(told)

    def _in_incident(self, event: Event, incident: Incident, probe: bool) -> Decision:
        """While it lasts nobody is suppressed for it; when it has passed, everybody is asked once more."""
        if incident.closed is not None and not incident.recovered:
            return _decision(event, State.SUPPRESSED, None)
        guard = self.policy.guard
        until = incident.closed or incident.opened + timedelta(days=guard.max_days)
        early = event.at - incident.opened < timedelta(days=guard.ask_all_days) or not incident.unit.startswith("@")
        if incident.closed is None and incident.usual is not None and early:
            until = event.at + timedelta(hours=guard.hold_hours)
        elif probe:
            until = event.at
        # Where nobody was ever delivered to nothing speaks for the address: suppressed, but for one that asks now and then.
        state = State.SUPPRESSED if incident.usual is None else State.HELD
        held = _decision(event, state, max(until, event.at))
        return msgspec.structs.replace(held, why=f"{_since(incident)}: {event.words}"[:200])

    def _directory_works(self, event: Event) -> bool:
        """So many neighbours got their mail about then that the refusal means this one address."""
        guard = self.policy.guard
        at_receiver, in_domain = self.around.neighbours(event)
        every_tenant_its_own = event.cause is Cause.ACCESS_DENIED
        return in_domain >= guard.domain_neighbours or (at_receiver >= guard.neighbours and not every_tenant_its_own)

    def _count(self, event: Event) -> None:
        if event.cause is Cause.MAILBOX_FULL:
            self.there = event.at  # what is full exists
        window = next((w for w in self.policy.window if w.cause is event.cause), None)
        if window is None or event.cause is None:
            return
        seen = [at for at in self.failures.get(event.cause, []) if event.at - at <= timedelta(days=window.within_days)]
        if not seen or event.at.date() != seen[-1].date():
            seen.append(event.at)
        self.failures[event.cause] = seen
        began = self.failing.setdefault(event.cause, event.at)
        lasting = event.at - began >= timedelta(days=window.lasting_days)
        if len(seen) >= window.failures and lasting and self._open(event):
            least, most = timedelta(days=window.hold_days), timedelta(days=window.longest_days)
            held = min(most, max(least, (event.at - began) * window.share))
            self.decision = _decision(event, State.HELD, event.at + held)

    def _open(self, event: Event) -> bool:
        """Whether a new decision may take the place of the standing one: a suppression of all mail is not weakened."""
        now = standing(self.decision, event.at)
        return now.state is not State.SUPPRESSED or now.scope is not Scope.ALL


def _since(incident: Incident) -> str:
    return f"incident at {incident.unit} since {incident.opened:%Y-%m-%d %H:%M}"


def _is_wish(decision: Decision) -> bool:
    return decision.rule in (Kind.COMPLAINT, Kind.UNSUBSCRIBE)


def _decision(event: Event, state: State, until: datetime | None, scope: Scope | None = None) -> Decision:
    return Decision(
        state=state, cause=event.cause, scope=scope or event.scope, since=event.at, until=until, why=event.words,
        rule=event.rule or event.kind, by=event.by,
    )  # fmt: skip
