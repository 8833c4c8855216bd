"""Lists in JSON, as the APIs of ESPs give them, read as tables.

Reads: one document with a list in it, or an object per line. Gives: a Table whose columns are the
paths of the objects, such as ``recipient.email``. Refuses: more than 64 MiB, deep nesting, several
lists in one document, and JSON without a list.
"""

from __future__ import annotations

from collections import deque
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec

from bouncewise.errors import InputError
from bouncewise.lists.column import NAMES, SAMPLE, address_column, folded
from bouncewise.lists.layouts import knowledge, named, shown_by
from bouncewise.lists.rows import TableRow
from bouncewise.lists.table import Table

_MAX_OCTETS = 64 << 20
_MAX_DEPTH = 8
_MAX_COLUMNS = 500
_MAX_TEXT = 1 << 16

ADDRESSES_ALONE = "[]"
"""The name of the column where a list holds addresses instead of objects."""


class _Found(NamedTuple):
    """What a document holds: objects or texts; errors of lines; whether there is another page."""

    items: list[object]
    unit: str
    has_more: bool = False


class _Bad(NamedTuple):
    error: str


def json_table(
    raw: BinaryIO, encoding: str, path: Path, column: str | None, name: str | None
) -> Table:
    """The table in *raw*; *column* of addresses and *name* of the layout, if they are given. Raises
    InputError for what is no list.
    """
    data = raw.read(_MAX_OCTETS + 1)
    if len(data) > _MAX_OCTETS:
        raise InputError(f"{path}: JSON of more than {_MAX_OCTETS >> 20} MiB: split it")
    found = _items(data.decode(encoding, "replace").lstrip("\ufeff"), path)
    columns: dict[str, int] = {}
    for item in found.items:
        for key in _flat(item) if isinstance(item, dict) else ():
            if len(columns) < _MAX_COLUMNS:
                columns.setdefault(key, len(columns))
    columns = columns or {ADDRESSES_ALONE if found.items else NAMES[0]: 0}
    header = list(columns)
    rows = (_row(item, number, columns) for number, item in enumerate(found.items, 1))
    top = list(islice(rows, SAMPLE))
    cells = [row.cells for row in top if not row.error]
    address = _address(header, cells, column, name, path)
    rest = chain(top, rows)
    return Table(header, rest, address, ",", encoding, "\n", "", path, found.unit, found.has_more)


def _address(
    header: list[str], top: list[list[str]], column: str | None, name: str | None, path: Path
) -> int:
    names = folded(header)
    if column is None:
        layouts = [named(name, names)] if name else shown_by(names) + shown_by(names, ask=True)
        for layout in layouts:
            if layout.email in names:
                return names.index(layout.email)
    if header == [ADDRESSES_ALONE]:
        return 0
    return address_column(header, top, column, path)


def _items(text: str, path: Path) -> _Found:
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError) as bad:
        lines = [line for line in text.split("\n") if line.strip()]
        items = [_line(line) for line in lines]
        if len(lines) < 2 or isinstance(items[0], _Bad):
            raise InputError(f"{path}: damaged JSON: {bad}") from None
        return _Found(items, "line")
    except RecursionError:
        raise InputError(f"{path}: JSON that is nested too deeply to be a list") from None
    if isinstance(document, list):
        return _Found(document, "entry")
    if not isinstance(document, dict):
        raise InputError(f"{path}: JSON without a list of addresses")
    return _in_answer({key.casefold(): value for key, value in document.items()}, path)


def _in_answer(document: dict[str, Any], path: Path) -> _Found:
    """The list in the answer of an API."""
    lists = {key: value for key, value in document.items() if isinstance(value, list)}
    keys = [key for key in knowledge().json.items if key in lists] or list(lists)
    filled = [key for key in keys if lists[key]] or keys
    if len(filled) > 1:
        raise InputError(f"{path}: several lists in the JSON: {', '.join(filled)[:200]}; keep one")
    if not filled:
        raise InputError(f"{path}: JSON without a list of addresses")
    more = any(_value(document, key) for key in knowledge().json.more)
    shared = {key: document[key] for key in knowledge().json.shared if _text(document.get(key))}
    items = [shared | item if isinstance(item, dict) else item for item in lists[filled[0]]]
    return _Found(items, "entry", more)


def _value(document: dict[str, Any], key: str) -> object:
    found: object = document
    for part in key.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _line(line: str) -> object:
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as bad:
        return _Bad(f"damaged JSON: {bad}")


def _flat(item: dict[str, Any]) -> dict[str, str]:
    """The texts in an object by their paths; of objects in a list the first that has one."""
    found: dict[str, str] = {}
    waiting: deque[tuple[str, Any, int]] = deque([("", item, 0)])
    while waiting and len(found) < _MAX_COLUMNS:
        path, value, depth = waiting.popleft()
        if isinstance(value, dict) and depth < _MAX_DEPTH:
            start = f"{path}." if path else ""
            waiting += [(f"{start}{key}", inner, depth + 1) for key, inner in value.items()]
        elif isinstance(value, list) and depth < _MAX_DEPTH:
            waiting += [(path, inner, depth + 1) for inner in value[:_MAX_COLUMNS]]
        else:
            found[path] = found.get(path) or _text(value)
    return found


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)[:_MAX_TEXT] if isinstance(value, str | int | float) else ""


def _row(item: object, number: int, columns: dict[str, int]) -> TableRow:
    if isinstance(item, _Bad):
        return TableRow([], number, "", item.error)
    cells = [""] * len(columns)
    if isinstance(item, dict):
        for key, text in _flat(item).items():
            if key in columns:
                cells[columns[key]] = text
    elif ADDRESSES_ALONE in columns:
        cells[columns[ADDRESSES_ALONE]] = _text(item)
    return TableRow(cells, number, "")
