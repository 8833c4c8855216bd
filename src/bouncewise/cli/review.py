"""``bouncewise review``: a mailing, before it is sent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import BinaryIO

import click

from bouncewise.cli.common import BAD, DIM, GOOD, HEAD, echo, json_option, style
from bouncewise.contract import dumps
from bouncewise.contract.sender import CheckRow
from bouncewise.sender.checks import CheckResult, Level
from bouncewise.sender.review.mail import MAX_MAIL
from bouncewise.sender.review.review import review

_COLOURS = {Level.ERROR: BAD, Level.UNKNOWN: BAD, Level.WARNING: GOOD, Level.INFO: DIM}

_NAMES = {
    Level.ERROR: "errors",
    Level.UNKNOWN: "unknown",
    Level.WARNING: "warnings",
    Level.INFO: "notes",
}


@click.command("review")
@click.argument("message", type=click.File("rb"), default="-")
@click.option(
    "--transactional", is_flag=True, help="A receipt or the like: nobody can unsubscribe from it."
)
@json_option
def command(message: BinaryIO, transactional: bool, as_json: bool) -> None:
    """Check the content of MESSAGE (an .eml file; default: standard input) before it is sent:
    header, unsubscribe, links, images, size, what a template left. Nothing is asked from the
    network.

    Exits 1 if there is an error: receivers refuse such mail, or people see a mistake.

    \b
    bouncewise review newsletter.eml
    bouncewise review newsletter.eml --json | jq -r .id
    """
    raw = message.read(MAX_MAIL)
    if not raw.strip():
        raise click.UsageError("MESSAGE is empty; give an .eml file")
    found = review(raw, datetime.now(UTC), transactional=transactional)
    if as_json:
        for finding in found:
            echo(dumps(CheckRow.of(finding)))
    else:
        echo(*(line for finding in found for line in lines_of(finding)), summary(found))
    raise SystemExit(1 if any(f.level is Level.ERROR for f in found) else 0)


def lines_of(finding: CheckResult) -> list[str]:
    times = f" ({finding.times} times)" if finding.times > 1 else ""
    head = style(f"{finding.level:8}", _COLOURS[finding.level])
    """The lines of one result."""
    return [
        f"{head} {style(finding.id, HEAD)}  {finding.words}{times}",
        f"         {finding.fix}",
        *([style(f"         hurts: {finding.hurts}", DIM)] if finding.hurts != "-" else []),
    ]


def summary(found: list[CheckResult]) -> str:
    """How many results there are of each level."""
    counts = {level: sum(f.level is level for f in found) for level in Level}
    return ", ".join(
        f"{_NAMES[level]}: {count}"
        for level, count in counts.items()
        if count or level is not Level.UNKNOWN
    )
