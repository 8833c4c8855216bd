"""``bouncewise review``: a mailing, before it is sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import BinaryIO

import click

from bouncewise.cli.common import BAD, DIM, GOOD, HEAD, echo, echo_error, json_option, style
from bouncewise.contract import dumps
from bouncewise.contract.sender import CheckRow, OpinionRow
from bouncewise.sender.checks import CheckResult, Level
from bouncewise.sender.review.mail import MAX_MAIL
from bouncewise.sender.review.opinions import Opinion, OpinionError, ask_rspamd, ask_spamd
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
@click.option("--spamd", metavar="HOST:PORT", help="Ask this spamd (SpamAssassin), too.")
@click.option("--rspamd", metavar="URL", help="Ask this rspamd, too: http://127.0.0.1:11333.")
@json_option
def command(
    message: BinaryIO, transactional: bool, spamd: str | None, rspamd: str | None, as_json: bool
) -> None:
    """Check the content of MESSAGE (an .eml file; default: standard input) before it is sent:
    header, unsubscribe, links, images, size, what a template left. Nothing is asked from the
    network, except by --spamd and --rspamd: they add the rules of these filters that match, without
    those that depend on where the check runs.

    Exits 1 if there is an error: receivers refuse such mail, or people see a mistake.

    \b
    bouncewise review newsletter.eml
    bouncewise review newsletter.eml --json | jq -r .id
    """
    raw = message.read(MAX_MAIL)
    if not raw.strip():
        raise click.UsageError("MESSAGE is empty; give an .eml file")
    found = review(raw, datetime.now(UTC), transactional=transactional)
    opinions = _opinions(raw, spamd, rspamd)
    if as_json:
        for finding in found:
            echo(dumps(CheckRow.of(finding)))
        for opinion in opinions:
            echo(dumps(OpinionRow.of(opinion)))
    else:
        echo(*(line for finding in found for line in lines_of(finding)), summary(found))
        for opinion in opinions:
            echo(*_opinion_lines(opinion))
    raise SystemExit(1 if any(f.level is Level.ERROR for f in found) else 0)


def _opinions(raw: bytes, spamd: str | None, rspamd: str | None) -> list[Opinion]:
    """The opinions that answer; the others are noted, and the review is complete without them."""
    asks: list[Callable[[], Opinion]] = []
    if spamd is not None:
        host, _, port = spamd.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
            raise click.UsageError(f"--spamd {spamd}: not HOST:PORT, e.g. 127.0.0.1:783")
        asks.append(partial(ask_spamd, raw, host.strip("[]"), int(port)))
    if rspamd is not None:
        asks.append(partial(ask_rspamd, raw, rspamd))
    found = []
    for ask in asks:
        try:
            found.append(ask())
        except OpinionError as bad:
            echo_error(f"no second opinion: {bad}")
    return found


def _opinion_lines(opinion: Opinion) -> list[str]:
    dropped = f"{len(opinion.dropped)} rules about the place of the check left out"
    lines = [style(f"{opinion.engine} also finds ({dropped}):", HEAD)]
    for symbol in opinion.symbols:
        score = "" if symbol.score is None else f"{symbol.score:+.2f}"
        lines.append(f"{score:>8}  {symbol.name}  {symbol.words}".rstrip())
    return lines if opinion.symbols else [*lines, "          nothing"]


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
