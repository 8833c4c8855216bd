"""``bouncewise watch``: what got worse, or better, since the last run."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from bouncewise.cli.common import (
    BAD,
    DIM,
    GOOD,
    config_option,
    db_option,
    echo,
    echo_error,
    json_option,
    load_configuration,
    open_context,
    resolver_option,
    style,
)
from bouncewise.cli.grid import clock
from bouncewise.contract import dumps, time
from bouncewise.contract.watch import WatchRow
from bouncewise.errors import InputError
from bouncewise.net.dns import remembering, system_resolver
from bouncewise.net.dnssec import validator
from bouncewise.net.https import fetch
from bouncewise.net.smtp import connector
from bouncewise.operations import outbox
from bouncewise.operations.alert_senders import send
from bouncewise.operations.watch import Watched, watch
from bouncewise.operations.watch_ledger import LedgerLooks
from bouncewise.sender import blocklists
from bouncewise.sender.audit import Network
from bouncewise.sender.transport import MAX_POLICY
from bouncewise.sender.watching import Change, Noted, Turn

_COLOURS = {
    Turn.BEGAN: BAD,
    Turn.WORSE: BAD,
    Turn.CHANGED: BAD,
    Turn.BETTER: GOOD,
    Turn.ENDED: GOOD,
}


@click.command("watch")
@click.option("--all", "everything", is_flag=True, help="Look at everything, due or not.")
@click.option(
    "--standing", is_flag=True, help="Print every problem that stands, not only the changes."
)
@resolver_option
@config_option
@db_option
@json_option
def command(
    everything: bool,
    standing: bool,
    resolver: str,
    config_path: Path | None,
    db: str | None,
    as_json: bool,
) -> None:
    """Look at your domains' records (with DNSSEC, MTA-STS and, with `[watch] smtp`, certificates),
    blocklists, DMARC reports (that stop, or name a new source of mail) and sources that fall
    silent, as far as each is due; at incidents, receivers that refuse you, and failures that are
    not understood. Print only what changed. Run it every hour from cron; `bouncewise serve` does it
    by itself where there is an [[alert]].

    The domains and IP addresses are those of `[watch]` in bouncewise.toml. A listing counts when
    two runs at least ten minutes apart agree. The changes are also sent to each [[alert]]. Exits 1
    if something began or got worse, 2 if an alert could not be delivered: the next run tries it
    again. Needs the extra [sender].

    \b
    bouncewise watch
    bouncewise watch --all --standing
    """
    settings, _ = load_configuration(config_path)
    domains = settings.watch.domains or settings.own.domains
    if not domains and not settings.watch.ips:
        raise InputError(
            "Nothing to watch: set [watch] domains and ips, or [own] domains, in bouncewise.toml"
        )
    watched = Watched(
        domains,
        tuple(map(ipaddress.ip_address, settings.watch.ips)),
        blocklists.shipped().zone,
        remembering(system_resolver(server=resolver)),
        Network(
            fetch=partial(fetch, limit=MAX_POLICY),
            validate=validator(resolver),
            connect=connector() if settings.watch.smtp else None,
        ),
    )
    outbox.require_names(settings.alert)
    now = datetime.now(UTC)
    with open_context(db, None, create=True) as context:
        looks = LedgerLooks(context)
        look = watch(
            context.ledger,
            watched,
            now,
            everything=everything,
            targets=settings.alert,
            more=(looks.refusals, looks.unclassified, looks.incidents),
        )
        faults = outbox.deliver(context.ledger, settings.alert, send, now)
    shown = [Change(Turn.BEGAN, noted) for noted in look.standing] if standing else look.changes
    for change in shown:
        turn = "stands" if standing else change.turn.value
        if as_json:
            echo(dumps(_row(turn, change.problem)))
        else:
            echo(*_lines(turn, change))
    for fault in faults:
        echo_error(f"bouncewise: {fault}")
    is_worse = any(change.is_worse for change in look.changes)
    raise SystemExit(2 if faults else 1 if is_worse else 0)


def _row(turn: str, noted: Noted) -> WatchRow:
    return WatchRow(
        turn=turn,
        part=noted.part,
        id=noted.id,
        level=noted.level,
        words=noted.words,
        fix=noted.fix,
        since=time(datetime.fromtimestamp(noted.since, UTC)),
        details=noted.details,
    )


def _lines(turn: str, change: Change) -> list[str]:
    noted = change.problem
    since = clock(datetime.fromtimestamp(noted.since, UTC))
    colour = _COLOURS[change.turn]
    head = f"{style(f'{turn:7}', colour)} {noted.level:8} {noted.words}"
    if change.turn is Turn.ENDED:
        return [f"{head}{style(f'  (since {since})', DIM)}"]
    return [head, *([style(f"        {noted.fix}", DIM)] if noted.fix else [])]
