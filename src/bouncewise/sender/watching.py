"""What changed between two looks at the same things: problems that began, got worse or better, and
ended.

Reads: the problems that a look found, which of its parts were answered, and what was noted before.
Gives: the changes, and what to note. Pure. A listing counts as begun, and as ended, only when two
looks in a row, at least AGREE_AFTER apart, agree: lists answer wrongly now and then, and resolvers
repeat the answer for some minutes. What was not answered changes nothing.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from bouncewise.sender.checks import Level

AGREE_AFTER = 600
"""Seconds between two looks that confirm a listing or its end."""


class Problem(NamedTuple):
    """Something that is wrong. ``part``: what was looked at, such as ``records shop.example``;
    ``is_listing``: a blocklist says so; ``stage``: differs when somebody should hear of it again
    although the level is the same; ``details``: the same for programs.
    """

    part: str
    id: str
    level: Level
    words: str
    fix: str
    is_listing: bool = False
    stage: str = ""
    details: dict[str, Any] = {}  # noqa: RUF012 - nobody changes it


class Noted(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem as it is kept. ``since``, ``missing_since``: the first look in a row that found
    it, or did not (0: the last one found it); ``is_told``: it was given as a change.
    """

    part: str
    id: str
    level: Level
    words: str
    fix: str
    since: int
    is_listing: bool = False
    missing_since: int = 0
    is_told: bool = False
    stage: str = ""
    details: dict[str, Any] = {}


class Turn(StrEnum):
    """What became of a problem."""

    BEGAN = "began"
    WORSE = "worse"
    CHANGED = "changed"
    BETTER = "better"
    ENDED = "ended"


class Change(NamedTuple):
    """A problem that began, changed its level or stage, or ended."""

    turn: Turn
    problem: Noted

    @property
    def is_worse(self) -> bool:
        """Whether somebody should act."""
        return self.turn in (Turn.BEGAN, Turn.WORSE)


_SERIOUS = [Level.ERROR, Level.WARNING]


def compare(
    before: list[Noted], found: list[Problem], answered: set[str], now: int
) -> tuple[list[Change], list[Noted]]:
    """The changes, and what to note for the next look. *answered*: what was looked at and gave
    an answer: parts, or a part and the id of a check (``records shop.example spf-none``); *now*:
    seconds since 1970.
    """
    known = {(noted.part, noted.id): noted for noted in before}
    changes: list[Change] = []
    after: list[Noted] = []
    for problem in found:
        noted = known.pop((problem.part, problem.id), None)
        change, kept = _again(noted, problem, now) if noted else _first(problem, now)
        changes += [change] if change else []
        after.append(kept)
    for noted in known.values():
        if answered.isdisjoint((noted.part, f"{noted.part} {noted.id}")):
            after.append(noted)
            continue
        missing_since = noted.missing_since or now
        if noted.is_listing and noted.is_told and now - missing_since < AGREE_AFTER:
            after.append(msgspec.structs.replace(noted, missing_since=missing_since))
        elif noted.is_told:
            changes.append(Change(Turn.ENDED, noted))
    order = list(Turn)
    changes.sort(key=lambda c: (order.index(c.turn), _rank(c.problem.level), c.problem.part))
    return changes, after


def _first(problem: Problem, now: int) -> tuple[Change | None, Noted]:
    noted = Noted(**problem._asdict(), since=now, is_told=not problem.is_listing)
    return (None if problem.is_listing else Change(Turn.BEGAN, noted)), noted


def _again(noted: Noted, problem: Problem, now: int) -> tuple[Change | None, Noted]:
    kept = msgspec.structs.replace(
        noted,
        level=problem.level,
        words=problem.words,
        fix=problem.fix,
        missing_since=0,
        stage=problem.stage,
        details=problem.details,
    )
    if not noted.is_told:
        if now - noted.since < AGREE_AFTER:
            return None, kept
        kept = msgspec.structs.replace(kept, is_told=True)
        return Change(Turn.BEGAN, kept), kept
    if kept.level is noted.level:
        return (Change(Turn.CHANGED, kept) if kept.stage != noted.stage else None), kept
    is_worse = _rank(kept.level) < _rank(noted.level)
    return Change(Turn.WORSE if is_worse else Turn.BETTER, kept), kept


def _rank(level: Level) -> int:
    return _SERIOUS.index(level) if level in _SERIOUS else len(_SERIOUS)
