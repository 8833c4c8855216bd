"""``bouncewise check``: may these addresses be mailed?"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click

from bouncewise.cli.acts import each_line
from bouncewise.cli.common import (
    BAD,
    GOOD,
    at_option,
    column_option,
    echo,
    echo_error,
    json_option,
    ledger_options,
    load_policy,
    open_ledger,
    parse_moment,
    parse_name,
    stream_option,
    style,
    transactional_option,
)
from bouncewise.contract import dumps
from bouncewise.contract.addresses import AddressAnswer
from bouncewise.errors import InputError
from bouncewise.lists.table import Table
from bouncewise.model import Mail, Trust
from bouncewise.operations.check import Answer, check


@click.command("check")
@click.argument("addresses", metavar="ADDRESS…", nargs=-1)
@click.option(
    "--csv",
    "csv_path",
    type=click.Path(path_type=Path, exists=True, allow_dash=True),
    metavar="FILE",
    help="A list with a column of addresses.",
)
@column_option
@transactional_option
@stream_option
@at_option
@ledger_options
@json_option
def command(
    addresses: tuple[str, ...],
    csv_path: Path | None,
    column: str | None,
    transactional: bool,
    stream: str,
    at: str | None,
    db: str | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """Print for each ADDRESS (-: those on standard input), or all of an @domain, whether it may be
    mailed; if not, why, since when and until when.

    Exits 0 if all may be mailed, 1 if some may not (a row of a list that is no address is
    `invalid`), 2 for an argument that is no address, another usage error, or a missing ledger.
    After a list come its totals, on standard error.

    \b
    bouncewise check jo@example.com || echo "not all may be mailed"
    bouncewise check --csv list.csv --json --at 2026-11-01
    """
    if not addresses and csv_path is None:
        raise click.UsageError("Missing addresses: pass one or more, or --csv FILE.")
    if column and csv_path is None:
        raise click.UsageError("--column names a column of --csv FILE.")
    addresses = tuple(line.strip() for line in each_line(addresses))
    if not addresses and csv_path is None:
        raise InputError("no addresses on standard input")
    for given in addresses:
        parse_name(given)
    when, past = parse_moment(at)
    states: Counter[str] = Counter()
    with open_ledger(db) as ledger:
        wanted = _addresses(addresses, csv_path, column)
        for answer in check(
            wanted,
            ledger,
            load_policy(policy_path),
            at=when,
            past=past,
            mail=Mail(transactional, stream),
        ):
            states["send" if answer.send else str(answer.decision.state)] += 1
            echo(dumps(AddressAnswer.of(answer)) if as_json else _line(answer))
    if csv_path is not None and not as_json:
        echo_error(totals(states))
    sys.exit(1 if set(states) - {"send"} else 0)


def totals(states: Counter[str]) -> str:
    """How many addresses have which state, the commonest first.

    >>> totals(Counter(send=1200, suppressed=4))
    '1,204 addresses: 1,200 send, 4 suppressed'
    """
    counted = ", ".join(f"{count:,} {state}" for state, count in states.most_common())
    return f"{states.total():,} addresses: {counted or 'the list is empty'}"


def _addresses(
    addresses: tuple[str, ...], csv_path: Path | None, column: str | None
) -> Iterator[str]:
    yield from addresses
    if csv_path is not None:
        with Table.open(csv_path, column) as table:
            for row in table.rows:
                if any(cell.strip() for cell in row):
                    yield row[table.address].strip() if table.address < len(row) else ""


def _line(answer: Answer) -> str:
    if answer.send:
        return f"{style('✓ send', GOOD)}  {answer.address}"
    d = answer.decision
    until = f", until {d.until:%Y-%m-%d}" if d.until else ""
    whole = f" (all of {answer.name[1:]})" if answer.name.startswith("@") else ""
    by = f", by {d.by}" if d.by else ""
    since = f"since {d.since:%Y-%m-%d}" if d.since else ""
    claimed = "" if d.trust is not Trust.CLAIMED else ", by an unproven notice"
    words = f"{d.cause or ''} {since}{until}{by}{claimed}: {d.why}"
    return f"{style('✗ ' + d.state, BAD)}  {answer.address}{whole}  {words}"
