"""Authentication of one message: DKIM, SPF for an address that sends it, and whether either is
aligned with From (RFC 9989 section 4.4).

Reads: the octets of a message; DNS through a Resolver. Gives: hits for the table domain.toml.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bouncewise.net.answers import IPAddress
from bouncewise.net.dns import Resolver, UnansweredError, remembering
from bouncewise.rfc import address, mime
from bouncewise.sender import dkim, dmarc
from bouncewise.sender.checks import CheckResult, Hit, results
from bouncewise.sender.dkim import DkimOutcome, DkimResult
from bouncewise.sender.dkim_key import GOOD_KEY
from bouncewise.sender.dmarc import DmarcPolicyFound
from bouncewise.sender.spf import Query, SpfResult, evaluate


def audit_message(
    raw: bytes, resolve: Resolver, now: datetime, ip: IPAddress | None = None
) -> list[CheckResult]:
    """What authenticates the message *raw*. *ip*: the address that sends it, for SPF. Raises
    InputError without cryptography.
    """
    asked = remembering(resolve, silence=True)
    header = mime.parse(raw)
    hits: list[Hit] = []
    senders = list(header.get_all("from"))
    found = list(address.find(senders[0][:4096])) if senders else []
    domain = found[-1][2].rpartition("@")[2].lower() if found else ""
    if len(senders) != 1:
        hits.append(("from-count", {"count": len(senders)}))
    if not domain:
        return results("domain", hits, merge=False)
    signatures = dkim.verify(raw, asked, now)
    hits += [hit for signature in signatures for hit in _signature(signature)]
    if not signatures:
        hits.append(("dkim-none", {"domain": domain}))
    hits += _alignment(domain, signatures, _return_path(header), asked, ip)
    return results("domain", hits, merge=False)


def _return_path(header: mime.Part) -> str:
    return address.first(header.get("return-path")[:4096]) or ""


def _signature(found: DkimResult) -> Iterator[Hit]:
    names = {"domain": found.domain or "?", "selector": found.selector or "?"}
    if found.outcome is DkimOutcome.TEMPERROR:
        yield "dns-silent", {"value": found.why}
        return
    if found.outcome is not DkimOutcome.PASS:
        yield "dkim-fails", {**names, "value": found.why}
        return
    yield "dkim-passes", {**names, "value": f", {found.bits} bits" if found.bits else ""}
    if 0 < found.bits < GOOD_KEY:
        yield "dkim-small-key", {**names, "count": found.bits}
    if found.uncovered:
        yield "dkim-length", {"count": found.uncovered}
    if found.is_testing:
        yield "dkim-testing", names


def _alignment(
    domain: str,
    signatures: list[DkimResult],
    return_path: str,
    resolve: Resolver,
    ip: IPAddress | None,
) -> Iterator[Hit]:
    """Whether what passes is aligned with *domain*, by the tree walk for each identifier."""
    policy = dmarc.discover(domain, resolve)
    tags = policy.record.tags if policy.record is not None else {}
    passing = [("DKIM", s.domain, "adkim") for s in signatures if s.outcome is DkimOutcome.PASS]
    is_unknown = any(s.outcome is DkimOutcome.TEMPERROR for s in signatures)
    envelope = return_path.rpartition("@")[2].lower()
    if ip is not None and envelope:
        verdict = evaluate(Query(ip, return_path), envelope, resolve)
        if verdict.result is SpfResult.PASS:
            passing.append(("SPF", envelope, "aspf"))
        elif verdict.result is SpfResult.TEMPERROR:
            is_unknown = True
            yield "dns-silent", {"value": verdict.why}
    aligned = []
    for method, name, tag in passing:
        try:
            if _is_aligned(domain, name, policy, tags.get(tag, "r"), resolve):
                aligned.append((method, name))
        except UnansweredError as error:
            is_unknown = True
            yield "dns-silent", {"value": str(error)}
    if aligned:
        words = ", ".join(f"{method} of {name}" for method, name in aligned)
        others = [f"{how} of {name}" for how, name, _ in passing if (how, name) not in aligned]
        words += f"; not aligned: {', '.join(others)}" if others and not is_unknown else ""
        yield "aligned", {"value": words}
    elif is_unknown:
        return  # What the name server did not say could be aligned: dns-silent is the finding.
    elif passing:
        words = ", ".join(f"{method} passes for {name}" for method, name, _ in passing)
        yield "not-aligned", {"domain": domain, "value": words}
    else:
        words = "no signature holds" + (", SPF does not pass" if ip is not None else "")
        yield "not-authenticated", {"domain": domain, "value": words}


def _is_aligned(
    domain: str, name: str, policy: DmarcPolicyFound, mode: str, resolve: Resolver
) -> bool:
    """Whether *name* is *domain*, or, if *mode* is relaxed, of the same organization. Raises
    UnansweredError where that is not known.
    """
    if name == domain:
        return True
    if mode.lower() == "s":
        return False
    found = dmarc.discover(name, resolve)
    for unanswered in (*policy.unanswered, *found.unanswered):
        raise UnansweredError(unanswered)
    return found.organization == policy.organization
