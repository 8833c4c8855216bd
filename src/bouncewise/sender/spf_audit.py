"""What is wrong with the SPF records of a domain, and the verdict on its own addresses (RFC 7208).

Reads: DNS through a Resolver. Gives: hits for the table domain.toml. A question without an answer
is a hit of its own; the others are asked nevertheless.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence

from bouncewise.net.answers import IPAddress
from bouncewise.net.dns import Resolver
from bouncewise.sender.checks import Hit
from bouncewise.sender.spf import MAX_LOOKUPS, Query, SpfResult, evaluate, is_record, text_records
from bouncewise.sender.spf_cost import cost

# Addresses that nobody sends from: for documentation and carriers (RFC 5737, RFC 6598, RFC 3849).
_OTHER_SENDERS = ("192.0.2.251", "198.51.100.251", "203.0.113.251", "100.64.0.251", "2001:db8::251")
_MANY_OTHERS = 3  # that pass
_LONG = 200  # characters of a record that are shown
_SMALL = 450  # characters of the name and its TXT records that fit into 512 octets (section 3.4)
_MOST = 512


def audit_spf(domain: str, resolve: Resolver, ips: Sequence[IPAddress]) -> Iterator[Hit]:
    """What is wrong with the SPF record of *domain*, and its verdict on each of *ips*. Raises
    UnansweredError where the domain's own records are not known.
    """
    found = text_records(domain, resolve)
    records = [text for text in found if is_record(text)]
    for text in found:
        if text not in records and "v=spf1" in text.lower()[:40]:
            yield "spf-look-alike", {"domain": domain, "value": repr(text[:_LONG])}
    length = len(domain) + sum(map(len, found))
    if records and length > _SMALL:
        size = "is longer" if length > _MOST else "may be longer"
        yield "spf-long", {"domain": domain, "count": length, "value": size}
    if not records:
        yield "spf-none", {"domain": domain}
        return
    if len(records) > 1:
        shown = " | ".join(records)[:_LONG]
        yield "spf-several", {"domain": domain, "count": len(records), "value": shown}
        return
    faults = list(_spf_cost(domain, resolve))
    yield from faults
    yield from _spf_of_others(domain, resolve, is_faulty=bool(faults))
    words = records[0].lower().split()
    if not any(word in ("-all", "~all") or word.startswith("redirect=") for word in words):
        yield "spf-open-end", {"domain": domain}
    for ip in ips:
        verdict = evaluate(Query(ip, f"postmaster@{domain}"), domain, resolve)
        details = {"ip": ip, "domain": domain, "value": verdict.term or verdict.why or "no term"}
        if verdict.result is SpfResult.PASS:
            yield "spf-own-ip-passes", details | {"count": verdict.lookups}
        elif verdict.result is SpfResult.TEMPERROR:
            yield "dns-silent", {"value": verdict.why}
        else:
            yield "spf-own-ip", details | {"result": verdict.result}


def _spf_cost(domain: str, resolve: Resolver) -> Iterator[Hit]:
    found = cost(domain, resolve)
    for key, words in found.faults:
        yield key, {"value": words}
    for words in found.silent:
        yield "dns-silent", {"value": words}
    if len(found.lookups) > MAX_LOOKUPS:
        broken = found.lookups[MAX_LOOKUPS]
        path = " → ".join(broken.path)
        details = {"count": len(found.lookups), "value": broken.term, "path": path}
        yield "spf-lookups", details
    elif len(found.lookups) == MAX_LOOKUPS:
        yield "spf-lookups-full", {}


def _spf_of_others(domain: str, resolve: Resolver, *, is_faulty: bool) -> Iterator[Hit]:
    """Whether anybody passes, and whether the record fails for mail that no term matches."""
    queries = (Query(ipaddress.ip_address(ip), f"postmaster@{domain}") for ip in _OTHER_SENDERS)
    verdicts = [evaluate(query, domain, resolve) for query in queries]
    passing = [verdict for verdict in verdicts if verdict.result is SpfResult.PASS]
    broken = [verdict for verdict in verdicts if verdict.result is SpfResult.PERMERROR]
    silent = [verdict for verdict in verdicts if verdict.result is SpfResult.TEMPERROR]
    if len(passing) >= _MANY_OTHERS:
        yield "spf-everybody", {"value": passing[0].term}
    elif broken and not is_faulty:
        yield "spf-syntax", {"value": broken[0].why}
    for verdict in silent:
        yield "dns-silent", {"value": verdict.why}
