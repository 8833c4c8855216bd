"""What receivers report about the mail of our domains: sources, alignment, what a stricter policy
would refuse, and how sessions were encrypted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from bouncewise.ledger import Store
from bouncewise.ledger.records import DmarcCount, DmarcDomain, PolicySeen, TlsCount
from bouncewise.sender.sources import SourceClass, class_of, passes_dmarc


class SourceRow(NamedTuple):
    """The mails of one source in one class. ``identities``: the domains for which SPF or DKIM
    passes; ``refused``: mails that fail DMARC, which p=reject would refuse.
    """

    source: str
    source_class: SourceClass
    mails: int
    refused: int
    reporters: int
    identities: tuple[str, ...]
    first: datetime
    last: datetime


class DmarcOverview(NamedTuple):
    """The DMARC reports on one domain; ``sources`` with the most mails first."""

    domain: DmarcDomain
    policies: list[PolicySeen]
    mails: int
    passed: int
    by_class: dict[SourceClass, int]
    refused_by_class: dict[SourceClass, int]
    sources: list[SourceRow]


def dmarc_overviews(ledger: Store, since: datetime, domain: str | None) -> list[DmarcOverview]:
    """The overview of *domain*, or of every domain with reports since that moment."""
    reports = ledger.sender_reports
    return [
        _overview(found, reports.policies(found.domain, since), reports.rows(found.domain, since))
        for found in reports.domains(since)
        if domain is None or found.domain == domain
    ]


def tls_overview(ledger: Store, since: datetime, domain: str | None) -> list[TlsCount]:
    """The encrypted sessions with the servers of *domain*, or of every domain with reports."""
    found = ledger.sender_reports.tls(since)
    return [count for count in found if domain is None or count.domain == domain]


def _overview(
    domain: DmarcDomain, policies: list[PolicySeen], rows: Iterable[DmarcCount]
) -> DmarcOverview:
    groups: dict[tuple[str, SourceClass], list[DmarcCount]] = defaultdict(list)
    by_class: Counter[SourceClass] = Counter()
    refused: Counter[SourceClass] = Counter()
    for row in rows:
        found = class_of(
            row.dkim, row.spf, row.dkim_results, row.spf_results, row.reasons, row.header_from
        )
        groups[row.source, found].append(row)
        by_class[found] += row.mails
        if not passes_dmarc(row.dkim, row.spf):
            refused[found] += row.mails
    sources = [_source(source, found, rows) for (source, found), rows in groups.items()]
    return DmarcOverview(
        domain,
        policies,
        by_class.total(),
        by_class.total() - refused.total(),
        dict(by_class),
        dict(refused),
        sorted(sources, key=lambda row: (-row.mails, row.source)),
    )


def _source(source: str, source_class: SourceClass, rows: list[DmarcCount]) -> SourceRow:
    identities: Counter[str] = Counter()
    for row in rows:
        for result in (*row.dkim_results, *row.spf_results):
            if result.result == "pass" and result.domain:
                identities[result.domain] += row.mails
    return SourceRow(
        source,
        source_class,
        sum(row.mails for row in rows),
        sum(row.mails for row in rows if not passes_dmarc(row.dkim, row.spf)),
        max(row.reporters for row in rows),
        tuple(name for name, _ in identities.most_common(4)),
        min(row.first for row in rows),
        max(row.last for row in rows),
    )
