"""``bouncewise tokens``: tokens for the HTTP server."""

from __future__ import annotations

import click

from bouncewise.cli.common import echo, echo_error, json_option
from bouncewise.cli.spelling import Names
from bouncewise.config import values
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
@json_option
def make_token(name: str, scopes: tuple[str, ...], as_json: bool) -> None:
    """Make a token for NAME. Standard output gets the lines for bouncewise.toml, which contain
    only its SHA-256, and standard error the token, which cannot be shown again.

    \b
    bouncewise tokens make shop >> /etc/bouncewise/bouncewise.toml
    bouncewise tokens make prometheus --scope metrics
    """
    try:
        values.name(name)
    except ValueError as bad:
        raise InputError(f"NAME: {bad}") from None
    made = make(name, tuple(map(TokenScope, scopes)) or (TokenScope.CHECK,))
    if as_json:
        echo(dumps(TokenRecord(name=name, token=made.token, lines=made.lines)))
        return
    token = f"the token of {name}, shown only now: {made.token}"
    echo_error(token, is_essential=True)
    echo("", *made.lines.rstrip("\n").split("\n"))
