"""``bouncewise classify``: one SMTP reply per line in, one verdict per line out, in the same
order.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import click

from bouncewise.cli.common import (
    DIM,
    advice_of,
    echo,
    json_option,
    load_classifier,
    rules_option,
    style,
)
from bouncewise.cli.spelling import receivers, require_receiver
from bouncewise.contract import dumps
from bouncewise.contract.verdicts import VerdictRow


class _Replies(click.File):
    """A file of replies; an argument that looks like a reply is not one."""

    name = "filename"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The open file. Raises UsageError."""
        if isinstance(value, str) and " " in value.strip() and not Path(value).exists():
            raise click.UsageError(
                f"FILE {value!r}: no such file. For one reply: `bouncewise explain {value!r}`, or "
                f"`echo {value!r} | bouncewise classify`"
            )
        return super().convert(value, param, ctx)


@click.command("classify")
@click.argument("file", type=_Replies("rb"), default="-")
@click.option(
    "--receiver",
    shell_complete=receivers,
    metavar="ID",
    help="The receiver that replied, if it is known, e.g. microsoft, google.",
)
@rules_option
@json_option
def command(
    file: BinaryIO, receiver: str | None, rule_paths: tuple[Path, ...], as_json: bool
) -> None:
    """Print the verdict on SMTP replies: one reply per line of FILE (default: standard input).

    \b
    echo "550 5.4.1 Recipient rejected: Access denied" | bouncewise classify
    bouncewise classify --json replies.txt | jq -r .cause | sort | uniq -c
    """
    classifier = load_classifier(rule_paths)
    if receiver:
        require_receiver(receiver, classifier.ruleset)
    for line in file:
        reply = line.rstrip(b"\r\n").decode("utf-8", "replace")
        verdict = classifier.classify(reply, receiver=receiver)
        if as_json:
            echo(dumps(VerdictRow.of(verdict)))
        else:
            confidence = style(f"{verdict.confidence:4.0%}", DIM)
            echo(
                f"{verdict.cause:20} {verdict.party:9} {advice_of(verdict)} {confidence}  "
                f"{verdict.evidence}"
            )
