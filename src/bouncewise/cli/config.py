"""``bouncewise config``: what bouncewise.toml states, where it is, and whether it is well
formed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import click

from bouncewise.cli.common import (
    DIM,
    GOOD,
    HEAD,
    config_option,
    echo,
    json_option,
    ledger_options,
    load_classifier,
    load_policy,
    rules_option,
    style,
)
from bouncewise.cli.from_file import FromFile
from bouncewise.cli.places import ledger_location
from bouncewise.config.describe import values
from bouncewise.config.keys import VARIABLE, Keyring, load_keyring
from bouncewise.config.load import find, load, places
from bouncewise.config.settings import Settings
from bouncewise.contract import dumps
from bouncewise.contract.settings import ConfigCheckRecord, ConfigPlaceRow, SettingRow
from bouncewise.intake.sns_mail import sns_keys_of
from bouncewise.service.doctor_inputs import check_inputs, check_lists


@click.group("config")
def command() -> None:
    """Show, find and check the configuration file (docs/configuration.md). Everything works without
    one.

    \b
    bouncewise config show
    bouncewise config check --config /etc/bouncewise/bouncewise.toml
    """


@command.command(short_help="print every setting, and where its value comes from")
@ledger_options
@rules_option
@config_option
@json_option
@click.pass_context
def show(
    ctx: click.Context,
    db: str | None,
    policy_path: Path | None,
    rule_paths: tuple[Path, ...],
    config_path: Path | None,
    as_json: bool,
) -> None:
    """Print every setting with its value and where that comes from: an option, an environment
    variable, the file, or the default. Each precedes those behind it.

    \b
    bouncewise config show
    bouncewise config show --db /srv/ledger.sqlite --json
    """
    loaded = load(config_path)
    effective = {
        "db": ledger_location(db).name,
        "policy": policy_path and str(policy_path),
        "rules": [str(path) for path in rule_paths],
    }
    options = {f"defaults.{o.key}": o for o in ctx.command.params if isinstance(o, FromFile)}
    if not as_json:
        echo(style(f"# {loaded.path or 'no configuration file: defaults'}", DIM))
    for name, value, is_stated in values(loaded):
        origin, variable = "file" if is_stated else "default", ""
        if option := options.get(name):
            value, origin = effective[option.key], option.origin(ctx)
            variable = str(option.envvar)
        elif name == "verp.key_file" and os.environ.get(VARIABLE, "").strip():
            value, origin, variable = None, "environment", VARIABLE
        if as_json:
            echo(dumps(SettingRow(name=name, value=value, origin=origin)))
            continue
        shown = ", ".join(value) if isinstance(value, list) else value
        line = f"{name} = {'' if shown is None else shown}".rstrip()
        source = variable if origin == "environment" else origin
        echo(f"{line if origin == 'default' else style(line, HEAD)}  {style(f'# {source}', DIM)}")


@command.command(short_help="list where the file is looked for")
@config_option
@json_option
def path(config_path: Path | None, as_json: bool) -> None:
    """List where the file is looked for, in order; ✓ is the one that is read.

    \b
    bouncewise config path
    """
    read = find(config_path)
    for place in (config_path,) if config_path else places():
        row = ConfigPlaceRow(path=str(place), exists=place.exists(), is_read=place == read)
        echo(dumps(row) if as_json else f"{style('✓', GOOD) if row.is_read else ' '} {place}")


@command.command(short_help="read the file and all that it names strictly")
@ledger_options
@rules_option
@config_option
@json_option
def check(
    db: str | None,
    policy_path: Path | None,
    rule_paths: tuple[Path, ...],
    config_path: Path | None,
    as_json: bool,
) -> None:
    """Read the file, the keys, the policy file and the rules strictly, and see that each input and
    list is complete; `bouncewise doctor` looks whether they can be reached.

    Exits 2 if something is wrong, and names the file and the line or the key. Prints which settings
    have no effect and what they need.

    \b
    bouncewise config check --config /etc/bouncewise/bouncewise.toml
    """
    loaded = load(config_path)
    keyring = load_keyring(loaded.settings)
    sns_keys_of(loaded.settings.trust)
    load_policy(policy_path)
    load_classifier(rule_paths)
    check_inputs(loaded.settings)
    check_lists(loaded.settings)
    advice = tuple(_advice(loaded.settings, keyring))
    place = ledger_location(db)
    if db is not None and not place.url and not place.path.exists():
        advice += (f"[defaults] db: no ledger at {place.name} yet; `bouncewise ingest` creates it",)
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
    if settings.syslog and settings.http.listen == "off":
        yield "[[syslog]]: `bouncewise serve` listens; /metrics shows it only with [http] listen"
    if settings.verp.since and not keyring:
        yield "[verp] since: without keys it has no effect"
