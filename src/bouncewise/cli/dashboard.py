"""``bouncewise dashboard``: pages over a local ledger, in the browser."""

from __future__ import annotations

import ipaddress
import secrets
from pathlib import Path

import click

from bouncewise.cli.common import (
    HEAD,
    echo,
    json_option,
    ledger_options,
    load_classifier,
    load_policy,
    open_ledger,
    style,
)
from bouncewise.cli.places import ledger_location
from bouncewise.contract import dumps
from bouncewise.contract.service import DashboardRecord
from bouncewise.errors import InputError, missing_extra

_COULD_NOT_START = (1, 3)  # exit codes of uvicorn, which has printed why


@click.command("dashboard")
@click.option(
    "--listen",
    metavar="HOST:PORT",
    default="127.0.0.1:8030",
    show_default=True,
    help="Where to listen: an address of this machine only.",
)
@ledger_options
@json_option
def command(listen: str, db: str | None, policy_path: Path | None, as_json: bool) -> None:
    """Show the ledger in the browser: what needs you, incidents, receivers, addresses,
    suppressions, sources. The pages change nothing; Ctrl-C ends them.

    Open the address that is printed: it contains a token, and nobody without it sees anything. On
    a server, forward the port: ssh -L 8030:127.0.0.1:8030 server.

    \b
    bouncewise dashboard
    bouncewise dashboard --listen 127.0.0.1:9000
    """
    host, port = _place(listen)
    try:
        import uvicorn

        from bouncewise.dashboard.access import Access
        from bouncewise.dashboard.app import application
        from bouncewise.dashboard.views import Source
    except ImportError:
        raise missing_extra("service", "dashboard", "starlette, uvicorn and jinja2") from None
    location = ledger_location(db)
    open_ledger(db).close()  # a ledger that cannot be used ends the command
    token = secrets.token_urlsafe(24)
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{port}/?token={token}"
    if as_json:
        echo(dumps(DashboardRecord(url=url, ledger=location.name)))
    else:
        echo(style(url, HEAD))
    app = Access(
        application(Source(location, load_policy(policy_path), load_classifier())),
        token,
        frozenset({f"{shown}:{port}", f"localhost:{port}"}),
    )
    try:
        uvicorn.run(app, host=host, port=port, log_level="warning", server_header=False)
    except SystemExit as end:
        if end.code not in _COULD_NOT_START:  # (a signal)
            raise
        raise InputError(f"--listen {listen}: cannot listen there") from None


def _place(listen: str) -> tuple[str, int]:
    """Host and port. Raises InputError for what is no address of this machine only."""
    host, _, port = listen.rpartition(":")
    host = "127.0.0.1" if host == "localhost" else host.strip("[]")
    form = InputError(f"--listen {listen}: write an address and a port: 127.0.0.1:8030")
    if not port.isascii() or not port.isdigit() or not 0 < int(port[:6]) < 65536:
        raise form
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise form from None
    if not is_loopback:
        raise InputError(
            f"--listen {listen}: other machines could connect; use 127.0.0.1 and forward the port"
            " by ssh -L"
        )
    return host, int(port)
