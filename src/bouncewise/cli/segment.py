"""``bouncewise segment``: which addresses of a list still read, and what the others cost."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from itertools import islice, tee
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

import click

from bouncewise.cli.common import (
    Moment,
    at_option,
    dry_run_option,
    echo,
    echo_error,
    json_option,
    ledger_options,
    load_policy,
    open_ledger,
    parse_moment,
)
from bouncewise.cli.places import ledger_files
from bouncewise.cli.screen import progress
from bouncewise.cli.tables import open_like, readable_twice, row_writer
from bouncewise.contract import dumps, time
from bouncewise.contract.segments import SegmentCostRow, SegmentRow, SegmentSummary
from bouncewise.encode import for_csv
from bouncewise.errors import InputError
from bouncewise.lists.activity import ROLES, read_activity
from bouncewise.lists.table import Table
from bouncewise.output import require_distinct
from bouncewise.policy.segment import Segment
from bouncewise.times import day_start

if TYPE_CHECKING:
    from bouncewise.ledger import Store
    from bouncewise.operations.segment import Segmented, Segmenter
    from bouncewise.policy.load import Policy

COLUMNS = ("bouncewise_segment", "bouncewise_last_act", "bouncewise_mails_since")
_PROGRESS = 1000
_BATCH = 100_000  # acts that are compared with each other


@click.command("segment")
@click.argument("source", metavar="LIST", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The rows with the segment added."
)
@click.option(
    "--split",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
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
@click.option("--column", help="Name of the address column, if it is not detected.")
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
    outputs = _Outputs(*((None, None) if dry_run else (output, split)), as_json, is_counted)
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
        run = _Run(ledger, policy, moment, gap, outputs)
        with Table.open(path, column) as table:
            run.write(table, files)
        run.report()
    sys.exit(0)


class _Outputs(NamedTuple):
    """Where the rows go; ``is_counted``: the answer is the counts."""

    output: Path | None
    folder: Path | None
    as_json: bool
    is_counted: bool


def _columns(mapping: str) -> dict[str, str]:
    found = {}
    for part in filter(None, mapping.split(",")):
        role, equals, name = part.partition("=")
        if role.strip() not in ROLES or not equals or not name.strip():
            raise click.UsageError(f"--map {part}: write ROLE=COLUMN; roles: {', '.join(ROLES)}")
        found[role.strip()] = name.strip()
    return found


def _check_files(
    outputs: _Outputs, source: Path, activity: tuple[Path, ...], inputs: Mapping[str, Path | None]
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


class _Run:
    """A list, segmented."""

    def __init__(
        self,
        ledger: Store,
        policy: Policy,
        moment: Moment,
        gap: float | None,
        outputs: _Outputs,
    ) -> None:
        from bouncewise.operations.segment import Segmenter

        self._gap, self._outputs = gap, outputs
        self._factor = 1.0 if gap is None else policy.segment.factor(gap)
        self._span = ledger.engagement.span()
        self._segmenter: Segmenter = Segmenter(ledger, policy, moment.at, self._factor)
        self._counts: Counter[Segment] = Counter()
        self._rows = 0

    def write(self, table: Table, files: ExitStack) -> None:
        """Write every row where it belongs."""
        o = self._outputs
        to = Path("-") if not (o.as_json or o.is_counted) else o.output
        added = row_writer(open_like(to, table, files), table, COLUMNS)
        parts: dict[Segment, IO[str] | None] = {}
        for segment in Segment if o.folder else ():
            assert o.folder is not None
            parts[segment] = open_like(o.folder / f"{segment}.csv", table, files)
        for part in filter(None, parts.values()):
            part.write(table.preamble)
        advance = files.enter_context(progress(None, "segment", "rows"))
        rows, again = tee(table.readable())
        cells = (table.address_in(row.cells) for row in again)
        for found, row in zip(self._segmenter.segments(cells), rows, strict=True):
            self._rows += 1
            if found.segment is not None:
                self._counts[found.segment] += 1
                if file := parts.get(found.segment):
                    file.write(row.text)
            if o.as_json and not o.is_counted:
                echo(dumps(SegmentRow.of(found)))
            else:
                added(row.cells, _added(found))
            if self._rows % _PROGRESS == 0:
                advance(self._rows, self._rows)

    def report(self) -> None:
        """The counts and rates: on standard error, or as records."""
        costs = [self._cost(segment) for segment in Segment]
        first, last = (time(day_start(day)) for day in self._span) if self._span else (None, None)
        invalid = self._rows - self._counts.total()
        if self._outputs.as_json:
            summary = SegmentSummary(
                rows=self._rows,
                invalid=invalid,
                acts_from=first,
                acts_until=last,
                cadence=None if self._gap is None else round(self._gap, 2),
                factor=round(self._factor, 3),
            )
            echo(*map(dumps, costs), dumps(summary))
            return
        echo_error(f"{'segment':>8} {'rows':>10} {'mails':>10}  bounces      complaints")
        for cost in costs:
            bounced, complained = (
                "–" if rate is None else f"{rate:.2%}"
                for rate in (cost.bounce_rate, cost.complaint_rate)
            )
            echo_error(
                f"{cost.segment:>8} {cost.rows:>10,} {cost.mails:>10,}  {bounced:<12} {complained}"
            )
        if invalid:
            echo_error(f"{invalid:,} rows without an address are in no segment")
        if self._span is None:
            echo_error(
                "note: the ledger knows no opens or clicks: nobody can be called dormant or never. "
                "Give --activity, or ingest the events of your ESP"
            )

    def _cost(self, segment: Segment) -> SegmentCostRow:
        from bouncewise.operations.segment import Cost

        mails, bounces, complaints = self._segmenter.costs.get(segment, Cost())
        return SegmentCostRow(
            segment=segment,
            rows=self._counts[segment],
            mails=mails,
            bounces=bounces,
            bounce_rate=round(bounces / mails, 6) if mails else None,
            complaints=complaints,
            complaint_rate=round(complaints / mails, 6) if mails else None,
        )


def _added(found: Segmented) -> list[str]:
    day = found.last_act.date().isoformat() if found.last_act else ""
    cells = (found.segment or "", day, str(found.mails_since) if found.segment else "")
    return [for_csv(cell) for cell in cells]
