"""``bouncewise history``: every event of one address or domain, in the order of time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from bouncewise.cli.common import (
    DIM,
    HEAD,
    at_option,
    echo,
    echo_error,
    json_option,
    ledger_options,
    load_policy,
    open_ledger,
    parse_moment,
    parse_name,
    style,
)
from bouncewise.cli.grid import Column, clock, print_table
from bouncewise.contract import dumps
from bouncewise.contract.addresses import EventRow
from bouncewise.model import Event, Trust
from bouncewise.operations.decisions import decision_on


@click.command("history")
@click.argument("name")
@at_option
@ledger_options
@json_option
def command(
    name: str, at: str | None, db: str | None, policy_path: Path | None, as_json: bool
) -> None:
    """Print the timeline of an ADDRESS or @domain: deliveries, refusals, acts of people, and the
    decision that follows.

    \b
    bouncewise history jo@example.com
    """
    when, past = parse_moment(at)
    name = parse_name(name)
    policy = load_policy(policy_path)
    with open_ledger(db) as ledger:
        history = ledger.history(name, when if past else None)
        if as_json:
            for event in history:
                echo(dumps(EventRow.of(event)))
            return
        is_any = print_table(_COLUMNS, map(_cells, history))
        decision = decision_on(name, ledger, policy, when)
    if not is_any:
        echo_error(f"note: nothing is known of {name}")
    until = f" until {clock(decision.until)}" if decision.until else ""
    echo(style(f"{name}: {decision.state}{until}  {decision.why}".rstrip(), HEAD))


_COLUMNS = (
    Column("when"),
    Column("event"),
    Column("cause"),
    Column("reply or reason", text=True),
    Column("by", text=True, colour=DIM),
)


def _cells(event: Event) -> tuple[str, ...]:
    by = f"by {event.by}" if event.by else event.rule
    words = ", ".join([*filter(None, [by]), *_remarks(event)])
    return clock(event.at), event.kind, event.cause or "", event.words, words


def _remarks(event: Event) -> Iterator[str]:
    """What limits an event: its trust, the address that we mailed, and its time."""
    if event.trust is not Trust.OWN:
        yield f"{event.trust} ({event.proof})" if event.proof else event.trust.value
    if event.about:
        yield f"reported for {event.about}" if event.meant else f"mailed as {event.about}"
    if event.undated:
        yield "time of reading"
