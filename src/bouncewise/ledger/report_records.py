"""What a store gives of the reports of receivers: small records of its answers."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from bouncewise.model.sender_report import AuthResult, TlsFailure


class DmarcDomain(NamedTuple):
    """The DMARC reports on one domain: how many, of how many reporters, and their period."""

    domain: str
    reports: int
    reporters: int
    first: datetime
    last: datetime


class DmarcPassed(NamedTuple):
    """Mails of a domain in DMARC reports: all, those that pass, those that pass by DKIM and by SPF;
    the reports, and when the last ended.
    """

    domain: str
    mails: int
    passed: int
    dkim: int
    spf: int
    reports: int
    last: datetime


class PolicySeen(NamedTuple):
    """A policy as reporters saw it (``p=none sp=reject``), when last, and how many of them."""

    policy: str
    last: datetime
    reporters: int


class DmarcCount(NamedTuple):
    """Mails with the same results from the same source, in the reports of all reporters."""

    source: str
    disposition: str
    dkim: str
    spf: str
    header_from: str
    dkim_results: tuple[AuthResult, ...]
    spf_results: tuple[AuthResult, ...]
    reasons: tuple[str, ...]
    mails: int
    reporters: int
    first: datetime
    last: datetime


class NewSource(NamedTuple):
    """A source that reports did not name before: its mails, those that pass DMARC, those in reports
    that were known before, and the period of its reports.
    """

    domain: str
    source: str
    mails: int
    passed: int
    known: int
    first: datetime
    last: datetime


class TlsCount(NamedTuple):
    """Sessions with the servers of a domain under one policy, and how the failed ones failed."""

    domain: str
    policy: str
    reporters: int
    sessions: int
    failed: int
    last: datetime
    failures: tuple[TlsFailure, ...]


class SignalCount(NamedTuple):
    """A figure of a receiver on a day."""

    origin: str
    subject: str
    name: str
    day: int
    value: float | None
    words: str
