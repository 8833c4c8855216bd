"""``bouncewise incidents``: many good addresses turning bad at once, and refusals of ourselves that many receivers share."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from bouncewise import contract
from bouncewise.classifier.classify import default
from bouncewise.cli.common import (
    BAD,
    DIM,
    HEAD,
    by_option,
    db_option,
    json_option,
    ledger_options,
    moment,
    open_ledger,
    out,
    paint,
    policy,
    why_option,
)
from bouncewise.errors import InputError
from bouncewise.ledger import Ledger
from bouncewise.ledger.rulings import Ruling
from bouncewise.model import Alert, Incident
from bouncewise.operations import incidents, release

SHOWN = 10
"""Addresses that ``show`` names; --json names all."""


@click.group("incidents", invoke_without_command=True, short_help="outages of directories, and blocks of ourselves")
@click.option("--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="How far back.")
@db_option
@json_option
@click.pass_context
def command(ctx: click.Context, days: int, db: str | None, as_json: bool) -> None:
    """List incidents, the latest first, and alerts: refusals of our IP, domain or content at a receiver.

    \b
    bouncewise incidents
    bouncewise incidents show google
    bouncewise incidents close google --why "status page: resolved"
    bouncewise incidents ignore @tenant.example --opened 2026-11-20T08:00Z

    While an incident is open, whom it refused is held and not suppressed; when it has passed, they are mailed once more.
    """
    if ctx.invoked_subcommand:
        return
    with open_ledger(db) as ledger:
        latest = release.latest(ledger)
        since = latest - timedelta(days=days)
        for incident in ledger.traffic.incidents():
            if (incident.closed or latest) >= since:
                out(contract.dumps(contract.incident(incident)) if as_json else _incident(incident))
        causes = default().ruleset.causes
        for alert in incidents.alerts(ledger, since):
            do = tuple(causes[alert.cause].do)
            out(contract.dumps(contract.alert(alert, do)) if as_json else _alert(alert, do))


def _incident(i: Incident) -> str:
    until = f"{i.closed:%Y-%m-%d %H:%M}" if i.closed else "open"
    fate = "it passed" if i.recovered else "they are gone" if i.closed else "held"
    if i.usual is None:
        what = f"all {i.flipped} addresses refused, nobody there was ever delivered to"
    else:
        what = f"{i.flipped} of {i.mailed} good addresses refused, usually {i.usual:.2%}"
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


@command.command(short_help="one incident in full: whom it refused, how they stand, what was said")
@click.argument("unit")
@click.option("--opened", metavar="TIME", help="When it opened; default: the latest.")
@db_option
@json_option
def show(unit: str, opened: str | None, db: str | None, as_json: bool) -> None:
    """Show the incident of UNIT (a receiver, or @domain): whom it refused, how they stand, what the servers said.

    \b
    bouncewise incidents show google
    """
    with open_ledger(db) as ledger:
        when = moment(opened, "--opened")[0] if opened else None
        incident = release.incident_of(unit, when, ledger)
        found = release.scene(incident, ledger, release.acting_at(ledger, datetime.now(UTC)))
    out(contract.dumps(contract.scene(found)) if as_json else _scene(found))


def _scene(found: release.Scene) -> str:
    states = ", ".join(f"{n} {state}" for state, n in Counter(found.stands.values()).most_common())
    names = list(found.stands)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    lines = [
        _incident(found.incident),
        f"    refused: {len(names)} addresses, now {states}",
        *(paint(f"    said:    {words[:110]}", DIM) for words in found.samples),
        *(f"    {r.by} said on {r.at:%Y-%m-%d %H:%M}: {_verdict(r)}  {r.why}".rstrip() for r in found.rulings),
        f"    {', '.join(names[:SHOWN])}{more}",
    ]
    return "\n".join(lines)


def _verdict(said: Ruling) -> str:
    return f"over since {said.closed:%Y-%m-%d %H:%M}" if said.closed else "there was none"


@command.command(short_help="say that one is over: whom it holds is mailed once more")
@click.argument("unit")
@click.option("--at", "over", metavar="TIME", help="Since when; default: now, or the end of the evidence.")
@why_option(required=False)
@by_option
@click.option("--dry-run", is_flag=True, help="Say whose state would change, and do nothing.")
@ledger_options
@json_option
def close(
    unit: str, over: str | None, why: str, by: str, dry_run: bool, db: str | None, policy_path: Path | None, as_json: bool
) -> None:  # fmt: skip
    """Say that the incident of UNIT (a receiver, or @domain) is over: whom it holds is mailed once more.

    \b
    bouncewise incidents close google --why "status page: resolved" --dry-run

    Refusals after that count as any others do.
    """
    with open_ledger(db) as ledger:
        now = release.acting_at(ledger, datetime.now(UTC))
        incident = release.incident_of(unit, None, ledger)
        closed = moment(over)[0] if over else now
        if not over and incident.closed:
            raise InputError(
                f"the incident at {unit} was over at {incident.closed:%Y-%m-%d %H:%M}; --at TIME says an earlier time"
            )
        if closed <= incident.opened:
            raise InputError(
                f"it opened at {incident.opened:%Y-%m-%d %H:%M}: --at has to be later, or see `incidents ignore`"
            )
        _rule(Ruling(unit, incident.opened, closed, now, why, by), ledger, policy_path, dry_run, as_json)


@command.command(short_help="say that there was none: its refusals count as any other")
@click.argument("unit")
@click.option("--opened", required=True, metavar="TIME", help="When it opened, as `bouncewise incidents` says.")
@why_option(required=False)
@by_option
@click.option("--dry-run", is_flag=True, help="Say whose state would change, and do nothing.")
@ledger_options
@json_option
def ignore(
    unit: str, opened: str, why: str, by: str, dry_run: bool, db: str | None, policy_path: Path | None, as_json: bool
) -> None:  # fmt: skip
    """Say that UNIT (a receiver, or @domain) had no incident: its refusals count as any other."""
    with open_ledger(db) as ledger:
        now = release.acting_at(ledger, datetime.now(UTC))
        incident = release.incident_of(unit, moment(opened, "--opened")[0], ledger)
        _rule(Ruling(unit, incident.opened, None, now, why, by), ledger, policy_path, dry_run, as_json)


def _rule(said: Ruling, ledger: Ledger, policy_path: Path | None, dry_run: bool, as_json: bool) -> None:
    """Enter it, and tell whose state differs."""
    changed = release.rule(said, ledger, policy(policy_path), dry_run=dry_run)
    if as_json:
        out(contract.dumps(contract.ruling(said, changed, dry_run)))
        return
    for (before, after), n in Counter((before, after) for _, before, after in changed).most_common():
        out(f"{n} addresses {'would go' if dry_run else 'went'} from {before} to {after}")
    out(f"{said.unit}: {_verdict(said)}{'; nothing was entered' if dry_run else ''}")
