"""Where a domain's mail goes, by DNS: RFC 5321 §5.1 (MX, then the address itself), RFC 7505 (null MX), RFC 1035 §4.1.1.

Reads: a domain. Gives: Mail, with what is no answer (SERVFAIL, REFUSED, time-out) told apart from a denial (NXDOMAIN), because
a name server that is down says nothing about the domain. Refuses address literals: they have no MX.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from bouncewise.errors import InputError

TIMEOUT = 3.0
"""Seconds for each question, all servers and retries together."""


class Route(StrEnum):
    """What DNS says of a domain's mail."""

    MX = "mx"
    NULL_MX = "null-mx"
    IMPLICIT = "implicit"  # no MX but an address: that host is asked, though few such receive mail
    NOTHING = "nothing"
    NXDOMAIN = "nxdomain"
    UNANSWERED = "unanswered"


class Mail(NamedTuple):
    """The route, the mail exchangers by preference, and where there was no answer the reason."""

    route: Route
    hosts: tuple[str, ...] = ()
    reason: str = ""


class NoSuchNameError(Exception):
    """NXDOMAIN: the name does not exist."""


class NoRecordsError(Exception):
    """The name exists and has no records of this type."""


class UnansweredError(Exception):
    """No usable answer: SERVFAIL, REFUSED or time-out. The text says which."""


Resolve = Callable[[str, str], list[str]]
"""(name, type) to the records as text; raises NoSuchNameError, NoRecordsError or UnansweredError."""


def mail(domain: str, resolve: Resolve | None = None) -> Mail:
    """Where mail for *domain* goes now. Raises InputError where dnspython is missing; trouble in DNS is an answer."""
    if domain.startswith("["):
        return Mail(Route.UNANSWERED, reason="an address literal has no MX")
    ask = resolve or resolver()
    try:
        records = sorted(
            (int(p), host.rstrip(".").lower())
            for p, _, host in (r.partition(" ") for r in ask(domain, "MX"))
        )
        if [host for _, host in records] == [""]:
            return Mail(Route.NULL_MX)
        return Mail(Route.MX, tuple(host for _, host in records if host))
    except NoSuchNameError:
        return Mail(Route.NXDOMAIN)
    except UnansweredError as why:
        return Mail(Route.UNANSWERED, reason=str(why))
    except NoRecordsError:
        return _implicit(domain, ask)


def _implicit(domain: str, ask: Resolve) -> Mail:
    for kind in ("A", "AAAA"):
        try:
            if ask(domain, kind):
                return Mail(Route.IMPLICIT, (domain,))
        except (NoSuchNameError, NoRecordsError):
            continue
        except UnansweredError as why:
            return Mail(Route.UNANSWERED, reason=str(why))
    return Mail(Route.NOTHING)


def resolver(timeout: float = TIMEOUT) -> Resolve:
    """A resolver over the system's name servers, *timeout* in seconds. Raises InputError where dnspython is missing."""
    try:
        import dns.exception
        import dns.resolver
    except ImportError:
        raise InputError("--dns needs dnspython: pip install 'bouncewise[sender]'") from None
    try:
        system = dns.resolver.Resolver()
    except dns.resolver.NoResolverConfiguration as bad:
        raise InputError(f"--dns: no name server is configured on this host ({bad})") from None
    system.lifetime = timeout

    def ask(name: str, kind: str) -> list[str]:
        try:
            return [record.to_text() for record in system.resolve(f"{name}.", kind, search=False)]
        except dns.resolver.NXDOMAIN:
            raise NoSuchNameError(name) from None
        except dns.resolver.NoAnswer:
            raise NoRecordsError(name) from None
        except dns.exception.Timeout:
            raise UnansweredError(f"no answer within {timeout:g} seconds") from None
        except dns.resolver.NoNameservers:
            raise UnansweredError("the name servers failed (SERVFAIL or REFUSED)") from None
        except dns.exception.DNSException as bad:
            raise UnansweredError(f"{type(bad).__name__}: {bad}") from None

    return ask
