"""Gathers what is known of one refusal, for ``policy.diagnose``: its reply, the ledger's neighbours, the spelling, DNS now.

Reads: a reply, an address or a domain; a ledger where there is one; DNS only where a resolver is given. Gives: Facts, with what
could not be asked named in ``missing``. Nothing is written, nobody is mailed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from bouncewise.classifier.classify import Classifier
from bouncewise.diagnosis.evidence import Facts, Others, Own
from bouncewise.ledger import Store
from bouncewise.ledger.records import Period
from bouncewise.lists import typos
from bouncewise.model import Cause, Event, Incident, Kind, Party, Stage, Verdict
from bouncewise.model.bearing import directory
from bouncewise.net import dns
from bouncewise.times import Slot, slot_at

ABOUT = timedelta(hours=12)
"""Deliveries so long before or after a refusal say whether the directory worked then: as the guard's neighbour_hours. At a
large provider refusals of others are looked at in the same hours: who was refused the day before is no neighbour in time."""

BEFORE, AFTER = timedelta(hours=24), timedelta(hours=72)
"""At other domains, mailed seldom, refusals so long before and after are of the same event."""

LATELY = timedelta(days=30)
"""Neighbours delivered to so long before their refusal were good: as the policy's alive_days."""

_REFUSED = (Kind.FAILED, Kind.DELAYED)


class Sources(NamedTuple):
    """Whom to ask: the ledger and a resolver, where there are any; *known*: nothing later is to be known, and of the ledger's
    *incidents* nothing that was not seen then."""

    classifier: Classifier
    known: datetime
    ledger: Store | None = None
    resolve: dns.Resolve | None = None
    incidents: tuple[Incident, ...] = ()


class _Refusal(NamedTuple):
    """One refusal: the cause as the ledger or the classifier has it, when (None: not known), and what was said."""

    cause: Cause
    confidence: float
    alternates: tuple[Cause, ...]
    stage: Stage | None
    receiver: str
    words: str
    at: datetime | None


def of_reply(reply: str, name: str, sources: Sources) -> Facts:
    """The facts of a *reply* just seen; *name*: the address it was about, '' where that is not known."""
    refusal = _refusal(sources.classifier.judge(reply), None)
    return _facts(name, refusal, sources)


def of_address(name: str, sources: Sources) -> Facts | None:
    """The facts of the last refusal of an address; None where the ledger knows of none."""
    refusal = _last(name, sources)
    return _facts(name, refusal, sources) if refusal else None


def of_domain(domain: str, sources: Sources) -> Facts | None:
    """The facts of whoever at ``@domain`` was refused last; None where the ledger knows of nobody."""
    name = sources.ledger and sources.ledger.neighbours.last_refused(domain, sources.known)
    return of_address(name, sources) if name else None


def _refusal(v: Verdict, at: datetime | None) -> _Refusal:
    return _Refusal(
        v.cause,
        v.confidence,
        v.alternates,
        v.stage,
        v.receiver or "",
        v.evidence or v.reply[:200],
        at,
    )


def _last(name: str, sources: Sources) -> _Refusal | None:
    if sources.ledger is None:
        return None
    told = [
        e
        for e in sources.ledger.history(name, sources.known)
        if e.kind in _REFUSED and e.cause is not None
    ]
    if not told:
        return None
    event = told[-1]
    verdict = sources.ledger.neighbours.verdict(name, event.at)
    if verdict is not None and verdict.cause is event.cause:
        return _refusal(verdict, event.at)._replace(words=event.words)
    return _Refusal(
        event.cause or Cause.UNKNOWN, 0.9, (), None, event.receiver, event.words, event.at
    )


def _facts(name: str, refusal: _Refusal, sources: Sources) -> Facts:
    domain = name.rpartition("@")[2]
    missing = [] if refusal.at else ["when it was refused: taken for now"]
    receiver = refusal.receiver or sources.classifier.matcher.receiver_of(domain) or ""
    refusal = refusal._replace(receiver=receiver)
    own = at_domain = at_receiver = receivers = incident = None
    if not domain:
        missing.append(
            "whose reply it is: give the address before it, for its spelling, domain and neighbours"
        )
    if sources.ledger is None:
        missing.append(
            "a ledger: own history, neighbours, the receiver's other recipients, incidents"
        )
    elif not sources.ledger.neighbours.knows_deliveries():
        missing.append(
            "deliveries: the ledger has none, so neither history nor neighbours say anything"
        )
    else:
        near = _Near(name, domain, refusal, sources.ledger, sources)
        if domain:
            own, at_domain, incident = near.own(), near.at_domain(), near.incident()
        if directory(refusal.cause, receiver):
            at_receiver = near.others(receiver)
        if sources.classifier.ruleset.causes[refusal.cause].party in (Party.SENDER, Party.MESSAGE):
            receivers = near.receivers()
    found, says, gap = _dns(domain, refusal.receiver, sources)
    slip, how, of = _slip(name, domain, own, at_domain, sources)
    return Facts(
        subject=name,
        domain=domain,
        cause=refusal.cause,
        confidence=refusal.confidence,
        alternates=refusal.alternates,
        stage=refusal.stage,
        receiver=receiver,
        words=refusal.words,
        contact=_contact(receiver, domain, sources.classifier),
        refused_at=refusal.at,
        asked_at=sources.known,
        own=own,
        at_domain=at_domain,
        at_receiver=at_receiver,
        receivers=receivers,
        incident=incident,
        dns=found,
        dns_says=says,
        slip=slip,
        slip_how=how,
        slip_of=of,
        missing=(*missing, *gap),
    )


class _Near:
    """What the ledger knows of one refusal's surroundings."""

    def __init__(
        self, name: str, domain: str, refusal: _Refusal, ledger: Store, sources: Sources
    ) -> None:
        known = sources.known
        self.incidents = sources.incidents
        self.name, self.domain, self.refusal, self.ledger, self.known = (
            name,
            f"@{domain}",
            refusal,
            ledger,
            known,
        )
        self.at = refusal.at or known
        self.history: list[Event] = ledger.history(name, known) if domain else []
        self.delivered = [e.at for e in self.history if e.kind == Kind.DELIVERED]
        self.hours = Period(self.at - ABOUT, min(known, self.at + ABOUT), known)
        self.days = Period(self.at - BEFORE, min(known, self.at + AFTER), known)
        self.large = domain in typos.known().mailbox

    def own(self) -> Own:
        before = [at for at in self.delivered if at <= self.at]
        refused = {
            e.at.date()
            for e in self.history
            if e.kind == Kind.FAILED and (not before or e.at > before[-1])
        }
        return Own(
            delivered_days=(self.at - before[-1]) / timedelta(days=1) if before else None,
            refused_days=len(refused - {self.at.date()}),
            back=any(at > self.at for at in self.delivered),
        )

    def others(self, unit: str) -> Others:
        span = self.days if unit == self.domain and not self.large else self.hours
        fates = self.ledger.neighbours.fates(self.name, unit, self.refusal.cause, span, LATELY)
        since, until, _ = self.hours
        mine = len({at.date() for at in self.delivered if since <= at <= until})
        slots = slot_at(since), Slot(slot_at(until) + 1)
        delivered = max(0, self.ledger.traffic.delivered(unit, *slots) - mine)
        return Others(refused=fates.refused, good=fates.good, back=fates.back, delivered=delivered)

    def at_domain(self) -> Others:
        past = self.ledger.neighbours.last_delivery(self.domain, self.at)
        some = self.others(self.domain)
        return Others(
            refused=some.refused,
            good=some.good,
            back=some.back,
            delivered=some.delivered,
            past_days=(self.at - past) / timedelta(days=1) if past else None,
        )

    def receivers(self) -> int:
        return len(self.ledger.neighbours.receivers_refusing(self.refusal.cause, self.hours))

    def incident(self) -> str | None:
        """Which kind of incident the refusal fell into, as it was known then."""
        hour = timedelta(hours=1)
        for unit in (self.domain, directory(self.refusal.cause, self.refusal.receiver)):
            for incident in self.incidents:
                if incident.destination != unit or self.at < incident.opened - hour:
                    continue
                if incident.closed is None:
                    return "domain" if unit == self.domain and not self.large else "receiver"
                if self.at <= incident.closed + hour:
                    return "recovered" if incident.recovered else "ended"
        return None


def _dns(domain: str, receiver: str, sources: Sources) -> tuple[str | None, str, tuple[str, ...]]:
    """The piece of evidence that DNS gives, what it says, and what is missing. No answer is no evidence."""
    if sources.resolve is None:
        return None, "", ("DNS now: give --dns",)
    if not domain:
        return None, "", ("DNS now: the domain is not known",)
    found = dns.mail(domain, sources.resolve)
    if found.route is dns.Route.UNANSWERED:
        return None, "", (f"DNS now: {found.reason}",)
    says = ", ".join(found.hosts[:3])
    there = {sources.classifier.matcher.receiver_of(host) for host in found.hosts}
    if (
        found.route is dns.Route.MX
        and receiver
        and there
        and None not in there
        and "" not in there
        and receiver not in there
    ):
        return "elsewhere", says, ()
    return str(found.route), says, ()


def _slip(
    name: str, domain: str, own: Own | None, at_domain: Others | None, sources: Sources
) -> tuple[str, str, str]:
    """What was probably meant, how it was missed, and in which part; empty where nothing was."""
    lives = at_domain is not None and (at_domain.delivered > 0 or at_domain.past_days is not None)
    if domain and not lives:
        known = {d for receiver in sources.classifier.ruleset.receivers for d in receiver.domains}
        slip = typos.domain_slip(domain, known)
        if slip:
            return slip.meant, slip.how, "domain"
    if (
        sources.ledger is not None
        and own is not None
        and own.delivered_days is None
        and not own.back
    ):
        local = name.rpartition("@")[0]
        meant = {f"{slip.meant}@{domain}": slip.how for slip in typos.local_slips(local)}
        found = sources.ledger.neighbours.first_delivered(meant, sources.known)
        if found:
            return found, meant[found], "local"
    return "", "", "domain"


def _contact(receiver: str, domain: str, classifier: Classifier) -> str:
    """Whom to write to: a large provider's own page for its own domains, else the domain's postmaster (RFC 5321 §4.5.1)."""
    facts = next((r for r in classifier.ruleset.receivers if r.id == receiver), None)
    if facts is not None and facts.postmaster and (domain in facts.domains or not domain):
        return facts.postmaster[0]
    return f"postmaster@{domain}" if domain else ""
