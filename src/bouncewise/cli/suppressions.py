"""``bouncewise suppressions``: the addresses that must not be mailed; changed by hand, imported,
exported.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from bouncewise.cli.acts import record_act, remove_added_by
from bouncewise.cli.common import (
    BAD,
    DIM,
    at_option,
    by_option,
    dry_run_option,
    echo,
    echo_error,
    json_option,
    ledger_options,
    load_policy,
    open_ledger,
    parse_moment,
    parse_optional_time,
    why_option,
)
from bouncewise.cli.exporting import export
from bouncewise.cli.grid import Column, day, print_table
from bouncewise.cli.importing import import_, imports, undo
from bouncewise.cli.spelling import CAUSES, Names
from bouncewise.contract import dumps
from bouncewise.contract.addresses import suppression_row
from bouncewise.model import Cause, Decision, Event, Scope, State
from bouncewise.operations.suppress import suppressions
from bouncewise.policy.decide import ADDED, REMOVED


@click.group("suppressions")
def command() -> None:
    """The addresses that must not be mailed: list, add, remove, import, undo, export. Every entry
    has an author, a time, a reason.

    \b
    bouncewise suppressions list
    """


@command.command("list", short_help="print the suppressions, or the holds")
@click.option("--held", is_flag=True, help="List temporary holds instead of suppressions.")
@at_option
@ledger_options
@json_option
def list_(
    held: bool, at: str | None, db: str | None, policy_path: Path | None, as_json: bool
) -> None:
    """Print one row per suppression: since when, until when, name, cause, scope, reason, and rule
    or author.

    \b
    bouncewise suppressions list --held
    """
    when, past = parse_moment(at)
    state = State.HELD if held else State.SUPPRESSED
    with open_ledger(db) as ledger:
        found = suppressions(ledger, load_policy(policy_path), state, when, past=past)
        if as_json:
            is_any = False
            for name, decision in found:
                is_any = True
                echo(dumps(suppression_row(name, decision)))
        else:
            is_any = print_table(_COLUMNS, (_cells(name, d) for name, d in found))
    if not is_any:
        echo_error(f"note: nothing is {state}")


_COLUMNS = (
    Column("address", colour=BAD),
    Column("since"),
    Column("until"),
    Column("for"),
    Column("cause"),
    Column("by", text=True, colour=DIM),
    Column("reason", text=True),
)


def _cells(name: str, d: Decision) -> tuple[str, ...]:
    source = d.by or d.rule
    return name, day(d.since), day(d.until), d.scope, d.cause or "", source, d.why


@command.command(short_help="suppress addresses or domains by hand")
@click.argument("names", metavar="NAME…", nargs=-1, required=True)
@why_option()
@click.option(
    "--cause",
    metavar="CAUSE",
    type=CAUSES,
    help="The cause, if it is one of the list.",
)
@click.option(
    "--scope",
    type=Names([s.value for s in Scope]),
    default=Scope.ALL.value,
    show_default=True,
    help="For which mail.",
)
@click.option("--until", metavar="TIME", help="When it ends. Default: never.")
@by_option
@dry_run_option("Print what would be added.")
@ledger_options
@json_option
def add(
    names: tuple[str, ...],
    why: str,
    cause: str | None,
    scope: str,
    until: str | None,
    by: str,
    dry_run: bool,
    db: str | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """Suppress ADDRESS… or @domain… by hand (-: those on standard input).

    \b
    bouncewise suppressions add jo@example.com @closed.example --why "by phone"
    """
    act = Event(
        at=datetime.now(UTC),
        kind=ADDED,
        cause=Cause(cause) if cause else None,
        scope=Scope(scope),
        words=why,
        by=by,
        until=parse_optional_time(until, "--until"),
    )
    record_act(names, act, db, policy_path, dry_run, as_json)


@command.command(short_help="release addresses or domains by hand, or undo an import")
@click.argument("names", metavar="NAME…", nargs=-1)
@click.option("--added-by", metavar="NAME", help="All that this author added, e.g. import:ses.")
@click.option("--added-since", metavar="TIME", help="With --added-by: added at or after TIME.")
@why_option()
@by_option
@dry_run_option("Print what would be removed.")
@ledger_options
@json_option
def remove(
    names: tuple[str, ...],
    added_by: str | None,
    added_since: str | None,
    why: str,
    by: str,
    dry_run: bool,
    db: str | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """Release ADDRESS… or @domain… by hand (-: those on standard input): earlier evidence is kept,
    and no longer counts.

    \b
    bouncewise suppressions remove jo@example.com --why "forwarder corrected"
    bouncewise suppressions remove --added-by import:ses --why "wrong file"
    """
    act = Event(at=datetime.now(UTC), kind=REMOVED, words=why, by=by)
    if bool(names) is bool(added_by) or (added_since and not added_by):
        raise click.UsageError("Give addresses, or --added-by NAME with or without --added-since.")
    if added_by:
        since = parse_optional_time(added_since, "--added-since")
        remove_added_by(added_by, since, act, db, policy_path, dry_run, as_json)
    else:
        record_act(names, act, db, policy_path, dry_run, as_json)


command.add_command(import_)
command.add_command(imports)
command.add_command(undo)
command.add_command(export)
