"""``bouncewise read``: whatever tells of mail that failed, judged; nothing is kept."""

from __future__ import annotations

from pathlib import Path

import click

from bouncewise import contract
from bouncewise.cli.common import DIM, advice_of, classifier, jobs_option, json_option, out, paint, rules_option, tell
from bouncewise.intake import files, reading
from bouncewise.model import Verdict
from bouncewise.readers import Finding, Note

FORMATS = "\n".join(f"  {reader.name:10} {reader.about}" for reader in files.FORMATS)


@click.command(
    "read", short_help="read bounces, logs and feedback, and judge them",
    help=f"""Read files, folders, Maildirs, mboxes, .gz .zst .zip or - and say what each report means.

    \b
    bouncewise read bounce.eml
    bouncewise read --json /var/log/mail.log* | jq 'select(.verdict.party == "sender")'

    \b
    The format is found by looking:
{chr(10).join("    " + line for line in FORMATS.split(chr(10)))}
    """,
)  # fmt: skip
@click.argument("paths", nargs=-1, required=True)
@rules_option
@jobs_option
@json_option
def command(paths: tuple[str, ...], rule_paths: tuple[Path, ...], jobs: int, as_json: bool) -> None:
    for _, items in reading.each(files.expand(paths), classifier(rule_paths), _json if as_json else _line, jobs):
        for item in items:
            if isinstance(item, Note):
                tell(item)
            else:
                out(item)


def _json(finding: Finding, verdict: Verdict | None, receiver: str) -> str:
    return contract.dumps(contract.report(reading.Judged(finding, verdict, receiver)))


def _line(finding: Finding, verdict: Verdict | None, _receiver: str) -> str:
    report = finding.report
    when = report.at.strftime("%Y-%m-%d %H:%M") if report.at else " " * 16
    head = f"{paint(when, DIM)}  {report.kind:11} {report.recipient or '-':28}"
    return f"{head} {verdict.cause:20} {advice_of(verdict)} {verdict.evidence}" if verdict else head.rstrip()
