"""The records of a sending domain, and the names of an IP address, checked by the rules of their
RFCs and of large receivers.

Reads: DNS through a Resolver. Gives: hits for the table domain.toml. What DNS does not answer is
unknown, never an error.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence

from bouncewise.net.answers import IPAddress
from bouncewise.net.dns import (
    Resolver,
    Route,
    UnansweredError,
    mail_route,
    remembering,
)
from bouncewise.rfc.suffixes import registered
from bouncewise.sender import dmarc, ptr
from bouncewise.sender.checks import CheckResult, Hit, results
from bouncewise.sender.spf import MAX_LOOKUPS, Query, SpfResult, evaluate, is_record, text_records
from bouncewise.sender.spf_cost import cost
from bouncewise.sender.transport import Fetch, bimi, mta_sts, tls_reports

# Addresses that nobody sends from: for documentation and carriers (RFC 5737, RFC 6598, RFC 3849).
_OTHER_SENDERS = ("192.0.2.251", "198.51.100.251", "203.0.113.251", "100.64.0.251", "2001:db8::251")
_MANY_OTHERS = 3  # that pass
_LONG = 200  # characters of a record that are shown


def audit_domain(
    domain: str, resolve: Resolver, ips: Sequence[IPAddress] = (), fetch: Fetch | None = None
) -> list[CheckResult]:
    """What is wrong with the records of *domain* as a sender that uses the addresses *ips*; *fetch*
    gets the policy of MTA-STS.
    """
    asked = remembering(resolve)
    parts = [
        _spf(domain, asked, ips),
        _dmarc(domain, asked),
        _mx(domain, asked),
        mta_sts(domain, asked, fetch),
        tls_reports(domain, asked),
        _bimi(domain, asked),
        *(_ptr(ip, asked) for ip in ips),
    ]
    return _results(hit for part in parts for hit in _guarded(part))


def audit_ip(ip: IPAddress, resolve: Resolver) -> list[CheckResult]:
    """What is wrong with the names of *ip*."""
    return _results(_guarded(_ptr(ip, remembering(resolve))))


def _results(hits: Iterable[Hit]) -> list[CheckResult]:
    """The results of *hits*, each of the same words once."""
    return list(dict.fromkeys(results("domain", hits, merge=False)))


def _guarded(part: Iterator[Hit]) -> Iterator[Hit]:
    """The hits of *part*, and one more where DNS does not answer."""
    try:
        yield from part
    except UnansweredError as error:
        yield "dns-silent", {"value": str(error)}


# ── SPF ────────────────────────────────────────────────────────────────────────────────────────


def _spf(domain: str, resolve: Resolver, ips: Sequence[IPAddress]) -> Iterator[Hit]:
    found = text_records(domain, resolve)
    records = [text for text in found if is_record(text)]
    for text in found:
        if text not in records and "v=spf1" in text.lower()[:40]:
            yield "spf-look-alike", {"domain": domain, "value": repr(text[:_LONG])}
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
    elif silent:
        yield "dns-silent", {"value": silent[0].why}


# ── DMARC ──────────────────────────────────────────────────────────────────────────────────────


def _dmarc(domain: str, resolve: Resolver) -> Iterator[Hit]:
    own = dmarc.at(domain, resolve)
    for text in own.others:
        yield "dmarc-look-alike", {"domain": domain, "value": repr(text[:_LONG])}
    found = dmarc.discover(domain, resolve)
    for name in found.several:
        yield "dmarc-several", {"domain": name}
    if found.record is None:
        misplaced = [t for t in text_records(domain, resolve) if t.lower().startswith("v=dmarc1")]
        if misplaced:
            yield "dmarc-apex", {"domain": domain, "value": misplaced[0][:_LONG]}
        elif not found.several and not own.others:
            yield "dmarc-none", {"domain": domain}
        return
    yield from _dmarc_policy(domain, found.record)
    yield from _dmarc_reports(found.record, resolve)


def _dmarc_policy(domain: str, record: dmarc.DmarcRecord) -> Iterator[Hit]:
    effect, tags = dmarc.effect(record), record.tags
    p = tags.get("p", "").lower()
    for name in record.invalid_policies:
        counts = "receivers treat the record as p=none" if effect else "the record counts as none"
        value = tags.get(name, "(missing)")[:_LONG]
        yield "dmarc-policy-invalid", {"name": name, "value": value, "effect": counts}
    if effect is None:
        return
    names = {"p": effect.domain, "sp": effect.subdomains, "np": effect.nonexistent}
    yield "dmarc-effect", {"domain": record.domain, "where": f"_dmarc.{record.domain}", **names}
    rank = dmarc.POLICIES.index
    if tags.get("t", "").lower() == "y" and effect.domain != p and not record.invalid_policies:
        yield "dmarc-testing", {"p": p}
    if effect.domain == "none" and p == "none":
        yield "dmarc-monitor", {"domain": domain}
    if rank(effect.subdomains) < rank(effect.domain):
        yield "dmarc-subdomains", names
    if rank(effect.subdomains) > rank(effect.domain):
        yield "dmarc-domain-open", names
    if tags.get("pct", "100") != "100":
        yield "dmarc-pct", {"value": tags["pct"][:20]}


def _dmarc_reports(record: dmarc.DmarcRecord, resolve: Resolver) -> Iterator[Hit]:
    if "rua" not in record.tags:
        yield "dmarc-no-reports", {}
        return
    addresses = record.reports_to
    if not addresses:
        yield "dmarc-report-address", {"value": record.tags["rua"][:_LONG]}
    for address in addresses[:10]:
        host = address.rpartition("@")[2].rstrip(".").lower()
        if registered(host) == registered(record.domain):
            continue
        agreed = any(
            text.lower().startswith("v=dmarc1")
            for text in text_records(f"{record.domain}._report._dmarc.{host}", resolve)
        )
        if not agreed:
            yield "dmarc-report-unauthorised", {"domain": record.domain, "value": host}


# ── other records ──────────────────────────────────────────────────────────────────────────────


def _mx(domain: str, resolve: Resolver) -> Iterator[Hit]:
    found = mail_route(domain, resolve)
    if found.route is Route.UNANSWERED:
        yield "dns-silent", {"value": found.reason}
    elif found.route is Route.IMPLICIT:
        yield "mx-implicit", {"domain": domain}
    elif found.route is not Route.MX:
        words = {
            Route.NULL_MX: "it has a null MX, which refuses all mail",
            Route.NXDOMAIN: "the domain does not exist",
        }
        yield "mx-none", {"domain": domain, "value": words.get(found.route, "it has no MX")}


def _bimi(domain: str, resolve: Resolver) -> Iterator[Hit]:
    found = dmarc.discover(domain, resolve).record
    effect = dmarc.effect(found) if found else None
    yield from bimi(domain, resolve, effect.domain if effect else None)


def _ptr(ip: IPAddress, resolve: Resolver) -> Iterator[Hit]:
    names = ptr.names_of(ip, resolve)
    if not names:
        yield "ptr-missing", {"ip": ip}
        return
    confirmed = next((name for name in names if name.is_confirmed), None)
    if confirmed is None:
        value = ", ".join(names[0].addresses) or "no address"
        yield "ptr-unconfirmed", {"ip": ip, "name": names[0].name, "value": value}
        return
    if ptr.is_generic(confirmed.name, ip):
        yield "ptr-generic", {"ip": ip, "name": confirmed.name}
    yield "ptr-confirmed", {"ip": ip, "name": confirmed.name}
