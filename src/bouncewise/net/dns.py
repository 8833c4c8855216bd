"""Where a domain's mail is routed, by DNS: RFC 5321 §5.1 (MX, else the address), RFC 7505 (null
MX), RFC 1035 §4.1.1.

Reads: a domain. Gives: a MailRoute. It distinguishes a denial (NXDOMAIN) from a missing answer
(SERVFAIL, REFUSED, time-out), because a name server that fails says nothing about the domain.
Refuses: address literals, which have no MX.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from enum import StrEnum
from typing import Any, NamedTuple

from bouncewise.errors import InputError, missing_extra

TIMEOUT = 3.0
"""Seconds for each query, all name servers and retries together."""


class Route(StrEnum):
    """What DNS states about a domain's mail."""

    MX = "mx"
    NULL_MX = "null-mx"
    IMPLICIT = (
        "implicit"  # no MX but an address: that host is tried, though few such hosts accept mail
    )
    NOTHING = "nothing"
    NXDOMAIN = "nxdomain"
    UNANSWERED = "unanswered"


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
    """No usable answer: SERVFAIL, REFUSED or time-out; the text says which."""


Resolver = Callable[[str, str], list[str]]
"""(name, type) to records as text; raises NoSuchNameError, NoRecordsError or UnansweredError."""


def mail_route(domain: str, resolve: Resolver | None = None) -> MailRoute:
    """Where mail for *domain* is routed now. Failures of DNS are a result.

    Raises InputError if *resolve* is not given and dnspython is missing.
    """
    if domain.startswith("["):
        return MailRoute(Route.UNANSWERED, reason="an address literal has no MX")
    resolve = resolve or system_resolver()
    try:
        records = sorted(
            (int(preference), host.rstrip(".").lower())
            for preference, _, host in (record.partition(" ") for record in resolve(domain, "MX"))
        )
        if [host for _, host in records] == [""]:
            return MailRoute(Route.NULL_MX)
        return MailRoute(Route.MX, tuple(host for _, host in records if host))
    except NoSuchNameError:
        return MailRoute(Route.NXDOMAIN)
    except UnansweredError as error:
        return MailRoute(Route.UNANSWERED, reason=str(error))
    except NoRecordsError:
        return _implicit_route(domain, resolve)


def _implicit_route(domain: str, resolve: Resolver) -> MailRoute:
    for record_type in ("A", "AAAA"):
        try:
            if resolve(domain, record_type):
                return MailRoute(Route.IMPLICIT, (domain,))
        except (NoSuchNameError, NoRecordsError):
            continue
        except UnansweredError as error:
            return MailRoute(Route.UNANSWERED, reason=str(error))
    return MailRoute(Route.NOTHING)


def remembering(resolve: Resolver) -> Resolver:
    """*resolve*, which is asked each question once. A denial is remembered, silence is not; its
    error names the question.
    """
    known: dict[tuple[str, str], list[str] | Exception] = {}

    def ask(name: str, record_type: str) -> list[str]:
        question = name.rstrip(".").lower(), record_type
        if question not in known:
            try:
                known[question] = resolve(name, record_type)
            except (NoSuchNameError, NoRecordsError) as denial:
                known[question] = denial
            except UnansweredError as error:
                raise UnansweredError(f"{record_type} of {name}: {error}") from None
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
        _use_server(system, server)

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


def _use_server(resolver: Any, server: str) -> None:
    """Let a resolver of dnspython ask *server* alone."""
    address, colon, port = server.rpartition(":") if server.count(":") == 1 else (server, "", "")
    try:
        resolver.nameservers = [str(ipaddress.ip_address(address.strip("[]")))]
        resolver.port = int(port) if colon else 53
    except ValueError:
        raise InputError(
            f"--resolver {server}: give the IP address of a name server, or ADDRESS:PORT"
        ) from None
