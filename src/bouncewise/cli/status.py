"""``bouncewise status``: how many addresses are suppressed or held, why, and by what."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from bouncewise.cli.common import DIM, HEAD, db_option, echo, json_option, open_ledger, style
from bouncewise.contract import dumps
from bouncewise.contract.runs import StatusCountRow, StatusRecord
from bouncewise.operations.status import Status, status


@click.command("status")
@db_option
@json_option
def command(db: str | None, as_json: bool) -> None:
    """Count the addresses and domains of the ledger by state, cause, and how far what decided is
    believed (docs/trust.md).

    \b
    bouncewise status
    """
    with open_ledger(db) as ledger:
        found = status(ledger, datetime.now(UTC))
    if as_json:
        echo(dumps(StatusRecord.of(found)))
        for row, count in found.rows:
            echo(dumps(StatusCountRow.of(row, count)))
    else:
        echo(*_text(found))


def _text(found: Status) -> list[str]:
    latest = f"{found.latest:%Y-%m-%d %H:%M}" if found.latest.year > 1970 else "never"
    lines = [
        style(f"{found.names:,} names, {found.unmailable:,} not to be mailed", HEAD)
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
