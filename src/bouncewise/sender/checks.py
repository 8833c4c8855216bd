"""Tables of checks: TOML files with the level, the words, what to do, and the source of each.

Reads: a table of this package. Gives: its checks, and results with the words filled in, the most
serious first.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import NamedTuple


class Level(StrEnum):
    """How serious a result is. UNKNOWN: DNS did not answer."""

    ERROR = "error"
    UNKNOWN = "unknown"
    WARNING = "warning"
    INFO = "info"


SILENT = ("dns-silent", "https-silent", "smtp-silent")
"""The checks that a missing answer hits. Their detail ``part`` names what it was needed for."""

Hit = tuple[str, Mapping[str, object]]
"""The id of a check, and what fills in its words."""


class Check(NamedTuple):
    """A row of a table."""

    level: Level
    words: str
    fix: str
    hurts: str
    source: str


class CheckResult(NamedTuple):
    """What a check found. ``times``: how many times; the words are of the first. ``parts``: what an
    answer is missing for, such as "spf"; () where that is not known.
    """

    id: str
    level: Level
    words: str
    fix: str
    hurts: str
    source: str
    times: int
    parts: tuple[str, ...] = ()


class _Filled(dict[str, object]):
    """Details; a name that they do not have stays as it is written."""

    def __missing__(self, key: str) -> str:
        return f"{{{key}}}"


@cache
def table(name: str) -> dict[str, Check]:
    """Every check of the table *name* by its id, in the order of the file."""
    text = (resources.files("bouncewise.sender") / f"{name}.toml").read_text("utf-8")
    return {
        key: Check(Level(row["level"]), row["words"], row["fix"], row["hurts"], row["source"])
        for key, row in tomllib.loads(text).items()
    }


def results(name: str, hits: Iterable[Hit], *, merge: bool = True) -> list[CheckResult]:
    """The results of *hits* by the table *name*. *merge*: results of one check are one result."""
    checks = table(name)
    found: dict[object, CheckResult] = {}
    for number, (key, details) in enumerate(hits):
        check = checks[key]
        place = key if merge else number
        if place in found:
            found[place] = found[place]._replace(times=found[place].times + 1)
            continue
        words = check.words.format_map(details)
        fix = check.fix.format_map(_Filled(details))
        parts = (str(details["part"]),) if key in SILENT and "part" in details else ()
        found[place] = CheckResult(
            key, check.level, words, fix, check.hurts, check.source, 1, parts
        )
    levels, order = list(Level), list(checks)
    return sorted(found.values(), key=lambda f: (levels.index(f.level), order.index(f.id)))
