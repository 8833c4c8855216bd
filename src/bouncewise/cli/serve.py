"""``bouncewise serve``: the service, in the foreground."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bouncewise.cli.common import (
    config_option,
    echo,
    echo_error,
    json_option,
    ledger_options,
    load_classifier,
    load_configuration,
    load_policy,
    open_context,
    rules_option,
)
from bouncewise.cli.feeding import Feeding, feed_process
from bouncewise.cli.places import ledger_location
from bouncewise.config.settings import Settings
from bouncewise.contract import dumps
from bouncewise.contract.service import ServeRecord
from bouncewise.errors import LedgerError, missing_extra
from bouncewise.ledger import exists

if TYPE_CHECKING:
    from bouncewise.operations.context import Context
    from bouncewise.service.app import Pages


@click.command("serve")
@click.option(
    "--check-config", is_flag=True, help="Only check the configuration; exit 2 if it is wrong."
)
@click.option(
    "--role", type=click.Choice(["all", "ledger", "inputs", "outgoing"]), default="all", hidden=True
)
@config_option
@rules_option
@ledger_options
@json_option
def command(
    check_config: bool,
    role: str,
    config_path: Path | None,
    rule_paths: tuple[Path, ...],
    db: str | None,
    policy_path: Path | None,
    as_json: bool,
) -> None:
    """Run the service: webhooks and mail come in, mail servers and programs ask before they send.

    What is received is kept in a spool on disk before it is acknowledged, and goes from there into
    the ledger. By default HTTP listens on 127.0.0.1:8025, and the policy server for Postfix on
    127.0.0.1:8026; bouncewise.toml changes that (docs/service.md). SIGHUP reads the configuration
    again; only what it says about where to listen needs a restart.

    \b
    bouncewise serve --config /etc/bouncewise/bouncewise.toml
    """
    settings, _ = load_configuration(config_path)
    location = ledger_location(db)
    folder = (
        Path(settings.spool.folder) if settings.spool.folder else location.path.parent / "spool"
    )
    try:
        from bouncewise.service import front, outgoing  # noqa: F401
        from bouncewise.service.inputs import sources
    except ImportError:
        raise missing_extra(
            "service", "serve", "starlette, uvicorn and prometheus-client"
        ) from None
    if role == "ledger":
        _drain(folder, settings, config_path, rule_paths, db, policy_path)
        return
    inputs = sources(settings, folder)
    if role == "inputs":
        options = Feeding(db, policy_path, rule_paths, load_configuration(config_path))
        feed_process(inputs, options, folder)
        return
    if role == "outgoing":
        opening = _opening(db, policy_path, rule_paths, config_path)
        outgoing.run(location, folder, settings, opening, _tell)
        return
    webhooks = _checked(settings)
    names = [source.name for source in inputs]
    record = _record(settings, location.name, folder, webhooks, names)
    if check_config:
        echo(*([dumps(record)] if as_json else _summary(record)))
        return
    for line in _summary(record):
        _tell(line)
    _run(settings, folder, config_path, rule_paths, db, policy_path)


def _checked(settings: Settings) -> dict[str, str]:
    """The webhooks with their providers. Raises ConfigError where something is not complete."""
    from bouncewise.service.doctor_inputs import check_inputs
    from bouncewise.service.hooks import hooks
    from bouncewise.service.tokens import Tokens
    from bouncewise.service.users import Users

    found = hooks(settings.webhook, settings.http.public_url)
    Tokens(settings.token)
    Users(settings)
    check_inputs(settings)
    return {name: hook.esp.name for name, hook in found.items()}


def _run(
    settings: Settings,
    folder: Path,
    config_path: Path | None,
    rule_paths: tuple[Path, ...],
    db: str | None,
    policy_path: Path | None,
) -> None:
    """Run the front process, and the others beside it."""
    from bouncewise.service import front, outgoing, supervise
    from bouncewise.service.inputs import sources
    from bouncewise.service.spool import spool_id

    _try_ledger(db, policy_path, rule_paths, is_first=not spool_id(folder))

    def commands(settings: Settings) -> list[supervise.Command]:
        also = {"inputs": sources(settings, folder), "outgoing": outgoing.is_needed(settings)}
        roles = ["ledger", *(role for role, is_needed in also.items() if is_needed)]
        return [
            supervise.Command((sys.executable, *_same_arguments(role)), _tell, role)
            for role in roles
        ]

    supervisor = supervise.Supervisor(commands(settings))

    def reload() -> Settings:
        """The settings anew, checked; the other processes read them when they are started again."""
        settings = load_configuration(config_path)[0]
        _checked(settings)
        supervisor.restart(commands(settings))
        return settings

    setup = front.Setup(
        settings,
        ledger_location(db),
        folder,
        load_policy(policy_path),
        lambda: load_classifier(rule_paths),
        reload,
        _tell,
        _pages() if settings.dashboard.enabled else None,
    )
    front.run(setup, supervisor.running)


def _pages() -> Pages:
    """The dashboard. Raises InputError where its packages are missing."""
    try:
        from bouncewise.dashboard.inside import pages
    except ImportError:
        raise missing_extra("service", "serve", "jinja2 and python-multipart") from None
    return pages


def _try_ledger(
    db: str | None, policy_path: Path | None, rule_paths: tuple[Path, ...], *, is_first: bool
) -> None:
    """Open the ledger, or make it. An error ends the first start, where --db may name the wrong
    file; a service that has a spool already starts, and receives until the ledger is repaired.
    """
    try:
        is_new = not exists(ledger_location(db))
        with open_context(db, policy_path, rule_paths, create=is_first and is_new):
            pass
    except LedgerError:
        if is_first:
            raise


def _record(
    settings: Settings, ledger: str, spool: Path, webhooks: dict[str, str], inputs: list[str]
) -> ServeRecord:
    return ServeRecord(
        ledger=ledger,
        spool=str(spool),
        http=settings.http.listen,
        postfix_policy=settings.postfix_policy.listen,
        socketmap=settings.socketmap.listen,
        tcp_table=settings.tcp_table.listen,
        lmtp=settings.smtp.lmtp,
        smtp=settings.smtp.listen,
        accept=settings.smtp.accept,
        webhooks=webhooks,
        tokens=tuple(token.name for token in settings.token),
        dashboard=_dashboard_url(settings),
        inputs=tuple(inputs),
        alerts=tuple(target.name for target in settings.alert),
        sync=tuple(table.name for table in settings.sync if table.every),
    )


def _dashboard_url(settings: Settings) -> str:
    if not settings.dashboard.enabled:
        return "off"
    return settings.http.public_url or f"http://{settings.http.listen}"


def _drain(
    folder: Path,
    settings: Settings,
    config_path: Path | None,
    rule_paths: tuple[Path, ...],
    db: str | None,
    policy_path: Path | None,
) -> None:
    from bouncewise.service import ledger_process
    from bouncewise.service.spool import Keep

    ledger_process.run(
        folder,
        ledger_location(db),
        _opening(db, policy_path, rule_paths, config_path),
        Keep(settings.spool.keep_days, settings.spool.max_bytes),
        _tell,
    )


def _opening(
    db: str | None,
    policy_path: Path | None,
    rule_paths: tuple[Path, ...],
    config_path: Path | None,
) -> Callable[[], Context]:
    return lambda: open_context(
        db,
        policy_path,
        rule_paths,
        write=True,
        configuration=load_configuration(config_path),
    )


def _same_arguments(role: str) -> list[str]:
    """This command again, as another process."""
    return ["-m", "bouncewise", *sys.argv[1:], "--role", role]


def _summary(record: ServeRecord) -> list[str]:
    accepted = f" for {', '.join(record.accept)}" if record.accept else ""
    webhooks = ", ".join(f"{name} ({esp})" for name, esp in record.webhooks.items()) or "none"
    return [
        f"ledger {record.ledger}, spool {record.spool}",
        f"HTTP {record.http}; webhooks: {webhooks}; tokens: {', '.join(record.tokens) or 'none'}",
        f"Postfix policy {record.postfix_policy}; socketmap {record.socketmap}; tcp_table "
        f"{record.tcp_table}; LMTP {record.lmtp}; SMTP {record.smtp}{accepted}",
        *([f"dashboard {record.dashboard}"] if record.dashboard != "off" else []),
        *([f"inputs: {', '.join(record.inputs)}"] if record.inputs else []),
        *([f"alerts: {', '.join(record.alerts)}"] if record.alerts else []),
        *([f"sync: {', '.join(record.sync)}"] if record.sync else []),
    ]


def _tell(line: str) -> None:
    """One line for the operator; journald and syslog add the time."""
    echo_error(line, is_essential=True)
    sys.stderr.flush()
