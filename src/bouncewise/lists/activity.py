"""Activity files: who opened, clicked, replied or ordered, and when.

Reads: a table of any dialect with columns of addresses, of words for events and of times;
activity.toml has the words. Gives: an Engagement per row, or a count of the rows whose word or time
is not known. Refuses a table without such columns, and one without any known word.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from importlib import resources
from pathlib import Path

import msgspec

from bouncewise.errors import InputError
from bouncewise.lists.names import name_in
from bouncewise.lists.table import Table
from bouncewise.model import ActKind, Engagement, Source
from bouncewise.rfc.date import from_epoch

ROLES = ("email", "event", "at", "link", "agent", "machine")
"""What a column may be; the first three are needed."""

_NEEDED = ("event", "at")
_MAX_TEXT = 1000
_MOST_WORDS = 1000  # unknown words that are counted apart
_FALSE = ("", "false", "0", "no", "f", "n")
_FORMATS = ("%m/%d/%Y %H:%M:%S", "%d-%m-%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%Y/%m/%d %H:%M:%S")


class _Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    event: tuple[str, ...]
    at: tuple[str, ...]
    link: tuple[str, ...]
    agent: tuple[str, ...]
    machine: tuple[str, ...]
    open: frozenset[str]
    click: frozenset[str]
    reply: frozenset[str]
    other: frozenset[str]
    open_machine: frozenset[str]
    ignored: frozenset[str]


@cache
def _words() -> _Words:
    path = resources.files("bouncewise.lists") / "activity.toml"
    return msgspec.toml.decode(path.read_bytes(), type=_Words)


@cache
def _kinds() -> dict[str, ActKind | None]:
    words = _words()
    found: dict[str, ActKind | None] = dict.fromkeys(words.ignored)
    for kind in (ActKind.OPEN, ActKind.CLICK, ActKind.REPLY, ActKind.OTHER):
        found |= dict.fromkeys(getattr(words, kind.value), kind)
    return found | dict.fromkeys(words.open_machine, ActKind.OPEN_MACHINE)


def read_activity(
    path: Path, columns: Mapping[str, str], unread: Counter[str]
) -> Iterator[Engagement]:
    """The acts in the table at *path*; *columns*: names of columns by role, where they are not
    those of activity.toml. Words and times that are not understood are counted in *unread*.

    Raises InputError where a column is missing, or where no event is known.
    """
    known = 0
    with Table.open(path, columns.get("email")) as table:
        places = _places(table, columns, path)
        for row in table.readable():
            values = {
                role: row.cells[at].strip() for role, at in places.items() if at < len(row.cells)
            }
            word = _folded(values.get("event", ""))
            if word not in _kinds():
                named = f"event {word[:40]!r}"
                unread[named if named in unread or len(unread) < _MOST_WORDS else "other"] += 1
                continue
            known += 1
            kind = _kinds()[word]
            at, name = _time(values.get("at", "")), name_in(table.address_in(row.cells))
            if kind is None:
                continue
            if at is None or name.error or name.key.startswith("@"):
                unread["a time" if at is None else "an address"] += 1
                continue
            yield Engagement(
                source=Source(str(path), "activity", row.line),
                recipient=name.key,
                at=at,
                kind=kind,
                link=values.get("link", "")[:_MAX_TEXT],
                agent=values.get("agent", "")[:_MAX_TEXT],
                flagged=_folded(values.get("machine", "")) not in _FALSE,
            )
    if not known:
        words = ", ".join(word for word, _ in unread.most_common(3)) or "no rows"
        raise InputError(f"{path}: no event that is known ({words}); --map event=COLUMN names it")


def _places(table: Table, columns: Mapping[str, str], path: Path) -> dict[str, int]:
    header = [_folded(name) for name in table.header]
    found = {}
    for role in ROLES[1:]:
        wanted = (columns[role],) if role in columns else getattr(_words(), role)
        place = next((header.index(n) for n in map(_folded, wanted) if n in header), None)
        if place is not None:
            found[role] = place
        elif role in _NEEDED or role in columns:
            names = ", ".join(table.header)[:200] or "none: the table has no header"
            what = columns.get(role) or role
            raise InputError(
                f"{path}: no column {what} among: {names}. Name it with --map {role}=COLUMN"
            )
    return found


def _folded(text: str) -> str:
    return " ".join(text.casefold().replace("_", " ").replace("-", " ").split())


def _time(text: str) -> datetime | None:
    """The time in UTC; without a zone it is UTC. None for what is no time."""
    value = text[:100]
    try:
        if value.replace(".", "", 1).isdecimal():
            return from_epoch(value)
        if value[:4].isdecimal() and value[4:5] == "-":
            return _in_utc(datetime.fromisoformat(value))
        for pattern in _FORMATS:
            try:
                return datetime.strptime(value, pattern).replace(tzinfo=UTC)
            except ValueError:
                continue
        return _in_utc(parsedate_to_datetime(value))
    except (ValueError, TypeError, OverflowError, OSError, IndexError):
        return None


def _in_utc(time: datetime) -> datetime:
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
