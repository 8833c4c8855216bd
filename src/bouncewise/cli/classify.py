"""``bouncewise classify``: one SMTP reply per line in, one verdict per line out, in the same
order.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

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
from bouncewise.contract import dumps
from bouncewise.contract.verdicts import VerdictRow


@click.command("classify")
@click.argument("file", type=click.File("rb"), default="-")
@click.option(
    "--receiver", metavar="ID", help="Whose server replied, if you know it, e.g. microsoft, google."
)
@rules_option
@json_option
def command(
    file: BinaryIO, receiver: str | None, rule_paths: tuple[Path, ...], as_json: bool
) -> None:
    """Print what SMTP replies mean: one reply per line of FILE (default: standard input).

    \b
    echo "550 5.4.1 Recipient address rejected: Access denied" | bouncewise classify
    bouncewise classify --json replies.txt | jq -r .cause | sort | uniq -c
    """
    classifier = load_classifier(rule_paths)
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
