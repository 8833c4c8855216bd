"""``bouncewise status``: how many addresses are suppressed or held, why, and by what."""

from __future__ import annotations

from datetime import UTC, datetime
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
    style,
)
from bouncewise.contract import dumps
from bouncewise.contract.runs import StatusCountRow, StatusRecord
from bouncewise.operations.status import Status, status


@click.command("status")
@ledger_options
@json_option
def command(db: str | None, policy_path: Path | None, as_json: bool) -> None:
    """Count the addresses and domains that are not mailed by state, cause, basis (evidence, a
    person's act, the recipient's wish) and trust (docs/trust.md).

    \b
    bouncewise status
    """
    with open_ledger(db) as ledger:
        found = status(ledger, load_policy(policy_path), datetime.now(UTC))
    if as_json:
        echo(dumps(StatusRecord.of(found)))
        for row, count in found.rows:
            echo(dumps(StatusCountRow.of(row, count)))
    else:
        echo(*_text(found))


def _text(found: Status) -> list[str]:
    latest = f"{found.latest:%Y-%m-%d %H:%M}" if found.latest.year > 1970 else "never"
    lines = [
        style(
            f"{found.names:,} addresses and domains with bounces, complaints or acts; "
            f"{found.unmailable:,} not to be mailed",
            HEAD,
        )
        + style(f"   last evidence {latest}", DIM),
        *(
            f"{count:>10,}  {row.state:10}  {row.cause:24}  {row.basis:8}  {row.trust}"
            for row, count in found.rows
        ),
    ]
    if found.on_claims_alone:
        lines.append(
            f"{found.on_claims_alone:,} rest on claims alone: notices that anybody could have "
            "sent. `bouncewise release --trust claimed` undoes them; docs/trust.md says how to "
            "prove notices."
        )
    return lines
