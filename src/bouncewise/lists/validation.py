"""What an address is worth before it is mailed: the verdict, its reasons, and the words.

Reads: what the ledger, DNS and the lists know of an address and its domain, as arguments. Gives: a
Validation. The ledger counts first, then DNS, then the lists. Laws: a delivery of the last days
outranks everything risky but a hold; a list alone makes nothing bad; a missing answer of DNS makes
nothing but unknown; a suggestion is never applied.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache
from typing import NamedTuple

from bouncewise.lists import disposable, typos
from bouncewise.lists.roles import Role, role_of
from bouncewise.lists.worth import HOLDS, Reason, Worth, worth
from bouncewise.model import Basis, Cause, Decision, State
from bouncewise.net.dns import MailRoute, Route
from bouncewise.rfc.suffixes import has_known_ending

STALE_DAYS = 730
"""Days after which a last delivery says little: a fifth of a business list changes in a year."""

_MAX_WORDS = 300


_R = Reason
_ROUTABLE = [(_R.ROUTABLE, "")]
_ORDER = {reason: place for place, reason in enumerate(Reason)}
_ROUTES = {
    Route.NXDOMAIN: (_R.NO_SUCH_DOMAIN, "DNS: the domain does not exist (NXDOMAIN)"),
    Route.NOTHING: (_R.NO_ROUTE, "DNS: the domain has neither MX nor address records"),
    Route.NULL_MX: (_R.NULL_MX, "DNS: the domain accepts no mail (null MX, RFC 7505)"),
    Route.IMPLICIT: (_R.IMPLICIT_MX, "DNS: no MX; only an address record, which few use for mail"),
    Route.UNUSABLE: (_R.MX_UNUSABLE, "DNS: no mail server that can be reached from the Internet"),
    Route.DANGLING: (_R.MX_DANGLING, "DNS: none of the mail servers has an address"),
    Route.UNANSWERED: (_R.DNS_UNANSWERED, "DNS: no answer"),
}


class DomainFacts(NamedTuple):
    """What is known of a domain. ``route``: None where DNS is not used; ``receiver``: by its mail
    servers, '' if unknown; ``refused``: addresses that it refused as unknown lately;
    ``accepts_all``: it accepts mail for unknown addresses; ``is_used``: people of the domain showed
    signs of life for long.
    """

    route: MailRoute | None = None
    receiver: str = ""
    is_free: bool = False
    refused: int = 0
    accepts_all: bool = False
    is_used: bool = False


class DomainFindings(NamedTuple):
    """What follows for every address of a domain, but from the ledger. ``suggestion``: the domain
    that was probably intended, or ''.
    """

    route: MailRoute | None
    receiver: str
    reasons: tuple[Reason, ...]
    words: tuple[str, ...]
    information: tuple[str, ...]
    suggestion: str


class AddressFacts(NamedTuple):
    """What is known of an address. ``decision``: the ledger's, about ``about``, the address or its
    ``@domain``.
    """

    given: str
    name: str
    about: str
    decision: Decision
    last_delivered: datetime | None = None
    last_failed: datetime | None = None


class Validation(NamedTuple):
    """The verdict on an address. ``address`` as given, ``name`` normalised; ``information`` changes
    no verdict; ``suggestion``: an address, or ''.
    """

    address: str
    name: str
    verdict: Worth
    reasons: tuple[Reason, ...]
    information: tuple[str, ...]
    suggestion: str
    words: str
    domain: DomainFindings
    decision: Decision
    last_delivered: datetime | None
    last_failed: datetime | None


NO_FINDINGS = DomainFindings(None, "", (), (), (), "")
"""Of what is no address."""


def examine_domain(
    domain: str, facts: DomainFacts, own_disposable: Iterable[str] = frozenset()
) -> DomainFindings:
    """What follows from the facts about *domain*; *own_disposable*: domains on a list of the
    user's.
    """
    found: list[tuple[Reason, str]] = []
    route = facts.route
    if route is None:
        found.append((_R.OFFLINE, "DNS was not used"))
    elif route.route in _ROUTES:
        reason, words = _ROUTES[route.route]
        found.append((reason, f"{words}: {route.reason}" if route.reason else words))
    hosts = route.hosts if route else ()
    own = frozenset(own_disposable)
    if not facts.is_used:
        if disposable.is_disposable(domain, own):
            found.append((_R.DISPOSABLE, f"{domain} serves throw-away addresses"))
        elif disposable.serves_only_disposable(hosts):
            found.append((_R.DISPOSABLE, f"{hosts[0]} serves throw-away addresses"))
    if facts.accepts_all:
        found.append((_R.ACCEPTS_ALL, "the domain accepts mail for addresses that do not exist"))
    suggestion = _add_spelling(domain, route, found)
    return DomainFindings(
        route,
        facts.receiver,
        tuple(reason for reason, _ in found),
        tuple(words for _, words in found),
        _information(domain, facts),
        suggestion,
    )


def _add_spelling(domain: str, route: MailRoute | None, found: list[tuple[Reason, str]]) -> str:
    """Add what the spelling of *domain* shows; the domain that was probably intended, or ''."""
    if (typo := typos.domain_typo(domain)) is not None:
        found.append((_R.TYPO, f"{typo.how}: is {typo.intended} meant?"))
        return typo.intended
    is_doubtful = route is None or route.route in (Route.NXDOMAIN, Route.UNANSWERED)
    if not is_doubtful or has_known_ending(domain):
        return ""
    ending = domain.rpartition(".")[2]
    typo = typos.ending_typo(domain)
    meant = f": is {typo.intended} meant?" if typo else ""
    found.append((_R.NO_SUCH_TLD, f"there is no top-level domain .{ending}{meant}"))
    return typo.intended if typo else ""


@cache
def _shared(information: tuple[str, ...]) -> tuple[str, ...]:
    """One tuple for all domains that share it."""
    return information


def _information(domain: str, facts: DomainFacts) -> tuple[str, ...]:
    known = (
        ("free", facts.is_free),
        ("relay", disposable.is_relay(domain)),
        ("i18n", "xn--" in domain),
        ("refuses-unknown", facts.refused > 0),
        (f"receiver:{facts.receiver}", bool(facts.receiver)),
    )
    return _shared(tuple(name for name, holds in known if holds))


def judge(
    facts: AddressFacts, domain: DomainFindings, at: datetime, recent_days: int
) -> Validation:
    """The verdict on an address at a time; a delivery counts as recent for *recent_days*."""
    if facts.decision.state is State.INVALID:
        return _validation(facts, NO_FINDINGS, [(_R.SYNTAX, facts.decision.why)], ())
    local = facts.name.rpartition("@")[0]
    role = role_of(local)
    information = _with_local(domain.information, local, role)
    found = list(zip(domain.reasons, domain.words, strict=True))
    if facts.decision.state is not State.OK:
        found += _by_ledger(facts, domain)
    if role is Role.NO_REPLY:
        found.append((_R.ROLE_NO_REPLY, f"nobody reads mail to {local}"))
    last = facts.last_delivered
    if last is not None:
        found = _after_delivery(found, last, at, recent_days)
    return _validation(facts, domain, found or _ROUTABLE, information)


def _with_local(information: tuple[str, ...], local: str, role: Role | None) -> tuple[str, ...]:
    """*information* about the domain, with what the local part adds."""
    if role is not Role.ROLE and "+" not in local and local.isascii():
        return information
    is_new = not local.isascii() and "i18n" not in information
    more = (("role", role is Role.ROLE), ("subaddress", "+" in local), ("i18n", is_new))
    return _shared((*information, *(name for name, holds in more if holds)))


def _by_ledger(facts: AddressFacts, domain: DomainFindings) -> Iterable[tuple[Reason, str]]:
    """The reason in the ledger's decision."""
    d = facts.decision
    of_domain = facts.about.startswith("@") and d.basis is Basis.EVIDENCE
    if of_domain and domain.route is not None and domain.route.route is Route.MX:
        yield _R.DOMAIN_LAPSED, f"the domain was unreachable, and DNS names mail servers: {d.why}"
        return
    since = f" since {d.since:%Y-%m-%d}" if d.since else ""
    until = f" until {d.until:%Y-%m-%d}" if d.until else ""
    what = f"{d.state}{since}{until}: {d.why or d.cause or d.rule}"
    if d.state is State.HELD:
        yield (_R.FULL if d.cause is Cause.MAILBOX_FULL else _R.HELD), what
    elif d.basis is Basis.WISH:
        yield (_R.COMPLAINED if _is_complaint(d) else _R.UNSUBSCRIBED), what
    else:
        yield _R.SUPPRESSED, what


def _is_complaint(decision: Decision) -> bool:
    return decision.cause is Cause.COMPLAINT or decision.rule == "complaint"


def _after_delivery(
    found: list[tuple[Reason, str]], last: datetime, at: datetime, recent_days: int
) -> list[tuple[Reason, str]]:
    """The reasons that stand beside a last delivery."""
    delivered = _R.DELIVERED, f"delivered on {last:%Y-%m-%d}"
    if at - last <= timedelta(days=recent_days):
        kept = [item for item in found if worth(item[0]) is Worth.BAD or item[0] in HOLDS]
        return kept or [delivered]
    found = [item for item in found if item[0] is not _R.TYPO]
    if at - last > timedelta(days=STALE_DAYS):
        found.append((_R.STALE, f"the last delivery was on {last:%Y-%m-%d}"))
    return found or [delivered]


def _validation(
    facts: AddressFacts,
    domain: DomainFindings,
    found: list[tuple[Reason, str]],
    information: tuple[str, ...],
) -> Validation:
    if len(found) > 1:
        found = sorted(found, key=lambda item: _ORDER[item[0]])
    reasons = tuple([reason for reason, _ in found])
    suggestion = ""
    if domain.suggestion and (_R.TYPO in reasons or _R.NO_SUCH_TLD in reasons):
        suggestion = f"{facts.name.rpartition('@')[0]}@{domain.suggestion}"
    return Validation(
        facts.given,
        facts.name,
        worth(reasons[0]),
        reasons,
        information,
        suggestion,
        "; ".join(words for _, words in found if words)[:_MAX_WORDS],
        domain,
        facts.decision,
        facts.last_delivered,
        facts.last_failed,
    )
