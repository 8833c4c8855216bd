"""``bouncewise follow``: logs into the ledger while they are written."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bouncewise.cli.common import (
    config_option,
    json_option,
    ledger_options,
    load_configuration,
    rules_option,
)
from bouncewise.cli.feeding import Feeding, feed, once_option
from bouncewise.errors import InputError
from bouncewise.service.feeder import Source
from bouncewise.service.folder import DropFolder
from bouncewise.service.inputs import JournalUnits, LogFile


@click.command("follow")
@click.argument("paths", metavar="PATH…", nargs=-1)
@click.option(
    "--journal",
    "units",
    multiple=True,
    metavar="UNIT",
    help="Follow the entries of this unit in systemd's journal, such as `postfix*`; repeatable.",
)
@click.option(
    "--folder",
    "folders",
    multiple=True,
    metavar="PATH",
    help="Read files that are put into this folder; move them into `done` or `failed` there.",
)
@once_option
@config_option
@rules_option
@ledger_options
@json_option
def command(
    paths: tuple[str, ...],
    units: tuple[str, ...],
    folders: tuple[str, ...],
    once: bool,
    config_path: Path | None,
    rule_paths: tuple[Path, ...],
    db: str | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """Read log files into the ledger while they are written, until it is interrupted; over
    rotations, also those while it did not run.

    Exits 1 if an input could not be read.

    The ledger stores how far each log was read. The first time a log is read from its beginning.

    \b
    bouncewise follow /var/log/mail.log
    bouncewise follow --journal 'postfix*'
    bouncewise follow --once /var/log/exim4/mainlog
    """
    sources: list[Source] = [LogFile(str(Path(path).absolute())) for path in paths]
    sources += [JournalUnits(units)] if units else []
    sources += [DropFolder(str(Path(folder).absolute())) for folder in folders]
    if not sources:
        raise click.UsageError("name a log file, --journal or --folder")
    for path in paths if once else ():
        if not Path(path).exists():
            raise InputError(f"{path}: no such file")
    options = Feeding(db, policy_path, rule_paths, load_configuration(config_path), once, as_json)
    sys.exit(feed(sources, options))
