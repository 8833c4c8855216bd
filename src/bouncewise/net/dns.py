"""Questions to DNS, and where a domain's mail is routed: RFC 5321 section 5.1 (MX, else the
address), RFC 7505 (null MX), RFC 1035 section 4.1.1.

Reads: domains. Gives: MailRoutes. It distinguishes a denial (NXDOMAIN, no records) from a missing
answer (SERVFAIL, REFUSED, time-out), because a name server that fails says nothing about the
domain. Refuses: address literals, which have no MX.

Whoever answers is a Lookup: ``bulk.bulk_lookup`` for any number of questions, ``one_by_one`` over
dnspython for few, or a function of a test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from bouncewise.errors import InputError, missing_extra
from bouncewise.net.answers import Answer, Lookup, Outcome, Question
from bouncewise.net.hosts import MOST_HOSTS, Reach, addresses_of, is_global, reach_of, together
from bouncewise.net.servers import server as server_at

TIMEOUT = 3.0
"""Seconds for each query of dnspython, all name servers and retries together."""


MOST_SILENT = 10
"""Questions without an answer after which the audit of a domain asks no more."""


class Route(StrEnum):
    """What DNS states about a domain's mail."""

    MX = "mx"
    NULL_MX = "null-mx"
    IMPLICIT = (
        "implicit"  # no MX but an address: that host is tried, though few such hosts accept mail
    )
    NOTHING = "nothing"
    NXDOMAIN = "nxdomain"
    UNUSABLE = "mx-unusable"  # no host that a public sender could connect to
    DANGLING = "mx-dangling"  # MX, but none of its hosts has an address
    UNANSWERED = "unanswered"


_ROUTES = {
    Reach.POSSIBLE: Route.MX,
    Reach.LOCAL: Route.UNUSABLE,
    Reach.NOWHERE: Route.DANGLING,
}


class MailRoute(NamedTuple):
    """The route, the mail exchangers by preference, and the reason if there was no answer."""

    route: Route
    hosts: tuple[str, ...] = ()
    reason: str = ""


class NoSuchNameError(Exception):
    """NXDOMAIN: the name does not exist."""


class NoRecordsError(Exception):
    """The name exists and has no records of this type."""


class UnansweredError(Exception):
    """No usable answer: SERVFAIL, REFUSED or time-out; the text names it."""


Resolver = Callable[[str, str], list[str]]
"""(name, type) to records as text; raises NoSuchNameError, NoRecordsError or UnansweredError."""


def mail_route(domain: str, resolve: Resolver | None = None) -> MailRoute:
    """Where mail for *domain* is routed now. Failures of DNS are a result.

    Raises InputError if *resolve* is not given and dnspython is missing.
    """
    return next(mail_routes((domain,), one_by_one(resolve)))[1]


def mail_routes(
    domains: Iterable[str], lookup: Lookup, *, check_hosts: bool = False
) -> Iterator[tuple[str, MailRoute]]:
    """Each of *domains* (all different), with where its mail is routed now, in any order. Failures
    of DNS are a result.

    *check_hosts*: look up the addresses of the mail exchangers as well, which distinguishes
    UNUSABLE and DANGLING from MX.
    """
    bare: list[str] = []
    with_hosts: dict[str, tuple[str, ...]] = {}
    literals: list[str] = []
    for question, answer in lookup(_mx_questions(domains, literals)):
        domain, found = question.name, _by_mx(answer)
        if found is None:
            bare.append(domain)
        elif found.route is Route.MX and check_hosts:
            with_hosts[domain] = found.hosts
        else:
            yield domain, found
    for domain in literals:
        yield domain, MailRoute(Route.UNANSWERED, reason="an address literal has no MX")
    for domain, addresses in addresses_of(bare, lookup).items():
        yield domain, _implicit(domain, addresses, check_hosts)
    hosts = dict.fromkeys(h for found in with_hosts.values() for h in found[:MOST_HOSTS])
    known = reach_of(hosts, lookup)
    for domain, of_domain in with_hosts.items():
        yield domain, MailRoute(_ROUTES[together(of_domain, known)], of_domain)


def one_by_one(resolve: Resolver | None = None) -> Lookup:
    """A Lookup that asks *resolve*, by default dnspython with the system's name servers, one
    question after the other. Raises InputError as system_resolver.
    """
    resolver = resolve

    def lookup(questions: Iterable[Question]) -> Iterator[tuple[Question, Answer]]:
        nonlocal resolver
        for question in questions:
            resolver = resolver or system_resolver()
            yield question, _answer(resolver, question)

    return lookup


def _answer(resolve: Resolver, question: Question) -> Answer:
    try:
        return Answer(Outcome.ANSWERED, tuple(resolve(*question)))
    except NoSuchNameError:
        return Answer(Outcome.NO_NAME)
    except NoRecordsError:
        return Answer(Outcome.NO_RECORDS)
    except UnansweredError as error:
        return Answer(Outcome.SILENT, reason=str(error))


def _mx_questions(domains: Iterable[str], literals: list[str]) -> Iterator[Question]:
    for domain in domains:
        if domain.startswith("["):
            literals.append(domain)
        else:
            yield Question(domain, "MX")


def _by_mx(answer: Answer) -> MailRoute | None:
    """The route that the answer to the question for MX states; None where there is no MX."""
    if answer.outcome is Outcome.NO_NAME:
        return MailRoute(Route.NXDOMAIN)
    if answer.outcome is Outcome.SILENT:
        return MailRoute(Route.UNANSWERED, reason=answer.reason)
    return _by_records(answer.records) if answer.records else None


@lru_cache(maxsize=65536)
def _by_records(records: tuple[str, ...]) -> MailRoute:
    """The route by MX records: one object for all domains that have the same."""
    ordered = sorted(
        (int(preference), host.rstrip(".").lower())
        for preference, _, host in (record.partition(" ") for record in records)
    )
    if [host for _, host in ordered] == [""]:
        return MailRoute(Route.NULL_MX)
    return MailRoute(Route.MX, tuple(host for _, host in ordered if host))


def _implicit(domain: str, found: Answer, check: bool) -> MailRoute:
    if found.records:
        is_usable = not check or any(map(is_global, found.records))
        return MailRoute(Route.IMPLICIT if is_usable else Route.UNUSABLE, (domain,))
    if found.outcome is Outcome.SILENT:
        return MailRoute(Route.UNANSWERED, reason=found.reason)
    return MailRoute(Route.NOTHING)


def remembering(resolve: Resolver, *, silence: bool = False) -> Resolver:
    """*resolve*, which is asked each question once. A denial is remembered, and *silence* if that
    is wanted: else the question is asked again. Of those that remember silence, none asks after
    MOST_SILENT questions without an answer, so that it ends. The error names the question.
    """
    known: dict[tuple[str, str], list[str] | Exception] = {}
    silent = 0

    def ask(name: str, record_type: str) -> list[str]:
        nonlocal silent
        question = name.rstrip(".").lower(), record_type
        if question not in known:
            try:
                if silence and silent >= MOST_SILENT:
                    raise UnansweredError(f"not asked after {MOST_SILENT} without an answer")
                known[question] = resolve(name, record_type)
            except (NoSuchNameError, NoRecordsError) as denial:
                known[question] = denial
            except UnansweredError as error:
                about = f"{record_type} of {name}: "
                words = str(error).removeprefix(about)
                if not silence:
                    raise UnansweredError(about + words) from None
                silent += 1
                known[question] = UnansweredError(about + words)
        answer = known[question]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ask


def system_resolver(timeout: float = TIMEOUT, server: str = "") -> Resolver:
    """A resolver that uses the system's name servers, or *server* (``ADDRESS`` or
    ``ADDRESS:PORT``), with *timeout* in seconds per query.

    Raises InputError if dnspython is missing, the system has no name servers, or *server* is no IP
    address.
    """
    try:
        import dns.exception
        import dns.resolver
    except ImportError:
        raise missing_extra("sender", "--dns", "dnspython") from None
    try:
        system = dns.resolver.Resolver()
    except dns.resolver.NoResolverConfiguration as error:
        raise InputError(f"--dns: no name server is configured on this host ({error})") from None
    system.lifetime = timeout
    if server:
        address, system.port = server_at(server)
        system.nameservers = [address]

    def resolve(name: str, record_type: str) -> list[str]:
        try:
            answer = system.resolve(f"{name}.", record_type, search=False)
            return [record.to_text() for record in answer]
        except dns.resolver.NXDOMAIN:
            raise NoSuchNameError(name) from None
        except dns.resolver.NoAnswer:
            raise NoRecordsError(name) from None
        except dns.exception.Timeout:
            raise UnansweredError(f"no answer within {timeout:g} seconds") from None
        except dns.resolver.NoNameservers:
            raise UnansweredError("the name servers failed (SERVFAIL or REFUSED)") from None
        except dns.exception.DNSException as error:
            raise UnansweredError(f"{type(error).__name__}: {error}") from None

    return resolve
