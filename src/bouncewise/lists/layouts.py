"""What suppression lists look like: the layouts and words of imports.toml.

Reads: the names of the columns of a list. Gives: the layout that they show, if one does. Refuses
nothing; a layout whose columns say nothing about why an address is listed is not chosen unless
somebody names it (``ask``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from importlib import resources
from urllib.parse import urlsplit

import msgspec

from bouncewise.model import Cause, Scope


class Meaning(StrEnum):
    """What a row says, the strictest last."""

    DELIVERABLE = "deliverable"
    BLOCKED = "blocked"
    """Refused, or never tried; often not the address's fault."""
    UNSUBSCRIBED = "unsubscribed"
    COMPLAINED = "complained"
    MANUAL = "manual"
    BOUNCED = "bounced"

    @property
    def scope(self) -> Scope:
        """For which mail the address is suppressed."""
        wishes = (Meaning.UNSUBSCRIBED, Meaning.COMPLAINED)
        return Scope.MARKETING if self in wishes else Scope.ALL

    @property
    def cause(self) -> Cause | None:
        """The cause that follows from the word alone."""
        return Cause.COMPLAINT if self is Meaning.COMPLAINED else None


STRICTNESS = {meaning: place for place, meaning in enumerate(Meaning)}


class Columns(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """Names of columns by what they hold, casefolded."""

    reason: tuple[str, ...]
    status: tuple[str, ...]
    plain_status: frozenset[str]
    code: tuple[str, ...]
    at: tuple[str, ...]


class BounceReasons(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Columns that give the reason of a bounce in words: patterns of their names; the ``hard``
    words that speak against the address; ``causes`` of words that are no reply.
    """

    columns: tuple[str, ...]
    hard: frozenset[str]
    causes: dict[str, Cause]


class Contacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What lists of contacts have: patterns of the names of their columns, and words of a status;
    written as words are.
    """

    names: tuple[str, ...]
    words: frozenset[str]


class JsonKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Keys of answers of an API: those of a list, those that are filled if there is more, and those
    that say something of every entry.
    """

    items: tuple[str, ...]
    more: tuple[str, ...]
    shared: tuple[str, ...]


class Layout(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A list of a vendor. ``columns``: those that show it; ``exact``: there are no others;
    ``email``, ``reason``, ``status``, ``at``: columns in place of those of any list; ``means``:
    what every row says; ``words``: of its status; ``ask``: other lists have these columns, too;
    ``source``: the page that shows the columns, '' where they are unconfirmed; ``note``: for
    operators; ``types``: the pattern of columns that say TRUE for an opt-out from a type of mail.
    """

    name: str
    about: str
    columns: frozenset[str]
    source: str = ""
    exact: bool = False
    ask: bool = False
    email: str = ""
    reason: tuple[str, ...] | None = None
    status: tuple[str, ...] | None = None
    at: tuple[str, ...] | None = None
    means: Meaning | None = None
    words: dict[str, Meaning] = {}
    note: str = ""
    types: str = ""


class Knowledge(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """imports.toml."""

    words: dict[Meaning, tuple[str, ...]]
    filled: dict[Meaning, tuple[str, ...]]
    types: tuple[str, ...]
    bounce_reasons: BounceReasons
    columns: Columns
    contacts: Contacts
    json: JsonKeys
    layout: tuple[Layout, ...]


@cache
def knowledge() -> Knowledge:
    """The knowledge of imports.toml."""
    path = resources.files("bouncewise.lists") / "imports.toml"
    return msgspec.toml.decode(path.read_bytes(), type=Knowledge)


@cache
def words() -> dict[str, Meaning]:
    """What each word of a status says."""
    return {word: meaning for meaning, found in knowledge().words.items() for word in found}


@cache
def filled() -> tuple[tuple[Meaning, re.Pattern[str]], ...]:
    """The names of columns that say by being filled that something happened."""
    found = knowledge().filled.items()
    return tuple((meaning, re.compile("|".join(patterns))) for meaning, patterns in found)


@cache
def bounce_columns() -> re.Pattern[str]:
    """The names of columns that give the reason of a bounce in words."""
    return re.compile("|".join(knowledge().bounce_reasons.columns))


@cache
def type_columns() -> re.Pattern[str]:
    """The names of columns that say whether somebody opted out of one type of mail."""
    return re.compile("|".join(knowledge().types))


def names() -> list[str]:
    """The names of the layouts, each once."""
    return list(dict.fromkeys(layout.name for layout in knowledge().layout))


def named(name: str, columns: Sequence[str]) -> Layout:
    """The layout with this *name* that shares most with *columns*. Raises KeyError for no name."""
    found = [layout for layout in knowledge().layout if layout.name == name]
    if not found:
        raise KeyError(name)
    present = set(columns)
    return max(found, key=lambda layout: len(layout.columns & present) / len(layout.columns))


def lacks(name: str, columns: Sequence[str]) -> list[str]:
    """What *columns* lack of each layout with this *name*, in words; none if they have all of
    one.
    """
    present = set(columns)
    found = {x.about: x.columns - present for x in knowledge().layout if x.name == name}
    if not all(found.values()):
        return []
    return [f"{about} has {', '.join(sorted(lost))}" for about, lost in found.items()]


def shown_by(columns: Sequence[str], *, ask: bool = False) -> list[Layout]:
    """The layouts that *columns* show, those with most columns first; *ask*: those that other
    lists may have as well.
    """
    present = set(columns)
    found = [
        layout
        for layout in knowledge().layout
        if layout.ask is ask
        and layout.columns <= present
        and (layout.columns == present or not layout.exact)
    ]
    return sorted(found, key=lambda layout: -len(layout.columns))


def table() -> str:
    """The layouts as the table of docs/imports.md."""
    lines = ["| `--format` | list | columns that show it | source |", "|---|---|---|---|"]
    for layout in knowledge().layout:
        columns = ", ".join(f"`{column}`" for column in sorted(layout.columns))
        host = urlsplit(layout.source).hostname or "here"
        source = f"[{host}]({layout.source})" if layout.source else "unconfirmed"
        name = f"`{layout.name}`{' *' if layout.ask else ''}"
        lines.append(f"| {name} | {layout.about} | {columns} | {source} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
