"""``bouncewise clean``: a list in, the same list out without those who must not be mailed."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from contextlib import ExitStack
from itertools import tee
from pathlib import Path
from typing import IO

import click

from bouncewise import contract
from bouncewise.cli.common import at_option, json_option, ledger_options, moment, open_ledger, out, policy, progress
from bouncewise.errors import InputError
from bouncewise.lists.syntax import fault
from bouncewise.lists.table import Table
from bouncewise.model import Decision, State
from bouncewise.operations import pipeline
from bouncewise.operations.pipeline import Answer

REASONS = ("bouncewise_state", "bouncewise_cause", "bouncewise_since", "bouncewise_until", "bouncewise_why")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@click.command("clean", short_help="drop from a list what must not be mailed")
@click.argument("source", type=click.Path(path_type=Path, exists=True, allow_dash=True))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Where the cleaned list goes; default: standard output."
)
@click.option(
    "--rejected", type=click.Path(path_type=Path), help="Where the dropped rows go, with the reason in added columns."
)
@click.option("--column", help="The column that holds the addresses, if it is not plain.")
@click.option(
    "--transactional",
    is_flag=True,
    help="For mail people asked for one by one: complaints about marketing do not count.",
)
@click.option("--dry-run", is_flag=True, help="Count, and write nothing.")
@at_option
@ledger_options
@json_option
def command(
    source: Path, output: Path | None, rejected: Path | None, column: str | None, transactional: bool, dry_run: bool,
    at: str | None, db: str | None, policy_path: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Drop from LIST.csv what must not be mailed or is no address. All other columns stay as they are, in their order.

    \b
    bouncewise clean subscribers.csv -o clean.csv --rejected dropped.csv
    """
    when, past = moment(at)
    kept = dropped = 0
    with open_ledger(db) as ledger, Table.open(source, column) as table, ExitStack() as files:
        keep = _writer(None if dry_run else output or Path("-"), table, files, ())
        drop = _writer(None if dry_run else rejected, table, files, REASONS)
        moved = files.enter_context(progress(None, "clean", "rows"))
        rows, again = tee(filter(None, table.rows))
        asked = (row[table.address].strip() if table.address < len(row) else "" for row in again)
        answers = pipeline.check(asked, ledger, policy(policy_path), at=when, past=past, transactional=transactional)
        for answer, row in zip(map(_with_syntax, answers), rows, strict=True):
            if answer.send:
                kept += 1
                keep(row)
            else:
                dropped += 1
                drop([*row, *[""] * (len(table.header) - len(row)), *_reasons(answer.decision)])
            if (kept + dropped) % 10_000 == 0:
                moved(kept + dropped, kept + dropped)
    summary = {"kept": kept, "dropped": dropped, "output": str(output) if output and not dry_run else None}
    if as_json and (output or dry_run):
        out(contract.dumps(summary))
    else:
        click.echo(f"kept {kept:,}, dropped {dropped:,}{' (dry run: nothing written)' if dry_run else ''}", err=True)


def _with_syntax(answer: Answer) -> Answer:
    """Who may be mailed by the ledger must also be an address."""
    if not answer.send or (why := fault(answer.address) if answer.address else "the cell is empty") is None:
        return answer
    return Answer(answer.address, False, answer.address, Decision(state=State.SUPPRESSED, why=f"not an address: {why}"))


def _reasons(d: Decision) -> list[str]:
    cells = (d.state, d.cause or "", contract.time(d.since) or "", contract.time(d.until) or "", d.why)
    return [guard(str(cell)) for cell in cells]


def guard(cell: str) -> str:
    """What a spreadsheet would run as a formula, made plain text (OWASP: CSV injection)."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _writer(path: Path | None, table: Table, files: ExitStack, added: tuple[str, ...]) -> Callable[[list[str]], object]:
    """A function that writes a row to *path* in the dialect of *table*; the file takes its place when all is written."""
    if path is None:
        return lambda _row: None
    target: IO[str]
    encoding = "utf-8" if table.encoding == "utf-8" else table.encoding
    if str(path) == "-":
        target = sys.stdout
    else:
        if path.is_dir():
            raise InputError(f"{path}: is a folder; name a file")
        part = path.with_name(path.name + ".part")
        target = files.enter_context(part.open("w", encoding=encoding, errors="surrogateescape", newline=""))
        files.push(lambda kind, *_: _settle(part, path, whole=kind is None))
    rows = csv.writer(target, delimiter=table.delimiter, lineterminator=table.newline)
    if table.header:
        rows.writerow([*table.header, *added])
    return rows.writerow


def _settle(part: Path, path: Path, *, whole: bool) -> bool:
    """Put what was written in its place if all of it was; else leave what stood there."""
    if whole:
        part.replace(path)
    else:
        part.unlink()
    return False
