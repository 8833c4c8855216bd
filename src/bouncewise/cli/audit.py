"""``bouncewise audit``: what people and programs did, and undoing it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from bouncewise.cli.common import (
    DIM,
    by_option,
    db_option,
    dry_run_option,
    echo,
    echo_error,
    json_option,
    ledger_options,
    load_policy,
    open_ledger,
    why_option,
)
from bouncewise.cli.grid import Column, clock, print_table
from bouncewise.contract import dumps
from bouncewise.contract.runs import ActRecord, AuditRow
from bouncewise.ledger.records import AuditEntry
from bouncewise.model import Event
from bouncewise.operations.undo_act import undo_act
from bouncewise.policy.decide import REMOVED


@click.group("audit")
def command() -> None:
    """Show who suppressed, released, imported or decided what, when and why; and undo it.

    \b
    bouncewise audit list
    bouncewise audit undo 12 --why "a slip" --dry-run
    """


@command.command("list")
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(1, 100_000),
    default=100,
    show_default=True,
    help="How many acts, at most.",
)
@click.option("--before", metavar="ID", type=click.IntRange(1), help="Only acts before this one.")
@db_option
@json_option
def list_acts(limit: int, before: int | None, db: str | None, as_json: bool) -> None:
    """List acts, the latest first: by command, HTTP or dashboard.

    \b
    bouncewise audit list --limit 20
    """
    with open_ledger(db) as ledger:
        found = ledger.audit.page(before, limit)
    for entry in found if as_json else ():
        echo(dumps(AuditRow.of(entry)))
    if not as_json:
        print_table(_COLUMNS, map(_cells, found))
    if not found:
        echo_error("note: nobody did anything by hand")


_COLUMNS = (
    Column("ID", right=True),
    Column("when"),
    Column("act"),
    Column("about", text=True),
    Column("by", colour=DIM),
    Column("reason", text=True),
)


def _cells(entry: AuditEntry) -> tuple[str, ...]:
    what = entry.subject or f"{entry.names:,} names"
    act = f"{entry.kind} {entry.number}" if entry.number else entry.kind
    return str(entry.id), clock(entry.at), act, what, entry.by, entry.why


@command.command("undo")
@click.argument("number", metavar="ID", type=click.IntRange(min=1))
@why_option()
@by_option
@dry_run_option("Print what would be undone.")
@ledger_options
@json_option
def undo(
    number: int,
    why: str,
    by: str,
    dry_run: bool,
    db: str | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """Take back what the act with this ID suppressed. A name against which something else stands
    stays suppressed. `suppressions undo` does it for imports.

    \b
    bouncewise audit undo 12 --why "a slip" --dry-run
    """
    act = Event(at=datetime.now(UTC), kind=REMOVED, words=why, by=by)
    with open_ledger(db, write=not dry_run) as ledger:
        done = undo_act(number, act, ledger, load_policy(policy_path), dry_run=dry_run)
    for name in done.ended:
        if as_json:
            echo(dumps(ActRecord.of(name, act, dry_run=dry_run)))
        else:
            echo(f"{'would be ' if dry_run else ''}{REMOVED}: {name}")
    for name in done.kept:
        echo_error(f"note: {name}: stays; something else stands against it as well")
    if not as_json:
        verb = "would be removed" if dry_run else "removed"
        echo(f"{len(done.ended):,} {verb}, {len(done.kept):,} stay")
