"""``bouncewise copy``: a ledger into a new one, in a file or in PostgreSQL."""

from __future__ import annotations

import click

from bouncewise.cli.common import db_option, dry_run_option, echo, json_option
from bouncewise.cli.places import ledger_location
from bouncewise.cli.screen import progress
from bouncewise.contract import dumps
from bouncewise.contract.service import CopyRecord


@click.command("copy")
@click.argument("to")
@dry_run_option("Print how many rows would be copied.")
@db_option
@json_option
def command(to: str, dry_run: bool, db: str | None, as_json: bool) -> None:
    """Copy a whole ledger into a new one at TO, from SQLite to PostgreSQL, back, or between two of
    the same kind.

    \b
    bouncewise copy postgresql://bouncewise@db.example/bouncewise --dry-run
    bouncewise copy postgresql://bouncewise@db.example/bouncewise
    bouncewise copy copy.sqlite --db postgresql://bouncewise@db.example/bouncewise

    TO must be a file that is not there, or a schema without tables. Afterwards all rows of both
    ledgers are compared; if they differ, or the command is stopped, nothing is left at TO, and the
    exit status is 2. The ledger at --db is not changed. What is added to it meanwhile is not
    copied: stop the service first (docs/scaling.md).
    """
    from bouncewise.ledger.copying import copy, plan

    source, target = ledger_location(db), ledger_location(to)
    planned = plan(source, target)
    found = planned
    if not dry_run:
        total = 2 * sum(planned.rows.values())  # (each is written, and read again)
        with progress(total, "copy", "rows") as advance:
            found = copy(source, target, advance)
    record = CopyRecord(
        ledger=source.name,
        to=target.name,
        rows=found.rows,
        digest=found.digest or None,
        dry_run=dry_run,
    )
    echo(*([dumps(record)] if as_json else _lines(record)))


def _lines(record: CopyRecord) -> list[str]:
    rows = f"{sum(record.rows.values()):,} rows of {len(record.rows)} tables"
    if record.dry_run:
        return [f"{rows} of {record.ledger} would be copied to {record.to}"]
    return [
        f"{rows} of {record.ledger} were copied to {record.to}",
        f"both hold the same; digest {record.digest}",
    ]
