"""What bounces, deliveries and DNS decide about one name: a fold over its events.

Pure: what happened around a refusal is asked of a RefusalContext. Wishes and acts are decided
elsewhere (decide.py); a release or removal by an operator ends what evidence decided.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import msgspec

from bouncewise.model import Advice, Cause, Decision, Event, Incident, Kind, State, Trust
from bouncewise.model.bearing import DOMAIN_CAUSES, is_tenants
from bouncewise.policy.acts import CARRIED, CONFIRMED, DNS_LOOKUP, DNS_ROUTE, RELEASED, REMOVED
from bouncewise.policy.decisions import OK, decision_of, strictness
from bouncewise.policy.failures import Failures
from bouncewise.policy.load import Chance, Policy
from bouncewise.policy.refusal_context import RefusalContext
from bouncewise.policy.schedule import Waiting, next_mail
from bouncewise.policy.trust import ClaimCount, ClaimEffect

_WHY = 200  # characters kept of the reason


class Evidence:
    """The evidence about one name while its history is applied; ``decision`` is what follows."""

    def __init__(self, policy: Policy, whole_domain: bool, context: RefusalContext) -> None:
        self.decision = OK
        self._policy = policy
        self._context = context
        self._whole_domain = whole_domain
        self._last_alive: datetime | None = None
        self._refused: datetime | None = None
        self._dead_since: datetime | None = None
        self._failures: dict[Cause, Failures] = {}
        self._mailed: dict[date, int] = {}
        self._left_by: Incident | None = None
        self._handed: list[datetime] = []
        self._claims = ClaimCount(policy.trust)

    def apply(self, event: Event) -> None:
        """The next event in the order of time; kinds that are no evidence change nothing."""
        if self._whole_domain and event.trust in (Trust.CLAIMED, Trust.MATCHED):
            return
        if self._handed:
            self._settle_hand_overs(event)
        if event.kind == Kind.FAILED:
            self._failed(event)
        elif event.kind == Kind.DELAYED:
            self._delayed(event)
        elif event.kind == Kind.DELIVERED:
            self._delivered(event)
        elif event.kind == CONFIRMED:
            self._alive(event.at)
            self._claims.reset()
        elif event.kind in (REMOVED, RELEASED):
            self._release()
        elif event.kind in (DNS_LOOKUP, DNS_ROUTE):
            self._dns_lookup(event)
        elif event.kind == CARRIED and event.carried is not None:
            self.decision = max(self.decision, event.carried, key=strictness)

    # ── signs of life ───────────────────────────────────────────────────────────────────────────

    def _delivered(self, event: Event) -> None:
        if event.trust is Trust.CLAIMED:
            return  # anybody can write a notice of delivery
        self._claims.mail(event.at)
        if self._context.is_hand_over(event):
            self._handed.append(event.at)
        else:
            self._alive(event.at)

    def _alive(self, at: datetime) -> None:
        """A sign of life ends what evidence decided."""
        self._last_alive = at if self._last_alive is None else max(at, self._last_alive)
        self._release()

    def _release(self) -> None:
        self._refused = self._dead_since = self._left_by = None
        self._failures.clear()
        self._mailed.clear()
        self.decision = OK

    def _settle_hand_overs(self, event: Event) -> None:
        """Mail that was handed over, and did not come back in time, was delivered."""
        if event.kind == Kind.FAILED and event.trust is not Trust.CLAIMED:
            self._handed = [at for at in self._handed if not _is_returned(at, event)]
        days = timedelta(days=self._policy.trust.hand_over_days)
        while self._handed and event.at - self._handed[0] >= days:
            self._alive(self._handed.pop(0))

    # ── refusals ────────────────────────────────────────────────────────────────────────────────

    def _failed(self, event: Event) -> None:
        final = event.advice in (Advice.SUPPRESS_ADDRESS, Advice.SUPPRESS_DOMAIN)
        if event.trust is Trust.CLAIMED:
            effect = self._context.claim_effect(event)
            if effect is ClaimEffect.HOLD and final:
                self._claimed(event)
            if effect is not ClaimEffect.FULL:
                return
        self._note_waiting(event)
        if final:
            self._final_refusal(event)
        elif event.cause is not None:
            self._count(event)

    def _delayed(self, event: Event) -> None:
        """The mail server keeps trying: many days of that are a failure, too."""
        if event.trust is not Trust.CLAIMED and event.cause is not None:
            self._note_waiting(event)
            self._count(event)

    def _note_waiting(self, event: Event) -> None:
        """Of a domain: how many of its addresses fail on a day wait for its next mail."""
        if self._whole_domain and not event.undated:
            day = event.at.date()
            self._mailed[day] = self._mailed.get(day, 0) + 1

    def _next_mail(self, event: Event, since: datetime, chance: Chance | None) -> datetime | None:
        """When a name that has failed since then is mailed again; None: never."""
        if chance is None:
            return None
        cost = self._policy.cost
        mail = cost.full if event.cause is Cause.MAILBOX_FULL else cost.mail
        waiting = Waiting(max(self._mailed.values(), default=1), mail)
        return next_mail(event.at, since, waiting, chance, cost)

    def _claimed(self, event: Event) -> None:
        """A claim in a time that own logs cover: a short hold, until claims recur."""
        if self._claims.is_repeated(event):
            self._decide(event, State.SUPPRESSED, None)
        elif self._may_replace(event) and (until := self._claims.hold_until(event)) is not None:
            self._decide(event, State.HELD, until)

    def _final_refusal(self, event: Event) -> None:
        """Suppress at once, unless the address was alive lately: then hold, until a failure on a
        second day confirms it.
        """
        dead = self._policy.dead
        alive = self._last_alive is not None and event.at - self._last_alive <= timedelta(
            days=dead.alive_days
        )
        domain = event.advice is Advice.SUPPRESS_DOMAIN
        if domain and self._context.resolver_failed(event):
            return
        first_refusal, confirmed, since = self._remember_refusal(event, alive)
        again = self._again(event)
        if not self._may_replace(event) or (self._whole_domain and alive and first_refusal):
            return  # lately delivered there: one failed lookup says nothing of other addresses
        incident, probe = (None, False) if domain else self._context.incident(event)
        if incident is not None:
            self.decision = self._in_incident(event, incident, probe)
        elif confirmed or not (alive or domain) or (not domain and self._directory_works(event)):
            self._decide(event, State.SUPPRESSED, again)
        elif _lags(event, alive):
            days = dead.tenant_hold_days if event.at == since else dead.hold_days
            self._decide(event, State.HELD, since + timedelta(days=days))
        else:
            longest = event.at + timedelta(days=dead.domain_hold_days if domain else dead.hold_days)
            self._decide(event, State.HELD, min(again or longest, longest))

    def _again(self, event: Event) -> datetime | None:
        """When a name that is refused is mailed again; None: never."""
        self._dead_since = self._dead_since or event.at
        if self._left_by is not None and event.advice is Advice.SUPPRESS_ADDRESS:
            return self._turn(event, self._left_by)
        return self._next_mail(event, self._dead_since, self._policy.chance_of(event.cause))

    def _remember_refusal(self, event: Event, alive: bool) -> tuple[bool, bool, datetime]:
        """Whether this is the first refusal; whether it confirms the first; when that was."""
        dead = self._policy.dead
        first, since = self._refused is None, self._refused or event.at
        # A hosted tenant whose directory lags refuses every address; where neighbours say
        # nothing, it gets more time.
        apart = timedelta(
            days=dead.hold_days if _lags(event, alive) else 0,
            hours=0 if _lags(event, alive) else dead.confirm_hours,
        )
        confirmed = not first and not event.undated and apart <= event.at - since
        if event.at - since > timedelta(days=dead.memory_days):
            confirmed, since = False, event.at
        self._refused = since
        return first, confirmed, since

    def _dns_lookup(self, event: Event) -> None:
        """Of a dead domain: if it does not exist in DNS either, that confirms it.

        If mail is routed again while nobody but its owner can have the domain back, all of its
        addresses are free. Later, or where no MX says so, its time is up: one address is mailed
        as a probe, for a parked domain and a new owner have no use for its addresses.
        """
        until, since = self.decision.until, self._dead_since
        if self.decision.cause not in DOMAIN_CAUSES or until is None:
            return
        owned = timedelta(days=self._policy.dead.domain_owner_days)
        if event.kind == DNS_ROUTE and since is not None and event.at - since <= owned:
            self._release()
        elif event.cause is None:
            self.decision = msgspec.structs.replace(self.decision, until=min(until, event.at))
        else:
            self._is_still_dead(event, until)

    def _is_still_dead(self, event: Event, until: datetime) -> None:
        """DNS says the same as when the domain was suppressed *until* then."""
        if until - event.at <= timedelta(days=self._policy.dead.domain_probe_days):
            self.decision = msgspec.structs.replace(self.decision, until=min(until, event.at))
        self._final_refusal(
            msgspec.structs.replace(event, advice=Advice.SUPPRESS_DOMAIN, rule=DNS_LOOKUP, by="")
        )

    def _in_incident(self, event: Event, incident: Incident, probe: bool) -> Decision:
        """While an incident lasts no address is suppressed for it; when it has ended, each is
        mailed once more.
        """
        policy = self._policy.incident
        if incident.closed is not None and not incident.recovered:
            return decision_of(event, State.SUPPRESSED, self._turn(event, incident))
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
        held = decision_of(event, state, max(until, event.at))
        since = f"incident at {incident.destination} since {incident.opened:%Y-%m-%d %H:%M}"
        return msgspec.structs.replace(held, why=f"{since}: {event.words}"[:_WHY])

    def _turn(self, event: Event, incident: Incident) -> datetime | None:
        """When an address is mailed again that an incident left behind; None: never.

        The addresses of a domain take turns; the first delivery frees all of them.
        """
        if incident.baseline_rate is None or not incident.destination.startswith("@"):
            return None
        self._left_by = incident
        cost, others = self._policy.cost, max(1, incident.newly_refused)
        waiting, chance = Waiting(others, cost.mail), self._policy.incident.after
        at = max(event.at, incident.closed or event.at)
        turns = others if at == event.at else 1 + int(event.at.timestamp()) % others
        return at + turns * (next_mail(at, incident.opened, waiting, chance, cost) - at)

    def _directory_works(self, event: Event) -> bool:
        """Whether so many neighbours had mail delivered about then that the refusal means this
        one address.
        """
        policy = self._policy.incident
        at_receiver, in_domain = self._context.neighbours(event)
        if is_tenants(event.cause, event.words):
            at_receiver = 0
        return in_domain >= policy.domain_neighbours or at_receiver >= policy.neighbours

    def _count(self, event: Event) -> None:
        """Transient failures on several days hold the address."""
        if event.cause is Cause.MAILBOX_FULL:
            self._last_alive = event.at  # a full mailbox exists
        window = next((w for w in self._policy.window if w.cause is event.cause), None)
        if window is None or event.cause is None or event.undated:
            return
        failures = self._failures.get(event.cause)
        if failures is None or failures.is_forgotten(event.at, window):
            failures = self._failures[event.cause] = Failures(event.at)
        failures.add(event, timedelta(hours=self._policy.dead.confirm_hours))
        if failures.are_enough(event.at, window) and self._may_replace(event):
            failures.held = self._next_mail(event, failures.since, window.chance) or event.at
            self._decide(event, State.HELD, failures.held)

    def _may_replace(self, event: Event) -> bool:
        """Whether a new decision may replace the one in force: a suppression is not weakened."""
        until = self.decision.until
        ended = until is not None and until <= event.at
        return ended or self.decision.state is not State.SUPPRESSED

    def _decide(self, event: Event, state: State, until: datetime | None) -> None:
        self.decision = decision_of(event, state, until)


def _lags(event: Event, alive: bool) -> bool:
    """Whether a tenant's directory that is behind may be the cause."""
    return alive and is_tenants(event.cause, event.words)


def _is_returned(handed: datetime, event: Event) -> bool:
    """Whether *event* may return the mail that was handed over at that time."""
    if event.mailed is not None:
        return handed.date() == event.mailed.date()
    return event.sent is None or handed.date() == event.sent.date()
