"""``bouncewise policy``: the numbers of the policy with their reasons, and the check of a policy
file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from bouncewise.classifier.classify import default_classifier
from bouncewise.cli.common import (
    BAD,
    DIM,
    GOOD,
    HEAD,
    config_option,
    echo,
    json_option,
    policy_option,
    style,
)
from bouncewise.cli.spelling import completer, did_you_mean
from bouncewise.config.load import load as load_config
from bouncewise.contract import dumps
from bouncewise.contract.runs import PolicyCheckRow, PolicyNumberRow
from bouncewise.errors import InputError, RuleError
from bouncewise.model import Cause
from bouncewise.policy.examples import outcome
from bouncewise.policy.load import Policy, load

FILE = click.argument(
    "file", required=False, envvar="BOUNCEWISE_POLICY", type=click.Path(path_type=Path)
)

_PARTS = (
    "dead",
    "incident",
    "alert",
    "trust",
    "complaint",
    "unsubscribe",
    "cost",
    "gate",
    "segment",
)


_complete = completer(lambda _ctx: ((name, why) for name, (_, why) in _numbers(load())))


@click.group("policy")
def command() -> None:
    """Print the numbers of the policy with their reasons; check a policy file of your own
    (docs/policy.md).

    \b
    bouncewise policy explain
    bouncewise policy check policy.toml
    """


@command.command(short_help="try the examples of a policy file")
@FILE
@config_option
@json_option
def check(file: Path | None, config_path: Path | None, as_json: bool) -> None:
    """Read FILE (default: BOUNCEWISE_POLICY, [defaults] policy of bouncewise.toml, or the shipped
    policy) strictly, and try every example. Exits 1 if one of FILE's own examples does not hold.

    Shipped examples that no longer hold are listed: they show what FILE changes.

    \b
    bouncewise policy check policy.toml
    """
    if file is None and (stated := load_config(config_path).settings.defaults.policy):
        file = Path(stated)
    policy, shipped = load(file), load().example
    advice = {cause: facts.advice for cause, facts in default_classifier().ruleset.causes.items()}
    wrong = 0
    for example in policy.example:
        try:
            got = outcome(example, policy, advice)
        except ValueError as bad:
            raise RuleError(f"{file}: example {example.story!r}: {bad}") from None
        if got == example.then:
            continue
        own = example not in shipped
        wrong += own
        row = PolicyCheckRow(
            story=example.story, of=example.of, expected=example.then, got=got, own=own
        )
        sign = style("✗", BAD) if own else style("≠ shipped:", HEAD)
        text = (
            f"{sign} {example.story}",
            f"    expected {_list(example.then)}",
            f"    but      {_list(got)}",
        )
        echo(*((dumps(row),) if as_json else text))
    if not (wrong or as_json):
        count = sum(example not in shipped for example in policy.example)
        echo(
            f"{style('✓', GOOD)} well formed; {count} examples of your own, {len(shipped)} shipped"
        )
    sys.exit(1 if wrong else 0)


@command.command(short_help="every number, with its reason and examples")
@click.argument("name", required=False, shell_complete=_complete)
@policy_option
@json_option
def explain(name: str | None, policy_path: Path | None, as_json: bool) -> None:
    """Print every number of the policy, or those of NAME (dead.hold_days, incident,
    window.mailbox-full), with reasons and examples.

    \b
    bouncewise policy explain dead.hold_days
    """
    policy, plain = load(policy_path), dict(_numbers(load()))
    rows = [
        (key, value, why)
        for key, (value, why) in _numbers(policy)
        if not name or f"{key}.".startswith(f"{name}.")
    ]
    if not rows:
        near = did_you_mean(str(name), plain) or " `bouncewise policy explain` lists them all."
        raise InputError(f"{name}: no such number.{near}")
    for key, value, why in rows:
        shipped = plain.get(key, (None, ""))[0]
        examples = [e for e in policy.example if key in e.of]
        if as_json:
            stories = [e.story for e in examples]
            echo(
                dumps(
                    PolicyNumberRow(
                        name=key, value=value, shipped=shipped, why=why, examples=tuple(stories)
                    )
                )
            )
            continue
        differs = "" if value == shipped else style(f"  (shipped: {_plain(shipped)})", BAD)
        echo(f"{style(f'{key} = {_plain(value)}', HEAD)}{differs}", f"    {why}")
        for example in examples:
            echo(style(f"    e.g. {example.story}", DIM))


def _numbers(policy: Policy) -> Iterator[tuple[str, tuple[Any, str]]]:
    """Each setting as (name, (value, reason)); a window is one. A reason stands behind the
    settings that it speaks for.
    """
    for part in _PARTS:
        waiting: list[tuple[str, Any]] = []
        for name, value in msgspec.to_builtins(getattr(policy, part)).items():
            if not name.endswith("_why"):
                waiting.append((f"{part}.{name}", value))
                continue
            yield from ((key, (number, value)) for key, number in waiting)
            waiting = []
    for table, rows in (("recovery", policy.recovery), ("window", policy.window)):
        for row in rows:
            value = {k: v for k, v in msgspec.to_builtins(row).items() if k not in ("cause", "why")}
            yield f"{table}.{Cause(row.cause)}", (value, row.why)


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {v}" for k, v in value.items())
    return str(value)


def _list(lines: tuple[str, ...]) -> str:
    return ", ".join(lines) or "nothing"
