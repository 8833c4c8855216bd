"""``bouncewise tokens``: tokens for the HTTP server."""

from __future__ import annotations

import click

from bouncewise.cli.common import echo, echo_error, json_option
from bouncewise.cli.spelling import Names
from bouncewise.config import values, web_values
from bouncewise.config.service import TokenScope
from bouncewise.contract import dumps
from bouncewise.contract.service import TokenRecord
from bouncewise.errors import InputError
from bouncewise.service.tokens import make


@click.group("tokens")
def command() -> None:
    """Make tokens for the HTTP server (docs/service.md).

    \b
    bouncewise tokens make shop >> /etc/bouncewise/bouncewise.toml
    """


@command.command("make")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=Names([s.value for s in TokenScope]),
    help="What it allows; default: check. Repeatable.",
)
@click.option(
    "--origin",
    "origins",
    metavar="URL",
    multiple=True,
    help="A site whose pages may contain the token, such as https://shop.example; its scope is "
    "validate. Repeatable.",
)
@click.option(
    "--rate", metavar="N", type=click.IntRange(0, 1_000_000), help="Requests a minute, at most."
)
@json_option
def make_token(
    name: str, scopes: tuple[str, ...], origins: tuple[str, ...], rate: int | None, as_json: bool
) -> None:
    """Make a token for NAME. Standard output gets the lines for bouncewise.toml, which contain
    only its SHA-256, and standard error the token, which cannot be shown again.

    \b
    bouncewise tokens make shop >> /etc/bouncewise/bouncewise.toml
    bouncewise tokens make prometheus --scope metrics
    bouncewise tokens make forms --origin https://shop.example
    """
    wanted = tuple(map(TokenScope, scopes))
    if origins and wanted not in ((), (TokenScope.VALIDATE,)):
        raise click.UsageError("a token of web pages has the scope validate, and no other")
    default = TokenScope.VALIDATE if origins else TokenScope.CHECK
    try:
        values.name(name)
        sites = tuple(map(web_values.origin, origins))
    except ValueError as bad:
        raise InputError(str(bad)) from None
    made = make(name, wanted or (default,), sites, rate or 0)
    if as_json:
        echo(dumps(TokenRecord(name=name, token=made.token, lines=made.lines)))
        return
    token = f"the token of {name}, shown only now: {made.token}"
    echo_error(token, is_essential=True)
    echo("", *made.lines.rstrip("\n").split("\n"))
