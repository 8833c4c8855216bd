"""``bouncewise spool``: what waits in the service's spool, and records that could not be read."""

from __future__ import annotations

from pathlib import Path

import click

from bouncewise.cli.common import (
    by_option,
    config_option,
    db_option,
    dry_run_option,
    echo,
    echo_error,
    json_option,
    ledger_options,
    load_configuration,
    open_context,
    why_option,
)
from bouncewise.cli.places import ledger_location
from bouncewise.contract import dumps
from bouncewise.contract.service import SpoolRecord
from bouncewise.errors import InputError
from bouncewise.service import poison
from bouncewise.service.poison import Poison

_SHOWN = 60


@click.group("spool")
def command() -> None:
    """Look into the spool of the service (docs/service.md): what waits, and records that could not
    be read.

    \b
    bouncewise spool list
    bouncewise spool show 4096 | less
    bouncewise spool retry 4096
    """


@command.command("list")
@config_option
@ledger_options
@json_option
def list_records(
    config_path: Path | None, db: str | None, policy_path: Path | None, as_json: bool
) -> None:
    """Count what waits, and list the records that could not be read. Exits 1 if there are any.

    \b
    bouncewise spool list
    """
    folder = _folder(config_path, db)
    with open_context(db, policy_path) as context:
        found = poison.waiting(folder, context)
    bad = list(poison.poison(folder))
    if as_json:
        echo(dumps(SpoolRecord(folder=str(folder), waiting=found.records, octets=found.octets)))
        echo(*(dumps(poison.row(item)) for item in bad))
    else:
        echo(f"{folder}: {found.records:,} records wait ({found.octets:,} octets)")
        echo(*(list(map(_line, bad)) or ["every record could be read"]))
    raise SystemExit(1 if bad else 0)


@command.command()
@click.argument("number", type=int)
@config_option
@db_option
@json_option
def show(
    number: int,
    config_path: Path | None,
    db: str | None,
    as_json: bool,
) -> None:
    """Print the octets of a record: the body of a request, or a mail.

    \b
    bouncewise spool show 4096
    """
    item = poison.load(_folder(config_path, db), number)
    if as_json:
        echo(dumps(poison.row(item)))
    else:
        echo(*item.record.body.decode("utf-8", "replace").split("\n"))


@command.command()
@click.argument("numbers", metavar="NUMBER…", type=int, nargs=-1, required=True)
@why_option(required=False)
@by_option
@config_option
@ledger_options
@json_option
def retry(
    numbers: tuple[int, ...],
    why: str,
    by: str,
    config_path: Path | None,
    db: str | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """Read records again, into the ledger: after an upgrade that can read them.

    \b
    bouncewise spool retry 4096
    """
    configuration = load_configuration(config_path)
    folder = _folder(config_path, db)
    for number in numbers:
        item = poison.load(folder, number)
        with open_context(db, policy_path, write=True, configuration=configuration) as context:
            try:
                notes = poison.retry(folder, number, context, (by, why))
            except Exception as bad:
                raise InputError(
                    f"{number}: still cannot be read ({type(bad).__name__}); it stays"
                ) from None
        for note in notes:
            echo_error(f"note: {number}: {note}")
        echo(dumps(poison.row(item)) if as_json else f"read {number}")


@command.command()
@click.argument("numbers", metavar="NUMBER…", type=int, nargs=-1, required=True)
@dry_run_option("Print what would be removed.")
@config_option
@db_option
@json_option
def drop(
    numbers: tuple[int, ...],
    dry_run: bool,
    config_path: Path | None,
    db: str | None,
    as_json: bool,
) -> None:
    """Remove records that could not be read. This cannot be undone.

    \b
    bouncewise spool drop 4096 --dry-run
    """
    folder = _folder(config_path, db)
    found = [poison.load(folder, number) for number in numbers]
    for item in found:
        if not dry_run:
            poison.drop(folder, item.number)
        text = f"{'would remove' if dry_run else 'removed'} {item.number}"
        echo(dumps(poison.row(item)) if as_json else text)


def _folder(config_path: Path | None, db: str | None) -> Path:
    """The folder of the spool. Raises InputError where there is none."""
    settings, _ = load_configuration(config_path)
    named = settings.spool.folder
    folder = Path(named) if named else ledger_location(db).path.parent / "spool"
    if not folder.is_dir():
        raise InputError(f"{folder}: no spool there; `bouncewise serve` makes it")
    return folder


def _line(item: Poison) -> str:
    row = poison.row(item)
    source = f"{row.kind} {row.source}".strip()
    return f"{row.number:>12}  {row.at}  {source}  {row.octets:,} octets  {row.why}"
