"""``bouncewise missed``: who did not get which message, to send it again."""

from __future__ import annotations

import csv
from collections import Counter
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import click

from bouncewise.cli.common import (
    DIM,
    HEAD,
    at_option,
    config_option,
    echo,
    json_option,
    ledger_options,
    load_configuration,
    open_context,
    parse_moment,
    parse_optional_time,
    style,
)
from bouncewise.cli.grid import Column, clock, print_table
from bouncewise.cli.places import ledger_files
from bouncewise.cli.spelling import CAUSES, receivers, require_receiver, suggest_receiver
from bouncewise.contract import dumps
from bouncewise.contract.missed import MissedRow
from bouncewise.encode import for_csv
from bouncewise.model import Cause
from bouncewise.operations.missed import Missed, MissedFilter, MissedMails, missed
from bouncewise.output import open_output, require_distinct

AGE_LIMIT = timedelta(days=7)
"""Failures before this are not listed unless --since names an earlier time: hardly any mail is
still worth sending a week later."""

_COLUMNS = (
    "address",
    "message_id",
    "stream",
    "campaign",
    "failed_at",
    "receiver",
    "cause",
    "reason",
    "reply",
    "send",
    "until",
    "why",
)


@click.command("missed")
@click.option("--since", metavar="TIME", help="Failed at or after this time. Default: 7 days ago.")
@click.option("--until", metavar="TIME", help="Failed before this time. Default: now.")
@click.option(
    "--receiver",
    metavar="ID",
    shell_complete=receivers,
    help="Refused by this receiver: google, microsoft …",
)
@click.option(
    "--incident",
    metavar="NAME",
    shell_complete=receivers,
    help="Refused during an incident of this receiver or @domain only.",
)
@click.option(
    "--cause",
    metavar="CAUSE",
    type=CAUSES,
    help="Refused for this cause only, whoever is at fault.",
)
@click.option(
    "--all", "with_unmailable", is_flag=True, help="Also addresses that may not be mailed now."
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the rows into this CSV file.",
)
@at_option
@config_option
@ledger_options
@json_option
def command(
    since: str | None,
    until: str | None,
    receiver: str | None,
    incident: str | None,
    cause: str | None,
    with_unmailable: bool,
    output: Path | None,
    at: str | None,
    config_path: Path | None,
    db: str | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """List who did not get which message although the address is good: after an outage of a
    receiver, a block of your mail, or a fault of yours. Transactional mail comes first.

    A message is left out if it was delivered to the address later, or another one of its campaign.
    Refusals for which the message is at fault need `--cause`.

    \b
    bouncewise missed --incident google -o resend.csv
    bouncewise missed --since 2026-11-20 --cause reputation
    """
    if receiver:
        require_receiver(receiver)
    suggest_receiver(incident)
    moment = parse_moment(at)
    wanted = MissedFilter(
        parse_optional_time(since, "--since") or moment.at - AGE_LIMIT,
        parse_optional_time(until, "--until") or moment.at,
        receiver,
        incident,
        Cause(cause) if cause else None,
    )
    if wanted.since >= wanted.until:
        raise click.UsageError("--since must be before --until")
    require_distinct({"--output": output}, {"the policy": policy_path, **ledger_files(db)})
    configuration = load_configuration(config_path)
    with open_context(db, policy_path, configuration=configuration) as context:
        found = missed(context, wanted, moment.at)
    rows = [row for row in found.rows if with_unmailable or row.may_be_mailed]
    if output is not None:
        _write(rows, output)
    elif as_json:
        for row in rows:
            echo(dumps(MissedRow.of(row)))
    else:
        print_table(_SHOWN, map(_shown, rows))
    if not as_json:
        echo(*_summary(found, rows, wanted, output))


def _write(rows: list[Missed], output: Path) -> None:
    with ExitStack() as files:
        target = files.enter_context(open_output(output, encoding="utf-8", newline=""))
        writer = csv.writer(target, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for row in rows:
            record = MissedRow.of(row)
            cells = (getattr(record, name) for name in _COLUMNS)
            writer.writerow([_cell(cell) for cell in cells])


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return for_csv("" if value is None else str(value))


_SHOWN = (
    Column("when"),
    Column("address"),
    Column("message", text=True),
    Column("cause"),
    Column("reply", text=True),
    Column("not now", text=True, colour=DIM),
)


def _shown(row: Missed) -> tuple[str, ...]:
    mail = row.mail
    name = mail.message_id or mail.campaign or "not known"
    blocked = "" if row.may_be_mailed else row.decision.why
    return clock(mail.at), mail.name, name, str(mail.cause), mail.words, blocked


def _summary(
    found: MissedMails, rows: list[Missed], wanted: MissedFilter, output: Path | None
) -> list[str]:
    addresses = len({row.mail.name for row in rows})
    into = f" written to {output}" if output else ""
    lines = [
        style(
            f"{len(rows):,} messages to {addresses:,} addresses{into}, failed from "
            f"{clock(wanted.since)} to {clock(wanted.until)}",
            HEAD,
        )
    ]
    by_reason = Counter((row.reason, row.mail.receiver, row.mail.cause) for row in rows)
    for (reason, receiver, cause), count in by_reason.most_common(10):
        lines.append(f"{count:>8,}  {reason:9}  {receiver or 'other receivers':16}  {cause}")
    if found.delivered_since:
        lines.append(f"{found.delivered_since:,} more were delivered later")
    if left_out := len(found.rows) - len(rows):
        lines.append(
            f"{left_out:,} more are to addresses that may not be mailed now; --all lists them"
        )
    return lines
