"""``bouncewise migrate``: bring a ledger of an earlier version up to date, with a copy kept."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path

import click

from bouncewise.cli.common import db_option, dry_run_option, echo, json_option
from bouncewise.cli.places import ledger_location
from bouncewise.contract import dumps
from bouncewise.contract.service import MigrateRecord
from bouncewise.errors import InputError
from bouncewise.ledger.upgrade import CURRENT, standing, upgrade


@click.command("migrate")
@dry_run_option("Print from which schema to which, and where the copy would be.")
@db_option
@json_option
def command(dry_run: bool, db: str | None, as_json: bool) -> None:
    """Bring the ledger of an earlier version up to date, after a copy of it was written beside it.

    \b
    bouncewise migrate --dry-run
    bouncewise migrate

    Any command that opens an older ledger brings it up to date as well, but keeps no copy, and an
    earlier version of bouncewise cannot read it afterwards. To go back: stop the service, put the
    copy in place of the ledger, and remove the files -wal and -shm beside it; what was stored
    since then is not in the copy. The command prints the lines for it.
    """
    location = ledger_location(db)
    path, present = location.path, standing(location).schema
    if location.url and present < CURRENT:
        raise InputError(
            f"{location.name}: schema {present}; a ledger in PostgreSQL is copied by pg_dump. Any "
            "other command then brings it up to date"
        )
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    copy = path.with_name(f"{path.name}.schema-{present}-{stamp}")
    if not (dry_run or location.url):
        present = upgrade(path, copy)
    is_old = present < CURRENT
    record = MigrateRecord(
        ledger=location.name,
        before=present,
        after=CURRENT,
        copy=str(copy) if is_old else None,
        dry_run=dry_run,
    )
    echo(*([dumps(record)] if as_json else _lines(record, path)))


def _lines(record: MigrateRecord, path: Path) -> list[str]:
    if record.copy is None:
        return [f"{record.ledger}: schema {record.before} is current"]
    if record.dry_run:
        return [
            f"{path}: would go from schema {record.before} to {record.after}",
            f"the copy would be {record.copy} ({path.stat().st_size:,} octets)",
        ]
    ledger = shlex.quote(str(path))
    return [
        f"{path}: went from schema {record.before} to {record.after}",
        f"to go back to the version before: mv {shlex.quote(record.copy)} {ledger}"
        f" && rm -f {ledger}-wal {ledger}-shm",
    ]
