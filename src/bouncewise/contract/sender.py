"""What ``read`` and ``sender reports`` write about the mail of a domain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from bouncewise.contract.base import Record, about, time
from bouncewise.model import DmarcReport, TlsReport

if TYPE_CHECKING:
    from bouncewise.ledger.records import TlsCount
    from bouncewise.operations.sender_reports import DmarcOverview, SourceRow
    from bouncewise.sender.blocklists import Listing
    from bouncewise.sender.checks import CheckResult
    from bouncewise.sender.review.opinions import Opinion


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
    refused_by_class: Annotated[dict[str, int], about("those that p=reject would refuse")]

    @classmethod
    def of(cls, found: DmarcOverview) -> DmarcSummary:
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
            refused_by_class={kind.value: mails for kind, mails in found.refused_by_class.items()},
        )


class DmarcSourceRow(Record, frozen=True, kw_only=True):
    """The mails of one source with results of one class."""

    kind: Annotated[str, about("`source`")]
    domain: Annotated[str, about("the domain in From")]
    source: Annotated[str, about("the IP address that sent")]
    source_class: Annotated[str, about("`own` `forwarded` `modified` `unaligned` `failing`")]
    mails: Annotated[int, about("mails")]
    refused: Annotated[int, about("of them, those that p=reject would refuse")]
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
            refused=row.refused,
            identities=list(row.identities),
            first=time(row.first),
            last=time(row.last),
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


class CheckRow(Record, frozen=True, kw_only=True):
    """``review`` and ``sender``: what a check found, the most serious first."""

    id: Annotated[str, about("the check")]
    level: Annotated[str, about("`error` `unknown` `warning` `info`")]
    words: Annotated[str, about("what was found")]
    fix: Annotated[str, about("what to do")]
    hurts: Annotated[str, about("who refuses the mail, or is annoyed")]
    source: Annotated[str, about("where the requirement stands")]
    times: Annotated[int, about("how many times it was found")]

    @classmethod
    def of(cls, found: CheckResult) -> CheckRow:
        """The row of a finding."""
        fields = {key: value for key, value in found._asdict().items() if key != "parts"}
        return cls(**{**fields, "level": found.level.value})


class RequirementRow(Record, frozen=True, kw_only=True):
    """``sender``: what a mailbox provider asks for, after the checks."""

    provider: Annotated[str, about("`gmail` `yahoo` `microsoft` `apple`")]
    requirement: Annotated[str, about("its name, as in Gmail's Postmaster Tools API")]
    met: Annotated[str, about("`met` `unmet` `not-checked`")]
    words: Annotated[str, about("what is asked for")]
    applies: Annotated[str, about("the senders that it is required of")]
    since: Annotated[str | None, about("since which day; null: the provider states none")]
    failed_by: Annotated[tuple[str, ...], about("the checks that fail it")]
    missing: Annotated[str | None, about("what was not given, where it was not checked")]
    explained: Annotated[
        int | None,
        about("addresses of 30 days that the provider refused for it; null: not known"),
    ]
    refused: Annotated[int | None, about("all addresses that it refused in these days")]
    source: Annotated[str, about("where the requirement stands")]
    looked: Annotated[str, about("when that was looked at")]


class SpfTermRow(Record, frozen=True, kw_only=True):
    """``sender DOMAIN``: a term of the SPF record, by the DMARC reports of 90 days."""

    term: Annotated[str, about("the term")]
    lookups: Annotated[int, about("DNS lookups that it costs, with all that it includes")]
    sources: Annotated[int, about("addresses for which it decided")]
    mails: Annotated[int, about("their mails; 0: no reported mail needed it")]


class SpfOutsideRow(Record, frozen=True, kw_only=True):
    """``sender DOMAIN``: a source whose mail passed by DKIM, and that SPF does not name."""

    outside: Annotated[str, about("the address")]
    mails: Annotated[int, about("mails that passed by DKIM")]


class OpinionRow(Record, frozen=True, kw_only=True):
    """``review --spamd`` and ``--rspamd``: the rules of a filter that match."""

    engine: Annotated[str, about("`spamassassin` `rspamd`")]
    symbols: Annotated[dict[str, float | None], about("rules with their points; null: not known")]
    dropped: Annotated[list[str], about("rules left out: they depend on where the check runs")]

    @classmethod
    def of(cls, opinion: Opinion) -> OpinionRow:
        """The row of an opinion."""
        return cls(
            engine=opinion.engine,
            symbols={symbol.name: symbol.score for symbol in opinion.symbols},
            dropped=opinion.dropped,
        )


class ListingRow(Record, frozen=True, kw_only=True):
    """``blocklists``: what one list says of one subject."""

    subject: Annotated[str, about("the IP address or domain")]
    zone: Annotated[str, about("the list")]
    tier: Annotated[str, about("`A` many receivers refuse by it, `B` some do, `C` few")]
    state: Annotated[str, about("`listed` `clean` `refused` `broken` `unanswered`")]
    codes: Annotated[list[str], about("its answers")]
    meaning: Annotated[str, about("what they mean")]
    words: Annotated[str, about("what the list adds (TXT)")]
    why: Annotated[str, about("why it says nothing, or an answer is no listing")]
    delist: Annotated[str, about("the page to ask for removal")]

    @classmethod
    def of(cls, listing: Listing) -> ListingRow:
        """The row of a listing."""
        return cls(
            subject=listing.subject,
            zone=listing.zone.name,
            tier=listing.zone.tier,
            state=listing.state.value,
            codes=list(listing.codes),
            meaning=listing.meaning,
            words=listing.words,
            why=listing.why,
            delist=listing.zone.delist,
        )
