"""The named queries of queries.sql, and the composer that fits one to its parameters.

In queries.sql a query begins with ``-- name: NAME``; comments before its first line say what it
gives. Parameters are written ``:name``, in queries for many rows ``?``. Two things are filled in
when a query is used:

* a line that ends with ``-- if NAME`` stands only where parameter NAME is given and not None;
* a parameter whose value is a list, ``IN :ids``, becomes as many parameters in parentheses, or,
  where the database knows arrays, one array.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from importlib import resources
from typing import Any

_NAME = re.compile(r"-- name: (\w+)\n")
_OPTIONAL = re.compile(r"^(.*?)\s*-- if (\w+)$", re.M)
_COMMENT = re.compile(r"^\s*--.*\n?", re.M)

MOST_IDS = 512
"""Values of one list parameter; lists are padded to a power of two, so that few statements are
prepared.
"""


@cache
def queries() -> dict[str, str]:
    """The SQL of each query by its name, with its optional lines marked."""
    text = (resources.files("bouncewise.ledger") / "queries.sql").read_text("utf-8")
    _, *pieces = _NAME.split(text)
    found: dict[str, str] = {}
    for name, sql in zip(pieces[::2], pieces[1::2], strict=True):
        if name in found:
            raise ValueError(f"queries.sql: two queries are called {name}")
        found[name] = _COMMENT.sub("", sql).strip()
    return found


def compose(
    name: str, given: Mapping[str, Any], *, arrays: bool = False
) -> tuple[str, Mapping[str, Any]]:
    """The SQL of query *name* and its parameters, for these values; *arrays*: lists are passed as
    arrays. Raises KeyError for a name that is not there.
    """
    lists = {key: value for key, value in given.items() if isinstance(value, list | tuple)}
    if not lists and "-- if" not in queries()[name]:
        return queries()[name], given
    sizes = tuple((key, 0 if arrays else _padded(len(value))) for key, value in lists.items())
    present = frozenset(key for key, value in given.items() if value is not None)
    values = {key: value for key, value in given.items() if value is not None and key not in lists}
    for key, size in sizes:
        values.update(_numbered(key, lists[key], size) if size else {key: list(lists[key])})
    return _composed(name, present, sizes), values


@lru_cache(maxsize=512)
def _composed(name: str, present: frozenset[str], sizes: tuple[tuple[str, int], ...]) -> str:
    sql = _OPTIONAL.sub(lambda m: m[1] if m[2] in present else "", queries()[name])
    for key, size in sizes:
        if size:
            sql = re.sub(rf":{key}\b", f"({', '.join(f':{key}_{i}' for i in range(size))})", sql)
        else:
            sql = re.sub(rf"\bNOT IN :{key}\b", f"<> ALL (:{key})", sql)
            sql = re.sub(rf"\bIN :{key}\b", f"= ANY (:{key})", sql)
    return sql


def _padded(count: int) -> int:
    return 1 << max(0, count - 1).bit_length()


def _numbered(key: str, values: Sequence[Any], size: int) -> dict[str, Any]:
    last = len(values) - 1  # of an empty list nothing is found: NULL is in no list
    return {f"{key}_{i}": values[min(i, last)] if values else None for i in range(size)}
