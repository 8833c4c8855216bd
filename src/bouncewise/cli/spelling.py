"""Names that arguments take: what a shell completes, and what a misspelt one may mean. The nearest
name is suggested, and nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from bouncewise.cli.common import load_classifier
from bouncewise.errors import BouncewiseError, InputError
from bouncewise.model import Cause

if TYPE_CHECKING:
    from bouncewise.rules.load import RuleSet

    Choice = click.Choice[str]
else:
    Choice = click.Choice  # (generic from click 8.2 on)

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

_FEW = 12  # names that an error lists


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question that names what is spelt most like *name*; '' if nothing is near."""
    near = get_close_matches(name, list(known), 1, 0.75)
    return f" Did you mean '{near[0]}'?" if near else ""


def require_receiver(name: str, rules: RuleSet | None = None) -> None:
    """Raise InputError if *name* is not the id of a receiver."""
    known = [receiver.id for receiver in (rules or load_classifier().ruleset).receivers]
    if name not in known:
        raise InputError(f"--receiver {name}: no such receiver.{did_you_mean(name, known)}")


def suggest_receiver(name: str | None) -> None:
    """Raise InputError if *name* is spelt almost like a receiver, and is none. Other names pass:
    receivers come and go with the rules.
    """
    known = [receiver.id for receiver in load_classifier().ruleset.receivers] if name else []
    if name and name not in known and (near := did_you_mean(name, known)):
        raise InputError(f"{name}: no such receiver.{near}")


def near_rule(name: str | None) -> str:
    """The question whether another rule is meant; '' where *name* is one, or nothing is near."""
    known = [rule.id for rule in load_classifier().ruleset.rules] if name else []
    return did_you_mean(name, known) if name and name not in known else ""


class Names(Choice):
    """One of several names; the error suggests the nearest, and lists them if they are few."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name. Raises BadParameter."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            near = did_you_mean(str(value), self.choices)
            is_listed = not near or len(self.choices) <= _FEW
            known = f" Known: {', '.join(self.choices)}." if is_listed else ""
            self.fail(f"no such name: {str(value)!r}.{near}{known}", param, ctx)


CAUSES = Names([cause.value for cause in Cause])
"""The causes."""


def completer(names: Callable[[click.Context], Iterable[tuple[str, str]]]) -> Completer:
    """What a shell completes from *names* and a word on each. Nothing where they cannot be read."""

    def complete(
        ctx: click.Context, _parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        try:
            return [CompletionItem(n, help=t) for n, t in names(ctx) if n.startswith(incomplete)]
        except BouncewiseError:
            return []

    return complete


def _rules(ctx: click.Context) -> Iterator[tuple[str, str]]:
    rules = load_classifier(ctx.params.get("rule_paths") or ()).ruleset.rules
    yield from ((rule.id, rule.cause) for rule in rules)


def file_paths(
    _ctx: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Files, as the shell completes them, for arguments that are not only files."""
    return [CompletionItem(incomplete, type="file")]


causes = completer(lambda _ctx: ((cause.value, "") for cause in Cause))
"""Causes, for an argument that may be something else."""

receivers = completer(lambda _ctx: ((r.id, r.name) for r in load_classifier().ruleset.receivers))
"""Ids of receivers."""

rule_ids = completer(_rules)
"""Ids of rules, with their causes."""
