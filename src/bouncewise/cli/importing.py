"""``suppressions import`` and ``suppressions undo``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click

from bouncewise.cli.common import (
    DIM,
    by_option,
    column_option,
    db_option,
    dry_run_option,
    echo,
    echo_error,
    json_option,
    ledger_options,
    load_policy,
    open_context,
    open_ledger,
    why_option,
)
from bouncewise.cli.grid import Column, clock, print_table, wrapped
from bouncewise.cli.places import ledger_location, login
from bouncewise.cli.spelling import CAUSES, Names
from bouncewise.cli.tables import readable_twice
from bouncewise.contract import dumps
from bouncewise.contract.imports import ImportListRow, ImportRecord
from bouncewise.contract.runs import ActRecord
from bouncewise.ledger import exists
from bouncewise.lists.imports import FORMATS
from bouncewise.model import Cause, Scope
from bouncewise.operations.import_rows import ImportOptions
from bouncewise.operations.imports import Group, Imported, ImportNotes, import_list
from bouncewise.operations.undo_import import (
    ListedImport,
    listed_imports,
    undo_import,
)
from bouncewise.policy.decide import WITHDRAWN


@click.command("import", short_help="import the list or export of an ESP, or a plain CSV")
@click.argument("file", type=click.Path(path_type=Path, exists=True, allow_dash=True))
@click.option(
    "--format",
    "form",
    metavar="FORMAT",
    type=Names(FORMATS),
    help=f"The list, if its columns do not show it: {', '.join(FORMATS)}.",
)
@column_option
@click.option(
    "--scope",
    type=Names([Scope.ALL.value, Scope.MARKETING.value]),
    help="Suppress every row for this mail, whatever its columns say.",
)
@click.option(
    "--cause",
    metavar="CAUSE",
    type=CAUSES,
    help="Suppress every row for this cause.",
)
@click.option("--by", metavar="NAME", help="Name to record as the author. Default: import:FORMAT.")
@dry_run_option("Count the entries, by what they say.")
@ledger_options
@json_option
def import_(
    file: Path,
    form: str | None,
    column: str | None,
    scope: str | None,
    cause: str | None,
    by: str | None,
    dry_run: bool,
    db: str | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """Import the suppression list of an ESP (CSV, or the JSON of its API), an export of its events
    or contacts, or a plain list.

    The status column decides. An SMTP reply in the list is classified, also where its code and text
    stand in two columns; entries whose reply or status does not speak against the address are
    skipped, and so are blocks and temporary failures. Complaints and unsubscribes concern marketing
    mail only. To undo an import: `suppressions undo ID`. Exits 1 where rows cannot be used.

    \b
    bouncewise suppressions import bounces.csv --dry-run
    """
    options = ImportOptions(
        form,
        column,
        by,
        Scope(scope) if scope else None,
        Cause(cause) if cause else None,
        (by or login(), ""),
    )
    notes = ImportNotes(
        "standard input" if str(file) == "-" else str(file),
        lambda bad: echo_error(f"note: {file}, {bad.unit} {bad.line}: {bad.error}"),
        lambda text: echo_error(f"note: {file}: {text}"),
    )
    with tempfile.TemporaryDirectory() as folder, readable_twice(file) as readable:
        if dry_run and not exists(ledger_location(db)):  # a preview needs no ledger
            db = str(Path(folder) / "ledger")
        is_new = db is not None and Path(db).parent == Path(folder)
        with open_context(db, policy_path, create=is_new or not dry_run, write=True) as context:
            done = import_list(context, readable, options, dry_run=dry_run, notes=notes)
    if as_json:
        echo(dumps(ImportRecord.of(done, dry_run=dry_run)))
    else:
        _print(done, dry_run)
    name = notes.file
    if done.lost_dates:
        echo_error(
            f"note: {name}: {_rows(done.lost_dates)} with a date that cannot be used; the time of "
            "the import is recorded instead. Write dates as 2026-03-04 to keep them"
        )
    if done.released:
        echo_error(
            f"note: {name}: {_rows(done.released)} without a date, of addresses that were "
            "released, not imported. A row with a later date, a bounce or `bouncewise suppressions "
            "add` suppresses them again"
        )
    sys.exit(1 if done.bad else 0)


_PREVIEW = (
    Column("rows", right=True),
    Column("status"),
    Column("cause"),
    Column("imported for"),
    Column("the first", text=True, colour=DIM),
)


def _print(done: Imported, dry_run: bool) -> None:
    print_table(_PREVIEW, (_cells(done, *found) for found in done.groups.most_common()))
    verb = "would be imported" if dry_run else "imported"
    text = (
        f"{done.added:,} {verb}, {done.known:,} already present, {done.skipped:,} skipped "
        f"(reply or status does not speak against the address), {done.bad:,} rows unusable"
    )
    echo(*wrapped(text))
    if done.is_repeated:
        echo("the same file was imported before")
    if done.id is not None:
        echo(f"import {done.id}; to undo it: bouncewise suppressions undo {done.id}")


def _cells(done: Imported, group: Group, count: int) -> tuple[str, ...]:
    mail = f"{group.scope} mail" if group.scope else "not imported"
    first = done.first[group]
    where = f"{first.unit} {first.line}: {first.address}"
    return f"{count:,}", group.status, group.cause or "", mail, where


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


@click.command(short_help="list the imports, with their IDs")
@db_option
@json_option
def imports(db: str | None, as_json: bool) -> None:
    """List the imports, the latest first: the ID that `suppressions undo` takes, when, how many
    addresses and domains the import lists, whether it was undone, and the file.

    \b
    bouncewise suppressions imports
    """
    with open_ledger(db) as ledger:
        found = listed_imports(ledger)
    for one in found if as_json else ():
        echo(dumps(ImportListRow.of(one)))
    if not as_json and not print_table(_IMPORTS, map(_import, found)):
        echo_error("note: nothing was imported")


_IMPORTS = (
    Column("ID", right=True),
    Column("when"),
    Column("names", right=True),
    Column("state"),
    Column("file", text=True),
)


def _import(one: ListedImport) -> tuple[str, ...]:
    state = "undone" if one.is_undone else "stands"
    return str(one.number), clock(one.at), f"{one.names:,}", state, one.file


@click.command(short_help="undo an import")
@click.argument("number", metavar="ID", type=click.IntRange(min=1))
@why_option(required=False)
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
    """Take back what the import with this ID added, and nothing else: suppressions that were there
    before, that another import lists as well, or that evidence or the recipient's wish confirms,
    stay.

    \b
    bouncewise suppressions undo 12 --dry-run
    """
    with open_ledger(db, write=True) as ledger:
        policy = load_policy(policy_path)
        found = undo_import(number, why, by, ledger, policy, dry_run=dry_run)
    for name in found.ended:
        if as_json:
            echo(dumps(ActRecord(name=name, act=WITHDRAWN, by=by, why=why, dry_run=dry_run)))
        else:
            echo(f"{'would be ' if dry_run else ''}{WITHDRAWN}: {name}")
    for name in found.kept:
        echo_error(f"note: {name}: stays; something else stands against it as well")
    if not as_json:
        verb = "would be withdrawn" if dry_run else "withdrawn"
        echo(f"{len(found.ended):,} {verb}, {len(found.kept):,} stay")
