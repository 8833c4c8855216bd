"""The records of a sending domain, and the names of an IP address, checked by the rules of their
RFCs and of large receivers.

Reads: DNS through a Resolver. Gives: hits for the table domain.toml. Each question that is not
answered is unknown, with its name and type; it is never an error, and hides nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from bouncewise.net.answers import IPAddress
from bouncewise.net.dns import (
    NoRecordsError,
    NoSuchNameError,
    Resolver,
    Route,
    UnansweredError,
    mail_route,
    remembering,
)
from bouncewise.net.dnssec import Validator
from bouncewise.net.smtp import Connect
from bouncewise.sender import dmarc, ptr
from bouncewise.sender.checks import SILENT, CheckResult, Hit, results
from bouncewise.sender.dane import dane, dnssec
from bouncewise.sender.dkim_key import Selector, audit_key
from bouncewise.sender.dmarc_audit import audit_dmarc
from bouncewise.sender.smtp_audit import audit_hosts
from bouncewise.sender.spf_audit import audit_spf
from bouncewise.sender.transport import (
    Fetch,
    bimi,
    fetching_once,
    find_policy,
    mta_sts,
    tls_reports,
)


class Network(NamedTuple):
    """What is asked beside records in DNS; None: it is not. ``fetch``: the policy of MTA-STS;
    ``validate``: the state of DNSSEC; ``connect``: the TLS of mail servers.
    """

    fetch: Fetch | None = None
    validate: Validator | None = None
    connect: Connect | None = None


def audit_domain(
    domain: str,
    resolve: Resolver,
    ips: Sequence[IPAddress] = (),
    network: Network = Network(),  # noqa: B008 - a tuple
    selectors: Sequence[Selector] = (),
) -> list[CheckResult]:
    """What is wrong with the records of *domain* as a sender that uses the addresses *ips* and the
    DKIM keys of *selectors*.
    """
    asked = remembering(resolve, silence=True)
    fetch = fetching_once(network.fetch) if network.fetch else None
    validate, connect = network.validate, network.connect
    parts = {
        "spf": audit_spf(domain, asked, ips),
        "dmarc": audit_dmarc(domain, asked),
        "mx": _mx(domain, asked),
        "mta-sts": mta_sts(domain, asked, fetch),
        "tls-rpt": tls_reports(domain, asked),
        "bimi": _bimi(domain, asked),
        "ptr": _each("ptr", (_ptr(ip, asked) for ip in ips)),
        "dkim": _each("dkim", (audit_key(selector, asked) for selector in selectors)),
    }
    if validate is not None:
        parts |= {"dnssec": dnssec(domain, validate), "dane": dane(domain, asked, validate)}
    if connect is not None:
        parts["smtp"] = _smtp(domain, asked, connect, fetch, validate)
    return _results(hit for name, part in parts.items() for hit in _guarded(name, part))


def audit_ip(ip: IPAddress, resolve: Resolver) -> list[CheckResult]:
    """What is wrong with the names of *ip*."""
    return _results(_guarded("ptr", _ptr(ip, remembering(resolve, silence=True))))


def _results(hits: Iterable[Hit]) -> list[CheckResult]:
    """The results of *hits*, each of the same words once, with all the parts that need them."""
    found: dict[CheckResult, list[str]] = {}
    for result in results("domain", hits, merge=False):
        found.setdefault(result._replace(parts=()), []).extend(result.parts)
    return [result._replace(parts=tuple(dict.fromkeys(of))) for result, of in found.items()]


def _guarded(name: str, part: Iterator[Hit]) -> Iterator[Hit]:
    """The hits of *part*; those about missing answers with its *name*, and one more where it could
    not go on without an answer.
    """
    try:
        for key, details in part:
            yield key, ({**details, "part": name} if key in SILENT else details)
    except UnansweredError as error:
        yield "dns-silent", {"value": str(error), "part": name}


def _smtp(
    domain: str,
    resolve: Resolver,
    connect: Connect,
    fetch: Fetch | None,
    validate: Validator | None,
) -> Iterator[Hit]:
    try:
        policy = find_policy(domain, resolve, fetch)[0]
    except UnansweredError:  # part mta-sts names it
        policy = None
    yield from audit_hosts(domain, resolve, connect, policy, validate)


def _each(name: str, parts: Iterable[Iterator[Hit]]) -> Iterator[Hit]:
    for part in parts:
        yield from _guarded(name, part)


def _mx(domain: str, resolve: Resolver) -> Iterator[Hit]:
    found = mail_route(domain, resolve)
    if found.route is Route.UNANSWERED:
        yield from _unanswered(domain, resolve)
    elif found.route is Route.IMPLICIT:
        yield "mx-implicit", {"domain": domain}
    elif found.route is not Route.MX:
        words = {
            Route.NULL_MX: "it has a null MX, which refuses all mail",
            Route.NXDOMAIN: "the domain does not exist",
        }
        yield "mx-none", {"domain": domain, "value": words.get(found.route, "it has no MX")}


def _unanswered(domain: str, resolve: Resolver) -> Iterator[Hit]:
    """Each question about the route of mail without an answer; addresses matter without MX."""
    for record_type in ("MX", "A", "AAAA"):
        try:
            resolve(domain, record_type)
        except (NoSuchNameError, NoRecordsError):
            continue
        except UnansweredError as error:
            yield "dns-silent", {"value": str(error)}
            if record_type == "MX":
                return


def _bimi(domain: str, resolve: Resolver) -> Iterator[Hit]:
    found = dmarc.discover(domain, resolve)
    effect = dmarc.effect(found.record) if found.record else None
    is_own = found.record is not None and found.record.domain == domain
    policy = (effect.domain if is_own else effect.subdomains) if effect else "none"
    yield from bimi(domain, resolve, None if found.is_unknown else policy)


def _ptr(ip: IPAddress, resolve: Resolver) -> Iterator[Hit]:
    names = ptr.names_of(ip, resolve)
    if not names:
        yield "ptr-missing", {"ip": ip}
        return
    confirmed = next((name for name in names if name.is_confirmed), None)
    silent = [name.unanswered for name in names if name.unanswered]
    if confirmed is None and silent:
        for words in silent:
            yield "dns-silent", {"value": words}
        return
    if confirmed is None:
        value = ", ".join(names[0].addresses) or "no address"
        yield "ptr-unconfirmed", {"ip": ip, "name": names[0].name, "value": value}
        return
    if ptr.is_generic(confirmed.name, ip):
        yield "ptr-generic", {"ip": ip, "name": confirmed.name}
    yield "ptr-confirmed", {"ip": ip, "name": confirmed.name}
