"""Domains that stand as dead, and what DNS says of them: confirmed over several days, asked again, freed to be asked by mail.

Reads: a ledger and a resolver. Gives: for each domain its Decision before and after, and its route. Time-outs and failing
name servers say nothing about a domain, and nothing is entered for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from bouncewise.ledger import Ledger
from bouncewise.model import Cause, Decision, Event
from bouncewise.net import dns
from bouncewise.operations.pipeline import record
from bouncewise.policy.decide import LOOKED_UP, OF_DOMAINS, decide
from bouncewise.policy.load import Policy

AT_ONCE = 16
"""Questions that wait for answers at a time."""

_CAUSES = {
    dns.Route.NXDOMAIN: Cause.DOMAIN_UNKNOWN,
    dns.Route.NOTHING: Cause.DOMAIN_UNKNOWN,
    dns.Route.NULL_MX: Cause.DOMAIN_NO_MAIL,
}
_SAYS = {
    dns.Route.NXDOMAIN: "DNS: the domain does not exist (NXDOMAIN)",
    dns.Route.NOTHING: "DNS: the domain has neither MX nor address records",
    dns.Route.NULL_MX: "DNS: the domain takes no mail (null MX, RFC 7505)",
    dns.Route.IMPLICIT: "DNS: no MX, but an address record",
}


class Looked(NamedTuple):
    """A domain, its Decision before and after, and what DNS said; None where it was not asked."""

    domain: str
    before: Decision
    after: Decision
    mail: dns.Mail | None


def dead(ledger: Ledger) -> Iterator[tuple[str, Decision]]:
    """The domains (``example.org``) held or suppressed on their own evidence, by name; also those whose time is up."""
    for name, decision in ledger.states():
        if name.startswith("@") and decision.cause in OF_DOMAINS and not decision.by:
            yield name[1:], decision


def look(
    found: Iterable[tuple[str, Decision]],
    ledger: Ledger,
    policy: Policy,
    resolve: dns.Resolve,
    at: datetime,
    *,
    trial: bool,
) -> Iterator[Looked]:
    """Ask DNS about each of *found*, enter what it said, and decide anew; on *trial* nothing is entered."""
    stream = iter(found)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while some := list(islice(stream, 8 * AT_ONCE)):
            answers = pool.map(lambda domain: dns.mail(domain, resolve), [domain for domain, _ in some])
            for (domain, before), mail in zip(some, answers, strict=True):
                yield Looked(domain, before, _after(domain, before, mail, ledger, policy, at, trial=trial), mail)


def _after(
    domain: str, before: Decision, mail: dns.Mail, ledger: Ledger, policy: Policy, at: datetime, *, trial: bool
) -> Decision:
    if mail.route is dns.Route.UNANSWERED:
        return before
    name = f"@{domain}"
    says = _SAYS.get(mail.route) or f"DNS: mail goes to {', '.join(mail.hosts[:3])}"[:200]
    act = Event(at=at, kind=LOOKED_UP, cause=_CAUSES.get(mail.route), words=says, by="dns")
    after = decide([*ledger.history(name), act], policy, whole_domain=True)
    if after != before and not trial:  # what changes nothing is not kept: it would be a row a day
        record((name,), act, ledger, policy)
    return after
