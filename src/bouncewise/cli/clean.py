"""``bouncewise clean``: a list in, the same list out without the addresses that must not be
mailed.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import click

from bouncewise.cli.common import (
    at_option,
    column_option,
    dry_run_option,
    echo,
    echo_error,
    json_option,
    ledger_options,
    open_context,
    parse_moment,
    stream_option,
    transactional_option,
)
from bouncewise.cli.lookups import Sources, look_up, open_validator
from bouncewise.cli.places import ledger_files
from bouncewise.cli.screen import progress
from bouncewise.cli.tables import open_like, readable_twice, row_writer
from bouncewise.contract import dumps, time
from bouncewise.contract.runs import CleanRecord
from bouncewise.encode import for_csv
from bouncewise.errors import InputError
from bouncewise.lists.column import folded
from bouncewise.lists.table import Table
from bouncewise.model import Decision, Mail, State
from bouncewise.operations.clean import clean
from bouncewise.output import require_distinct
from bouncewise.policy.segment import Segment

REASONS = (
    "bouncewise_state",
    "bouncewise_cause",
    "bouncewise_since",
    "bouncewise_until",
    "bouncewise_why",
)
SEGMENT_COLUMN = "bouncewise_segment"
BY_SEGMENT = "by segment"
_PROGRESS_ROWS = 10_000


@click.command("clean")
@click.argument(
    "source", metavar="LIST", type=click.Path(path_type=Path, exists=True, allow_dash=True)
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The cleaned list. Default: standard output.",
)
@click.option(
    "--rejected",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The dropped rows, with the reason in added columns.",
)
@column_option
@click.option(
    "--validate",
    "with_dns",
    is_flag=True,
    help="Look the domains up in DNS too, and drop what `bouncewise validate` calls bad.",
)
@click.option(
    "--drop",
    "segments",
    metavar="SEGMENT,…",
    default="",
    help="Also drop rows of these segments, by the column that `bouncewise segment` adds.",
)
@transactional_option
@stream_option
@dry_run_option("Count the rows.")
@at_option
@ledger_options
@json_option
def command(
    source: Path,
    output: Path | None,
    rejected: Path | None,
    column: str | None,
    with_dns: bool,
    segments: str,
    transactional: bool,
    stream: str,
    dry_run: bool,
    at: str | None,
    db: str | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """Drop from LIST, a CSV file (-: standard input), the rows that must not be mailed or have no
    address. All other columns are kept.

    \b
    bouncewise clean subscribers.csv -o clean.csv --rejected dropped.csv
    """
    moment, mail = parse_moment(at), Mail(transactional, stream)
    require_distinct(
        {"--output": output or (None if dry_run else Path("-")), "--rejected": rejected},
        {"the list": source, "the policy": policy_path, **ledger_files(db)},
    )
    unwanted = _segments(segments)
    counts: Counter[str] = Counter()
    with open_context(db, policy_path) as context, ExitStack() as files:
        validator = None
        if with_dns:
            source = files.enter_context(readable_twice(source))
            sources = Sources(moment, mail, policy=policy_path)
            validator = files.enter_context(open_validator(sources, context.ledger))
            look_up(validator, source, column)
        table = files.enter_context(Table.open(source, column))
        place = _segment_column(table) if unwanted else -1
        kept_rows = open_like(None if dry_run else output or Path("-"), table, files)
        dropped_rows = open_like(None if dry_run else rejected, table, files)
        if kept_rows:
            kept_rows.write(table.preamble)
        drop = row_writer(dropped_rows, table, REASONS)
        advance = files.enter_context(progress(None, "clean", "rows"))
        rows = clean(table, context, at=moment.at, past=moment.past, mail=mail, validator=validator)
        for row in rows:
            segment = _cell(row.cells, place) if row.answer.send else ""
            is_unwanted = segment in unwanted
            counts[BY_SEGMENT if is_unwanted else row.answer.decision.state] += 1
            if not row.answer.send or is_unwanted:
                drop(row.cells, [segment] if is_unwanted else _reasons(row.answer.decision))
            elif kept_rows:
                kept_rows.write(row.text)
            if (number := counts.total()) % _PROGRESS_ROWS == 0:
                advance(number, number)
    if as_json and (output or dry_run):
        echo(dumps(_record(counts, None if dry_run else output)))
    else:
        echo_error(_summary(counts, is_trial=dry_run))


def _record(counts: Counter[str], output: Path | None) -> CleanRecord:
    states = {state.value: counts[state] for state in State if state is not State.OK}
    return CleanRecord(
        kept=counts[State.OK],
        dropped=counts.total() - counts[State.OK],
        output=str(output) if output else None,
        segments=counts[BY_SEGMENT],
        **states,
    )


def _summary(counts: Counter[str], *, is_trial: bool) -> str:
    kept = counts[State.OK]
    whys = [f"{n:,} {state}" for state, n in counts.most_common() if state != State.OK]
    why = f" ({', '.join(whys)})" if whys else ""
    return (
        f"kept {kept:,}, dropped {counts.total() - kept:,}{why}"
        f"{'; dry run: nothing written' if is_trial else ''}"
    )


def _segments(text: str) -> frozenset[str]:
    """The segments that --drop names."""
    names = frozenset(filter(None, (part.strip().lower() for part in text.split(","))))
    if unknown := sorted(names - set(Segment)):
        raise click.UsageError(
            f"--drop {', '.join(unknown)}: no segment; there are {', '.join(Segment)}"
        )
    return names


def _segment_column(table: Table) -> int:
    names = folded(table.header)
    if SEGMENT_COLUMN not in names:
        raise InputError(
            f"{table.path}: --drop needs the column {SEGMENT_COLUMN}; `bouncewise segment -o` adds "
            "it"
        )
    return names.index(SEGMENT_COLUMN)


def _cell(cells: list[str], place: int) -> str:
    return cells[place].strip().lower() if 0 <= place < len(cells) else ""


def _reasons(d: Decision) -> list[str]:
    cells = (d.state, d.cause or "", time(d.since) or "", time(d.until) or "", d.why)
    return [for_csv(str(cell)) for cell in cells]
