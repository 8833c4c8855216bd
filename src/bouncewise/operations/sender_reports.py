"""What receivers report about the mail of our domains: sources, alignment, what a stricter policy
would stop, new sources, and how sessions were encrypted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from bouncewise.ledger import Store
from bouncewise.ledger.report_records import (
    DmarcCount,
    DmarcDomain,
    NewSource,
    PolicySeen,
    TlsCount,
)
from bouncewise.operations.alignment import StreamRow, by_stream
from bouncewise.sender.sources import SourceClass, class_of, passes_dmarc

NEW_SOURCE = timedelta(days=7)
"""The last days of the reports, in which a source is new that none named before."""

_EVER = datetime(1970, 1, 1, tzinfo=UTC)


class SourceRow(NamedTuple):
    """The mails of one source in one class. ``identities``: the domains for which SPF or DKIM
    passes; ``dkim``, ``spf``: mails with an aligned pass; ``failed``: mails that fail DMARC, which
    a policy concerns; ``is_new``: no report named the source before the last NEW_SOURCE days of
    reports.
    """

    source: str
    source_class: SourceClass
    mails: int
    dkim: int
    spf: int
    failed: int
    reporters: int
    identities: tuple[str, ...]
    first: datetime
    last: datetime
    is_new: bool


class DmarcOverview(NamedTuple):
    """The DMARC reports on one domain; ``sources`` with the most mails first."""

    domain: DmarcDomain
    policies: list[PolicySeen]
    mails: int
    passed: int
    by_class: dict[SourceClass, int]
    failed_by_class: dict[SourceClass, int]
    sources: list[SourceRow]
    new_sources: list[NewSource]
    streams: list[StreamRow]


def dmarc_overviews(ledger: Store, since: datetime, domain: str | None) -> list[DmarcOverview]:
    """The overview of *domain*, or of every domain with reports since that moment."""
    found = ledger.sender_reports.domains(since)
    return [_overview(ledger, item, since) for item in found if domain in (None, item.domain)]


def _new_sources(ledger: Store, domain: DmarcDomain) -> list[NewSource]:
    """The sources that are new in the last days; [] where no report is older than that."""
    since = domain.last - NEW_SOURCE
    found = ledger.sender_reports.new_sources(since, domain=domain.domain)
    everything = ledger.sender_reports.new_sources(_EVER, domain=domain.domain)
    return found if len(found) < len(everything) else []


def tls_overview(ledger: Store, since: datetime, domain: str | None) -> list[TlsCount]:
    """The encrypted sessions with the servers of *domain*, or of every domain with reports."""
    found = ledger.sender_reports.tls(since)
    return [count for count in found if domain is None or count.domain == domain]


def _overview(ledger: Store, domain: DmarcDomain, since: datetime) -> DmarcOverview:
    new = _new_sources(ledger, domain)
    names = {source.source for source in new}
    groups: dict[tuple[str, SourceClass], list[DmarcCount]] = defaultdict(list)
    by_class: Counter[SourceClass] = Counter()
    failed: Counter[SourceClass] = Counter()
    rows = list(ledger.sender_reports.rows(domain.domain, since))
    for row in rows:
        found = class_of(
            row.dkim, row.spf, row.dkim_results, row.spf_results, row.reasons, row.header_from
        )
        groups[row.source, found].append(row)
        by_class[found] += row.mails
        if not passes_dmarc(row.dkim, row.spf):
            failed[found] += row.mails
    sources = [
        _source(source, found, of_source, is_new=source in names)
        for (source, found), of_source in groups.items()
    ]
    return DmarcOverview(
        domain,
        ledger.sender_reports.policies(domain.domain, since),
        by_class.total(),
        by_class.total() - failed.total(),
        dict(by_class),
        dict(failed),
        sorted(sources, key=lambda row: (-row.mails, row.source)),
        new,
        by_stream(rows),
    )


def _source(
    source: str, source_class: SourceClass, rows: list[DmarcCount], *, is_new: bool
) -> SourceRow:
    identities: Counter[str] = Counter()
    for row in rows:
        for result in (*row.dkim_results, *row.spf_results):
            if result.result == "pass" and result.domain:
                identities[result.domain] += row.mails
    return SourceRow(
        source,
        source_class,
        sum(row.mails for row in rows),
        sum(row.mails for row in rows if row.dkim == "pass"),
        sum(row.mails for row in rows if row.spf == "pass"),
        sum(row.mails for row in rows if not passes_dmarc(row.dkim, row.spf)),
        max(row.reporters for row in rows),
        tuple(name for name, _ in identities.most_common(4)),
        min(row.first for row in rows),
        max(row.last for row in rows),
        is_new,
    )
