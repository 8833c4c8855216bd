"""``bouncewise read``: any file that reports on mail delivery, with verdicts; nothing is kept."""

from __future__ import annotations

import sys
import textwrap
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import click

from bouncewise.cli.common import (
    DIM,
    advice_of,
    config_option,
    echo,
    echo_error,
    jobs_option,
    json_option,
    load_classifier,
    load_configuration,
    rules_option,
    style,
)
from bouncewise.cli.notes import Notes
from bouncewise.cli.spelling import file_paths
from bouncewise.contract import dumps
from bouncewise.contract.sender_reports import DmarcReportRow, TlsReportRow
from bouncewise.contract.signals import SignalRow
from bouncewise.contract.verdicts import ReportRow
from bouncewise.intake import files
from bouncewise.intake.formats import FORMATS
from bouncewise.intake.provenance import examiner_of
from bouncewise.intake.reading import ClassifiedFinding, read_paths
from bouncewise.model import DmarcReport, Engagement, SenderReport
from bouncewise.model.sender_report import Signal
from bouncewise.readers import Note

_MOST = 8  # causes that the totals name

_FORMATS = "\n".join(
    textwrap.fill(
        reader.about,
        76,
        initial_indent=f"      {reader.name:14} ",
        subsequent_indent=" " * 21,
        break_on_hyphens=False,
    )
    for reader in FORMATS
)


@click.command(
    "read",
    help=f"""Print each report in files, folders, Maildirs, mboxes, .gz .zst .zip or -, with its
    verdict.

    Nothing is stored. Exits 1 if a file cannot be read, or has an unknown format, and there is no
    report.

    \b
    bouncewise read bounce.eml
    bouncewise read --json mail.log* | jq 'select(.verdict.party == "sender")'

    \b
    The format is detected from the content:
{_FORMATS}
    """,
)
@click.argument("paths", metavar="PATH…", nargs=-1, required=True, shell_complete=file_paths)
@rules_option
@config_option
@jobs_option
@json_option
def command(
    paths: tuple[str, ...],
    rule_paths: tuple[Path, ...],
    config_path: Path | None,
    jobs: int,
    as_json: bool,
) -> None:
    render = _json if as_json else _line
    render_report = _sender_report_json if as_json else _sender_report_line
    examiner = examiner_of(*load_configuration(config_path), datetime.now(UTC))
    classifier = load_classifier(rule_paths)
    notes, counts = Notes(), Counter[str]()
    for _, items in read_paths(files.expand(paths), classifier, render, jobs, examiner):
        for item in items:
            if isinstance(item, Note):
                notes.print(item)
            elif not isinstance(item, Engagement):
                shown = item if isinstance(item, _Shown) else _Shown(render_report(item), "report")
                counts[shown.what] += 1
                echo(shown.line)
    if counts.total() > 1 and not as_json:
        echo_error(_totals(counts))
    sys.exit(notes.exit_code(counts.total()))


class _Shown(NamedTuple):
    """A line, and what it is counted as: a cause, the kind of a report without one, or "report"."""

    line: str
    what: str


def _totals(counts: Counter[str]) -> str:
    """How many were read, the commonest causes first.

    >>> _totals(Counter({"mailbox-unknown": 1200, "complaint": 3}))
    '1,203 read: 1,200 mailbox-unknown, 3 complaint'
    """
    most = ", ".join(f"{count:,} {what}" for what, count in counts.most_common(_MOST))
    rest = counts.total() - sum(count for _, count in counts.most_common(_MOST))
    return f"{counts.total():,} read: {most}{f', {rest:,} others' if rest else ''}"


def _sender_report_json(report: SenderReport) -> str:
    if isinstance(report, DmarcReport):
        return dumps(DmarcReportRow.of(report))
    if isinstance(report, Signal):
        return dumps(SignalRow.of(report))
    return dumps(TlsReportRow.of(report))


def _sender_report_line(report: SenderReport) -> str:
    if isinstance(report, Signal):
        value = report.words or f"{report.value:.6g}"
        words = f"{report.subject:28} {report.origin:20} {report.name} {value}"
        return f"{style(f'{report.day} 00:00', DIM)}  {'signal':11} {words}"
    when = style(f"{report.begin:%Y-%m-%d %H:%M}", DIM)
    if isinstance(report, DmarcReport):
        mails = sum(row.count for row in report.rows)
        passed = sum(row.count for row in report.rows if "pass" in (row.dkim, row.spf))
        words = f"{mails:,} mails, {passed:,} pass DMARC; p={report.policy.p or '?'}"
        return f"{when}  {'dmarc':11} {report.domain:28} {report.reporter:20} {words}"
    words = f"{report.sessions:,} sessions, {report.failed:,} failed; {report.policy}"
    return f"{when}  {'tls':11} {report.domain:28} {report.reporter:20} {words}"


def _json(classified: ClassifiedFinding) -> _Shown:
    return _Shown(dumps(ReportRow.of(classified)), "report")


def _line(classified: ClassifiedFinding) -> _Shown:
    verdict = classified.verdict
    what = verdict.cause if verdict else classified.finding.report.kind
    return _Shown(_words(classified), str(what))


def _words(classified: ClassifiedFinding) -> str:
    report, verdict = classified.finding.report, classified.verdict
    when = report.at.strftime("%Y-%m-%d %H:%M") if report.at else " " * 16
    head = f"{style(when, DIM)}  {report.kind:11} {report.recipient or '-':28}"
    if verdict is None:
        summary = report.absence.summary if report.absence else ""
        return f"{head} {summary}".rstrip()
    words = verdict.evidence or (f"{report.esp.name}: {report.esp.label}" if report.esp else "")
    return f"{head} {verdict.cause:20} {advice_of(verdict)} {words}"
