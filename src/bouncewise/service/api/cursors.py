"""Where a page of a list ends: the sort key of its last row, as an opaque text.

A page begins behind that key, so that rows that come and go in between neither double nor hide
others.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, TypeVar

import msgspec

from bouncewise.errors import InputError

T = TypeVar("T")


def encode(key: tuple[Any, ...]) -> str:
    """The cursor behind the row with this sort key."""
    return urlsafe_b64encode(msgspec.msgpack.encode(key)).decode().rstrip("=")


def decode(cursor: str, kind: type[T]) -> T | None:
    """The sort key in *cursor*, a tuple type; None for an empty cursor. Raises InputError."""
    if not cursor:
        return None
    try:
        octets = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        return msgspec.msgpack.decode(octets, type=kind)
    except (ValueError, UnicodeError, msgspec.MsgspecError):
        raise InputError("cursor: not a cursor of this list; take `next` of the page before") from (
            None
        )


def page(
    rows: Iterable[T], limit: int, key: Callable[[T], tuple[Any, ...]]
) -> tuple[list[T], str | None]:
    """The first *limit* of *rows*, and the cursor behind them; None where there are no more."""
    found = list(islice(rows, limit + 1))
    if len(found) <= limit:
        return found, None
    return found[:limit], encode(key(found[limit - 1]))
