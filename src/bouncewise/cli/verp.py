"""``bouncewise verp``: signed return addresses, and the keys that sign them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from bouncewise.cli.common import BAD, GOOD, config_option, echo, json_option, style
from bouncewise.config.keys import VARIABLE, create_key, load_keyring
from bouncewise.config.load import load
from bouncewise.contract import dumps
from bouncewise.contract.settings import ReturnAddressRow, VerpCheckRow, VerpKeyRecord
from bouncewise.errors import ConfigError
from bouncewise.verp import Outcome, VerpCheck, address, check


@click.group("verp")
def command() -> None:
    """Make and check signed return addresses (VERP), and the keys that sign them (docs/trust.md).

    \b
    bouncewise verp key
    from=$(bouncewise verp address jo@example.com)
    sendmail -f "$from" jo@example.com < mail.eml
    """


@command.command("address", short_help="print signed return addresses")
@click.argument("recipients", nargs=-1, required=True, metavar="RECIPIENT…")
@config_option
@json_option
def make(recipients: tuple[str, ...], config_path: Path | None, as_json: bool) -> None:
    """Print the envelope sender for mail to each RECIPIENT (-: those on standard input).

    It is signed with the newest key and valid for [verp] days.

    \b
    bouncewise verp address jo@example.com
    """
    loaded = load(config_path)
    verp, keyring = loaded.settings.verp, load_keyring(loaded.settings)
    if not verp.domain:
        raise ConfigError(
            f"{loaded.path or 'bouncewise.toml'}: [verp] domain: missing; it is the domain of "
            "return addresses"
        )
    now = datetime.now(UTC)
    for recipient in _lines(recipients):
        made = address(recipient, verp.domain, keyring, now, prefix=verp.prefix)
        row = ReturnAddressRow(recipient=recipient, address=made)
        echo(dumps(row) if as_json else made)


@command.command("check", short_help="check return addresses")
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS…")
@config_option
@json_option
def check_addresses(addresses: tuple[str, ...], config_path: Path | None, as_json: bool) -> None:
    """Print what each ADDRESS proves (-: those on standard input). Exits 1 if one is not valid.

    \b
    bouncewise verp check - < return-addresses.txt
    """
    settings = load(config_path).settings
    keyring, now = load_keyring(settings), datetime.now(UTC)
    if not keyring:
        raise ConfigError(f"no keys: set [verp] key_file or {VARIABLE}")
    all_valid = True
    for text in _lines(addresses):
        found = check(text.strip("<>"), keyring, now, days=settings.verp.days)
        all_valid &= found.outcome is Outcome.VALID
        echo(dumps(VerpCheckRow.of(text, found)) if as_json else _line(found))
    sys.exit(0 if all_valid else 1)


@command.command("key", short_help="add a key")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@config_option
@json_option
def new_key(file: Path | None, config_path: Path | None, as_json: bool) -> None:
    """Add a new key to FILE, or to [verp] key_file; a new file is readable by its owner only.

    The new key signs from now on. Keep earlier keys until the addresses that they signed have
    expired.

    \b
    bouncewise verp key /etc/bouncewise/verp.keys
    """
    settings = load(config_path).settings
    path = file or (Path(settings.verp.key_file) if settings.verp.key_file else None)
    if path is None:
        raise ConfigError("no FILE: name one, or set [verp] key_file in the configuration")
    ids = create_key(path).ids
    if as_json:
        echo(dumps(VerpKeyRecord(path=str(path), key_id=ids[-1], keys=ids)))
    else:
        echo(f"{path}: key {ids[-1]} signs from now on; keys in the file: {', '.join(ids)}")


def _lines(arguments: Iterable[str]) -> Iterator[str]:
    for argument in arguments:
        if argument != "-":
            yield argument
        else:
            yield from (line.strip() for line in sys.stdin if line.strip())


def _line(found: VerpCheck) -> str:
    sign = style(found.outcome, GOOD if found.outcome is Outcome.VALID else BAD)
    recipient = found.recipient or (found.recipient_id and f"id {found.recipient_id}")
    issued = f"issued {found.issued} with key {found.key_id}" if found.issued else ""
    return "  ".join(filter(None, (sign, recipient, issued)))
