"""Dead domains, and what DNS answers about them: confirmed on another day, suppressed for longer,
or ready to be probed.

Reads: a ledger and a resolver. Gives: for each domain its Decision before and after, and its
route. Time-outs and failing name servers say nothing about a domain, and nothing is stored for
them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from operator import attrgetter
from typing import NamedTuple

from bouncewise.ledger import Store
from bouncewise.model import Basis, Cause, Decision, Decisions, Event
from bouncewise.net import dns
from bouncewise.net.answers import Lookup
from bouncewise.operations.decisions import decisions_on
from bouncewise.operations.suppress import record
from bouncewise.policy.decide import DNS_LOOKUP, DNS_ROUTE, DOMAIN_CAUSES, OK, decide
from bouncewise.policy.load import Policy

_PAGE = 10_000
"""Domains that are looked up before what follows for them is stored."""

_MAX_WORDS = 200
_CAUSES = {
    dns.Route.NXDOMAIN: Cause.DOMAIN_UNKNOWN,
    dns.Route.NOTHING: Cause.DOMAIN_UNKNOWN,
    dns.Route.NULL_MX: Cause.DOMAIN_NO_MAIL,
}
_WORDS = {
    dns.Route.NXDOMAIN: "DNS: the domain does not exist (NXDOMAIN)",
    dns.Route.NOTHING: "DNS: the domain has neither MX nor address records",
    dns.Route.NULL_MX: "DNS: the domain accepts no mail (null MX, RFC 7505)",
    dns.Route.IMPLICIT: "DNS: no MX, but an address record",
}


class DnsCheck(NamedTuple):
    """A domain, its Decision before and after, and its route by DNS; None without a lookup."""

    domain: str
    before: Decision
    after: Decision
    mail: dns.MailRoute | None


def dead_domains(ledger: Store) -> Iterator[tuple[str, Decision]]:
    """The domains (``example.org``) held or suppressed by evidence, by name; with those whose
    time is up.
    """
    yield from _dead(ledger.states())


def dead_domains_as_of(
    ledger: Store, policy: Policy, at: datetime
) -> Iterator[tuple[str, Decision]]:
    """``dead_domains`` by the evidence up to a time."""
    names = (name for name in ledger.names() if name.startswith("@"))
    yield from _dead(decisions_on(names, ledger, policy, at))


def _dead(found: Iterable[tuple[str, Decisions]]) -> Iterator[tuple[str, Decision]]:
    for name, decisions in found:
        for decision in decisions if name.startswith("@") else ():
            if decision.cause in DOMAIN_CAUSES and decision.basis is Basis.EVIDENCE:
                yield name[1:], decision


def verify(
    found: Iterable[tuple[str, Decision]],
    ledger: Store,
    policy: Policy,
    lookup: Lookup,
    *,
    at: datetime,
    dry_run: bool,
) -> Iterator[DnsCheck]:
    """Ask DNS about each of *found*, store what it says, and decide anew; nothing is stored in a
    *dry_run*.
    """
    stream = iter(found)
    while page := list(islice(stream, _PAGE)):
        routes = dict(dns.mail_routes((domain for domain, _ in page), lookup))
        for domain, before in page:
            mail = routes[domain]
            act = _act(mail, at)
            after = before if act is None else _decide(domain, act, ledger, policy)
            if (
                act is not None and after != before and not dry_run
            ):  # what changes nothing would be a row a day
                record((f"@{domain}",), act, ledger, policy)
            yield DnsCheck(domain, before, after, mail)


def _act(mail: dns.MailRoute, at: datetime) -> Event | None:
    """What DNS says, as an act; None where it gives no answer."""
    if mail.route is dns.Route.UNANSWERED:
        return None
    words = _WORDS.get(mail.route) or f"DNS: mail goes to {', '.join(mail.hosts[:3])}"[:_MAX_WORDS]
    kind = DNS_ROUTE if mail.route is dns.Route.MX else DNS_LOOKUP
    return Event(at=at, kind=kind, cause=_CAUSES.get(mail.route), words=words, by="dns")


def _decide(domain: str, act: Event, ledger: Store, policy: Policy) -> Decision:
    history = sorted((*ledger.history(f"@{domain}"), act), key=attrgetter("order"))
    found = decide(history, policy, whole_domain=True)
    return next((d for d in found if d.basis is Basis.EVIDENCE), OK)
