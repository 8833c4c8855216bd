"""``bouncewise config``: what bouncewise.toml states, where it is, and whether it is well
formed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from bouncewise.cli.common import DIM, GOOD, HEAD, config_option, echo, json_option, style
from bouncewise.config.describe import values
from bouncewise.config.keys import Keyring, load_keyring
from bouncewise.config.load import find, load, places
from bouncewise.config.settings import Settings
from bouncewise.contract import dumps
from bouncewise.contract.settings import ConfigCheckRecord, ConfigPlaceRow, SettingRow
from bouncewise.intake.sns_mail import sns_keys_of


@click.group("config")
def command() -> None:
    """Show, find and check the configuration file (docs/configuration.md). Everything works without
    one.
    """


@command.command(short_help="print every setting with its value")
@config_option
@json_option
def show(config_path: Path | None, as_json: bool) -> None:
    """Print every setting with its value, below the name of the file."""
    loaded = load(config_path)
    if not as_json:
        echo(style(f"# {loaded.path or 'no configuration file: defaults'}", DIM))
    for name, value, is_set in values(loaded.settings):
        if as_json:
            echo(dumps(SettingRow(name=name, value=value, is_set=is_set)))
        else:
            shown = ", ".join(value) if isinstance(value, list) else value
            line = f"{name} = {'' if shown is None else shown}".rstrip()
            echo(style(line, HEAD) if is_set else line)


@command.command(short_help="list where the file is looked for")
@config_option
@json_option
def path(config_path: Path | None, as_json: bool) -> None:
    """List where the file is looked for, in order; ✓ is the one that is read."""
    read = find(config_path)
    for place in (config_path,) if config_path else places():
        row = ConfigPlaceRow(path=str(place), exists=place.exists(), is_read=place == read)
        echo(dumps(row) if as_json else f"{style('✓', GOOD) if row.is_read else ' '} {place}")


@command.command(short_help="read the file and the keys strictly")
@config_option
@json_option
def check(config_path: Path | None, as_json: bool) -> None:
    """Read the file and the keys strictly. Exits 2 where something is wrong; says what is missing
    for a setting to have an effect.
    """
    loaded = load(config_path)
    keyring = load_keyring(loaded.settings)
    sns_keys_of(loaded.settings.trust)
    advice = tuple(_advice(loaded.settings, keyring))
    if as_json:
        where = str(loaded.path) if loaded.path else None
        echo(dumps(ConfigCheckRecord(path=where, keys=keyring.ids, advice=advice)))
        return
    keys = f"; keys {', '.join(keyring.ids)}" if keyring else ""
    echo(f"{style('✓', GOOD)} {loaded.path or 'no configuration file: defaults'}{keys}")
    for line in advice:
        echo(f"  {line}")


def _advice(settings: Settings, keyring: Keyring) -> Iterator[str]:
    """What is not set and makes other settings useless."""
    if settings.feedback and not settings.own.authserv_id:
        yield "[feedback]: no report counts as verified without [own] authserv_id"
    for name, loop in settings.feedback.items():
        if not loop.dkim_domains:
            yield f"[feedback.{name}]: no report counts as verified without dkim_domains"
    if bool(settings.trust.sns_certificates) != bool(settings.trust.sns_topics):
        yield "[trust]: sns_certificates and sns_topics have an effect only together"
    if settings.verp.domain and not keyring:
        yield "[verp]: no keys; set key_file and run `bouncewise verp key`"
    if settings.verp.since and not keyring:
        yield "[verp] since: without keys it has no effect"
