"""``bouncewise classify``: one SMTP reply per line in, one verdict per line out, in the same order."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import click

from bouncewise import contract
from bouncewise.cli.common import DIM, advice_of, classifier, json_option, out, paint, rules_option


@click.command("classify", short_help="say what SMTP replies mean, one per line")
@click.argument("file", type=click.File("rb"), default="-")
@click.option("--receiver", metavar="ID", help="Whose server said it, where you know it, e.g. microsoft, google.")
@rules_option
@json_option
def command(file: BinaryIO, receiver: str | None, rule_paths: tuple[Path, ...], as_json: bool) -> None:
    """Say what SMTP replies mean: one reply per line of FILE (default: standard input).

    \b
    echo "550 5.4.1 Recipient address rejected: Access denied" | bouncewise classify
    bouncewise classify --json replies.txt | jq -r .cause | sort | uniq -c
    """
    judge = classifier(rule_paths).judge
    for line in file:
        reply = line.rstrip(b"\r\n").decode("utf-8", "replace")
        verdict = judge(reply, receiver=receiver)
        if as_json:
            out(contract.dumps(contract.verdict(verdict)))
        else:
            sure = paint(f"{verdict.confidence:4.0%}", DIM)
            out(f"{verdict.cause:20} {verdict.party:9} {advice_of(verdict)} {sure}  {verdict.evidence}")
