"""What receivers report about the mail of a domain: DMARC aggregate reports (RFC 9990, before it
RFC 7489 appendix C) and SMTP TLS reports (RFC 8460).

Nothing here concerns a recipient. Results and dispositions are words of the RFC in lower case, as
the reporter wrote them; '' where it wrote none.
"""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from bouncewise.model.report import Source


class AuthResult(msgspec.Struct, frozen=True):
    """What a check of SPF or DKIM gave for *domain*; *selector*: of DKIM."""

    domain: str
    result: str
    selector: str = ""


class DmarcRow(msgspec.Struct, frozen=True, kw_only=True):
    """Mails of one source address with the same results. ``dkim`` and ``spf`` are "pass" where the
    result is also aligned with the From header; ``dkim_results`` and ``spf_results`` are what was
    checked, aligned or not. ``reasons``: why the reporter did not apply the policy.
    """

    source_ip: str
    count: int
    disposition: str
    dkim: str
    spf: str
    header_from: str
    envelope_from: str
    dkim_results: tuple[AuthResult, ...]
    spf_results: tuple[AuthResult, ...]
    reasons: tuple[str, ...]


class DmarcPolicy(msgspec.Struct, frozen=True):
    """The policy that a reporter saw in DNS; ``testing`` is "y" for t=y (RFC 9989)."""

    p: str
    sp: str = ""
    np: str = ""
    adkim: str = ""
    aspf: str = ""
    pct: str = ""
    testing: str = ""


class DmarcReport(msgspec.Struct, frozen=True, kw_only=True):
    """One report of *reporter* about *domain*, for the mails from *begin* to *end* (UTC)."""

    source: Source
    reporter: str
    report_id: str
    domain: str
    begin: datetime
    end: datetime
    policy: DmarcPolicy
    rows: tuple[DmarcRow, ...]


class TlsFailure(msgspec.Struct, frozen=True):
    """Sessions that failed alike: the result type of RFC 8460 section 4.3, the host, how many."""

    result: str
    mx: str
    count: int


class TlsReport(msgspec.Struct, frozen=True, kw_only=True):
    """One policy of a report of *reporter* about mail to *domain*, from *begin* to *end* (UTC)."""

    source: Source
    reporter: str
    report_id: str
    domain: str
    begin: datetime
    end: datetime
    policy: str
    sessions: int
    failed: int
    failures: tuple[TlsFailure, ...]


class Signal(msgspec.Struct, frozen=True):
    """A figure that a receiver has for *subject*, an IP address or domain, on a *day*: ``value``
    (rates from 0 to 1), ``words`` where it is no number. ``origin``: "snds" or "postmaster".
    """

    source: Source
    origin: str
    subject: str
    day: date
    name: str
    value: float | None
    words: str = ""


SenderReport = DmarcReport | TlsReport | Signal
"""Any of them."""
