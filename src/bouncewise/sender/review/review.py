"""A review of a mailing: every check of checks.toml, the most serious finding first.

Reads: the octets of a message. Gives: findings with words, what to do, and the source. Refuses
nothing; no network is asked.
"""

from __future__ import annotations

import tomllib
from datetime import datetime
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import NamedTuple

from bouncewise.sender.review import content, header, links
from bouncewise.sender.review.mail import Mailing


class Level(StrEnum):
    """How serious a finding is."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Check(NamedTuple):
    """A row of checks.toml."""

    level: Level
    words: str
    fix: str
    hurts: str
    source: str


class ReviewFinding(NamedTuple):
    """What a check found. ``times``: how many times; the words are of the first."""

    id: str
    level: Level
    words: str
    fix: str
    hurts: str
    source: str
    times: int


@cache
def checks() -> dict[str, Check]:
    """Every check by its id, in the order of checks.toml."""
    text = (resources.files("bouncewise.sender.review") / "checks.toml").read_text("utf-8")
    return {
        name: Check(Level(row["level"]), row["words"], row["fix"], row["hurts"], row["source"])
        for name, row in tomllib.loads(text).items()
    }


def review(raw: bytes, now: datetime, *, transactional: bool = False) -> list[ReviewFinding]:
    """What is wrong with the message *raw*. *transactional*: nobody can unsubscribe from it."""
    mail = Mailing(raw, now)
    found: dict[str, ReviewFinding] = {}
    for part in (header, links, content):
        for name, details in part.check(mail, transactional=transactional):
            if name in found:
                found[name] = found[name]._replace(times=found[name].times + 1)
                continue
            check = checks()[name]
            words = check.words.format_map(details)
            found[name] = ReviewFinding(
                name, check.level, words, check.fix, check.hurts, check.source, 1
            )
    order = {name: place for place, name in enumerate(checks())}
    levels = list(Level)
    return sorted(found.values(), key=lambda f: (levels.index(f.level), order[f.id]))
