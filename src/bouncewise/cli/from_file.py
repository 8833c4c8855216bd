"""Options that bouncewise.toml may set.

Reads: the command line, else the environment variable of the option, else `[defaults]` of the
configuration file that --config, BOUNCEWISE_CONFIG or the usual places name.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from bouncewise.cli.places import default_db
from bouncewise.cli.screen import detail

if TYPE_CHECKING:
    from bouncewise.config.load import Loaded

F = TypeVar("F", bound=Callable[..., Any])

_FILE = f"{__name__}.config"  # the key of click's Context.meta


class FromFile(click.Option):
    """An option whose default is *key* of `[defaults]`."""

    def __init__(self, *args: Any, key: str, **attributes: Any) -> None:
        attributes["show_envvar"] = True
        super().__init__(*args, **attributes)
        self.key = key

    def get_default(self, ctx: click.Context, call: bool = True) -> Any:
        """The value in the file, if it states one. Raises ConfigError."""
        if call and not ctx.resilient_parsing and (stated := self.stated(ctx)):
            return stated
        return super().get_default(ctx, call=call)

    def stated(self, ctx: click.Context) -> Any:
        """The value in the file; empty where there is none."""
        return getattr(_loaded(ctx).settings.defaults, self.key)

    def origin(self, ctx: click.Context) -> str:
        """Where the value comes from: ``option``, ``environment``, ``file`` or ``default``."""
        source = ctx.get_parameter_source(self.name or "")
        if source is ParameterSource.COMMANDLINE:
            return "option"
        if source is ParameterSource.ENVIRONMENT:
            return "environment"
        return "file" if self.stated(ctx) else "default"


def _loaded(ctx: click.Context) -> Loaded:
    """The configuration, read once for all options of a command."""
    from bouncewise.config.load import load

    named = ctx.meta.get(_FILE)
    key = f"{_FILE}.loaded"
    if key not in ctx.meta:
        ctx.meta[key] = load(named)
        detail("configuration", ctx.meta[key].path or "none")
    loaded: Loaded = ctx.meta[key]
    return loaded


def _keep(ctx: click.Context, _option: click.Parameter, path: Path | None) -> Path | None:
    ctx.meta[_FILE] = path
    return path


def from_file(*names: str, key: str, **attributes: Any) -> Callable[[F], F]:
    """An option that the file may set, and ``--config``, which names the file."""

    def decorate(f: F) -> F:
        option = click.option(*names, cls=FromFile, key=key, **attributes)
        return option(f if _has_config(f) else _config(f, expose_value=False))

    return decorate


def config_option(f: F) -> F:
    """``--config``, for a verb that takes the path as ``config_path``."""
    parameters: list[click.Parameter] = getattr(f, "__click_params__", [])
    parameters[:] = [p for p in parameters if p.name != "config_path"]
    return _config(f, expose_value=True)


def _has_config(f: Callable[..., Any]) -> bool:
    return any(p.name == "config_path" for p in getattr(f, "__click_params__", []))


def _config(f: F, *, expose_value: bool) -> F:
    return click.option(
        "--config",
        "config_path",
        envvar="BOUNCEWISE_CONFIG",
        show_envvar=True,
        metavar="FILE",
        type=click.Path(path_type=Path),
        is_eager=True,  # other options take their defaults from it
        expose_value=expose_value,
        callback=_keep,
        help="The configuration file (docs/configuration.md).",
    )(f)


def _shown_default() -> str:
    path, home = default_db(), os.environ.get("HOME", "").rstrip("/")
    if path is None:
        return "none without a home folder"
    inside = home and path.is_relative_to(home)
    return f"~/{path.relative_to(home)}" if inside else str(path)


db_option = from_file(
    "--db",
    key="db",
    envvar="BOUNCEWISE_DB",
    metavar="FILE|URL",
    help="The ledger: an SQLite file, or postgresql://USER@HOST/DB (docs/scaling.md). Default: "
    f"{_shown_default()}",
)
"""``--db``."""

policy_option = from_file(
    "--policy",
    "policy_path",
    key="policy",
    envvar="BOUNCEWISE_POLICY",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Your own policy file.",
)
"""``--policy``."""

rules_option = from_file(
    "--rules",
    "rule_paths",
    key="rules",
    multiple=True,
    envvar="BOUNCEWISE_RULES",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Your own rule file or folder; it comes before the shipped rules. Repeatable.",
)
"""``--rules``."""


def ledger_options(f: F) -> F:
    """``--db`` and ``--policy``."""
    return policy_option(db_option(f))
