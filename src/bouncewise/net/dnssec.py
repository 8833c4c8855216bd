"""Whether DNSSEC protects the answer to a question, as a validating resolver on this host states it
(RFC 4035 section 3.2.3, RFC 6840 sections 5.7 to 5.9).

Reads: names and types. Gives: secure, insecure, bogus or unknown. Refuses: to believe the AD bit of
a resolver that is reached over a network, where anybody on the way could set it; and to call an
answer insecure of a resolver that does not even validate the root. Needs dnspython.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from bouncewise.errors import missing_extra
from bouncewise.net.dns import TIMEOUT
from bouncewise.net.servers import Server, server, system_servers

if TYPE_CHECKING:
    import dns.message


class Security(StrEnum):
    """The states of RFC 4033 section 5; UNKNOWN: nobody here can tell."""

    SECURE = "secure"
    INSECURE = "insecure"
    BOGUS = "bogus"
    UNKNOWN = "unknown"


class Validated(NamedTuple):
    """The state of the answer to a question, denials included; ``why``: why it is UNKNOWN."""

    security: Security
    why: str = ""


Validator = Callable[[str, str], Validated]
"""(name, type) to the state of the answer."""


def validator(resolver: str = "", timeout: float = TIMEOUT) -> Validator:
    """A Validator that asks *resolver* (``ADDRESS[:PORT]``), by default the first name server of
    this host; *timeout*: seconds for each query. Raises InputError as system_resolver.
    """
    try:
        import dns.exception  # noqa: F401
    except ImportError:
        raise missing_extra("sender", "DNSSEC", "dnspython") from None
    where = server(resolver) if resolver else system_servers()[0]
    is_local = ipaddress.ip_address(where.address).is_loopback

    @cache
    def root() -> Validated:
        return _by_bits(".", "SOA", where, timeout)

    @cache
    def validate(name: str, record_type: str) -> Validated:
        found = _by_bits(name, record_type, where, timeout)
        if found.security in (Security.BOGUS, Security.UNKNOWN):
            return found
        if not is_local:
            why = f"the resolver {where.address} is not on this host: its AD bit is not protected"
            return Validated(Security.UNKNOWN, why)
        if found.security is Security.INSECURE and root().security is not Security.SECURE:
            return Validated(Security.UNKNOWN, f"the resolver {where.address} does not validate")
        return found

    return validate


def _by_bits(name: str, record_type: str, where: Server, timeout: float) -> Validated:
    """The state by the AD bit. A failure that ends when nothing is validated (CD) is BOGUS."""
    import dns.exception
    import dns.flags
    import dns.rcode

    try:
        reply = _ask(name, record_type, dns.flags.AD, where, timeout)
        if reply.rcode() is dns.rcode.SERVFAIL:
            reply = _ask(name, record_type, dns.flags.CD, where, timeout)
            if reply.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
                return Validated(Security.BOGUS)
    except (dns.exception.DNSException, OSError, ValueError) as error:
        why = f"no answer from {where.address} ({type(error).__name__})"
        return Validated(Security.UNKNOWN, f"{record_type} of {name}: {why}")
    if reply.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        why = f"{record_type} of {name}: {dns.rcode.to_text(reply.rcode())}"
        return Validated(Security.UNKNOWN, why)
    is_secure = bool(reply.flags & dns.flags.AD)
    return Validated(Security.SECURE if is_secure else Security.INSECURE)


def _ask(
    name: str, record_type: str, flag: int, where: Server, timeout: float
) -> dns.message.Message:
    import dns.message
    import dns.query

    query = dns.message.make_query(name, record_type, use_edns=0, payload=1232)
    query.flags |= flag
    answer, _ = dns.query.udp_with_fallback(query, where.address, timeout, where.port)
    return answer
