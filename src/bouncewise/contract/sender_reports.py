"""What ``read`` and ``sender reports`` write about the mail of a domain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from bouncewise.contract.base import Record, about, time
from bouncewise.model import DmarcReport, TlsReport

if TYPE_CHECKING:
    from bouncewise.ledger.report_records import TlsCount
    from bouncewise.operations.alignment import StreamRow
    from bouncewise.operations.sender_reports import DmarcOverview, SourceRow


class DmarcReportRow(Record, frozen=True, kw_only=True):
    """A DMARC aggregate report."""

    kind: Annotated[str, about("`dmarc`")]
    domain: Annotated[str, about("the domain in From")]
    reporter: Annotated[str, about("who reports")]
    report_id: Annotated[str, about("its number of the report")]
    begin: Annotated[str | None, about("the beginning of the period")]
    end: Annotated[str | None, about("its end")]
    policy: Annotated[dict[str, str], about("the tags of the policy that it saw in DNS")]
    rows: Annotated[
        list[dict[str, object]],
        about("mails by source and result: `source` `mails` `disposition` `dkim` `spf` …"),
    ]
    source: Annotated[str, about("the file")]

    @classmethod
    def of(cls, report: DmarcReport) -> DmarcReportRow:
        """The row of a report."""
        policy = report.policy
        return cls(
            kind="dmarc",
            domain=report.domain,
            reporter=report.reporter,
            report_id=report.report_id,
            begin=time(report.begin),
            end=time(report.end),
            policy={
                tag: value for tag in policy.__struct_fields__ if (value := getattr(policy, tag))
            },
            rows=[
                {
                    "source": row.source_ip,
                    "mails": row.count,
                    "disposition": row.disposition,
                    "dkim": row.dkim,
                    "spf": row.spf,
                    "header_from": row.header_from,
                    "envelope_from": row.envelope_from,
                    "dkim_results": [
                        {"domain": r.domain, "selector": r.selector, "result": r.result}
                        for r in row.dkim_results
                    ],
                    "spf_results": [
                        {"domain": r.domain, "result": r.result} for r in row.spf_results
                    ],
                    "reasons": list(row.reasons),
                }
                for row in report.rows
            ],
            source=report.source.path,
        )


class TlsReportRow(Record, frozen=True, kw_only=True):
    """One policy of an SMTP TLS report."""

    kind: Annotated[str, about("`tls`")]
    domain: Annotated[str, about("the domain whose servers were connected to")]
    reporter: Annotated[str, about("who reports")]
    report_id: Annotated[str, about("its number of the report")]
    begin: Annotated[str | None, about("the beginning of the period")]
    end: Annotated[str | None, about("its end")]
    policy: Annotated[str, about("`sts` `tlsa` `no-policy-found`")]
    sessions: Annotated[int, about("sessions")]
    failed: Annotated[int, about("of them, those that failed")]
    failures: Annotated[
        list[dict[str, object]],
        about("how: `result` (RFC 8460 section 4.3) `mx` `count`"),
    ]
    source: Annotated[str, about("the file")]

    @classmethod
    def of(cls, report: TlsReport) -> TlsReportRow:
        """The row of a report."""
        return cls(
            kind="tls",
            domain=report.domain,
            reporter=report.reporter,
            report_id=report.report_id,
            begin=time(report.begin),
            end=time(report.end),
            policy=report.policy,
            sessions=report.sessions,
            failed=report.failed,
            failures=[{"result": f.result, "mx": f.mx, "count": f.count} for f in report.failures],
            source=report.source.path,
        )


class DmarcSummary(Record, frozen=True, kw_only=True):
    """``sender reports``: one object per domain with DMARC reports, followed by its sources."""

    kind: Annotated[str, about("`dmarc`")]
    domain: Annotated[str, about("the domain in From")]
    reports: Annotated[int, about("reports")]
    reporters: Annotated[int, about("who sent them")]
    first: Annotated[str | None, about("the beginning of the first")]
    last: Annotated[str | None, about("the end of the last")]
    policies: Annotated[list[str], about("policies that reporters saw, the latest first")]
    mails: Annotated[int, about("mails")]
    passed: Annotated[int, about("of them, those that pass DMARC")]
    by_class: Annotated[
        dict[str, int], about("mails by `own` `forwarded` `modified` `unaligned` `failing`")
    ]
    failed_by_class: Annotated[
        dict[str, int], about("those that fail DMARC: what p=quarantine and p=reject concern")
    ]
    what_if: Annotated[str | None, about("`--what-if`: `quarantine` `reject`")]
    would: Annotated[
        str | None,
        about("what receivers would do with the mails that fail: `spam-folder` `refuse`"),
    ]

    @classmethod
    def of(cls, found: DmarcOverview, what_if: str | None = None) -> DmarcSummary:
        """The record of one domain."""
        domain = found.domain
        return cls(
            kind="dmarc",
            domain=domain.domain,
            reports=domain.reports,
            reporters=domain.reporters,
            first=time(domain.first),
            last=time(domain.last),
            policies=[seen.policy for seen in found.policies],
            mails=found.mails,
            passed=found.passed,
            by_class={kind.value: mails for kind, mails in found.by_class.items()},
            failed_by_class={kind.value: mails for kind, mails in found.failed_by_class.items()},
            what_if=what_if,
            would={"quarantine": "spam-folder", "reject": "refuse"}.get(what_if or ""),
        )


class DmarcSourceRow(Record, frozen=True, kw_only=True):
    """The mails of one source with results of one class."""

    kind: Annotated[str, about("`source`")]
    domain: Annotated[str, about("the domain in From")]
    source: Annotated[str, about("the IP address that sent")]
    source_class: Annotated[str, about("`own` `forwarded` `modified` `unaligned` `failing`")]
    mails: Annotated[int, about("mails")]
    dkim: Annotated[int, about("of them, those that DKIM aligns with From")]
    spf: Annotated[int, about("those that SPF aligns with From")]
    failed: Annotated[int, about("those that fail DMARC")]
    new: Annotated[bool, about("no report named the source before the last 7 days of reports")]
    identities: Annotated[list[str], about("domains for which SPF or DKIM passes")]
    first: Annotated[str | None, about("the beginning of the first report")]
    last: Annotated[str | None, about("the end of the last report")]

    @classmethod
    def of(cls, domain: str, row: SourceRow) -> DmarcSourceRow:
        """The row of a source."""
        return cls(
            kind="source",
            domain=domain,
            source=row.source,
            source_class=row.source_class.value,
            mails=row.mails,
            dkim=row.dkim,
            spf=row.spf,
            failed=row.failed,
            new=row.is_new,
            identities=list(row.identities),
            first=time(row.first),
            last=time(row.last),
        )


class AlignmentRow(Record, frozen=True, kw_only=True):
    """The alignment of a stream: mails with the same From, signing domain and return address."""

    kind: Annotated[str, about("`alignment`")]
    domain: Annotated[str, about("the domain of the reports")]
    header_from: Annotated[str, about("the domain in From")]
    signed: Annotated[str | None, about("the domain of a DKIM signature that holds (d=)")]
    mailed: Annotated[str | None, about("the domain of the return address, if SPF passes for it")]
    mails: Annotated[int, about("mails")]
    both: Annotated[int, about("of them, those that DKIM and SPF align with From")]
    dkim: Annotated[int, about("those that only DKIM aligns")]
    spf: Annotated[int, about("those that only SPF aligns")]
    neither: Annotated[int, about("those that neither aligns: DMARC fails")]
    sources: Annotated[int, about("addresses that sent them")]

    @classmethod
    def of(cls, domain: str, row: StreamRow) -> AlignmentRow:
        """The row of a stream."""
        header_from, signed, mailed = row.stream
        return cls(
            kind="alignment",
            domain=domain,
            header_from=header_from,
            signed=signed or None,
            mailed=mailed or None,
            mails=row.mails,
            both=row.both,
            dkim=row.dkim,
            spf=row.spf,
            neither=row.neither,
            sources=row.sources,
        )


class TlsSummary(Record, frozen=True, kw_only=True):
    """The sessions with the servers of a domain under one policy."""

    kind: Annotated[str, about("`tls`")]
    domain: Annotated[str, about("the domain")]
    policy: Annotated[str, about("`sts` `tlsa` `no-policy-found`")]
    reporters: Annotated[int, about("who reports")]
    sessions: Annotated[int, about("sessions")]
    failed: Annotated[int, about("of them, those that failed")]
    failures: Annotated[list[dict[str, object]], about("`result` `mx` `count`")]
    last: Annotated[str | None, about("the end of the last report")]

    @classmethod
    def of(cls, count: TlsCount) -> TlsSummary:
        """The record of a domain and policy."""
        return cls(
            kind="tls",
            domain=count.domain,
            policy=count.policy,
            reporters=count.reporters,
            sessions=count.sessions,
            failed=count.failed,
            failures=[{"result": f.result, "mx": f.mx, "count": f.count} for f in count.failures],
            last=time(count.last),
        )
