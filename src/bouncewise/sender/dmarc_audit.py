"""What is wrong with the DMARC record of a domain (RFC 9989), and with its report addresses.

Reads: DNS through a Resolver. Gives: hits for the table domain.toml. A question without an answer
is a hit of its own; the others are asked nevertheless.
"""

from __future__ import annotations

from collections.abc import Iterator

from bouncewise.net.dns import NoRecordsError, NoSuchNameError, Resolver, UnansweredError
from bouncewise.rfc.suffixes import registered
from bouncewise.sender import dmarc
from bouncewise.sender.checks import Hit
from bouncewise.sender.spf import text_records

_LONG = 200  # characters of a record that are shown
_MOST = 10  # report addresses that are looked at


def audit_dmarc(domain: str, resolve: Resolver) -> Iterator[Hit]:
    """What is wrong with the policy that applies to *domain*."""
    found = dmarc.discover(domain, resolve)
    for words in found.unanswered:
        yield "dns-silent", {"value": words}
    for text in found.others:
        yield "dmarc-look-alike", {"domain": domain, "value": repr(text[:_LONG])}
    for name in found.several:
        yield "dmarc-several", {"domain": name}
    if found.record is None:
        if found.is_unknown:
            return
        misplaced = [t for t in text_records(domain, resolve) if t.lower().startswith("v=dmarc1")]
        if misplaced:
            yield "dmarc-apex", {"domain": domain, "value": misplaced[0][:_LONG]}
        elif not found.several and not found.others:
            yield "dmarc-none", {"domain": domain}
        return
    yield from _dmarc_policy(domain, found.record, resolve)
    yield from _dmarc_reports(found.record, resolve)


def _dmarc_policy(domain: str, record: dmarc.DmarcRecord, resolve: Resolver) -> Iterator[Hit]:
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
    if domain != record.domain:
        yield from _inherited(domain, record, effect, resolve)
    elif effect.domain == "none" and p == "none":
        yield "dmarc-monitor", {"domain": domain, "tag": "p"}
    if rank(effect.subdomains) < rank(effect.domain):
        yield "dmarc-subdomains", names
    if rank(effect.subdomains) > rank(effect.domain):
        yield "dmarc-domain-open", names
    if tags.get("pct", "100") != "100":
        yield "dmarc-pct", {"value": tags["pct"][:20]}


def _inherited(
    domain: str, record: dmarc.DmarcRecord, effect: dmarc.DmarcEffect, resolve: Resolver
) -> Iterator[Hit]:
    """The policy for a name below the record: sp if it exists, with records of any type, else
    np.
    """
    try:
        resolve(domain, "TXT")
        exists = True
    except NoRecordsError:
        exists = True
    except NoSuchNameError:
        exists = False
    except UnansweredError as error:
        yield "dns-silent", {"value": str(error)}
        return
    policy = effect.subdomains if exists else effect.nonexistent
    words = "exists" if exists else "does not exist"
    yield "dmarc-inherited", {"domain": domain, "value": words, "policy": policy}
    if policy == "none" and record.tags.get("t", "").lower() != "y":
        tags = ("sp", "p") if exists else ("np", "sp", "p")
        tag = next((tag for tag in tags if tag in record.tags), "p")
        yield "dmarc-monitor", {"domain": domain, "tag": tag}


def _dmarc_reports(record: dmarc.DmarcRecord, resolve: Resolver) -> Iterator[Hit]:
    if "rua" not in record.tags:
        yield "dmarc-no-reports", {}
        return
    addresses = record.reports_to
    if not addresses:
        yield "dmarc-report-address", {"value": record.tags["rua"][:_LONG]}
    for address in addresses[:_MOST]:
        host = address.rpartition("@")[2].rstrip(".").lower()
        if registered(host) == registered(record.domain):
            continue
        try:
            texts = text_records(f"{record.domain}._report._dmarc.{host}", resolve)
        except UnansweredError as error:
            yield "dns-silent", {"value": str(error)}
            continue
        if not any(text.lower().startswith("v=dmarc1") for text in texts):
            yield "dmarc-report-unauthorised", {"domain": record.domain, "value": host}
