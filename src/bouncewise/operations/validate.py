"""Is it worth mailing these addresses? The ledger, DNS and the lists, in this order; no mail server
is contacted.

Reads: addresses, a ledger or none, a Lookup or none. Gives: a Validation for each. Nothing is
stored. Only names of domains leave this machine, and only towards the resolver.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from os import PathLike, fspath
from sys import intern
from typing import TYPE_CHECKING, NamedTuple, Protocol

from bouncewise.lists import disposable, typos
from bouncewise.lists.names import name_in
from bouncewise.lists.validation import (
    NO_FINDINGS,
    AddressFacts,
    DomainFacts,
    DomainFindings,
    Validation,
    examine_domain,
    judge,
)
from bouncewise.model import Cause, Decision, Mail, State
from bouncewise.net.answers import Lookup
from bouncewise.net.bulk import bulk_lookup
from bouncewise.net.dns import MailRoute, mail_routes
from bouncewise.net.servers import server, system_servers
from bouncewise.policy.decide import CONFIRMED, OK
from bouncewise.policy.load import Policy
from bouncewise.policy.load import load as load_policy
from bouncewise.rules.receivers import receivers

if TYPE_CHECKING:
    from bouncewise.ledger import Store
    from bouncewise.ledger.records import DomainRecord

REFUSAL_DAYS = 180
"""How long a refusal shows that a domain knows its mailboxes: catch-alls are seldom changed."""

CATCH_ALL_ADDRESSES, CATCH_ALL_RETURNED = 20, 3
"""A domain that accepted so many addresses on one day, refused none as unknown, and returned mail
for so many later, accepts mail for addresses that do not exist."""

USED_DAYS, USED_ADDRESSES = 30, 3
"""A domain that took mail on so many days, and at which so many addresses gave signs of life
(``confirm``), is used by people, whatever list it is on."""

_UNKNOWN = (Cause.MAILBOX_UNKNOWN, Cause.ACCESS_DENIED)
_PAGE = 1000  # as check answers
_DOMAIN = "a domain, not an address"
Progress = Callable[[int, int], None]
"""Called with the domains whose route is known, and those of them that DNS did not answer for."""


class Answered(Protocol):
    """An answer of ``check``, of which a Validation starts. ``name``: the address or the
    ``@domain`` that the decision is about.
    """

    @property
    def address(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def decision(self) -> Decision: ...


class _WithoutLedger(NamedTuple):
    """The answer where there is no ledger."""

    address: str
    name: str
    decision: Decision


class Evidence(NamedTuple):
    """What addresses are compared with. ``ledger``, ``lookup``: None to do without; ``at``: the
    time of the answers, by the ledger's evidence up to then alone if ``past``; ``disposable``: the
    user's own domains of throw-away addresses.
    """

    policy: Policy
    ledger: Store | None
    lookup: Lookup | None
    at: datetime
    past: bool = False
    mail: Mail = Mail()
    disposable: Collection[str] = frozenset()


class Validator:
    """Validates addresses after it has looked up their domains: first ``prepare``, then
    ``validations``.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._findings: dict[str, DomainFindings] = {}
        self._routes: dict[MailRoute, MailRoute] = {}
        self._relays: set[int] | None = None

    def prepare(
        self, addresses: Iterable[str], progress: Progress = lambda _n, _silent: None
    ) -> None:
        """Find out about the domains of *addresses*."""
        names = (key for key, error in map(name_in, addresses) if not error)
        domains = {name.rpartition("@")[2] for name in names if not name.startswith("@")}
        records, facts = self._records(domains), self._facts
        silent = 0
        for number, (domain, route) in enumerate(self._domain_routes(domains), 1):
            known = facts(domain, route, records.get(f"@{domain}"))
            self._findings[domain] = examine_domain(domain, known, self._evidence.disposable)
            silent += route is not None and bool(route.reason)
            progress(number, silent)
        self._routes.clear()

    def validations(self, addresses: Iterable[str]) -> Iterator[Validation]:
        """The Validation of each of *addresses*, in order."""
        return self.validations_of(self.answers(addresses))

    def answers(self, addresses: Iterable[str]) -> Iterator[Answered]:
        """What the ledger answers about each of *addresses*, in order."""
        e = self._evidence
        if e.ledger is None:
            return map(_without_ledger, addresses)
        from bouncewise.operations.check import check  # (slow to import)

        return check(addresses, e.ledger, e.policy, at=e.at, past=e.past, mail=e.mail)

    def validations_of(self, answers: Iterable[Answered]) -> Iterator[Validation]:
        """The Validation of each address that the ledger has answered about."""
        stream, e = iter(answers), self._evidence
        while page := list(islice(stream, _PAGE)):
            named = [(answer, _name(answer)) for answer in page]
            delivered, failed = self._last([name for _, name in named])
            for answer, name in named:
                facts = AddressFacts(
                    answer.address,
                    name,
                    answer.name,
                    answer.decision,
                    delivered.get(name),
                    failed.get(name),
                )
                findings = self._findings.get(name.rpartition("@")[2], NO_FINDINGS)
                yield judge(facts, findings, e.at, e.policy.dead.alive_days)

    def _last(self, names: list[str]) -> tuple[dict[str, datetime], dict[str, datetime]]:
        """The last delivery and the last failure of each of *names*."""
        e = self._evidence
        if e.ledger is None:
            return {}, {}
        if self._relays is None:
            self._relays = e.ledger.coverage.relays(e.policy.trust.relay_domains, e.at)
        known = e.ledger.familiarity
        return (
            known.last_deliveries(names, e.at, self._relays),
            known.last_failures(names, e.at),
        )

    # ── domains ──────────────────────────────────────────────────────────────────────────────────

    def _domain_routes(self, domains: Collection[str]) -> Iterator[tuple[str, MailRoute | None]]:
        if self._evidence.lookup is None:
            yield from ((domain, None) for domain in domains)
            return
        for domain, route in mail_routes(domains, self._evidence.lookup, check_hosts=True):
            shared = MailRoute(route.route, tuple(map(intern, route.hosts)), route.reason)
            yield domain, self._routes.setdefault(shared, shared)

    def _facts(
        self, domain: str, route: MailRoute | None, record: DomainRecord | None
    ) -> DomainFacts:
        receiver = next(filter(None, map(_receiver_of, (route.hosts if route else ()))), "")
        refused, returned = record or (0, 0)
        return DomainFacts(
            route,
            receiver or _receiver_of(domain),
            _is_free(domain),
            refused,
            returned >= CATCH_ALL_RETURNED and not refused and self._is_large(domain),
            self._is_used(domain),
        )

    def _records(self, domains: Iterable[str]) -> dict[str, DomainRecord]:
        """What the ledger knows of domains with refused addresses."""
        e = self._evidence
        if e.ledger is None:
            return {}
        since = e.at - timedelta(days=REFUSAL_DAYS)
        names = (f"@{domain}" for domain in domains)
        return e.ledger.familiarity.refusals(names, _UNKNOWN, since, e.at)

    def _is_large(self, domain: str) -> bool:
        e, name = self._evidence, f"@{domain}"
        assert e.ledger is not None
        found = e.ledger.familiarity.most_in_a_day((name,), e.at)
        return found.get(name, 0) >= CATCH_ALL_ADDRESSES

    def _is_used(self, domain: str) -> bool:
        """Whether people use a *domain* that is on a list of throw-away domains."""
        e, name = self._evidence, f"@{domain}"
        if e.ledger is None or not disposable.is_disposable(domain, e.disposable):
            return False
        known = e.ledger.familiarity
        if known.acts((name,), CONFIRMED, e.at).get(name, 0) < USED_ADDRESSES:
            return False
        return known.delivery_days((name,), e.at).get(name, 0) >= USED_DAYS


def validate(
    address: str,
    *,
    ledger: str | PathLike[str] | None = None,
    offline: bool = False,
    resolver: str = "",
    at: datetime | None = None,
) -> Validation:
    """Whether *address* is worth mailing, before its first mail: by what the *ledger* knows, by
    DNS unless *offline*, and by lists.

    *resolver*: ``ADDRESS`` or ``ADDRESS:PORT`` in place of the system's name servers; *at*: the
    ledger as of this timezone-aware time. Nothing is stored, and DNS answers are not kept.
    """
    from bouncewise.ledger import open_store

    lookup = None
    if not offline:
        lookup = bulk_lookup((server(resolver),) if resolver else system_servers())
    with ExitStack() as opened:
        store = opened.enter_context(open_store(fspath(ledger), read_only=True)) if ledger else None
        when = at or datetime.now(UTC)
        validator = Validator(Evidence(load_policy(), store, lookup, when, at is not None))
        validator.prepare((address,))
        return next(validator.validations((address,)))


def _without_ledger(given: str) -> _WithoutLedger:
    name, error = name_in(given)
    if not error and name.startswith("@"):
        error = _DOMAIN
    decision = Decision(state=State.INVALID, why=error) if error else OK
    return _WithoutLedger(given, name, decision)


def _name(answer: Answered) -> str:
    """The normalised address, where the Decision may be about its domain."""
    return name_in(answer.address).key if answer.name.startswith("@") else answer.name


@cache
def _receiver_hosts() -> dict[str, str]:
    return {host: r.id for r in receivers() for host in (*r.mx, *r.domains)}


@cache
def _free_domains() -> frozenset[str]:
    """Domains whose mailboxes anybody can have: those of receivers, and of mailbox providers."""
    known = typos.known_domains()
    own = (domain for receiver in receivers() for domain in receiver.domains)
    return frozenset((*own, *known.mailbox_providers, *known.existing))


def _receiver_of(host: str) -> str:
    """The receiver that runs *host*, or the domain; '' if unknown."""
    known = _receiver_hosts()
    while host:
        if host in known:
            return known[host]
        host = host.partition(".")[2]
    return ""


def _is_free(domain: str) -> bool:
    return domain in _free_domains()
