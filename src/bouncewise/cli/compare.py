"""``bouncewise compare``: what other policies would have done with this history."""

from __future__ import annotations

from pathlib import Path

import click

from bouncewise.cli.common import (
    DIM,
    HEAD,
    echo,
    json_option,
    ledger_options,
    load_policy,
    open_ledger,
    parse_optional_time,
    style,
)
from bouncewise.cli.screen import progress
from bouncewise.contract import dumps
from bouncewise.contract.compared import ComparedRow
from bouncewise.operations.compare import OURS, Compared, compare


@click.command("compare")
@click.option("--since", metavar="TIME", help="By the history from this time on. Default: all.")
@ledger_options
@json_option
def command(since: str | None, db: str | None, policy_path: Path | None, as_json: bool) -> None:
    """Compare policies on the history of your ledger: how many addresses each would have
    suppressed, and what became of mail to them later.

    Only mail that was sent shows what became of it, so the last column counts addresses of which
    nothing is known. docs/policy.md describes the policies.

    \b
    bouncewise compare --since 2026-01-01
    """
    first = parse_optional_time(since, "--since")
    policy = load_policy(policy_path)
    with open_ledger(db) as ledger, progress(None, "compare", "addresses") as advance:
        rows = compare(ledger, policy, first, advance)
    echo(*([dumps(ComparedRow.of(row)) for row in rows] if as_json else _table(rows)))


def _table(rows: list[Compared]) -> list[str]:
    if not any(row.suppressed or row.sent_to_dead for row in rows):
        return ["no address of the ledger was refused in this time"]
    heads = ("suppressed", "delivered later", "refused again", "not mailed since")
    head = "".join(f"{text:>18}" for text in heads)
    lines = [
        style(f"{'policy':22}{head}{'mails withheld':>18}{'mails to dead':>18}", HEAD),
        style(
            f"{'':22}{'addresses':>18}{'(wrong)':>18}{'(right so far)':>18}{'(not known)':>18}"
            f"{'(wrong)':>18}{'(wrong)':>18}",
            DIM,
        ),
    ]
    for row in rows:
        values = "".join(f"{value:>18,}" for value in row[1:])
        line = f"{row.policy:22}{values}"
        lines.append(style(line, HEAD) if row.policy == OURS else line)
    return lines
