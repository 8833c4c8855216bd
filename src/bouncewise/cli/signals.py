"""``bouncewise sender signals``: figures of SNDS and Postmaster Tools with their trend."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click

from bouncewise.cli.common import (
    BAD,
    HEAD,
    days_option,
    db_option,
    echo,
    json_option,
    open_ledger,
)
from bouncewise.cli.grid import Column, print_table
from bouncewise.contract import dumps
from bouncewise.contract.signals import TrendRow
from bouncewise.operations.signals import Trend, trends


@click.command("signals", short_help="figures of SNDS and Postmaster Tools, with their trend")
@days_option(30)
@db_option
@json_option
def signals(days: int, db: str | None, as_json: bool) -> None:
    """Show the last figure that Microsoft SNDS and Gmail Postmaster Tools have for each IP address
    or domain, with the mean of the seven readings before it. `ingest` reads their files.

    Exits 1 if a figure is bad: a complaint rate of 0.3 % or more, hits on spam traps, a filter
    result of SNDS that is red or became worse.

    \b
    bouncewise ingest snds.csv postmaster.json
    bouncewise sender signals
    """
    with open_ledger(db) as ledger:
        found = trends(ledger, datetime.now(UTC) - timedelta(days=days))
    if as_json:
        echo(*(dumps(TrendRow.of_trend(trend)) for trend in found))
    elif not found:
        echo(f"no figures of the last {days} days; `bouncewise ingest` reads them")
    else:
        print_table(_COLUMNS, map(_cells, found))
    raise SystemExit(1 if any(trend.finding for trend in found) else 0)


_COLUMNS = (
    Column("day"),
    Column("source"),
    Column("subject"),
    Column("figure"),
    Column("value", text=True, colour=HEAD),
    Column("before"),
    Column("finding", text=True, colour=BAD),
)


def _cells(trend: Trend) -> tuple[str, ...]:
    value = trend.words or _figure(trend.name, trend.value)
    before = _figure(trend.name, trend.before) if trend.before is not None else ""
    day = f"{trend.day:%Y-%m-%d}"
    return day, trend.origin, trend.subject, trend.name, value, before, trend.finding


def _figure(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2%}" if name.endswith("rate") else f"{value:,.6g}"
