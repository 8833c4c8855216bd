"""What is done with an address, given all that is known of it: a fold over its history, by the
numbers of policy.toml.

Reads: the events of one address (or of one domain, for evidence about a domain) in the order of
time, and the policy. Gives: the Decision in force after the last of them. Pure: the same history
gives the same Decision, in whatever order its files were read; whether a hold has expired is
asked of the Decision with a time (``in_force``).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from bouncewise.model import Advice, Cause, Decision, Event, Incident, Kind, Scope, State
from bouncewise.model.bearing import TENANT_CAUSES
from bouncewise.policy.load import Policy

OK = Decision(state=State.OK)

DOMAIN_CAUSES = (Cause.DOMAIN_UNKNOWN, Cause.DOMAIN_NO_MAIL)
"""Causes that concern a whole domain."""

ADDED = "added"
REMOVED = "removed"
"""Kinds of acts: a person, or an imported list, adds or removes a suppression."""
DNS_LOOKUP = "looked-up"
"""A kind of act: DNS was asked about a domain. Its cause is what DNS says; None where mail is
routed somewhere.
"""

_WHY = 200  # characters kept of the reason


class RefusalContext(Protocol):
    """What happened around an address's refusals: asked for only where it matters."""

    def incident(self, event: Event) -> tuple[Incident | None, bool]:
        """The incident during which a refusal happened; and whether this address is one of its
        probes.
        """

    def neighbours(self, event: Event) -> tuple[int, int]:
        """How many others, at the receiver and in the domain, had mail delivered about that
        time.
        """


class NoContext:
    """A RefusalContext of which nothing is known."""

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
    context: RefusalContext | None = None,
) -> Decision:
    """The Decision on one address, or a *whole_domain*, after its history, which is sorted by
    time.
    """
    case = _Case(policy, whole_domain, context or NoContext())
    for event in history:
        case.apply(event)
    return case.decision


def in_force(decision: Decision, now: datetime) -> Decision:
    """The same Decision at the time *now*: OK where its hold or suppression has expired."""
    return OK if decision.until is not None and decision.until <= now else decision


def awaiting_probe(decision: Decision, policy: Policy, now: datetime) -> Decision:
    """Of a domain whose decision has expired: the hold on all addresses but the probe, until the
    probe had time to answer.
    """
    last = decision.until and decision.until + timedelta(days=policy.dead.domain_probe_days)
    if (
        last is None
        or decision.cause not in DOMAIN_CAUSES
        or not last > now >= (decision.until or last)
    ):
        return OK
    return msgspec.structs.replace(decision, state=State.HELD, until=last)


class _Case:
    """One address while its history is applied."""

    def __init__(self, policy: Policy, whole_domain: bool, context: RefusalContext) -> None:
        self.policy = policy
        self.context = context
        self.whole_domain = whole_domain
        self.decision = OK
        self.last_alive: datetime | None = None
        self.refused: datetime | None = None
        self.failures: dict[Cause, list[datetime]] = {}
        self.failing_since: dict[Cause, datetime] = {}
        self.expirations = 0

    def apply(self, event: Event) -> None:
        if event.kind == Kind.DELIVERED:
            self._delivered(event)
        elif event.kind == ADDED:
            self.decision = _decision(event, State.SUPPRESSED, event.until)
        elif event.kind == REMOVED:
            self.decision, self.refused = OK, None
            self.failures.clear()
            self.failing_since.clear()
        elif event.kind == DNS_LOOKUP:
            self._dns_lookup(event)
        elif event.kind == Kind.COMPLAINT:
            self._opt_out(event, self.policy.complaint.scope)
        elif event.kind == Kind.UNSUBSCRIBE:
            self._opt_out(event, self.policy.unsubscribe.scope)
        elif event.kind == Kind.FAILED:
            self._failed(event)

    def _delivered(self, event: Event) -> None:
        """A delivery is the best sign of life: it ends what evidence decided, not what people
        wished or did.
        """
        self.last_alive, self.refused, self.expirations = event.at, None, 0
        self.failures.clear()
        self.failing_since.clear()
        if not self.decision.by and not _is_opt_out(self.decision):
            self.decision = OK

    def _opt_out(self, event: Event, scope: Scope) -> None:
        if self._may_replace(event):
            self.decision = _decision(event, State.SUPPRESSED, None, scope)

    def _failed(self, event: Event) -> None:
        if event.advice in (Advice.SUPPRESS_ADDRESS, Advice.SUPPRESS_DOMAIN):
            self._refused(event)
        elif event.cause is not None:
            self._count(event)

    def _refused(self, event: Event) -> None:
        """Suppress at once, unless the address was alive lately: then hold, until a failure on a
        second day confirms it.
        """
        dead = self.policy.dead
        alive = self.last_alive is not None and event.at - self.last_alive <= timedelta(
            days=dead.alive_days
        )
        domain = event.advice is Advice.SUPPRESS_DOMAIN
        first_refusal, since = self.refused is None, self.refused or event.at
        # A hosted tenant whose directory lags refuses every address; where neighbours say
        # nothing, it gets more time.
        lag = event.cause in TENANT_CAUSES and alive
        apart = timedelta(days=dead.hold_days) if lag else timedelta(hours=dead.confirm_hours)
        confirmed = not first_refusal and apart <= event.at - since
        if event.at - since > timedelta(days=dead.memory_days):
            confirmed, since = False, event.at
        self.refused = since
        if not self._may_replace(event) or (self.whole_domain and alive and first_refusal):
            return  # lately delivered there: one failed lookup says nothing of other addresses
        incident, probe = (None, False) if domain else self.context.incident(event)
        if incident is not None:
            self.decision = self._in_incident(event, incident, probe)
        elif confirmed or not (alive or domain) or (not domain and self._directory_works(event)):
            self.decision = _decision(
                event, State.SUPPRESSED, self._domain_until(event) if domain else None
            )
        elif lag:
            self.decision = _decision(
                event, State.HELD, since + self._tenant_hold(first=event.at == since)
            )
        else:
            days = dead.domain_hold_days if domain else dead.hold_days
            self.decision = _decision(event, State.HELD, event.at + timedelta(days=days))

    def _domain_until(self, event: Event) -> datetime:
        """When a dead domain is probed: after twice as long each time it is confirmed again."""
        dead = self.policy.dead
        days = min(
            dead.domain_longest_days,
            dead.domain_until_days << max(0, min(10, self.expirations - 1)),
        )
        self.expirations += 1
        return event.at + timedelta(days=days)

    def _tenant_hold(self, *, first: bool) -> timedelta:
        return timedelta(
            days=self.policy.dead.tenant_hold_days if first else self.policy.dead.hold_days
        )

    def _dns_lookup(self, event: Event) -> None:
        """Of a dead domain: if it does not exist in DNS either, that confirms it; if mail is
        routed again, its time is up.

        Then one address is mailed as a probe, for a mail server in DNS says little about its
        answers.
        """
        until = self.decision.until
        if self.decision.by or self.decision.cause not in DOMAIN_CAUSES or until is None:
            return
        if event.cause is None:
            self.decision = msgspec.structs.replace(self.decision, until=min(until, event.at))
            return
        if until - event.at <= timedelta(days=self.policy.dead.domain_probe_days):
            self.decision = msgspec.structs.replace(self.decision, until=min(until, event.at))
        self._refused(
            msgspec.structs.replace(event, advice=Advice.SUPPRESS_DOMAIN, rule=DNS_LOOKUP, by="")
        )

    def _in_incident(self, event: Event, incident: Incident, probe: bool) -> Decision:
        """While an incident lasts no address is suppressed for it; when it has ended, each is
        mailed once more.
        """
        if incident.closed is not None and not incident.recovered:
            return _decision(event, State.SUPPRESSED, None)
        policy = self.policy.incident
        until = incident.closed or incident.opened + timedelta(days=policy.max_days)
        whole_receiver = not incident.destination.startswith("@")
        early = event.at - incident.opened < timedelta(days=policy.probe_all_days) or whole_receiver
        if incident.closed is None and incident.baseline_rate is not None and early:
            until = event.at + timedelta(hours=policy.hold_hours)
        elif probe:
            until = event.at
        # Where nobody was ever delivered to nothing speaks for the address: suppressed, but for
        # one probe now and then.
        state = State.SUPPRESSED if incident.baseline_rate is None else State.HELD
        held = _decision(event, state, max(until, event.at))
        since = f"incident at {incident.destination} since {incident.opened:%Y-%m-%d %H:%M}"
        return msgspec.structs.replace(held, why=f"{since}: {event.words}"[:_WHY])

    def _directory_works(self, event: Event) -> bool:
        """Whether so many neighbours had mail delivered about then that the refusal means this
        one address.
        """
        policy = self.policy.incident
        at_receiver, in_domain = self.context.neighbours(event)
        return in_domain >= policy.domain_neighbours or at_receiver >= policy.neighbours

    def _count(self, event: Event) -> None:
        if event.cause is Cause.MAILBOX_FULL:
            self.last_alive = event.at  # a full mailbox exists
        window = next((w for w in self.policy.window if w.cause is event.cause), None)
        if window is None or event.cause is None:
            return
        seen = [
            at
            for at in self.failures.get(event.cause, [])
            if event.at - at <= timedelta(days=window.within_days)
        ]
        if not seen or event.at.date() != seen[-1].date():
            seen.append(event.at)
        self.failures[event.cause] = seen
        since = self.failing_since.setdefault(event.cause, event.at)
        lasting = event.at - since >= timedelta(days=window.lasting_days)
        if len(seen) >= window.failures and lasting and self._may_replace(event):
            least, most = timedelta(days=window.hold_days), timedelta(days=window.longest_days)
            held = min(most, max(least, (event.at - since) * window.share))
            self.decision = _decision(event, State.HELD, event.at + held)

    def _may_replace(self, event: Event) -> bool:
        """Whether a new decision may replace the one in force: a suppression of all mail is not
        weakened.
        """
        now = in_force(self.decision, event.at)
        return now.state is not State.SUPPRESSED or now.scope is not Scope.ALL


def _is_opt_out(decision: Decision) -> bool:
    return decision.rule in (Kind.COMPLAINT, Kind.UNSUBSCRIBE)


def _decision(
    event: Event, state: State, until: datetime | None, scope: Scope | None = None
) -> Decision:
    return Decision(
        state=state,
        cause=event.cause,
        scope=scope or event.scope,
        since=event.at,
        until=until,
        why=event.words,
        rule=event.rule or event.kind,
        by=event.by,
    )
