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
from bouncewise.lists.table import Table
from bouncewise.model import Decision, Mail, State
from bouncewise.operations.clean import clean
from bouncewise.output import require_distinct

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
@click.option(
    "--validate",
    "with_dns",
    is_flag=True,
    help="Look the domains up in DNS too, and drop what `bouncewise validate` calls bad.",
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
    transactional: bool,
    stream: str,
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
    moment, mail = parse_moment(at), Mail(transactional, stream)
    require_distinct(
        {"--output": output or (None if dry_run else Path("-")), "--rejected": rejected},
        {"the list": source, "the policy": policy_path, **ledger_files(db)},
    )
    counts: Counter[State] = Counter()
    with open_context(db, policy_path) as context, ExitStack() as files:
        validator = None
        if with_dns:
            source = files.enter_context(readable_twice(source))
            sources = Sources(moment, mail, policy=policy_path)
            validator = files.enter_context(open_validator(sources, context.ledger))
            look_up(validator, source, column)
        table = files.enter_context(Table.open(source, column))
        kept_rows = open_like(None if dry_run else output or Path("-"), table, files)
        dropped_rows = open_like(None if dry_run else rejected, table, files)
        if kept_rows:
            kept_rows.write(table.preamble)
        drop = row_writer(dropped_rows, table, REASONS)
        advance = files.enter_context(progress(None, "clean", "rows"))
        rows = clean(table, context, at=moment.at, past=moment.past, mail=mail, validator=validator)
        for row in rows:
            counts[row.answer.decision.state] += 1
            if not row.answer.send:
                drop(row.cells, _reasons(row.answer.decision))
            elif kept_rows:
                kept_rows.write(row.text)
            if (number := counts.total()) % _PROGRESS_ROWS == 0:
                advance(number, number)
    kept = counts.pop(State.OK, 0)
    if as_json and (output or dry_run):
        written = str(output) if output and not dry_run else None
        states = {state.value: counts[state] for state in State if state is not State.OK}
        echo(dumps(CleanRecord(kept=kept, dropped=counts.total(), output=written, **states)))
    else:
        why = ", ".join(f"{n:,} {state}" for state, n in counts.most_common())
        echo_error(
            f"kept {kept:,}, dropped {counts.total():,}{f' ({why})' if why else ''}"
            f"{'; dry run: nothing written' if dry_run else ''}"
        )


def _reasons(d: Decision) -> list[str]:
    cells = (d.state, d.cause or "", time(d.since) or "", time(d.until) or "", d.why)
    return [for_csv(str(cell)) for cell in cells]
