"""``bouncewise fetch``: mailboxes into the ledger."""

from __future__ import annotations

import contextlib
import shlex
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click
import msgspec

from bouncewise.cli.common import (
    config_option,
    dry_run_option,
    echo,
    json_option,
    ledger_options,
    load_configuration,
    open_ledger,
    rules_option,
)
from bouncewise.cli.feeding import Feeding, feed, tell
from bouncewise.config import values
from bouncewise.config.inputs import Fetch, MailboxKind, Security
from bouncewise.contract import dumps
from bouncewise.contract.service import FeedRecord
from bouncewise.errors import InputError, LedgerError
from bouncewise.readers import Note
from bouncewise.readers.base import Item
from bouncewise.service.feeder import Source
from bouncewise.service.mailboxes.mailbox import Mailbox

_SCHEMES = {
    "imaps": (MailboxKind.IMAP, Security.TLS),
    "imap": (MailboxKind.IMAP, Security.STARTTLS),
    "pop3s": (MailboxKind.POP3, Security.TLS),
    "pop3": (MailboxKind.POP3, Security.STARTTLS),
}


@click.command("fetch")
@click.argument("mailboxes", nargs=-1, metavar="[NAME|URL]…")
@click.option("--password", metavar="PLACE", default="", help="`file:/PATH` or `env:VARIABLE`.")
@click.option(
    "--token-command", metavar="COMMAND", help="A program that prints an OAuth 2 access token."
)
@click.option("--move-to", metavar="FOLDER", default="", help="Move reports that were read.")
@click.option("--delete", is_flag=True, help="Delete reports that were read; there is no undo.")
@click.option("--follow", is_flag=True, help="Go on with what arrives, until it is interrupted.")
@dry_run_option("Print what would be read, and moved or deleted.")
@config_option
@rules_option
@ledger_options
@json_option
def command(
    mailboxes: tuple[str, ...],
    password: str,
    token_command: str | None,
    move_to: str,
    delete: bool,
    follow: bool,
    dry_run: bool,
    config_path: Path | None,
    rule_paths: tuple[Path, ...],
    db: str | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """Read the new messages of mailboxes into the ledger: those of bouncewise.toml that are named,
    all of them, or those at URLs, `imaps://USER@HOST/FOLDER` or `pop3s://USER@HOST`; an @ in USER
    is written `%40`. Mailboxes of Microsoft 365 and Gmail by their APIs stand in bouncewise.toml
    (docs/inputs.md).

    Messages stay where they are, and the ledger stores how far a mailbox was read. Only messages
    that are themselves reports, and are in the ledger, are moved or deleted; letters of people and
    automatic replies stay. Exits 1 if a mailbox could not be read.

    \b
    bouncewise fetch imaps://bo%40b.example@imap.b.example --password env:PASSWORD
    bouncewise fetch --move-to Done bounces
    """
    configuration = load_configuration(config_path)
    configured = {fetch.name: fetch for fetch in configuration[0].fetch}
    given: dict[str, object] = {}
    if password:
        given["password"] = _checked(values.secret_place, password, "--password")
    if token_command:
        given["token_command"] = tuple(shlex.split(token_command))
    if move_to:
        given |= {"move_to": _checked(values.mailbox, move_to, "--move-to"), "delete": False}
    if delete:
        given |= {"delete": True, "move_to": move_to}
    found = [_named(name, configured) for name in mailboxes] or list(configured.values())
    if not found:
        raise click.UsageError("name a mailbox, or write [[fetch]] into bouncewise.toml")
    boxes = [Mailbox(msgspec.structs.replace(fetch, **given)) for fetch in found]
    if dry_run:
        sys.exit(_dry_run(boxes, db, as_json))
    sources: list[Source] = [*boxes]
    once = not follow
    sys.exit(feed(sources, Feeding(db, policy_path, rule_paths, configuration, once, as_json)))


def _named(name: str, configured: dict[str, Fetch]) -> Fetch:
    """The mailbox of that name, or at that URL."""
    if "://" not in name:
        if name not in configured:
            known = ", ".join(configured) or "none"
            raise InputError(f"{name}: no such mailbox in bouncewise.toml; known are {known}")
        return configured[name]
    try:
        url = urlsplit(name)
        kind, security = _SCHEMES[url.scheme]
        if url.password is not None:
            raise InputError("the URL has a password, which other users see: use --password")
        return Fetch(
            kind=kind,
            host=values.host(url.hostname or ""),
            port=url.port or 0,
            security=security,
            user=values.line(unquote(url.username or "")),
            folder=values.mailbox(unquote(url.path.strip("/")) or "INBOX"),
        )
    except (ValueError, KeyError):
        raise InputError(f"{name}: write imaps://USER@HOST/FOLDER or pop3s://USER@HOST") from None


def _checked(check: object, text: str, option: str) -> str:
    try:
        return str(check(text))  # type: ignore[operator]
    except ValueError as bad:
        raise click.UsageError(f"{option}: {bad}") from None


class _Shown:
    """An outlet that stores nothing."""

    is_once = True
    is_stopping = False

    def __init__(self) -> None:
        self.reports = 0

    def store(self, items: list[Item], position: str) -> list[Item]:
        self.reports += sum(not isinstance(item, Note) for item in items)
        return []

    def tell(self, line: str) -> None:
        tell(line)

    def look(self) -> None:
        pass


def _dry_run(boxes: list[Mailbox], db: str | None, as_json: bool) -> int:
    """Count what would be read."""
    reports = 0
    for box in boxes:
        position = ""
        with contextlib.suppress(LedgerError), open_ledger(db) as ledger:  # (there may be none yet)
            position = ledger.remembered(box.name)
        shown = _Shown()
        count = box.try_out(position, shown)
        reports += shown.reports
        if not as_json:
            echo(f"{box.name}: {shown.reports:,} reports in {count:,} messages {box.act}")
    if as_json:
        echo(dumps(FeedRecord(reports=reports, new=0, failed=())))
    return 0
