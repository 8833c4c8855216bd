"""Names that an argument misspells: the nearest one is suggested, and nothing is guessed."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING

from bouncewise.cli.common import load_classifier
from bouncewise.errors import InputError

if TYPE_CHECKING:
    from bouncewise.rules.load import RuleSet


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question that names what is spelt most like *name*; '' if nothing is near."""
    near = get_close_matches(name, list(known), 1, 0.75)
    return f" Did you mean '{near[0]}'?" if near else ""


def require_receiver(name: str, rules: RuleSet | None = None) -> None:
    """Raise InputError if *name* is not the id of a receiver."""
    known = [receiver.id for receiver in (rules or load_classifier().ruleset).receivers]
    if name not in known:
        raise InputError(f"--receiver {name}: no such receiver.{did_you_mean(name, known)}")
