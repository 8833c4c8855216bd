"""``bouncewise incidents``: many good addresses turning bad at once, and refusals of ourselves that many receivers share."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from bouncewise import contract, guard, undo
from bouncewise.cli.common import (
    BAD,
    DIM,
    HEAD,
    default_db,
    json_option,
    ledger_options,
    moment,
    open_ledger,
    out,
    paint,
    policy,
)
from bouncewise.errors import InputError
from bouncewise.judge import default
from bouncewise.model import Alert, Incident


@click.group("incidents", invoke_without_command=True, short_help="outages of directories, and blocks of ourselves")
@click.option("--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="How far back.")
@click.option(
    "--db", envvar="BOUNCEWISE_DB", metavar="URL", help=f"The ledger: an SQLite file. Default: {default_db()}"
)
@json_option
@click.pass_context
def command(ctx: click.Context, days: int, db: str | None, as_json: bool) -> None:
    """List incidents, the latest first, and alerts: refusals of our IP, domain or content at a receiver.

    \b
    bouncewise incidents
    bouncewise incidents ignore @tenant.example --opened 2026-11-20T08:00Z

    While an incident is open, whom it refused is held and not suppressed; when it has passed, they are mailed once more.
    """
    if ctx.invoked_subcommand:
        return
    with open_ledger(db) as ledger:
        latest = undo.latest(ledger)
        since = latest - timedelta(days=days)
        for incident in ledger.traffic.incidents():
            if (incident.closed or latest) >= since:
                out(contract.dumps(contract.incident(incident)) if as_json else _incident(incident))
        causes = default().ruleset.causes
        for alert in guard.alerts(ledger, since):
            do = tuple(causes[alert.cause].do)
            out(contract.dumps(contract.alert(alert, do)) if as_json else _alert(alert, do))


def _incident(i: Incident) -> str:
    until = f"{i.closed:%Y-%m-%d %H:%M}" if i.closed else "open"
    fate = "it passed" if i.recovered else "they are gone" if i.closed else "held"
    what = f"{i.flipped} of {i.mailed} good addresses refused, usually {i.usual or 0:.2%}"
    if i.usual is None:
        what = f"all {i.flipped} addresses refused, nobody there was ever delivered to"
    return f"{i.opened:%Y-%m-%d %H:%M} - {until}  {paint(i.unit, BAD)}  {what}; {fate}"


def _alert(a: Alert, do: tuple[str, ...]) -> str:
    where = ", ".join(r or "other hosts" for r in a.receivers)
    lines = [
        f"{a.since:%Y-%m-%d %H:%M} - {a.until:%Y-%m-%d %H:%M}  {paint(f'{a.cause} at {where}', HEAD)}  {a.refused} addresses,"
        f" {a.share:.0%} of the mail there; no address is touched",
        *(paint(f"    said: {words[:110]}", DIM) for words in a.samples),
        *(f"    do:   {step}" for step in do),
    ]
    return "\n".join(lines)


@command.command()
@click.argument("unit")
@click.option("--opened", required=True, metavar="TIME", help="When it opened, as `bouncewise incidents` says.")
@ledger_options
def ignore(unit: str, opened: str, db: str | None, policy_path: Path | None) -> None:
    """Say that UNIT (a receiver, or @domain) had no incident: its refusals count as any other."""
    with open_ledger(db) as ledger:
        when = moment(opened)[0]
        if not undo.ignore(unit, when, ledger, policy(policy_path)):
            raise InputError(f"no incident at {unit} opened {when:%Y-%m-%d %H:%M}; `bouncewise incidents` lists them")
        out(f"{unit}: no incident; decisions made again")
