"""Reports of receivers about the mail of our domains: kept once, whatever way they come, and
counted.

A report is known by its reporter, its number and its domain (RFC 9990 section 3.5.1, RFC 8460
section 4.4).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from bouncewise.ledger.database import Database
from bouncewise.ledger.records import Batch
from bouncewise.ledger.report_records import (
    DmarcCount,
    DmarcDomain,
    DmarcPassed,
    NewSource,
    PolicySeen,
    SignalCount,
    TlsCount,
)
from bouncewise.model import DmarcReport, SenderReport, TlsReport
from bouncewise.model.sender_report import AuthResult, DmarcPolicy, Signal, TlsFailure
from bouncewise.times import datetime_of, day_of, micros

_EPOCH = date(1970, 1, 1)
_MAX_RESULTS = 4  # results of one check that are kept of a record


class SenderReports:
    """The reports in a ledger."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, batch: Batch, report: SenderReport) -> bool:
        """Add *report*; False where it is there already."""
        if isinstance(report, Signal):
            return self._add_signal(batch, report)
        return (
            self._add_dmarc(batch, report)
            if isinstance(report, DmarcReport)
            else self._add_tls(batch, report)
        )

    def _add_dmarc(self, batch: Batch, report: DmarcReport) -> bool:
        found = self._db.one(
            "dmarc_report_add",
            reporter=report.reporter,
            report_id=report.report_id,
            domain=report.domain,
            first=micros(report.begin),
            last=micros(report.end),
            policy=_policy_text(report.policy),
            batch=batch.number,
        )
        if found is None:
            return False
        self._db.many(
            "dmarc_row_add",
            (
                (
                    found[0],
                    row.source_ip,
                    row.count,
                    row.disposition,
                    row.dkim,
                    row.spf,
                    row.header_from,
                    row.envelope_from,
                    " ".join(map(_result_text, row.dkim_results[:_MAX_RESULTS])),
                    " ".join(map(_result_text, row.spf_results[:_MAX_RESULTS])),
                    " ".join(row.reasons),
                )
                for row in report.rows
            ),
        )
        return True

    def _add_tls(self, batch: Batch, report: TlsReport) -> bool:
        found = self._db.one(
            "tls_report_add",
            reporter=report.reporter,
            report_id=report.report_id,
            domain=report.domain,
            policy=report.policy,
            first=micros(report.begin),
            last=micros(report.end),
            sessions=report.sessions,
            failed=report.failed,
            batch=batch.number,
        )
        if found is None:
            return False
        rows = ((found[0], f.result, f.mx, f.count) for f in report.failures)
        self._db.many("tls_failure_add", rows)
        return True

    def _add_signal(self, batch: Batch, signal: Signal) -> bool:
        """A later reading of the same day replaces the earlier one."""
        changed = self._db.run(
            "signal_put",
            origin=signal.origin,
            subject=signal.subject,
            name=signal.name,
            day=(signal.day - _EPOCH).days,
            value=signal.value,
            words=signal.words,
            batch=batch.number,
        )
        return changed > 0

    def signals(self, since: datetime) -> list[SignalCount]:
        """The figures of receivers since then, by origin, subject, name and day."""
        day = day_of(micros(since))
        return [SignalCount(*row) for row in self._db.all("signal_all", since=day)]

    def domains(self, since: datetime) -> list[DmarcDomain]:
        """The domains with DMARC reports since that moment."""
        return [
            DmarcDomain(domain, reports, reporters, datetime_of(first), datetime_of(last))
            for domain, reports, reporters, first, last in self._db.all(
                "dmarc_domains", since=micros(since)
            )
        ]

    def policies(self, domain: str, since: datetime) -> list[PolicySeen]:
        """The policies of *domain* that reporters saw, the latest first."""
        return [
            PolicySeen(policy, datetime_of(last), reporters)
            for policy, last, reporters in self._db.all(
                "dmarc_policies", domain=domain, since=micros(since)
            )
        ]

    def rows(self, domain: str, since: datetime) -> Iterator[DmarcCount]:
        """The mails that name *domain*, by source and results, the most frequent first."""
        for row in self._db.each("dmarc_rows", domain=domain, since=micros(since)):
            source, disposition, dkim, spf, header_from, signatures, envelopes, reasons = row[:8]
            mails, reporters, first, last = row[8:]
            yield DmarcCount(
                source,
                disposition,
                dkim,
                spf,
                header_from,
                tuple(map(_result, signatures.split())),
                tuple(map(_result, envelopes.split())),
                tuple(reasons.split()),
                mails,
                reporters,
                datetime_of(first),
                datetime_of(last),
            )

    def new_sources(
        self, since: datetime, known: int = 0, domain: str | None = None
    ) -> list[NewSource]:
        """Sources that no report named before that moment, of each domain those of the most mails
        first. *known*: the number of a report; up to it, reports were known before.
        """
        found = self._db.all("dmarc_new_sources", since=micros(since), known=known, domain=domain)
        return [
            NewSource(name, source, mails, passed, before, datetime_of(first), datetime_of(last))
            for name, source, mails, passed, before, first, last in found
        ]

    def mails(self, since: datetime, known: int) -> dict[str, tuple[int, int]]:
        """By domain the mails in reports since that moment, and those of reports up to *known*."""
        found = self._db.all("dmarc_mails", since=micros(since), known=known)
        return {name: (mails, before) for name, mails, before in found}

    def passed(self, since: datetime) -> list[DmarcPassed]:
        """The mails of each domain in reports since then, and how many of them pass."""
        return [
            DmarcPassed(
                name, int(mails), int(passed), int(dkim), int(spf), count, datetime_of(last)
            )
            for name, mails, passed, dkim, spf, count, last in self._db.all(
                "dmarc_passed", since=micros(since)
            )
        ]

    def newest(self) -> int:
        """The number of the DMARC report that was added last; 0 where there is none."""
        found = self._db.one("dmarc_newest")
        return int(found[0]) if found else 0

    def tls(self, since: datetime) -> list[TlsCount]:
        """The sessions with the servers of each domain, by the policy that applied."""
        found = []
        for row in self._db.all("tls_sessions", since=micros(since)):
            domain, policy, reporters, sessions, failed, last = row
            failures = self._failures(domain, policy, since)
            counts = TlsCount(
                domain, policy, reporters, sessions, failed, datetime_of(last), failures
            )
            found.append(counts)
        return found

    def _failures(self, domain: str, policy: str, since: datetime) -> tuple[TlsFailure, ...]:
        found = self._db.each("tls_failures", domain=domain, policy=policy, since=micros(since))
        return tuple(TlsFailure(*row) for row in found)


def _policy_text(policy: DmarcPolicy) -> str:
    """The tags that the reporter names, e.g. ``p=none sp=reject``."""
    tags = (
        ("p", policy.p),
        ("sp", policy.sp),
        ("np", policy.np),
        ("adkim", policy.adkim),
        ("aspf", policy.aspf),
        ("pct", policy.pct),
        ("t", policy.testing),
    )
    return " ".join(f"{tag}={value}" for tag, value in tags if value)


def _result_text(result: AuthResult) -> str:
    """``domain/selector=result``, in which no blank stands."""
    name = f"{result.domain}/{result.selector}" if result.selector else result.domain
    return "".join(name.split()) + "=" + "".join(result.result.split())


def _result(text: str) -> AuthResult:
    name, _, result = text.rpartition("=")
    domain, _, selector = name.partition("/")
    return AuthResult(domain, result, selector)
