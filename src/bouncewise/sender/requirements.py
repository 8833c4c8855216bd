"""What mailbox providers ask of senders, and whether a domain, address or message meets it.

Reads: requirements.toml, and the results of the checks. Gives: each requirement as met, unmet or
not checked. A requirement is met only where everything that it needs was given and answered.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Literal, NamedTuple

import msgspec

from bouncewise.sender.checks import CheckResult, Level


class Requirement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of requirements.toml. ``receiver``: its id in receivers.toml; ``since``: '' where the
    provider states no day.
    """

    provider: str
    receiver: str
    id: str
    words: str
    applies: str
    needs: Literal["domain", "ip", "message"]
    failed_by: tuple[str, ...]
    source: str
    looked: str
    since: str = ""
    statuses: tuple[str, ...] = ()


class Met(StrEnum):
    """Whether a requirement is met."""

    MET = "met"
    UNMET = "unmet"
    NOT_CHECKED = "not-checked"


class Judged(NamedTuple):
    """A requirement; ``by``: the checks that fail it; ``missing``: what was not given."""

    requirement: Requirement
    met: Met
    by: tuple[str, ...] = ()
    missing: str = ""


class _File(msgspec.Struct, forbid_unknown_fields=True):
    requirement: tuple[Requirement, ...]


@cache
def requirements() -> tuple[Requirement, ...]:
    """Every requirement, in the order of the file."""
    text = (resources.files("bouncewise.sender") / "requirements.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _File).requirement


def providers() -> tuple[str, ...]:
    """The providers, in the order of the file."""
    return tuple(dict.fromkeys(r.provider for r in requirements()))


def judge(
    results: Iterable[CheckResult], looked_at: Collection[str], wanted: Collection[str] = ()
) -> list[Judged]:
    """The requirements of the *wanted* providers (all, if none is named) by *results*.
    *looked_at*: what was given: ``domain``, ``ip``, ``message``.
    """
    results = list(results)
    ids = [result.id for result in results]
    silent = [result.parts for result in results if result.level is Level.UNKNOWN]
    found = []
    for requirement in requirements():
        if wanted and requirement.provider not in wanted:
            continue
        by = tuple(dict.fromkeys(name for name in ids if name in requirement.failed_by))
        if by:
            found.append(Judged(requirement, Met.UNMET, by))
        elif requirement.needs not in looked_at:
            found.append(Judged(requirement, Met.NOT_CHECKED, missing=requirement.needs))
        elif any(_needs(requirement, parts) for parts in silent):
            found.append(Judged(requirement, Met.NOT_CHECKED, missing="an answer of DNS"))
        else:
            found.append(Judged(requirement, Met.MET))
    return found


def _needs(requirement: Requirement, parts: tuple[str, ...]) -> bool:
    """Whether a requirement needs an answer that is missing for *parts*; (): for any of them."""
    return not parts or any(
        name.startswith(f"{part}-") for name in requirement.failed_by for part in parts
    )
