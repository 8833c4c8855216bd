"""Gathers what is known about one refusal: its reply, the ledger, the spelling, DNS at this time.

Reads: a reply, an address or a domain; a ledger, if there is one; DNS, only if a resolver is given.
Gives: Facts. What could not be found out is listed in ``missing``. Nothing is written and no mail
is sent.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from bouncewise.classifier.classify import Classifier
from bouncewise.diagnosis.evidence import Facts
from bouncewise.diagnosis.surroundings import Refused, Surroundings, surroundings_of
from bouncewise.ledger import Store
from bouncewise.lists import typos
from bouncewise.model import AbsenceState, Cause, Incident, Kind, Party, Stage, Verdict
from bouncewise.model.absence import ABSENCE_RULE
from bouncewise.net import dns

_REFUSED = (Kind.FAILED, Kind.DELAYED)
_UNCLEAR_CONFIDENCE = 0.9  # of an event whose verdict is not stored


class Sources(NamedTuple):
    """Where facts come from. Nothing that happened after ``as_of`` is used."""

    classifier: Classifier
    as_of: datetime
    ledger: Store | None = None
    resolve: dns.Resolver | None = None
    incidents: tuple[Incident, ...] = ()
    """The incidents that were known at ``as_of``."""


class _Refusal(NamedTuple):
    """One refusal by the ledger or the classifier; ``at`` is None if its time is unknown."""

    cause: Cause
    confidence: float
    alternates: tuple[Cause, ...]
    stage: Stage | None
    receiver: str
    words: str
    at: datetime | None


def of_reply(reply: str, name: str, sources: Sources) -> Facts:
    """The facts about a new *reply*; *name* is the refused address, '' if it is unknown."""
    refusal = _refusal(sources.classifier.classify(reply), None)
    return _facts(name, refusal, sources)


def of_address(name: str, sources: Sources) -> Facts | None:
    """The facts about the last refusal of an address; None if the ledger has none."""
    refusal = _last_refusal(name, sources)
    return _facts(name, refusal, sources) if refusal else None


def of_domain(domain: str, sources: Sources) -> Facts | None:
    """The facts about the address at ``@domain`` that was refused last; None if there is none."""
    name = sources.ledger and sources.ledger.neighbours.last_refused(domain, sources.as_of)
    return of_address(name, sources) if name else None


def _refusal(verdict: Verdict, at: datetime | None) -> _Refusal:
    return _Refusal(
        verdict.cause,
        verdict.confidence,
        verdict.alternates,
        verdict.stage,
        verdict.receiver or "",
        verdict.evidence or verdict.reply[:200],
        at,
    )


def _last_refusal(name: str, sources: Sources) -> _Refusal | None:
    if sources.ledger is None:
        return None
    refusals = [
        event
        for event in sources.ledger.history(name, sources.as_of)
        if event.kind in _REFUSED and event.cause is not None
    ]
    if not refusals:
        return None
    event = refusals[-1]
    verdict = sources.ledger.neighbours.verdict(name, event.at)
    if verdict is not None and verdict.cause is event.cause:
        return _refusal(verdict, event.at)._replace(words=event.words)
    return _Refusal(
        cause=event.cause or Cause.UNKNOWN,
        confidence=_UNCLEAR_CONFIDENCE,
        alternates=(),
        stage=None,
        receiver=event.receiver,
        words=event.words,
        at=event.at,
    )


def _facts(name: str, refusal: _Refusal, sources: Sources) -> Facts:
    domain = name.rpartition("@")[2]
    receiver = refusal.receiver or sources.classifier.matcher.receiver_of(domain) or ""
    refusal = refusal._replace(receiver=receiver)
    surroundings = _surroundings(name, domain, refusal, sources)
    route = _dns(domain, receiver, sources)
    typo = _typo(name, domain, surroundings, sources)
    absence, absence_on = _absence(name, sources)
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
        as_of=sources.as_of,
        history=surroundings.history,
        at_domain=surroundings.at_domain,
        at_receiver=surroundings.at_receiver,
        refusing_receivers=surroundings.refusing_receivers,
        incident=surroundings.incident,
        dns=route.evidence,
        dns_hosts=route.hosts,
        absence=absence,
        absence_on=absence_on,
        typo=typo.intended,
        typo_how=typo.how,
        typo_part=typo.part,
        missing=(*_unknown(domain, refusal, sources), *route.missing),
    )


def _absence(name: str, sources: Sources) -> tuple[AbsenceState | None, str]:
    """What the last automatic reply with a statement states, and its date."""
    events = sources.ledger.history(name, sources.as_of) if sources.ledger and name else []
    for event in reversed(events):
        if event.kind == Kind.AUTO_REPLY and event.rule.startswith(ABSENCE_RULE):
            return AbsenceState(event.rule.removeprefix(ABSENCE_RULE)), f"{event.at:%Y-%m-%d}"
    return None, ""


def _unknown(domain: str, refusal: _Refusal, sources: Sources) -> list[str]:
    """What is not known about the case, but for DNS."""
    missing = [] if refusal.at else ["the time of the refusal: now is assumed"]
    if not domain:
        missing.append(
            "the address: give it before the reply to use its spelling, domain and neighbours"
        )
    if sources.ledger is None:
        missing.append("a ledger: the address's history, its neighbours, incidents")
    elif not sources.ledger.neighbours.knows_deliveries():
        missing.append(
            "deliveries: the ledger has none, so that history and neighbours show nothing"
        )
    return missing


def _surroundings(name: str, domain: str, refusal: _Refusal, sources: Sources) -> Surroundings:
    if sources.ledger is None or not sources.ledger.neighbours.knows_deliveries():
        return Surroundings()
    party = sources.classifier.ruleset.causes[refusal.cause].party
    refused = Refused(
        name=name,
        domain=domain,
        cause=refusal.cause,
        receiver=refusal.receiver,
        at=refusal.at or sources.as_of,
        is_about_sender=party in (Party.SENDER, Party.MESSAGE),
    )
    return surroundings_of(refused, sources.ledger, sources.incidents, sources.as_of)


class _DnsFacts(NamedTuple):
    """The evidence that DNS gives (None: none), the mail exchangers, and what is missing."""

    evidence: str | None
    hosts: str = ""
    missing: tuple[str, ...] = ()


def _dns(domain: str, receiver: str, sources: Sources) -> _DnsFacts:
    """The facts from DNS. A missing answer is no evidence."""
    if sources.resolve is None:
        return _DnsFacts(None, missing=("DNS now: use --dns",))
    if not domain:
        return _DnsFacts(None, missing=("DNS now: the domain is unknown",))
    found = dns.mail_route(domain, sources.resolve)
    if found.route is dns.Route.UNANSWERED:
        return _DnsFacts(None, missing=(f"DNS now: {found.reason}",))
    hosts = ", ".join(found.hosts[:3])
    at = {sources.classifier.matcher.receiver_of(host) for host in found.hosts}
    is_elsewhere = (
        found.route is dns.Route.MX
        and receiver
        and at
        and None not in at
        and "" not in at
        and receiver not in at
    )
    return _DnsFacts("elsewhere" if is_elsewhere else str(found.route), hosts)


class _TypoFacts(NamedTuple):
    """What was probably intended, the typing error in words, and the part that it is in."""

    intended: str = ""
    how: str = ""
    part: str = "domain"


def _typo(name: str, domain: str, surroundings: Surroundings, sources: Sources) -> _TypoFacts:
    """The typing error in *name*; empty if there is none. A domain that accepted mail is none."""
    at_domain, history = surroundings.at_domain, surroundings.history
    accepted_mail = at_domain is not None and (
        at_domain.delivered > 0 or at_domain.last_delivery_days is not None
    )
    if domain and not accepted_mail:
        existing = {
            d for receiver in sources.classifier.ruleset.receivers for d in receiver.domains
        }
        typo = typos.domain_typo(domain, existing)
        if typo:
            return _TypoFacts(typo.intended, typo.how, "domain")
    was_delivered = history is None or history.delivered_days is not None or history.recovered
    if sources.ledger is not None and not was_delivered:
        local = name.rpartition("@")[0]
        candidates = {f"{t.intended}@{domain}": t.how for t in typos.local_typos(local)}
        found = sources.ledger.neighbours.first_delivered(candidates, sources.as_of)
        if found:
            return _TypoFacts(found, candidates[found], "local")
    return _TypoFacts()


def _contact(receiver: str, domain: str, classifier: Classifier) -> str:
    """The contact: the provider's page for its own domains, else postmaster (RFC 5321)."""
    facts = next((r for r in classifier.ruleset.receivers if r.id == receiver), None)
    if facts is not None and facts.postmaster and (domain in facts.domains or not domain):
        return facts.postmaster[0]
    return f"postmaster@{domain}" if domain else ""
