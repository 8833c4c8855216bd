"""``bouncewise incidents``: provider outages, and refusals of the sender that receivers share."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import click

from bouncewise.cli.common import (
    BAD,
    DIM,
    EARLIEST,
    HEAD,
    by_option,
    days_option,
    db_option,
    dry_run_option,
    echo,
    echo_error,
    json_option,
    ledger_options,
    load_classifier,
    load_policy,
    open_ledger,
    parse_optional_time,
    parse_time,
    policy_option,
    style,
    why_option,
)
from bouncewise.cli.grid import Column, clock, day, print_table, wrapped
from bouncewise.cli.spelling import receivers, suggest_receiver
from bouncewise.contract import dumps
from bouncewise.contract.incidents import AlertRow, IncidentDetails, IncidentRow, RulingRecord
from bouncewise.ledger import Store
from bouncewise.ledger.deliveries import OWN_DNS
from bouncewise.model import Alert, Incident, Ruling, State
from bouncewise.operations import incidents as operation
from bouncewise.operations.alerts import CLAIMS_DO, alerts
from bouncewise.operations.rulings import (
    Author,
    apply_ruling,
    close_incident,
    ignore_incident,
    states_at,
)
from bouncewise.operations.suppress import effective_time

SHOWN = 10
"""Addresses that ``show`` names; --json names all."""

_WORDS = 110  # characters shown of a reply


@click.group(
    "incidents",
    invoke_without_command=True,
)
@days_option(30)
@db_option
@policy_option
@json_option
@click.pass_context
def command(
    ctx: click.Context, days: int, db: str | None, policy_path: Path | None, as_json: bool
) -> None:
    """List incidents, the latest first, and alerts: receivers that refuse your IP address,
    domain or content.

    \b
    bouncewise incidents
    bouncewise incidents show google
    bouncewise incidents close google --why "status page: resolved"
    bouncewise incidents ignore google --opened 2026-11-20T08:00Z --why "our test"

    While an incident is open, the addresses that it refused are held, not suppressed; when it is
    over, each is mailed once more.
    """
    if not ctx.invoked_subcommand:
        _list(days, db, policy_path, as_json)


@command.command("list", short_help="the same as `incidents` without a command")
@days_option(30)
@db_option
@policy_option
@json_option
def list_(days: int, db: str | None, policy_path: Path | None, as_json: bool) -> None:
    """List incidents, the latest first, and alerts.

    \b
    bouncewise incidents list --days 7
    """
    _list(days, db, policy_path, as_json)


def _list(days: int, db: str | None, policy_path: Path | None, as_json: bool) -> None:
    with open_ledger(db) as ledger:
        latest = operation.latest(ledger)
        since, found = operation.since_days(ledger, days)
        for incident in found if as_json else ():
            echo(dumps(IncidentRow.of(incident)))
        if not as_json:
            print_table(_COLUMNS, map(_incident, found))
        causes = load_classifier().ruleset.causes
        open_alerts = list(alerts(ledger, load_policy(policy_path), since))
        for alert in open_alerts:
            do = tuple(causes[alert.cause].do) if alert.cause else CLAIMS_DO
            echo(*([dumps(AlertRow.of(alert, do))] if as_json else _alert(alert, do)))
    if not found and not open_alerts:
        end = "now" if latest < EARLIEST else day(latest)  # (a ledger without evidence)
        echo_error(f"note: no incident and no alert in the {days} days before {end}")


_COLUMNS = (
    Column("opened"),
    Column("closed"),
    Column("at", colour=BAD),
    Column("result"),
    Column("what happened", text=True),
)


def _incident(i: Incident) -> tuple[str, ...]:
    span = clock(i.opened), clock(i.closed) or "open"
    if i.destination == OWN_DNS:
        return (
            *span,
            "your own DNS resolver",
            "check it",
            f"{i.newly_refused} domains with deliveries failed in DNS at once; none is held for it",
        )
    result = (
        "over, addresses accept mail again"
        if i.recovered
        else "mailboxes gone"
        if i.closed
        else "addresses held"
    )
    if i.baseline_rate is None:
        what = f"all {i.newly_refused} addresses refused, no mail was ever delivered there"
    else:
        what = (
            f"{i.newly_refused} of {i.mailed} mails to recently delivered addresses refused, "
            f"baseline rate {i.baseline_rate:.2%}"
        )
    return (*span, i.destination, result, what)


def _alert(a: Alert, do: tuple[str, ...]) -> list[str]:
    where = ", ".join(r or "other hosts" for r in a.receivers)
    what = (
        f"{a.refused} addresses, {a.share:.0%} of the mail there; no address is suppressed for it"
        if a.cause
        else f"{a.refused} notices that nothing proves, more than a day's "
        f"limit; none of them holds an address"
    )
    lines = [
        style(f"{f'{a.cause} at {where}' if a.cause else 'claims'}", HEAD)
        + f"  {clock(a.since)} to {clock(a.until)}",
        *wrapped(what, "    "),
    ]
    for words in a.samples:
        lines += (
            style(line, DIM) for line in wrapped(f"reply: {words[:_WORDS]}", "    ", " " * 11)
        )
    for step in do:
        lines += wrapped(f"do:    {step}", "    ", " " * 11)
    return lines


@command.command(short_help="one incident in full: addresses, states, replies")
@click.argument("name", shell_complete=receivers)
@click.option("--opened", metavar="TIME", help="When it opened. Default: the latest.")
@db_option
@json_option
def show(name: str, opened: str | None, db: str | None, as_json: bool) -> None:
    """Show the incident of NAME (a receiver, or @domain): the addresses that it refused, their
    states, the replies.

    \b
    bouncewise incidents show google
    """
    suggest_receiver(name)
    with open_ledger(db) as ledger:
        incident = operation.find_incident(ledger, name, parse_optional_time(opened, "--opened"))
        found = operation.details(ledger, incident)
        states = states_at(found.names, ledger, effective_time(ledger, datetime.now(UTC)))
    record = IncidentDetails.of_details(found, states)
    echo(*([dumps(record)] if as_json else _details(found, states)))


def _details(found: operation.Details, states: dict[str, State]) -> list[str]:
    counts = ", ".join(f"{n} {state}" for state, n in Counter(states.values()).most_common())
    more = (
        f" and {len(found.names) - SHOWN} more (--json lists all)"
        if len(found.names) > SHOWN
        else ""
    )
    return [
        *_incident(found.incident),
        f"    refused: {len(found.names)} addresses, now {counts}",
        *(style(f"    reply:   {words[:_WORDS]}", DIM) for words in found.samples),
        *(f"    {r.by} on {clock(r.at)}: {_ruling(r)}  {r.why}".rstrip() for r in found.rulings),
        f"    {', '.join(found.names[:SHOWN])}{more}",
    ]


def _ruling(ruling: Ruling) -> str:
    return f"over since {clock(ruling.closed)}" if ruling.closed else "marked as a false alarm"


@command.command(short_help="mark as over; each held address is mailed once more")
@click.argument("name", shell_complete=receivers)
@click.option(
    "--ended", metavar="TIME", help="When it ended. Default: now, or the end of the evidence."
)
@why_option()
@by_option
@dry_run_option("Print whose state would change.")
@ledger_options
@json_option
def close(
    name: str,
    ended: str | None,
    why: str,
    by: str,
    dry_run: bool,
    db: str | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """Mark the incident of NAME (a receiver, or @domain) as over: each address that it holds is
    mailed once more.

    \b
    bouncewise incidents close google --why "status page: resolved" --dry-run

    Later refusals count as usual.
    """
    suggest_receiver(name)
    with open_ledger(db, write=True) as ledger:
        author = Author(by, why, effective_time(ledger, datetime.now(UTC)))
        ruling = close_incident(ledger, name, parse_optional_time(ended, "--ended"), author)
        _apply(ruling, ledger, policy_path, dry_run, as_json)


@command.command(short_help="mark as a false alarm; its bounces then count as usual")
@click.argument("name", shell_complete=receivers)
@click.option(
    "--opened",
    required=True,
    metavar="TIME",
    help="When it opened, as `bouncewise incidents` prints it.",
)
@why_option()
@by_option
@dry_run_option("Print whose state would change.")
@ledger_options
@json_option
def ignore(
    name: str,
    opened: str,
    why: str,
    by: str,
    dry_run: bool,
    db: str | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """Mark the incident of NAME (a receiver, or @domain) as a false alarm: its refusals then
    count as usual.

    \b
    bouncewise incidents ignore google --opened 2026-11-20T08:00Z \\
        --why "our own test" --dry-run
    """
    suggest_receiver(name)
    with open_ledger(db, write=True) as ledger:
        author = Author(by, why, effective_time(ledger, datetime.now(UTC)))
        ruling = ignore_incident(ledger, name, parse_time(opened, "--opened"), author)
        _apply(ruling, ledger, policy_path, dry_run, as_json)


def _apply(
    ruling: Ruling, ledger: Store, policy_path: Path | None, dry_run: bool, as_json: bool
) -> None:
    """Store the ruling, and print whose state differs."""
    changed = apply_ruling(ruling, ledger, load_policy(policy_path), dry_run=dry_run)
    if as_json:
        echo(dumps(RulingRecord.of(ruling, changed, dry_run=dry_run)))
        return
    for (before, after), n in Counter((c.before, c.after) for c in changed).most_common():
        echo(f"{n} addresses {'would change' if dry_run else 'changed'} from {before} to {after}")
    if not changed:
        echo(f"No address {'would change' if dry_run else 'changed'}.")
    dry = " (dry run: nothing stored)" if dry_run else ""
    echo(f"{ruling.destination}: the incident of {clock(ruling.opened)} {_ruling(ruling)}{dry}")
