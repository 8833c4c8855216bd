"""SPF (RFC 7208): the verdict on an IP address, and what a record costs.

Reads: TXT, A, AAAA, MX and PTR records through a Resolver. Gives: a result with its explanation and
the term that decided. A name server that fails is a TEMPERROR and nothing else.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from bouncewise.net.answers import IPAddress
from bouncewise.net.dns import NoRecordsError, NoSuchNameError, Resolver, UnansweredError
from bouncewise.sender.spf_record import Macros, Record, SpfError, Term, expand, parse, texts

MAX_LOOKUPS = 10
"""Terms that ask DNS (section 4.6.4)."""

MAX_VOIDS = 2
"""Lookups without an answer (section 4.6.4)."""

MAX_NAMES = 10
"""Hosts of one ``mx`` or ``ptr`` (section 4.6.4)."""


class SpfResult(StrEnum):
    """The results of section 2.6."""

    NONE = "none"
    NEUTRAL = "neutral"
    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    SOFTFAIL = "softfail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


_QUALIFIERS = {
    "+": SpfResult.PASS,
    "-": SpfResult.FAIL,
    "~": SpfResult.SOFTFAIL,
    "?": SpfResult.NEUTRAL,
}


class SpfVerdict(NamedTuple):
    """A result, why, the term that decided (``include:a.example → ip4:192.0.2.0/24``), and the
    lookups that it took.
    """

    result: SpfResult
    why: str
    term: str = ""
    lookups: int = 0


class Query(NamedTuple):
    """Who sends: *ip*, the envelope sender and the HELO name."""

    ip: IPAddress
    sender: str
    helo: str = ""


def text_records(name: str, resolve: Resolver) -> list[str]:
    """The TXT records of *name*; [] if it has none. Raises UnansweredError."""
    try:
        return [texts(record) for record in resolve(name, "TXT")]
    except (NoSuchNameError, NoRecordsError):
        return []


def records_of(domain: str, resolve: Resolver) -> list[str]:
    """The SPF records of *domain*; [] if there is none. Raises UnansweredError."""
    return [text for text in text_records(domain, resolve) if is_record(text)]


def is_record(text: str) -> bool:
    """Whether a TXT record is an SPF record (section 4.5)."""
    return text[:6].lower() == "v=spf1" and text[6:7] in ("", " ")


def record_of(domain: str, resolve: Resolver) -> Record | None:
    """The SPF record of *domain*; None if there is none. Raises SpfError, UnansweredError."""
    found = records_of(domain, resolve)
    if len(found) > 1:
        raise SpfError(f"{domain} has {len(found)} SPF records")
    return parse(found[0], domain) if found else None


def evaluate(query: Query, domain: str, resolve: Resolver) -> SpfVerdict:
    """The result of check_host() (section 4) for *query* and *domain*."""
    mapped = query.ip.ipv4_mapped if isinstance(query.ip, ipaddress.IPv6Address) else None
    return _Check(query._replace(ip=mapped or query.ip), resolve).run(domain)


class _Check:
    """One check, with its counts."""

    def __init__(self, query: Query, resolve: Resolver) -> None:
        self._query, self._resolve = query, resolve
        self._lookups = self._voids = 0

    def run(self, domain: str) -> SpfVerdict:
        try:
            result, term = self._host(domain.rstrip(".").lower(), 0)
        except SpfError as error:
            return SpfVerdict(SpfResult.PERMERROR, str(error), lookups=self._lookups)
        except UnansweredError as error:
            return SpfVerdict(SpfResult.TEMPERROR, str(error), lookups=self._lookups)
        why = f"{domain} has no SPF record" if result is SpfResult.NONE else ""
        return SpfVerdict(result, why, term, self._lookups)

    def _host(self, domain: str, depth: int) -> tuple[SpfResult, str]:
        record = record_of(domain, self._resolve) if is_name(domain) else None
        if record is None:
            return SpfResult.NONE, ""
        for term in record.terms:
            inner = self._matches(term, domain, depth)
            if inner is not None:
                path = f"{term.text} → {inner}" if inner else term.text
                return _QUALIFIERS[term.qualifier], path
        if record.redirect is None:
            return SpfResult.NEUTRAL, ""
        self._count(f"redirect={record.redirect}", domain)
        target = self._expanded(record.redirect, domain)
        result, path = self._host(target, depth + 1)
        if result is SpfResult.NONE:
            raise SpfError(f"redirect={target}: {target} has no SPF record")
        return result, f"redirect={target} → {path}"

    def _matches(self, term: Term, domain: str, depth: int) -> str | None:
        """'' where *term* matches, for an include the path of what matched; None if it does not."""
        kind = term.mechanism
        if kind == "all":
            return ""
        if kind in ("ip4", "ip6"):
            network = term.network
            return "" if network is not None and self._query.ip in network else None
        self._count(term.text, domain)
        target = self._expanded(term.value, domain) if term.value else domain
        if kind == "include":
            result, path = self._host(target, depth + 1)
            if result is SpfResult.NONE:
                raise SpfError(f"include:{target}: {target} has no SPF record")
            return path if result is SpfResult.PASS else None
        matches = {
            "a": self._a,
            "mx": self._mx,
            "ptr": self._ptr,
            "exists": self._exists,
        }[kind]
        return "" if matches(target, term) else None

    def _count(self, term: str, domain: str) -> None:
        self._lookups += 1
        if self._lookups > MAX_LOOKUPS:
            raise SpfError(f"more than {MAX_LOOKUPS} lookups: {term} in {domain} is one too many")

    def _expanded(self, text: str, domain: str) -> str:
        query = self._query
        name = self._name_of_ip(domain) if "%{p" in text.lower() else "unknown"
        macros = Macros(domain, str(query.ip), query.sender, query.helo, name)
        return expand(text, macros).rstrip(".").lower()

    def _name_of_ip(self, domain: str) -> str:
        """The validated name of the IP address, if possible one of *domain*; else "unknown"."""
        found = list(self._validated())
        own = [name for name in found if name == domain or name.endswith(f".{domain}")]
        return min(own, key=len) if own else next(iter(found), "unknown")

    def _validated(self) -> Iterator[str]:
        """The names that PTR gives the IP address and that lead back to it (section 5.5)."""
        try:
            names = self._ask(self._query.ip.reverse_pointer, "PTR")[:MAX_NAMES]
        except UnansweredError:
            return
        for name in names:
            host = name.rstrip(".").lower()
            try:
                if self._query.ip in self._addresses(host):
                    yield host
            except UnansweredError:
                continue

    def _ask(self, name: str, kind: str) -> list[str]:
        """The records; [] for a name without them, of which few are allowed."""
        try:
            return self._resolve(name, kind) if is_name(name) else []
        except (NoSuchNameError, NoRecordsError):
            self._voids += 1
            if self._voids > MAX_VOIDS:
                raise SpfError(
                    f"more than {MAX_VOIDS} lookups without an answer: {name} has no {kind}"
                ) from None
            return []

    def _addresses(self, name: str) -> Iterator[IPAddress]:
        kind = "A" if self._query.ip.version == 4 else "AAAA"
        for text in self._ask(name, kind):
            yield ipaddress.ip_address(text)

    def _is_near(self, address: IPAddress, term: Term) -> bool:
        bits = term.bits4 if address.version == 4 else term.bits6
        return self._query.ip in ipaddress.ip_network(f"{address}/{bits}", strict=False)

    def _a(self, target: str, term: Term) -> bool:
        return any(self._is_near(address, term) for address in self._addresses(target))

    def _mx(self, target: str, term: Term) -> bool:
        hosts = [text.partition(" ")[2].rstrip(".").lower() for text in self._ask(target, "MX")]
        if len(hosts) > MAX_NAMES:
            raise SpfError(f"{term.text}: {target} has more than {MAX_NAMES} mail exchangers")
        return any(
            self._is_near(address, term)
            for host in hosts
            if host
            for address in self._addresses(host)
        )

    def _ptr(self, target: str, _: Term) -> bool:
        return any(name == target or name.endswith(f".{target}") for name in self._validated())

    def _exists(self, target: str, _: Term) -> bool:
        return bool(self._ask(target, "A"))


def is_name(name: str) -> bool:
    """Whether *name* can be asked for: labels of 1 to 63 octets, two of them at least."""
    labels = name.split(".")
    return len(labels) > 1 and len(name) <= 253 and all(0 < len(label) <= 63 for label in labels)
