"""``bouncewise sender volume``: mail per receiver and day against its history; a ramp."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from bouncewise.cli.common import (
    BAD,
    HEAD,
    days_option,
    echo,
    json_option,
    ledger_options,
    load_policy,
    open_ledger,
    style,
)
from bouncewise.contract import dumps
from bouncewise.contract.volume import VolumeRow
from bouncewise.operations.volume import ReceiverVolume, volumes
from bouncewise.times import day_start


@click.command("volume", short_help="mail per receiver against its history, bursts, a ramp")
@days_option(60)
@ledger_options
@json_option
def volume(days: int, db: str | None, policy_path: Path | None, as_json: bool) -> None:
    """Show the largest daily volume at each receiver, bursts (days with twice as much mail as any
    day of the four weeks before) with the rate-limit and reputation refusals of that and the next
    day, and a ramp of daily volumes to follow where refusals came. It is advice: no mail is held.
    `bouncewise policy explain volume.burst_factor` gives the reasons of the numbers.

    Exits 1 if refusals followed a burst.

    \b
    bouncewise sender volume
    """
    with open_ledger(db) as ledger:
        since = datetime.now(UTC) - timedelta(days=days)
        found = volumes(ledger, load_policy(policy_path), since)
    if as_json:
        echo(*(dumps(VolumeRow.of(row)) for row in found))
    elif not found:
        echo(f"no mail in the last {days} days")
    else:
        echo(*(line for row in found for line in _text(row)))
    raise SystemExit(1 if any(b.refused for row in found for b in row.pattern.bursts) else 0)


def _text(row: ReceiverVolume) -> list[str]:
    seen = row.pattern
    lines = [
        f"{style(row.receiver or 'other hosts', HEAD)}  largest day: {seen.largest:,}, "
        f"largest day with few refusals: {seen.safe:,}"
    ]
    for burst in seen.bursts:
        refused = style(f"{burst.refused:,} refused", BAD) if burst.refused else "none refused"
        lines.append(
            f"    {day_start(burst.day):%Y-%m-%d}  burst: {burst.volume:,} after at most "
            f"{burst.largest:,} a day; {refused} on that and the next day"
        )
    if seen.ramp:
        lines.append(f"    send at most, day by day: {', '.join(f'{n:,}' for n in seen.ramp)}")
    return lines
