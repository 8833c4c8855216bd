"""``bouncewise segment``: which addresses of a list still read, and what the others cost."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bouncewise.cli.common import (
    Moment,
    at_option,
    column_option,
    dry_run_option,
    echo_error,
    json_option,
    ledger_options,
    load_policy,
    open_ledger,
    parse_moment,
)
from bouncewise.cli.places import ledger_files
from bouncewise.cli.segments import SegmentOutputs, SegmentRun
from bouncewise.cli.tables import readable_twice
from bouncewise.errors import InputError
from bouncewise.lists.activity import ROLES, read_activity
from bouncewise.lists.table import Table
from bouncewise.output import require_distinct
from bouncewise.policy.segment import Segment

if TYPE_CHECKING:
    from bouncewise.ledger import Store
    from bouncewise.policy.load import Policy

_BATCH = 100_000  # acts that are compared with each other


@click.command("segment")
@click.argument("source", metavar="LIST", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The rows with the segment added.",
)
@click.option(
    "--split",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="A file per segment in this folder, rows as they are: active.csv, dormant.csv …",
)
@click.option(
    "--activity",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    metavar="FILE",
    help="A CSV of opens, clicks, orders …, recorded in the ledger first. Repeatable. Events of "
    "webhooks are read by `ingest`.",
)
@click.option(
    "--map",
    "mapping",
    metavar="ROLE=COLUMN,…",
    default="",
    help="Columns of the activity files that are not detected: email, event, at, link, agent, "
    "machine.",
)
@click.option(
    "--cadence",
    metavar="auto|DAYS",
    help="Days between two mailings, by which the days of the policy are scaled; auto: the median "
    "of the list.",
)
@column_option
@dry_run_option("Print the counts; record no activity.")
@at_option
@ledger_options
@json_option
def command(
    source: Path,
    output: Path | None,
    split: Path | None,
    activity: tuple[Path, ...],
    mapping: str,
    cadence: str | None,
    column: str | None,
    dry_run: bool,
    at: str | None,
    db: str | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """Divide LIST by engagement: active, cooling, lapsing, dormant, never, new, silent; with the
    bounce and complaint rate of each segment in the last 90 days. Opens and clicks of machines do
    not count.

    Suppresses nobody. `bouncewise clean --drop dormant,never` drops rows by the added column.

    \b
    bouncewise segment list.csv -o segmented.csv
    bouncewise segment list.csv --activity opens.csv --split segments/
    """
    moment, policy = parse_moment(at), load_policy(policy_path)
    columns = _columns(mapping)
    is_counted = dry_run or bool(output or split)
    outputs = SegmentOutputs(*((None, None) if dry_run else (output, split)), as_json, is_counted)
    _check_files(outputs, source, activity, {"the policy": policy_path, **ledger_files(db)})
    with ExitStack() as files:
        ledger = files.enter_context(open_ledger(db, write=bool(activity)))
        with ExitStack() as stored:
            if activity:  # (with --dry-run it is undone when all is counted)
                (files if dry_run else stored).enter_context(ledger.change(commit=not dry_run))
            for path in activity:
                _record(path, columns, ledger, policy, moment)
        path = files.enter_context(readable_twice(source))
        gap = _gap(cadence, path, column, ledger, moment)
        run = SegmentRun(ledger, policy, moment, gap, outputs)
        with Table.open(path, column) as table:
            run.write(table, files)
        run.report()
    sys.exit(0)


def _columns(mapping: str) -> dict[str, str]:
    found = {}
    for part in filter(None, mapping.split(",")):
        role, equals, name = part.partition("=")
        if role.strip() not in ROLES or not equals or not name.strip():
            raise click.UsageError(f"--map {part}: write ROLE=COLUMN; roles: {', '.join(ROLES)}")
        found[role.strip()] = name.strip()
    return found


def _check_files(
    outputs: SegmentOutputs,
    source: Path,
    activity: tuple[Path, ...],
    inputs: Mapping[str, Path | None],
) -> None:
    """Refuse files with two purposes; make the folder for --split."""
    folder = outputs.folder
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    require_distinct(
        {
            "--output": outputs.output,
            **({f"--split {s}": folder / f"{s}.csv" for s in Segment} if folder else {}),
        },
        {"the list": source, **{f"--activity {p}": p for p in activity}, **inputs},
    )


def _record(
    path: Path, columns: Mapping[str, str], ledger: Store, policy: Policy, moment: Moment
) -> None:
    """Add the acts in an activity file, inside the open transaction."""
    from bouncewise.operations.engagement import record

    unread: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    acts = read_activity(path, columns, unread)
    while page := list(islice(acts, _BATCH)):
        counts += record(ledger, page, policy.segment, moment.at)
    kinds = ", ".join(f"{n:,} {kind}" for kind, n in counts.most_common()) or "no acts"
    echo_error(f"{path}: {kinds}")
    if unread:
        words = ", ".join(f"{n:,} {word}" for word, n in unread.most_common(5))
        echo_error(f"note: {path}: {unread.total():,} rows were not understood: {words}")


def _gap(
    cadence: str | None, path: Path, column: str | None, ledger: Store, moment: Moment
) -> float | None:
    if cadence is None:
        return None
    if cadence != "auto":
        if not cadence.isdecimal() or not 1 <= int(cadence) <= 365:
            raise click.UsageError(f"--cadence {cadence}: write auto, or days from 1 to 365")
        return float(cadence)
    from bouncewise.operations.segment import median_gap

    with Table.open(path, column) as table:
        cells = (table.address_in(row.cells) for row in table.readable())
        gap = median_gap(cells, ledger, moment.at)
    if gap is None:
        raise InputError(
            f"{path}: no address of the list had three mails; give --cadence as a number of days"
        )
    return gap
