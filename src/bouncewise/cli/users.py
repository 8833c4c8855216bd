"""``bouncewise users``: users of the dashboard."""

from __future__ import annotations

import sys

import click

from bouncewise.cli.common import echo, echo_error, json_option
from bouncewise.cli.spelling import Names
from bouncewise.config import values
from bouncewise.config.dashboard import Role
from bouncewise.contract import dumps
from bouncewise.contract.service import UserRecord
from bouncewise.errors import InputError
from bouncewise.service.passwords import make


@click.group("users")
def command() -> None:
    """Make users of the service's dashboard (docs/dashboard.md).

    \b
    bouncewise users make anna --role operator
    """


@command.command("make")
@click.argument("name")
@click.option(
    "--role",
    default=Role.VIEWER.value,
    show_default=True,
    type=Names([r.value for r in Role]),
    help="What the user may do: viewer sees every page, operator acts on addresses and incidents, "
    "admin imports lists as well.",
)
@json_option
def make_user(name: str, role: str, as_json: bool) -> None:
    """Make a user called NAME. The password is read from the terminal, or else from the first line
    of standard input; it has at least 15 characters. Standard output gets the lines for
    bouncewise.toml, which contain only its scrypt hash.

    \b
    bouncewise users make anna --role operator
    bouncewise users make anna >> /etc/bouncewise/bouncewise.toml
    """
    try:
        name = values.user_name(name)
    except ValueError as bad:
        raise InputError(f"NAME: {bad}") from None
    made = make(name, Role(role), _password())
    if as_json:
        echo(dumps(UserRecord(name=name, role=role, lines=made.lines)))
        return
    echo("", *made.lines.rstrip("\n").split("\n"))
    echo_error("add these lines to bouncewise.toml; `kill -HUP` of the service reads them")


def _password() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline(4096).rstrip("\r\n")
