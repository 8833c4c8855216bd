"""``bouncewise sender complaints``: complaint rates, and feedback loops that are not enrolled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from bouncewise.cli.common import (
    BAD,
    DIM,
    HEAD,
    config_option,
    days_option,
    db_option,
    echo,
    json_option,
    load_configuration,
    open_context,
    style,
)
from bouncewise.contract import dumps
from bouncewise.contract.complaints import ComplaintRateRow, FeedbackLoopRow
from bouncewise.operations.complaints import ComplaintRates, LoopState, Rate, complaint_rates
from bouncewise.sender.loops import LoopKind, RateLevel, loops

_WORDS = {
    RateLevel.OVER_LIMIT: "over the limit",
    RateLevel.OVER_AIM: "too high",
    RateLevel.FINE: "fine",
    RateLevel.FEW: "too few mails to judge",
    RateLevel.UNREPORTED: "unknown: no reports",
}


@click.command("complaints", short_help="complaint rates by stream and receiver; feedback loops")
@days_option(30)
@db_option
@config_option
@json_option
def complaints(days: int, db: str | None, config_path: Path | None, as_json: bool) -> None:
    """Show the complaint rate of each stream at each receiver against 0.1 % (what Gmail asks for)
    and 0.3 % (the limit of Gmail and Yahoo), and which feedback loops are not enrolled, with how to
    enrol.

    The rate is complaints per address delivered to, each counted once a day and campaign.
    Receivers count mail in the inbox only: their own figure is higher. Exits 1 if a rate is over
    the limit.

    \b
    bouncewise sender complaints
    bouncewise sender complaints --days 7 --json
    """
    until = datetime.now(UTC) + timedelta(days=1)
    with open_context(db, None, configuration=load_configuration(config_path)) as context:
        found = complaint_rates(context, until - timedelta(days=days + 1), until)
    if as_json:
        echo(*(dumps(ComplaintRateRow.of(rate)) for rate in found.rates))
        echo(*(dumps(FeedbackLoopRow.of(state)) for state in found.loops))
    else:
        echo(*_text(found, days))
    raise SystemExit(1 if any(r.level is RateLevel.OVER_LIMIT for r in found.rates) else 0)


def _text(found: ComplaintRates, days: int) -> list[str]:
    if not found.rates:
        return [f"no deliveries and no complaints in the last {days} days"]
    limits = loops().limits
    return [
        style(f"aim: below {limits.aim:.1%}, limit: {limits.limit:.1%}", DIM),
        style(f"{'complaints':>10}  {'delivered':>11}  {'rate':>7}  receiver, stream", HEAD),
        *map(_rate, found.rates),
        *(line for state in found.loops for line in _loop(state)),
    ]


def _rate(rate: Rate) -> str:
    share = f"{rate.complaints / rate.delivered:.3%}" if rate.delivered else "-"
    where = f"{rate.receiver or 'other hosts'}, {rate.stream or 'stream unknown'}"
    words = _WORDS[rate.level]
    if rate.level in (RateLevel.OVER_LIMIT, RateLevel.OVER_AIM):
        words = style(words, BAD)
    claimed = f" ({rate.claimed:,} unproven)" if rate.claimed else ""
    return f"{rate.complaints:>10,}  {rate.delivered:>11,}  {share:>7}  {where}: {words}{claimed}"


def _loop(state: LoopState) -> list[str]:
    loop = state.loop
    if loop.kind is not LoopKind.REPORTS:
        return [f"{loop.receiver}: no reports of single complaints. {loop.enrol}", _source(state)]
    if state.enrolled:
        return [] if state.arriving else [f"{loop.receiver}: enrolled; no complaint in the ledger"]
    if state.arriving:
        return [f"{loop.receiver}: complaints arrive, but bouncewise.toml has no [feedback] for it"]
    return [
        style(f"{loop.receiver}: feedback loop not enrolled", BAD),
        f"    {loop.enrol}",
        _source(state),
    ]


def _source(state: LoopState) -> str:
    return style(f"    source: {state.loop.source}", DIM)
