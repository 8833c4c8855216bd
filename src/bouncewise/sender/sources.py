"""Whose mail the sources in DMARC reports sent, by the results of SPF and DKIM.

Reads: results as receivers report them. Gives: a class for each, and the words that explain it. A
class is what the results prove; who runs a source is not known. RFC 9990 section 3.1.1.9, RFC 9989
section 4.4 (alignment).
"""

from __future__ import annotations

from enum import StrEnum

from bouncewise.model.sender_report import AuthResult

_FORWARDED_REASONS = frozenset(("mailing_list", "forwarded", "trusted_forwarder"))


class SourceClass(StrEnum):
    """What the results prove about mail of one source."""

    OWN = "own"
    """SPF passes aligned, or DKIM does and SPF for another domain: an ESP's return address."""
    FORWARDED = "forwarded"
    """DKIM passes aligned, SPF does not pass: forwarded, or a server that SPF does not list."""
    MODIFIED = "modified"
    """Nothing passes aligned, and the reporter or a broken signature of the domain shows a mailing
    list or forwarder that changed the mail."""
    UNALIGNED = "unaligned"
    """SPF or DKIM passes, for a domain that is not aligned."""
    FAILING = "failing"
    """Nothing passes: forged, or a server of the domain without SPF and DKIM."""


WORDS = {
    SourceClass.OWN: "passes; nothing to do",
    SourceClass.FORWARDED: "DKIM passes, SPF does not: forwarded mail, or a server that SPF does"
    " not list. DMARC passes; do not add forwarders to SPF",
    SourceClass.MODIFIED: "a mailing list or forwarder changed the mail, which breaks DKIM; or a"
    " forgery that imitates a signature",
    SourceClass.UNALIGNED: "passes for another domain: if it sends for you, let it sign with your"
    " domain (DKIM d=) or use a return address of your domain",
    SourceClass.FAILING: "nothing passes: forged, or a server of yours that needs SPF and DKIM",
}
"""What each class means, and what to do."""


def passes_dmarc(dkim: str, spf: str) -> bool:
    """Whether mail with these aligned results passes DMARC (RFC 9989 section 4.4)."""
    return "pass" in (dkim, spf)


def class_of(
    dkim: str,
    spf: str,
    dkim_results: tuple[AuthResult, ...],
    spf_results: tuple[AuthResult, ...],
    reasons: tuple[str, ...],
    header_from: str,
) -> SourceClass:
    """The class of mail with aligned results *dkim* and *spf*, and what the checks gave."""
    spf_passes = any(r.result == "pass" for r in spf_results)
    if spf == "pass" or (dkim == "pass" and spf_passes):
        return SourceClass.OWN
    if dkim == "pass":
        return SourceClass.FORWARDED
    broken = any(
        r.result in ("fail", "neutral", "permerror") and _is_of(r.domain, header_from)
        for r in dkim_results
    )
    if broken or not _FORWARDED_REASONS.isdisjoint(reasons):
        return SourceClass.MODIFIED
    if spf_passes or any(r.result == "pass" for r in dkim_results):
        return SourceClass.UNALIGNED
    return SourceClass.FAILING


def _is_of(domain: str, header_from: str) -> bool:
    """Whether *domain* is the From domain, above it or below it."""
    return bool(domain) and (
        domain == header_from
        or header_from.endswith(f".{domain}")
        or domain.endswith(f".{header_from}")
    )
