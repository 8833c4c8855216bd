"""``bouncewise check``: may these addresses be mailed?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from bouncewise import contract
from bouncewise.cli.common import (
    BAD,
    GOOD,
    at_option,
    json_option,
    ledger_options,
    moment,
    open_ledger,
    out,
    paint,
    policy,
)
from bouncewise.lists.table import Table
from bouncewise.operations import pipeline


@click.command("check", short_help="may these addresses be mailed?")
@click.argument("addresses", nargs=-1)
@click.option(
    "--csv",
    "csv_path",
    type=click.Path(path_type=Path, exists=True, allow_dash=True),
    help="A list with a column of addresses.",
)
@click.option(
    "--transactional",
    is_flag=True,
    help="For mail people asked for one by one: complaints about marketing do not count.",
)
@at_option
@ledger_options
@json_option
def command(
    addresses: tuple[str, ...], csv_path: Path | None, transactional: bool, at: str | None,
    db: str | None, policy_path: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Say for each address whether it may be mailed, and if not why, since when, until when.

    Exits 0 if all may, 1 if some may not, 2 for a usage error.

    \b
    bouncewise check jo@example.com || echo "not everybody"
    bouncewise check --csv list.csv --json --at 2026-11-01
    """
    if not addresses and csv_path is None:
        raise click.UsageError("give addresses, or a list with --csv FILE")
    when, past = moment(at)
    refused = False
    with open_ledger(db) as ledger:
        asked = _asked(addresses, csv_path)
        for answer in pipeline.check(
            asked, ledger, policy(policy_path), at=when, past=past, transactional=transactional
        ):
            refused |= not answer.send
            if as_json:
                out(contract.dumps(contract.answer(answer)))
            else:
                out(_line(answer))
    sys.exit(1 if refused else 0)


def _asked(addresses: tuple[str, ...], csv_path: Path | None) -> Iterator[str]:
    yield from addresses
    if csv_path is not None:
        with Table.open(csv_path) as table:
            cells = (row[table.address].strip() for row in table.rows if table.address < len(row))
            yield from filter(None, cells)


def _line(answer: pipeline.Answer) -> str:
    if answer.send:
        return f"{paint('✓ send', GOOD)}  {answer.address}"
    d = answer.decision
    until = f", until {d.until:%Y-%m-%d}" if d.until else ""
    whole = f" (all of {answer.name[1:]})" if answer.name.startswith("@") else ""
    by = f", by {d.by}" if d.by else ""
    since = f"since {d.since:%Y-%m-%d}" if d.since else ""
    return f"{paint('✗ ' + d.state, BAD)}  {answer.address}{whole}  {d.cause or ''} {since}{until}{by}: {d.why}"
