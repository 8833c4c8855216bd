"""``bouncewise clean``: a list in, the same list out without the addresses that must not be
mailed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, NamedTuple

import click

from bouncewise.cli.common import (
    Moment,
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
from bouncewise.cli.tables import RowWriter, open_like, readable_twice, row_writer
from bouncewise.contract import dumps, time
from bouncewise.contract.runs import CleanRecord
from bouncewise.encode import for_csv
from bouncewise.errors import InputError
from bouncewise.lists.column import folded
from bouncewise.lists.names import unwrapped
from bouncewise.lists.table import Table
from bouncewise.model import Decision, Mail, State
from bouncewise.operations.clean import Row, clean
from bouncewise.operations.context import Context
from bouncewise.operations.instead import Instead, by_domain, instead
from bouncewise.output import require_distinct
from bouncewise.policy.segment import Segment
from bouncewise.rfc.address import normalise

REASONS = (
    "bouncewise_state",
    "bouncewise_cause",
    "bouncewise_since",
    "bouncewise_until",
    "bouncewise_why",
    "bouncewise_last_delivered",
    "bouncewise_last_act",
    "bouncewise_other_contact",
    "bouncewise_named_address",
    "bouncewise_instead",
)
SEGMENT_COLUMN = "bouncewise_segment"
BY_SEGMENT = "by segment"
_PROGRESS_ROWS = 10_000
_PAGE = 500
"""Dropped rows that are asked about at once."""


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
        if with_dns or rejected:
            source = files.enter_context(readable_twice(source))
        if with_dns:
            sources = Sources(moment, mail, policy=policy_path)
            validator = files.enter_context(open_validator(sources, context.ledger))
            look_up(validator, source, column)
        table = files.enter_context(Table.open(source, column))
        place = _segment_column(table) if unwanted else -1
        kept_rows = open_like(None if dry_run else output or Path("-"), table, files)
        dropped_rows = open_like(None if dry_run else rejected, table, files)
        if kept_rows:
            kept_rows.write(table.preamble)
        dropped = files.enter_context(
            _dropped(dropped_rows, table, _Reference(context, moment, source, column))
        )
        advance = files.enter_context(progress(None, "clean", "rows"))
        rows = clean(table, context, at=moment.at, past=moment.past, mail=mail, validator=validator)
        for row in rows:
            segment = _cell(row.cells, place) if row.answer.send else ""
            is_unwanted = segment in unwanted
            counts[BY_SEGMENT if is_unwanted else row.answer.decision.state] += 1
            if not row.answer.send or is_unwanted:
                dropped(row, segment if is_unwanted else "")
            elif kept_rows:
                kept_rows.write(row.text)
            if (number := counts.total()) % _PROGRESS_ROWS == 0:
                advance(number, number)
    if as_json and (output or dry_run):
        echo(dumps(_record(counts, None if dry_run else output)))
    else:
        echo_error(_summary(counts, is_trial=dry_run))


class _Reference(NamedTuple):
    """What says more about dropped rows: the ledger, and the list."""

    context: Context
    moment: Moment
    source: Path
    column: str | None

    def others(self) -> dict[str, list[str]]:
        """The addresses of the list by domain."""
        with Table.open(self.source, self.column) as table:
            return by_domain(table.address_in(row.cells) for row in table.readable())


@contextmanager
def _dropped(
    target: IO[str] | None, table: Table, reference: _Reference
) -> Iterator[Callable[[Row, str], None]]:
    """What takes the rows that were dropped, and the segments for which, and writes them with
    reasons.
    """
    if target is None:
        yield lambda _row, _segment: None
        return
    rows = _Dropped(row_writer(target, table, REASONS), reference)
    yield rows.add
    rows.write()


class _Dropped:
    """Rows that were dropped, on their way into the file with the reasons."""

    def __init__(self, write: RowWriter, reference: _Reference) -> None:
        self._write, self._context, self._moment = write, reference.context, reference.moment
        self._others = reference.others()
        self._waiting: list[tuple[Row, str]] = []

    def add(self, row: Row, segment: str) -> None:
        """Add a row; *segment*: the one for which it was dropped, or ''."""
        self._waiting.append((row, segment))
        if len(self._waiting) == _PAGE:
            self.write()

    def write(self) -> None:
        """Write what waits."""
        asked = {
            normalise(unwrapped(row.answer.address)): row.answer.decision
            for row, segment in self._waiting
            if not segment
        }
        at, past = self._moment
        context = self._context
        found = instead(asked.items(), context.ledger, context.policy, at, self._others, past=past)
        for row, segment in self._waiting:
            name = normalise(unwrapped(row.answer.address))
            cells = [segment] if segment else _reasons(row.answer.decision, found[name])
            self._write(row.cells, cells)
        self._waiting.clear()


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


def _reasons(d: Decision, found: Instead) -> list[str]:
    days = (_day(found.last_delivery), _day(found.last_act))
    cells = (d.state, d.cause or "", time(d.since) or "", time(d.until) or "", d.why, *days)
    others = (found.contact, found.named, found.words)
    return [for_csv(str(cell)) for cell in (*cells, *others)]


def _day(when: datetime | None) -> str:
    return f"{when:%Y-%m-%d}" if when else ""
