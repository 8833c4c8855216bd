"""``bouncewise sync``: suppression lists of ESPs, compared with the ledger, and brought in step."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click

from bouncewise.cli.common import (
    BAD,
    DIM,
    config_option,
    dry_run_option,
    echo,
    echo_error,
    json_option,
    ledger_options,
    load_configuration,
    open_context,
    rules_option,
)
from bouncewise.cli.grid import Column, day, print_table
from bouncewise.cli.places import ledger_files
from bouncewise.contract import dumps
from bouncewise.contract.sync import SyncRecord, SyncRow
from bouncewise.operations import sync, sync_acts
from bouncewise.operations.imports import Imported
from bouncewise.operations.sync import Lists
from bouncewise.operations.sync_acts import Done
from bouncewise.operations.sync_rows import WORDS, Difference, Side, Step
from bouncewise.output import open_output, require_distinct
from bouncewise.providers.list_client import ListClient
from bouncewise.providers.suppression_lists import account

_FILE = click.Path(path_type=Path, dir_okay=False)
_STEPS = {Step.PULL: "pulled", Step.PUSH: "pushed", Step.REMOVE: "removed", Step.NONE: ""}


@click.command("sync")
@click.argument("name", metavar="NAME")
@click.option(
    "--pull",
    is_flag=True,
    help="Import what only they suppress, where nothing here speaks against it.",
)
@click.option("--push", is_flag=True, help="Add to their lists what only bouncewise suppresses.")
@click.option(
    "--plan-removal",
    "planned",
    metavar="FILE",
    type=_FILE,
    help="Write to FILE the entries there that bouncewise would not suppress. Removes nothing.",
)
@click.option(
    "--remove",
    "removal",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Remove there the entries in a FILE of --plan-removal, if the same still speaks for it.",
)
@click.option(
    "--restore",
    "restored",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Undo --remove FILE: put these entries back.",
)
@dry_run_option("Print what would be done, here and there.")
@config_option
@rules_option
@ledger_options
@json_option
def command(
    name: str,
    pull: bool,
    push: bool,
    planned: Path | None,
    removal: Path | None,
    restored: Path | None,
    dry_run: bool,
    config_path: Path | None,
    rule_paths: tuple[Path, ...],
    db: str | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """Compare the suppression lists of NAME with the ledger, in both directions: what they suppress
    and bouncewise would mail, what bouncewise suppresses and they would mail, and why. Without an
    option nothing is changed, here or there.

    NAME is an account in [[sync]] of bouncewise.toml, or an ESP whose key is in its usual variable
    (docs/sync.md). A run that ends half-way is simply repeated. Exits 1 where the two differ,
    after --pull or --push where entries were refused.

    \b
    bouncewise sync postmark
    bouncewise sync postmark --pull --push --dry-run
    """
    if sum(map(bool, (pull or push, planned, removal, restored))) > 1:
        raise click.UsageError(
            "--plan-removal, --remove and --restore stand alone, without --pull and --push"
        )
    settings, _ = load_configuration(config_path)
    chosen = account(name, settings.sync)
    require_distinct({"--plan-removal": planned}, ledger_files(db))
    with tempfile.TemporaryDirectory() as temporary, ListClient(chosen) as client:
        folder = Path(temporary)
        lists = sync.pull(client, folder)  # (the ledger is not kept open meanwhile)
        create = pull and not dry_run
        with open_context(db, policy_path, rule_paths, create=create, write=pull) as context:
            found = list(sync.differences(context, lists, datetime.now(UTC)))
            imported = (
                sync_acts.import_theirs(
                    context, lists, found, folder, dry_run=dry_run, note=_note(name)
                )
                if pull
                else []
            )
        done = Done(Counter(), [], [])
        if push:
            done = sync_acts.push(client, lists, found, dry_run=dry_run)
        elif planned is not None:
            _plan(lists, found, planned)
        elif removal is not None:
            plan = list(sync_acts.read_plan(removal, name))
            done = sync_acts.remove(client, lists, found, plan, dry_run=dry_run)
        elif restored is not None:
            plan = list(sync_acts.read_plan(restored, name))
            done = sync_acts.restore(client, lists, plan, dry_run=dry_run)
    acts = not dry_run and bool(pull or push or removal or restored)
    if as_json:
        for d in () if acts else found:
            echo(dumps(SyncRow.of(d)))
        echo(dumps(_record(lists, found, imported, done, dry_run=dry_run)))
    else:
        _print(lists, found, imported, done, dry_run=dry_run, rows=not acts)
    for refused in done.refused:
        echo_error(f"note: {name}: {refused.address}: refused: {refused.words}")
    for fault in done.faults:
        echo_error(f"bouncewise: {fault}")
    sys.exit(2 if done.faults else 1 if done.refused or (found and not acts) else 0)


def _note(name: str) -> Callable[[str], None]:
    return lambda text: echo_error(f"note: {name}: {text}")


def _plan(lists: Lists, found: list[Difference], path: Path) -> None:
    with open_output(path) as stream:
        count = sync_acts.write_plan(lists, found, stream.write)
    name = lists.account.name
    echo_error(f"note: {path}: {count:,} entries; bouncewise sync {name} --remove {path}")


def _record(
    lists: Lists, found: list[Difference], imported: list[Imported], done: Done, *, dry_run: bool
) -> SyncRecord:
    sides = Counter(d.side for d in found)
    return SyncRecord(
        account=lists.account.name,
        entries={part.listed.name: part.entries for part in lists.pulled},
        theirs=sides[Side.THEIRS],
        ours=sides[Side.OURS],
        imports=tuple(one.id for one in imported if one.id is not None),
        imported=sum(one.added for one in imported),
        changed=dict(done.changed),
        refused={refused.address: refused.words for refused in done.refused},
        fault=next(iter(done.faults), None),
        dry_run=dry_run,
    )


_SIDES = {Side.THEIRS: "they only", Side.OURS: "we only"}
_GROUPS = (
    Column("rows", right=True),
    Column("side"),
    Column("can be"),
    Column("because", text=True),
)
_ROWS = (
    Column("address"),
    Column("side", colour=BAD),
    Column("since"),
    Column("lists", text=True),
    Column("because", colour=DIM),
    Column("reason", text=True),
)


def _cells(d: Difference) -> tuple[str, ...]:
    lists = ", ".join(d.lists)
    return d.address, _SIDES[d.side], day(d.at), lists, d.because, d.reason


def _print(
    lists: Lists,
    found: list[Difference],
    imported: list[Imported],
    done: Done,
    *,
    dry_run: bool,
    rows: bool,
) -> None:
    name = lists.account.name
    if rows:
        print_table(_ROWS, map(_cells, found))
    groups = Counter((d.side, d.because, d.step) for d in found)
    counted = (
        (f"{count:,}", _SIDES[side], _STEPS[step], WORDS[because])
        for (side, because, step), count in groups.most_common()
    )
    print_table(_GROUPS, counted)
    entries = ", ".join(f"{part.entries:,} in {part.listed.name}" for part in lists.pulled)
    echo(f"{name}: {entries}; {len(found):,} differences")
    if partial := sum(part.partial for part in lists.pulled):
        echo(f"{partial:,} entries there stop only a part of the mail, and were left out")
    verb = "would be " if dry_run else ""
    for one in imported:
        undo = f"; to undo it: bouncewise suppressions undo {one.id}" if one.id is not None else ""
        echo(f"{one.added:,} {verb}imported, {one.known:,} already present{undo}")
    for list_, count in done.changed.items():
        echo(f"{count:,} {verb}{done.verb}: {list_}")
    if done.skipped:
        echo(f"{done.skipped:,} entries of the file left as they are")
