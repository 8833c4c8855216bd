"""``bouncewise validate``: is it worth mailing these addresses?"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bouncewise.cli.common import (
    BAD,
    GOOD,
    at_option,
    column_option,
    dry_run_option,
    echo,
    json_option,
    ledger_options,
    parse_moment,
    resolver_option,
    stream_option,
    style,
    transactional_option,
)
from bouncewise.cli.lookups import Sources, look_up, open_validator
from bouncewise.cli.places import ledger_files
from bouncewise.cli.spelling import Names, file_paths
from bouncewise.cli.tables import readable_twice
from bouncewise.cli.verdicts import ListRun, Outputs
from bouncewise.contract import dumps
from bouncewise.contract.validations import ValidationRow
from bouncewise.errors import InputError
from bouncewise.lists.table import Table
from bouncewise.lists.worth import Worth
from bouncewise.model import Mail
from bouncewise.output import require_distinct

if TYPE_CHECKING:
    from bouncewise.lists.validation import Validation
    from bouncewise.operations.validate import Validator


@click.command("validate")
@click.argument(
    "sources", metavar="ADDRESS…|LIST", nargs=-1, required=True, shell_complete=file_paths
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The rows worth mailing, as they are.",
)
@click.option(
    "--rejected",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The other rows, with the reasons in added columns.",
)
@click.option(
    "--split",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="A file per verdict in this folder, rows as they are: ok.csv risky.csv bad.csv "
    "unknown.csv.",
)
@click.option("--strict", is_flag=True, help="Reject `risky` rows too.")
@click.option(
    "--keep",
    type=Names(["risky", "unknown"]),
    multiple=True,
    help="Keep rows with this verdict as well. Default: risky; with --offline also unknown.",
)
@column_option
@click.option("--offline", is_flag=True, help="Do not use DNS.")
@resolver_option
@click.option("--no-ledger", is_flag=True, help="Do without a ledger: DNS and lists only.")
@click.option(
    "--disposable",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Your own domains of throw-away addresses, one a line.",
)
@click.option(
    "--with",
    "service",
    type=click.Path(path_type=Path, exists=True),
    metavar="FILE",
    help="The results of a validation service, to compare: a CSV with addresses and verdicts.",
)
@transactional_option
@stream_option
@dry_run_option("Count the rows by verdict.")
@at_option
@ledger_options
@json_option
def command(
    sources: tuple[str, ...],
    output: Path | None,
    rejected: Path | None,
    split: Path | None,
    strict: bool,
    keep: tuple[str, ...],
    column: str | None,
    offline: bool,
    resolver: str,
    no_ledger: bool,
    disposable: Path | None,
    service: Path | None,
    transactional: bool,
    stream: str,
    dry_run: bool,
    at: str | None,
    db: str | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """Say whether addresses are worth mailing, before the first mail: by the ledger, by DNS and
    by lists, without contacting a mail server. The verdict is ok, risky, bad or unknown.

    Takes addresses, or one LIST (CSV; -: standard input). Without -o, --rejected and --split
    the rows are printed with the verdict in added columns. Nothing but names of domains leaves
    this machine, and only to the name server. Exits 0 if all are ok, 1 if some are not.

    \b
    bouncewise validate jo@gmial.com --no-ledger
    bouncewise validate signups.csv -o good.csv --rejected rest.csv
    bouncewise validate signups.csv --split verdicts/
    """
    moment, mail = parse_moment(at), Mail(transactional, stream)
    chosen = Sources(moment, mail, db, policy_path, not no_ledger, offline, resolver, disposable)
    keeps = {Worth.OK, *map(Worth, keep), *(() if strict else (Worth.RISKY,))}
    keeps |= {Worth.UNKNOWN} if offline else set()
    path = _list_of(sources)
    if path is None:
        if output or rejected or split or column or service:
            raise click.UsageError("-o, --rejected, --split, --column and --with go with a FILE")
        with open_validator(chosen) as validator:
            sys.exit(_addresses(sources, validator, as_json, chosen.with_ledger))
    is_filtered = bool(output or rejected) and not dry_run
    outputs = Outputs(
        output or Path("-") if is_filtered and (output or not as_json) else None,
        None if dry_run else rejected,
        None if dry_run else split,
        frozenset(keeps),
        as_json,
        is_counted=bool(output or rejected or split or dry_run),
    )
    _check_files(outputs, path, {"the policy": policy_path, "--with": service, **_ledger(chosen)})
    with readable_twice(path) as readable, open_validator(chosen) as validator:
        run = ListRun(validator, outputs, service, with_ledger=chosen.with_ledger)
        look_up(validator, readable, column)
        with Table.open(readable, column) as table, ExitStack() as files:
            run.write(table, files)
    run.report()
    sys.exit(0 if run.counts[Worth.OK] == run.counts.total() else 1)


def _list_of(sources: tuple[str, ...]) -> Path | None:
    """The file that the arguments name; None where they are addresses."""
    files = [s for s in sources if s == "-" or "@" not in s or Path(s).is_file()]
    if not files:
        return None
    if len(sources) > 1:
        raise click.UsageError(f"{files[0]}: name one FILE, or only addresses")
    path = Path(files[0])
    if files[0] != "-" and not path.exists():
        raise InputError(f"{path}: neither an address nor a file")
    return path


def _ledger(chosen: Sources) -> dict[str, Path]:
    return ledger_files(chosen.db) if chosen.with_ledger else {}


def _check_files(outputs: Outputs, path: Path, inputs: Mapping[str, Path | None]) -> None:
    """Refuse files with two purposes; make the folder for --split."""
    split = outputs.folder
    if split is not None:
        split.mkdir(parents=True, exist_ok=True)
    require_distinct(
        {
            "--output": outputs.output,
            "--rejected": outputs.rejected,
            **({f"--split {w}": split / f"{w}.csv" for w in Worth} if split else {}),
        },
        {"the list": path, **inputs},
    )


def _addresses(
    addresses: Sequence[str], validator: Validator, as_json: bool, with_ledger: bool
) -> int:
    """Print the verdict on each address; the exit code."""
    validator.prepare(addresses)
    code = 0
    for found in validator.validations(addresses):
        code |= found.verdict is not Worth.OK
        row = ValidationRow.of(found, with_ledger=with_ledger)
        echo(dumps(row) if as_json else _line(found))
    return int(code)


def _line(found: Validation) -> str:
    is_ok = found.verdict is Worth.OK
    mark = style(f"{'✓' if is_ok else '✗'} {found.verdict}", GOOD if is_ok else BAD)
    information = f" ({', '.join(found.information)})" if found.information else ""
    words = f": {found.words}" if found.words else ""
    return f"{mark}  {found.address}  {' '.join(found.reasons)}{words}{information}"
