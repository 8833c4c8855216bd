"""DNSSEC of a domain, and DANE of its mail exchangers (RFC 7672): TLSA records at _25._tcp.MX.

Reads: DNS through a Resolver, and through a Validator the state of the answers. Gives: hits for the
table domain.toml, and the TLSA records of a host. TLSA records count only where DNSSEC protects
them, the MX records and the addresses of the host. What is in a certificate is compared elsewhere,
with the host that shows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from bouncewise.net.dns import NoRecordsError, NoSuchNameError, Resolver, UnansweredError
from bouncewise.net.dnssec import Security, Validated, Validator
from bouncewise.sender.checks import Hit
from bouncewise.sender.transport import mx_hosts

MOST_HOSTS = 10
"""Mail exchangers that are looked at."""

_DIGESTS = {1: 64, 2: 128}  # hexadecimal digits by matching type (RFC 6698 section 2.1.3)
_RECORD = re.compile(r"(\d{1,3}) (\d{1,3}) (\d{1,3}) ([0-9A-Fa-f ]+)")


class Tlsa(NamedTuple):
    """A TLSA record; ``data`` in hexadecimal digits; ``fault``: why a mail server cannot use it."""

    text: str
    usage: int = 0
    selector: int = 0
    matching: int = 0
    data: str = ""
    fault: str = ""


def parse(text: str) -> Tlsa:
    """The TLSA record *text* in presentation format, as SMTP uses it (RFC 7672 section 3.1)."""
    m = _RECORD.fullmatch(text)
    if m is None:
        return Tlsa(text, fault="it is no TLSA record")
    usage, selector, matching = int(m[1]), int(m[2]), int(m[3])
    data = m[4].replace(" ", "").lower()
    faults = {
        f"usage {usage} is not used for SMTP; use 3 (DANE-EE) or 2 (DANE-TA)": usage not in (2, 3),
        f"selector {selector} is not known": selector > 1,
        f"matching type {matching} is not known": matching > 2,
        f"its digest has {len(data)} hexadecimal digits": len(data)
        != _DIGESTS.get(matching, len(data)),
    }
    fault = next((words for words, is_so in faults.items() if is_so), "")
    return Tlsa(text, usage, selector, matching, data, fault)


def tlsa_of(host: str, resolve: Resolver) -> list[Tlsa]:
    """The TLSA records of the mail server *host*. Raises UnansweredError."""
    try:
        return [parse(text) for text in resolve(f"_25._tcp.{host}", "TLSA")]
    except (NoSuchNameError, NoRecordsError):
        return []


def dnssec(domain: str, validate: Validator) -> Iterator[Hit]:
    """The DNSSEC state of *domain*, by the answer to the question for its MX."""
    found = validate(domain, "MX")
    yield f"dnssec-{found.security}", {"domain": domain, "value": found.why}


def dane(domain: str, resolve: Resolver, validate: Validator) -> Iterator[Hit]:
    """The TLSA records of the mail exchangers of *domain*, and whether they count. Raises
    UnansweredError where the MX records are not known.
    """
    for host in mx_hosts(domain, resolve)[:MOST_HOSTS]:
        try:
            records = tlsa_of(host, resolve)
        except UnansweredError as error:
            if validate(f"_25._tcp.{host}", "TLSA").security is Security.BOGUS:
                yield "dane-bogus", {"host": host, "value": f"TLSA of _25._tcp.{host}"}
            else:
                yield "dns-silent", {"value": str(error)}
            continue
        for record in records:
            if record.fault:
                details = {"host": host, "value": record.fault, "record": record.text[:100]}
                yield "dane-record", details
        if any(not record.fault for record in records):
            yield _state(domain, host, validate)


def protection(domain: str, host: str, validate: Validator) -> tuple[Validated, str]:
    """The weakest state among the answers on which DANE for *host* rests, and their question."""
    questions = ((domain, "MX"), (host, "A"), (f"_25._tcp.{host}", "TLSA"))
    found = [(validate(*question), f"{question[1]} of {question[0]}") for question in questions]
    order = (Security.BOGUS, Security.INSECURE, Security.UNKNOWN, Security.SECURE)
    return min(found, key=lambda pair: order.index(pair[0].security))


def _state(domain: str, host: str, validate: Validator) -> Hit:
    state, question = protection(domain, host, validate)
    key = {
        Security.BOGUS: "dane-bogus",
        Security.INSECURE: "dane-insecure",
        Security.UNKNOWN: "dane-unknown",
        Security.SECURE: "dane-secure",
    }[state.security]
    value = state.why if state.security is Security.UNKNOWN else question
    return key, {"host": host, "value": value}
