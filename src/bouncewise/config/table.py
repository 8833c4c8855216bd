"""What tables of the configuration are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args, get_origin, get_type_hints

import msgspec


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the tables."""


class Setting(msgspec.Struct, frozen=True):
    """What is known of one setting beside its type."""

    about: str
    example: str
    check: Callable[[Any], Any] | None = None


def hints(kind: type[Table]) -> dict[str, Any]:
    """The fields of a table with their types."""
    return get_type_hints(kind, include_extras=True)


def inner_table(hint: Any) -> type[Table] | None:
    """The kind of table of which *hint* allows several, by name or one after another."""
    if get_origin(hint) not in (dict, tuple):
        return None
    kind = get_args(hint)[1 if get_origin(hint) is dict else 0]
    return kind if isinstance(kind, type) and issubclass(kind, Table) else None
