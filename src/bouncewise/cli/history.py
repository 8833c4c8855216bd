"""``bouncewise history``: all that is known of one address or domain, in the order of time."""

from __future__ import annotations

from pathlib import Path

import click

from bouncewise import contract
from bouncewise.cli.common import (
    DIM,
    HEAD,
    at_option,
    json_option,
    ledger_options,
    moment,
    open_ledger,
    out,
    paint,
    policy,
)
from bouncewise.operations import pipeline
from bouncewise.rfc import address


@click.command("history", short_help="all that happened to an address or @domain")
@click.argument("name")
@at_option
@ledger_options
@json_option
def command(name: str, at: str | None, db: str | None, policy_path: Path | None, as_json: bool) -> None:
    """The timeline of an ADDRESS or @domain: what came, what was said, who did what, and what follows.

    \b
    bouncewise history jo@example.com
    """
    when, past = moment(at)
    who = address.normalise(name)
    with open_ledger(db) as ledger:
        for event in ledger.history(who, when if past else None):
            if as_json:
                out(contract.dumps(contract.event(event)))
            else:
                by = f"by {event.by}" if event.by else event.rule
                out(
                    f"{event.at:%Y-%m-%d %H:%M}  {event.kind:10} {event.cause or '':20} {event.words}  {paint(by, DIM)}"
                )
        _, decision = next(pipeline.decisions_on((who,), ledger, policy(policy_path), when))
        if not as_json:
            until = f" until {decision.until:%Y-%m-%d %H:%M}" if decision.until else ""
            out(paint(f"{who}: {decision.state}{until}  {decision.why}".rstrip(), HEAD))
