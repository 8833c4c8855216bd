"""``bouncewise sender reports``: DMARC and TLS reports of receivers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from bouncewise.cli.common import BAD, DIM, HEAD, db_option, echo, json_option, open_ledger, style
from bouncewise.contract import dumps
from bouncewise.contract.sender_reports import (
    AlignmentRow,
    DmarcSourceRow,
    DmarcSummary,
    TlsSummary,
)
from bouncewise.ledger.report_records import TlsCount
from bouncewise.operations.alignment import StreamRow
from bouncewise.operations.sender_reports import (
    NEW_SOURCE,
    DmarcOverview,
    dmarc_overviews,
    tls_overview,
)
from bouncewise.sender.sources import WORDS, SourceClass

_MOST_NEW = 10
_WOULD = {
    "quarantine": "would have put into the spam folder:",
    "reject": "would have had refused, with a bounce to the sender:",
}
_BOTH = (
    "quarantine and reject concern the same mails: those for which neither SPF nor DKIM passes "
    "aligned. Receivers make exceptions of their own, such as for mailing lists."
)


@click.command("reports", short_help="DMARC and TLS reports: sources, alignment, what would fail")
@click.argument("domain", required=False)
@click.option(
    "--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="How far back."
)
@click.option(
    "--sources",
    "most",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="Sources and streams shown of each domain.",
)
@click.option(
    "--what-if",
    type=click.Choice(["quarantine", "reject"]),
    help="List the mails that this policy concerns, and what receivers would do with them.",
)
@db_option
@json_option
def reports(
    domain: str | None, days: int, most: int, what_if: str | None, db: str | None, as_json: bool
) -> None:
    """Summarise the DMARC aggregate reports and SMTP TLS reports that `ingest` read: who sends
    mail as DOMAIN (default: every domain with reports), and whether SPF and DKIM pass aligned.

    Exits 1 if no report is there: an authorised reporter that stops is a fault, too.

    \b
    bouncewise ingest dmarc-reports/
    bouncewise sender reports example.com --what-if reject
    """
    since = datetime.now(UTC) - timedelta(days=days)
    name = domain.strip().rstrip(".").lower() if domain else None
    with open_ledger(db) as ledger:
        overviews = dmarc_overviews(ledger, since, name)
        sessions = tls_overview(ledger, since, name)
    if as_json:
        for overview in overviews:
            echo(dumps(DmarcSummary.of(overview, what_if)))
            for row in overview.sources:
                if what_if is None or row.failed:
                    echo(dumps(DmarcSourceRow.of(overview.domain.domain, row)))
            for stream in overview.streams if what_if is None else ():
                echo(dumps(AlignmentRow.of(overview.domain.domain, stream)))
        for count in sessions:
            echo(dumps(TlsSummary.of(count)))
    else:
        for overview in overviews:
            echo(*_dmarc(overview, most, what_if))
        echo(*(line for count in sessions for line in _tls(count)))
        if not overviews and not sessions:
            about = f" about {name}" if name else ""
            echo(f"no reports{about} of the last {days} days; `bouncewise ingest` reads them")
    if not overviews and not sessions:
        raise SystemExit(1)


def _dmarc(found: DmarcOverview, most: int, what_if: str | None) -> list[str]:
    domain, mails = found.domain, max(found.mails, 1)
    lines = [
        style(domain.domain, HEAD)
        + style(
            f"  {domain.first:%Y-%m-%d} to {domain.last:%Y-%m-%d}: reports: {domain.reports:,}, "
            f"reporters: {domain.reporters:,}",
            DIM,
        ),
        f"  mails: {found.mails:,}; DMARC passes for {found.passed:,} ({found.passed / mails:.1%})",
        *(
            f"  policy {seen.policy} (reporters: {seen.reporters:,}, last {seen.last:%Y-%m-%d})"
            for seen in found.policies
        ),
    ]
    if what_if is None:
        counts, shown = found.by_class, found.sources
        lines.append("  by result:")
    else:
        counts, shown = found.failed_by_class, [row for row in found.sources if row.failed]
        total = sum(counts.values())
        line = f"  p={what_if} {_WOULD[what_if]} {total:,} mails ({total / mails:.1%})"
        lines += [style(line, BAD), style(f"  {_BOTH}", DIM)]
    lines += [
        f"  {counts[kind]:>10,}  {counts[kind] / mails:>6.1%}  {kind:10}  {WORDS[kind]}"
        for kind in SourceClass
        if counts.get(kind)
    ]
    if shown:
        lines.append(
            style(f"  {'mails':>10}  {'class':10}  {'source':39}  SPF or DKIM passes for", DIM)
        )
    for row in shown[:most]:
        count = row.mails if what_if is None else row.failed
        names = ", ".join(row.identities) or "-"
        lines.append(f"  {count:>10,}  {row.source_class:10}  {row.source:39}  {names}")
    if len(shown) > most:
        rest = sum(row.mails if what_if is None else row.failed for row in shown[most:])
        lines.append(f"  {rest:>10,}  in {len(shown) - most:,} more sources (--sources, --json)")
    alignment = _alignment(found.streams, most) if what_if is None else []
    return [*lines, *alignment, *_new_sources(found), ""]


def _alignment(streams: list[StreamRow], most: int) -> list[str]:
    """A line for each stream: mails by what aligns them, and what identifies it."""
    head = f"  {'mails':>10}  {'both':>10}  {'DKIM only':>10}  {'SPF only':>10}  {'neither':>10}"
    lines = ["  alignment by stream:", style(f"{head}  From; DKIM d=; return address", DIM)]
    for row in streams[:most]:
        counts = (row.mails, row.both, row.dkim, row.spf, row.neither)
        names = "; ".join(name or "-" for name in row.stream)
        line = "".join(f"  {count:>10,}" for count in counts)
        lines.append(f"{line}  {style(names, BAD) if row.neither else names}")
    if len(streams) > most:
        rest = sum(row.mails for row in streams[most:])
        lines.append(f"  {rest:>10,}  in {len(streams) - most:,} more streams (--sources, --json)")
    return lines if streams else []


def _new_sources(found: DmarcOverview) -> list[str]:
    """The sources that no report named before the last days."""
    days = NEW_SOURCE.days
    lines = [f"  new sources of the last {days} days of reports:"] if found.new_sources else []
    for new in found.new_sources[:_MOST_NEW]:
        results = f"{new.passed:,} pass, {new.mails - new.passed:,} fail"
        lines.append(f"  {new.mails:>10,}  {new.source:39}  {results}, since {new.first:%Y-%m-%d}")
    if len(found.new_sources) > _MOST_NEW:
        rest = sum(new.mails for new in found.new_sources[_MOST_NEW:])
        lines.append(f"  {rest:>10,}  in {len(found.new_sources) - _MOST_NEW:,} more (--json)")
    return lines


def _tls(count: TlsCount) -> list[str]:
    share = count.failed / max(count.sessions, 1)
    lines = [
        style(count.domain, HEAD)
        + f"  TLS ({count.policy or 'policy not named'}): {count.sessions:,} sessions, "
        f"{count.failed:,} failed ({share:.1%}), reported by {count.reporters:,}"
    ]
    lines += [
        f"  {failure.count:>10,}  {failure.result}  {failure.mx or '-'}"
        for failure in count.failures
    ]
    return lines
