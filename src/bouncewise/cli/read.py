"""``bouncewise read``: any file that reports on mail delivery, with verdicts; nothing is kept."""

from __future__ import annotations

import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import click

from bouncewise.cli.common import (
    BAD,
    DIM,
    GOOD,
    config_option,
    echo,
    echo_error,
    jobs_option,
    json_option,
    load_classifier,
    load_configuration,
    rules_option,
)
from bouncewise.cli.grid import Column, clock, print_rows
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
    render = _json if as_json else _row
    render_report = _sender_report_json if as_json else _sender_report_row
    examiner = examiner_of(*load_configuration(config_path), datetime.now(UTC))
    classifier = load_classifier(rule_paths)
    notes, counts = Notes(), Counter[str]()

    def shown() -> Iterator[_Shown]:
        for _, items in read_paths(files.expand(paths), classifier, render, jobs, examiner):
            for item in items:
                if isinstance(item, Note):
                    notes.print(item)
                elif not isinstance(item, Engagement):
                    one = (
                        item if isinstance(item, _Shown) else _Shown(render_report(item), "report")
                    )
                    counts[one.what] += 1
                    yield one

    if as_json:
        for one in shown():
            echo(one.cells[0])
    else:
        print_rows(_COLUMNS, _WIDEST, (one.cells for one in shown()))
    if counts.total() > 1 and not as_json:
        echo_error(_totals(counts))
    sys.exit(notes.exit_code(counts.total()))


class _Shown(NamedTuple):
    """The cells of a row (with --json the line), and what it is counted as: a cause, the kind of a
    report without one, or "report".
    """

    cells: tuple[str, ...]
    what: str


def _totals(counts: Counter[str]) -> str:
    """How many were read, the commonest causes first.

    >>> _totals(Counter({"mailbox-unknown": 1200, "complaint": 3}))
    '1,203 read: 1,200 mailbox-unknown, 3 complaint'
    """
    most = ", ".join(f"{count:,} {what}" for what, count in counts.most_common(_MOST))
    rest = counts.total() - sum(count for _, count in counts.most_common(_MOST))
    return f"{counts.total():,} read: {most}{f', {rest:,} others' if rest else ''}"


_COLUMNS = (
    Column("when", colour=DIM),
    Column("kind"),
    Column("recipient or domain"),
    Column("cause or reporter"),
    Column("advice", colour=lambda text: BAD if text.startswith("suppress") else GOOD),
    Column("words", text=True),
)
_WIDEST = (" " * 21, " " * 11, " " * 28, " " * 20, " " * 16, " " * 80)
"""Cells as wide as most: rows are printed as they are read."""


def _sender_report_json(report: SenderReport) -> tuple[str, ...]:
    if isinstance(report, DmarcReport):
        return (dumps(DmarcReportRow.of(report)),)
    if isinstance(report, Signal):
        return (dumps(SignalRow.of(report)),)
    return (dumps(TlsReportRow.of(report)),)


def _sender_report_row(report: SenderReport) -> tuple[str, ...]:
    if isinstance(report, Signal):
        words = f"{report.name} {report.words or f'{report.value:.6g}'}"
        return f"{report.day}", "signal", report.subject, report.origin, "", words
    when = clock(report.begin)
    if isinstance(report, DmarcReport):
        mails = sum(row.count for row in report.rows)
        passed = sum(row.count for row in report.rows if "pass" in (row.dkim, row.spf))
        words = f"{mails:,} mails, {passed:,} pass DMARC; p={report.policy.p or '?'}"
        return when, "dmarc", report.domain, report.reporter, "", words
    words = f"{report.sessions:,} sessions, {report.failed:,} failed; {report.policy}"
    return when, "tls", report.domain, report.reporter, "", words


def _json(classified: ClassifiedFinding) -> _Shown:
    return _Shown((dumps(ReportRow.of(classified)),), "report")


def _row(classified: ClassifiedFinding) -> _Shown:
    verdict = classified.verdict
    what = verdict.cause if verdict else classified.finding.report.kind
    return _Shown(_cells(classified), str(what))


def _cells(classified: ClassifiedFinding) -> tuple[str, ...]:
    report, verdict = classified.finding.report, classified.verdict
    head = clock(report.at), report.kind, report.recipient or "-"
    if verdict is None:
        return (*head, "", "", report.absence.summary if report.absence else "")
    words = verdict.evidence or (f"{report.esp.name}: {report.esp.label}" if report.esp else "")
    return (*head, verdict.cause, verdict.advice, words)
