"""``bouncewise clean``: a list in, the same list out without the addresses that must not be
mailed.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import click

from bouncewise.cli.common import (
    at_option,
    dry_run_option,
    echo,
    echo_error,
    json_option,
    ledger_options,
    ledger_path,
    open_context,
    parse_moment,
    transactional_option,
)
from bouncewise.cli.screen import progress
from bouncewise.contract import dumps, time
from bouncewise.contract.runs import CleanRecord
from bouncewise.encode import for_csv
from bouncewise.lists.table import Table
from bouncewise.model import Decision, Mail
from bouncewise.operations.clean import clean
from bouncewise.output import open_output, require_distinct

REASONS = (
    "bouncewise_state",
    "bouncewise_cause",
    "bouncewise_since",
    "bouncewise_until",
    "bouncewise_why",
)
_PROGRESS_ROWS = 10_000


@click.command("clean")
@click.argument("source", type=click.Path(path_type=Path, exists=True, allow_dash=True))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The cleaned list. Default: standard output.",
)
@click.option(
    "--rejected",
    type=click.Path(path_type=Path),
    help="The dropped rows, with the reason in added columns.",
)
@click.option("--column", help="Name of the address column, if it is not detected.")
@transactional_option
@dry_run_option("Count the rows.")
@at_option
@ledger_options
@json_option
def command(
    source: Path,
    output: Path | None,
    rejected: Path | None,
    column: str | None,
    transactional: bool,
    dry_run: bool,
    at: str | None,
    db: str | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """Drop from SOURCE, a CSV file, the rows that must not be mailed or have no address. All
    other columns are kept.

    \b
    bouncewise clean subscribers.csv -o clean.csv --rejected dropped.csv
    """
    when, past = parse_moment(at)
    require_distinct(
        {"--output": output or (None if dry_run else Path("-")), "--rejected": rejected},
        {"the list": source, "the ledger": ledger_path(db)},
    )
    counts = [0, 0]
    with (
        open_context(db, policy_path) as context,
        Table.open(source, column) as table,
        ExitStack() as files,
    ):
        keep = _writer(None if dry_run else output or Path("-"), table, files, ())
        drop = _writer(None if dry_run else rejected, table, files, REASONS)
        advance = files.enter_context(progress(None, "clean", "rows"))
        for cells, answer in clean(table, context, at=when, past=past, mail=Mail(transactional)):
            counts[answer.send] += 1
            if answer.send:
                keep(cells)
            else:
                drop([*cells, *[""] * (len(table.header) - len(cells)), *_reasons(answer.decision)])
            if sum(counts) % _PROGRESS_ROWS == 0:
                advance(sum(counts), sum(counts))
    dropped, kept = counts
    if as_json and (output or dry_run):
        written = str(output) if output and not dry_run else None
        echo(dumps(CleanRecord(kept=kept, dropped=dropped, output=written)))
    else:
        echo_error(
            f"kept {kept:,}, dropped {dropped:,}{' (dry run: nothing written)' if dry_run else ''}"
        )


def _reasons(d: Decision) -> list[str]:
    cells = (d.state, d.cause or "", time(d.since) or "", time(d.until) or "", d.why)
    return [for_csv(str(cell)) for cell in cells]


def _writer(
    path: Path | None, table: Table, files: ExitStack, added: tuple[str, ...]
) -> Callable[[list[str]], object]:
    """A function that writes a row to *path* in the dialect of *table*; the file is replaced
    when all is written.
    """
    if path is None:
        return lambda _row: None
    target = files.enter_context(
        open_output(path, encoding=table.encoding, errors="surrogateescape", newline="")
    )
    rows = csv.writer(target, delimiter=table.delimiter, lineterminator=table.newline)
    if table.header:
        rows.writerow([*table.header, *added])
    return rows.writerow
