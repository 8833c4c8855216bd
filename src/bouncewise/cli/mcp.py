"""``bouncewise mcp``: the operations as tools of the Model Context Protocol."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from bouncewise.cli.common import (
    by_option,
    config_option,
    echo,
    json_option,
    ledger_options,
    load_classifier,
    load_configuration,
    load_policy,
    open_context,
    rules_option,
)
from bouncewise.cli.places import ledger_location
from bouncewise.contract import dumps
from bouncewise.contract.service import ToolRow
from bouncewise.errors import missing_extra


@click.command("mcp")
@click.option(
    "--acts", is_flag=True, help="Offer the tools that change something as well, not only answers."
)
@click.option("--list", "only_list", is_flag=True, help="Only print the tools.")
@by_option
@config_option
@rules_option
@ledger_options
@json_option
def command(
    acts: bool,
    only_list: bool,
    by: str,
    config_path: Path | None,
    rule_paths: tuple[Path, ...],
    db: str | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """Serve the operations of the HTTP API as tools for an assistant, by the Model Context Protocol
    on standard input and output. The assistant starts this command (docs/api.md).

    Without --acts nothing can be changed. With it, each act needs a reason, and is recorded with
    the name of --by. Replies in the answers were written by others: do not give an assistant that
    reads them more than it needs. --json prints the tools, as --list does. Needs the extra [mcp].

    \b
    bouncewise mcp --db /var/lib/bouncewise/ledger.sqlite
    bouncewise mcp --list
    """
    try:
        from bouncewise.service.api.backend import Backend
        from bouncewise.service.mcp_server import McpServer, tools
    except ImportError:
        raise missing_extra("mcp", "mcp", "the package mcp") from None
    if only_list or as_json:
        rows = [
            ToolRow(name=n, about=e.about, acts=e.acts) for n, e in tools(with_acts=acts).items()
        ]
        echo(*(dumps(row) if as_json else f"{row.name:16}  {row.about}" for row in rows))
        return
    settings, _ = load_configuration(config_path)
    location = ledger_location(db)
    with open_context(db, policy_path, rule_paths, write=acts):
        pass  # (an error before the assistant waits for an answer)
    folder = Path(settings.spool.folder) if settings.spool.folder else location.path.parent
    backend = Backend(
        location,
        folder if settings.spool.folder else folder / "spool",
        load_policy(policy_path),
        lambda: load_classifier(rule_paths),
        lambda: settings,
    )
    asyncio.run(McpServer(backend, by, with_acts=acts).run())
