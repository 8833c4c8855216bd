"""``bouncewise contact``: a letter to the postmaster of a receiver."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from bouncewise.cli.common import (
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
from bouncewise.cli.spelling import receivers as receiver_ids
from bouncewise.cli.spelling import suggest_receiver
from bouncewise.contract import dumps
from bouncewise.contract.contacts import ContactRecord
from bouncewise.errors import InputError
from bouncewise.lists.names import name_in
from bouncewise.operations.contact import Correspondence, correspondence
from bouncewise.rules.receivers import receivers


@click.command("contact")
@click.argument("receiver", shell_complete=receiver_ids)
@click.option(
    "--ip", "ips", multiple=True, metavar="IP", help="An IP address that you send from. Repeatable."
)
@days_option(30)
@db_option
@config_option
@json_option
def command(
    receiver: str,
    ips: tuple[str, ...],
    days: int,
    db: str | None,
    config_path: Path | None,
    as_json: bool,
) -> None:
    """Show where RECEIVER (a receiver's id such as google, a domain, or an address) accepts
    questions about refused mail, and write the letter: IP addresses, times, three complete replies
    of the ledger, and a place for what you changed. Nothing is sent.

    Only refusals of the sender or of the message count; notices that nothing proves do not.
    Correct the cause first: postmasters refuse requests without it.

    \b
    bouncewise contact google
    bouncewise contact example.com --ip 192.0.2.10
    """
    name = _name(receiver)
    own = [_ip(text) for text in ips]
    since = datetime.now(UTC) - timedelta(days=days)
    configuration = load_configuration(config_path)
    with open_context(db, None, configuration=configuration) as context:
        found = correspondence(context, name, own, since)
    if as_json:
        echo(dumps(ContactRecord.of(found)))
    else:
        echo(*_text(found, days))


def _name(text: str) -> str:
    """The id of a receiver, or a domain."""
    if any(text.lower() == receiver.id for receiver in receivers()):
        return text.lower()
    suggest_receiver(text)
    found = name_in(f"@{text.rpartition('@')[2]}")
    if found.error or "." not in found.key:
        raise InputError(f"{text}: no receiver of `bouncewise rules`, no domain and no address")
    return found.key.removeprefix("@")


def _ip(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        raise InputError(f"--ip {text}: not an IP address") from None


def _text(found: Correspondence, days: int) -> list[str]:
    lines = [style(found.name, HEAD)]
    for contact in found.contacts:
        lines += [f"  {contact.address}", f"      for: {contact.use}"]
        if contact.asks:
            lines.append(f"      asks for: {', '.join(contact.asks)}")
        lines.append(style(f"      source: {contact.source}", DIM))
    if not found.contacts:
        lines.append("  No form or address is known. Use the one that the reply names.")
    lines += [style(f"  page: {page}", DIM) for page in found.pages]
    lines += [
        f"  {count.refused:>8,}  {count.cause}  {count.first:%Y-%m-%d} to {count.last:%Y-%m-%d}"
        for count in found.counts
    ]
    if not found.text:
        return [*lines, "", f"No refusal of your mail in the ledger in the last {days} days."]
    return [*lines, "", *found.text.splitlines()]
