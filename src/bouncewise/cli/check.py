"""``bouncewise check``: may these addresses be mailed?"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
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
from bouncewise.cli.grid import Column, day, print_table, terminal_width
from bouncewise.contract import dumps
from bouncewise.contract.addresses import AddressAnswer
from bouncewise.errors import InputError
from bouncewise.lists.table import Table
from bouncewise.model import Mail, Trust
from bouncewise.operations.check import Answer, check

_SEND = "✓ send"


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
        mail, policy = Mail(transactional, stream), load_policy(policy_path)
        found = _counted(check(wanted, ledger, policy, at=when, past=past, mail=mail), states)
        if as_json:
            for answer in found:
                echo(dumps(AddressAnswer.of(answer)))
        elif terminal_width() is None or (csv_path is None and len(addresses) == 1):
            for answer in found:  # (scripts read these lines)
                echo(_line(answer))
        else:
            print_table(_COLUMNS, map(_cells, found))
    if csv_path is not None and not as_json:
        echo_error(totals(states))
    sys.exit(1 if set(states) - {"send"} else 0)


def _counted(answers: Iterable[Answer], states: Counter[str]) -> Iterator[Answer]:
    for answer in answers:
        states["send" if answer.send else str(answer.decision.state)] += 1
        yield answer


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


_COLUMNS = (
    Column("answer", colour=lambda text: GOOD if text == _SEND else BAD),
    Column("address"),
    Column("cause"),
    Column("since"),
    Column("until"),
    Column("why", text=True),
)


def _cells(answer: Answer) -> tuple[str, ...]:
    d = answer.decision
    if answer.send:
        return _mark(answer), answer.address, "", "", "", ""
    return (
        _mark(answer),
        answer.address,
        d.cause or "",
        day(d.since),
        day(d.until),
        ", ".join(filter(None, [d.why, *_remarks(answer)])),
    )


def _mark(answer: Answer) -> str:
    return _SEND if answer.send else f"✗ {answer.decision.state}"


def _remarks(answer: Answer) -> Iterator[str]:
    """What the decision is about, and who or what made it."""
    d = answer.decision
    if answer.name.startswith("@"):
        yield f"all of {answer.name[1:]}"
    if d.by:
        yield f"by {d.by}"
    if d.trust is Trust.CLAIMED:
        yield "by an unproven notice"


def _line(answer: Answer) -> str:
    if answer.send:
        return f"{style(_SEND, GOOD)}  {answer.address}"
    d = answer.decision
    until = f", until {day(d.until)}" if d.until else ""
    whole = f" (all of {answer.name[1:]})" if answer.name.startswith("@") else ""
    by = f", by {d.by}" if d.by else ""
    since = f"since {day(d.since)}" if d.since else ""
    claimed = "" if d.trust is not Trust.CLAIMED else ", by an unproven notice"
    words = f"{d.cause or ''} {since}{until}{by}{claimed}: {d.why}"
    return f"{style(_mark(answer), BAD)}  {answer.address}{whole}  {words}"
