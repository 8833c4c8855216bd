"""``bouncewise alerts``: the alerts that wait and those that were given up; a test of a target."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from bouncewise.cli.common import (
    BAD,
    DIM,
    config_option,
    db_option,
    echo,
    echo_error,
    json_option,
    load_configuration,
    open_ledger,
    style,
)
from bouncewise.config.outgoing import AlertTarget
from bouncewise.contract import dumps
from bouncewise.contract.watch import MessageRow
from bouncewise.errors import NotFoundError
from bouncewise.operations import outbox
from bouncewise.operations.alert_senders import send


@click.group("alerts")
def command() -> None:
    """Show the alerts that wait to be delivered and those that were given up; send those again; try
    an [[alert]] of bouncewise.toml.

    \b
    bouncewise alerts list
    bouncewise alerts test ops
    """


@command.command("list")
@db_option
@json_option
def list_messages(db: str | None, as_json: bool) -> None:
    """List the alerts that wait, the oldest first, then those that were given up. Exits 1 if there
    are any of the latter.

    \b
    bouncewise alerts list
    """
    with open_ledger(db) as ledger:
        waiting, dead = outbox.waiting(ledger), outbox.dead(ledger)
    for message in (*waiting, *dead):
        row = MessageRow.of(message, is_dead=message in dead)
        echo(dumps(row) if as_json else _line(row))
    if not waiting and not dead:
        echo_error("note: no alert waits")
    sys.exit(1 if dead else 0)


@command.command("retry")
@click.argument("ids", metavar="[ID…]", nargs=-1)
@db_option
@json_option
def retry(ids: tuple[str, ...], db: str | None, as_json: bool) -> None:
    """Let alerts wait again that were given up: those with these IDs, or all. The service delivers
    them, or the next `bouncewise watch`.

    \b
    bouncewise alerts retry
    """
    with open_ledger(db, write=True) as ledger:
        found = outbox.revive(ledger, ids, datetime.now(UTC))
    for message in found:
        row = MessageRow.of(message, is_dead=False)
        echo(dumps(row) if as_json else _line(row))
    if not found:
        echo_error("note: none was given up")


@command.command("test")
@click.argument("name")
@config_option
@json_option
def test(name: str, config_path: Path | None, as_json: bool) -> None:
    """Send a test to the [[alert]] NAME. Exits 2 if it is not delivered, and says why.

    \b
    bouncewise alerts test ops
    """
    settings, _ = load_configuration(config_path)
    outbox.require_names(settings.alert)
    target = _target(name, settings.alert)
    message = outbox.test_message(target, datetime.now(UTC))
    send(target, message, datetime.now(UTC))
    row = MessageRow.of(message, is_dead=False)
    echo(dumps(row) if as_json else f"delivered to {name}: {message.changes[0].words}")


def _target(name: str, targets: tuple[AlertTarget, ...]) -> AlertTarget:
    for target in targets:
        if target.name == name:
            return target
    known = ", ".join(target.name for target in targets) or "none"
    raise NotFoundError(f"no [[alert]] {name} in bouncewise.toml; there are: {known}")


def _line(row: MessageRow) -> str:
    state = style("given up", BAD) if row.dead else f"{'waiting':8}"
    fault = style(f"  {row.tries} tries: {row.fault}", DIM) if row.fault else ""
    return f"{row.id}  {state}  {row.target}  {row.words}{fault}"
