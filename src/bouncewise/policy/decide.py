"""What is done with a name, given all that is known of it: by the numbers of policy.toml.

Reads: the events of one address (or of one domain, for evidence about a domain) in the order of
time, and the policy. Gives: the Decisions in force after the last of them: of evidence
(evidence.py), of operators' acts, and of the recipient's wishes. Pure: the same history gives the
same Decisions, in whatever order its files were read; whether a hold has expired is asked of a
Decision with a time (``in_force``).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from bouncewise.model import (
    Basis,
    Decision,
    Decisions,
    Event,
    Kind,
    Mail,
    Scope,
    State,
    Trust,
)
from bouncewise.model.bearing import DOMAIN_CAUSES, ROUTE_CAUSES
from bouncewise.policy.acts import (
    ADDED,
    CARRIED,
    CONFIRMED,
    DNS_LOOKUP,
    DNS_ROUTE,
    RELEASED,
    REMOVED,
    WITHDRAWN,
)
from bouncewise.policy.decisions import OK, strictness
from bouncewise.policy.evidence import Evidence
from bouncewise.policy.load import Policy
from bouncewise.policy.mails import countable, is_trusted
from bouncewise.policy.refusal_context import NoContext, RefusalContext
from bouncewise.policy.standing import Standing
from bouncewise.policy.trust import ClaimCount, ClaimEffect

__all__ = [
    "ADDED",
    "CARRIED",
    "CONFIRMED",
    "DNS_LOOKUP",
    "DNS_ROUTE",
    "DOMAIN_CAUSES",
    "OK",
    "RELEASED",
    "REMOVED",
    "ROUTE_CAUSES",
    "WITHDRAWN",
    "NoContext",
    "RefusalContext",
    "awaiting_probe",
    "decide",
    "domain_state",
    "in_force",
    "strictest",
]

_WISHES = (Kind.COMPLAINT, Kind.UNSUBSCRIBE)
_BASES = {Basis.EVIDENCE: 2, Basis.ACT: 1, Basis.WISH: 0}
_SCOPES = {Scope.ALL: 2, Scope.MARKETING: 1, Scope.STREAM: 0}


def decide(
    history: Iterable[Event],
    policy: Policy,
    *,
    whole_domain: bool = False,
    context: RefusalContext | None = None,
) -> Decisions:
    """The Decisions on one address, or a *whole_domain*, after its history, which is sorted by
    time; none where it may be mailed.
    """
    context = context or NoContext()

    def takes_back(event: Event) -> bool:
        return is_trusted(event) or (
            event.trust is Trust.CLAIMED and context.claim_effect(event) is ClaimEffect.FULL
        )

    evidence = Evidence(policy, whole_domain, context)
    acts, wishes = _Acts(), _Wishes(policy, context)
    for event in countable(history, policy.trust.return_days, takes_back):
        evidence.apply(event)
        acts.apply(event)
        wishes.apply(event)
    found = (evidence.decision, *acts.decisions.values(), *wishes.decisions.values())
    return tuple(decision for decision in found if decision.state is not State.OK)


def in_force(decision: Decision, now: datetime) -> Decision:
    """The same Decision at the time *now*: OK where its hold or suppression has expired."""
    return OK if decision.until is not None and decision.until <= now else decision


def strictest(decisions: Iterable[Decision], now: datetime, mail: Mail | None = None) -> Decision:
    """The strictest of *decisions* that is in force *now* for this kind of *mail* (None: for any
    mail); OK where none is.
    """
    found = (d for d in decisions if in_force(d, now).state is not State.OK and _applies(d, mail))
    return max(found, key=_order, default=OK)


def _applies(decision: Decision, mail: Mail | None) -> bool:
    """Whether a Decision concerns this kind of mail. Of a stream that is not named, every
    marketing mail may be.
    """
    if mail is None or decision.scope is Scope.ALL:
        return True
    if decision.scope is Scope.STREAM and mail.stream:
        return decision.stream == mail.stream
    return not mail.transactional


def _order(decision: Decision) -> tuple[object, ...]:
    _, suppressed, for_good, until = strictness(decision)
    return suppressed, _SCOPES[decision.scope], for_good, until, _BASES[decision.basis]


def awaiting_probe(decision: Decision, policy: Policy, now: datetime) -> Decision:
    """Of a domain whose decision has expired: the hold on all addresses but the probe, until the
    probe had time to answer.
    """
    last = decision.until and decision.until + timedelta(days=policy.dead.domain_probe_days)
    if (
        last is None
        or decision.cause not in ROUTE_CAUSES
        or not last > now >= (decision.until or last)
    ):
        return OK
    return msgspec.structs.replace(decision, state=State.HELD, until=last)


def domain_state(decision: Decision, policy: Policy, now: datetime) -> Decision:
    """The Decision of evidence on a domain at the time *now*: in force, or the hold while its
    probe is awaited; OK where neither is.
    """
    current = in_force(decision, now)
    return current if current.state is not State.OK else awaiting_probe(decision, policy, now)


class _Acts:
    """Suppressions by operators and imported lists: none weakens another."""

    def __init__(self) -> None:
        self.decisions: dict[tuple[Scope, str], Decision] = {}
        self._standing = Standing()

    def apply(self, event: Event) -> None:
        if self._standing.apply(event):
            self.decisions.clear()
            for added in self._standing.added:
                self._add(added)
        elif event.kind == ADDED:
            self._add(event)

    def _add(self, event: Event) -> None:
        key = (event.scope, event.stream)
        added = _decision(event, Basis.ACT, event.scope, event.until)
        before = self.decisions.get(key, OK)
        if strictness(added) > strictness(before) or _is_over(before, event.at):
            self.decisions[key] = added


class _Wishes:
    """Complaints and unsubscribes of the recipient: nothing but an operator's removal ends them."""

    def __init__(self, policy: Policy, context: RefusalContext) -> None:
        self.decisions: dict[tuple[Scope, str], Decision] = {}
        self._scopes = {
            Kind.COMPLAINT.value: policy.complaint.scope,
            Kind.UNSUBSCRIBE.value: policy.unsubscribe.scope,
        }
        self._context = context
        self._claims = ClaimCount(policy.trust)

    def apply(self, event: Event) -> None:
        if event.kind == REMOVED:
            self.decisions.clear()
        elif event.kind == Kind.DELIVERED:
            self._claims.mail(event.at)
        elif event.kind in _WISHES:
            self._wish(event)

    def _wish(self, event: Event) -> None:
        scope = self._scopes[event.kind]
        if scope is Scope.STREAM and not event.stream:
            scope = Scope.MARKETING  # the source does not name the stream
        until = None
        if event.trust is Trust.CLAIMED:
            effect = self._context.claim_effect(event)
            if effect is ClaimEffect.NONE:
                return
            if effect is ClaimEffect.HOLD and not self._claims.is_repeated(event):
                until = self._claims.hold_until(event)
                if until is None:
                    return
        key = (scope, event.stream if scope is Scope.STREAM else "")
        before = self.decisions.get(key, OK)
        if before.state is not State.SUPPRESSED:
            self.decisions[key] = _decision(event, Basis.WISH, scope, until)


def _is_over(decision: Decision, at: datetime) -> bool:
    return decision.until is not None and decision.until <= at


def _decision(event: Event, basis: Basis, scope: Scope, until: datetime | None) -> Decision:
    held = basis is Basis.WISH and until is not None
    return Decision(
        state=State.HELD if held else State.SUPPRESSED,
        cause=event.cause,
        scope=scope,
        since=event.at,
        until=until,
        why=event.words,
        rule=event.rule or event.kind,
        by=event.by,
        basis=basis,
        stream=event.stream if scope is Scope.STREAM else "",
        trust=event.trust,
    )
