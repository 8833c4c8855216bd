"""What all records share: how a line of JSON is written, how a time, and how the keys are
described.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from msgspec import Meta

from bouncewise.encode import for_json
from bouncewise.model import Decision


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """An object of the contract."""


def about(text: str) -> Meta:
    """The description of a key."""
    return Meta(description=text)


def dumps(record: Record) -> str:
    """One line of NDJSON."""
    try:
        return for_json(msgspec.json.encode(record).decode())
    except UnicodeEncodeError:  # a lone surrogate, e.g. of a file name that is no UTF-8
        return json.dumps(msgspec.to_builtins(record), separators=(",", ":"))


def dumps_array(records: Sequence[Record]) -> str:
    """A JSON array, for a third of the cost of ``dumps`` for each record."""
    try:
        return for_json(msgspec.json.encode(records).decode())
    except UnicodeEncodeError:
        return f"[{','.join(map(dumps, records))}]"


def time(when: datetime | None) -> str | None:
    """RFC 3339 in UTC, to the second."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if when else None


class DecisionRecord(Record, frozen=True, kw_only=True):
    """A Decision, where it is one side of a change."""

    state: str
    cause: str | None
    rule: str | None
    until: str | None

    @classmethod
    def of(cls, d: Decision) -> DecisionRecord:
        """The record of a Decision."""
        return cls(state=d.state, cause=d.cause, rule=d.rule or None, until=time(d.until))


class Key(NamedTuple):
    """A key of a record, its JSON type, and what it holds."""

    name: str
    type: str
    about: str


_NAMES: dict[type, str] = {
    msgspec.inspect.StrType: "string",
    msgspec.inspect.IntType: "integer",
    msgspec.inspect.FloatType: "number",
    msgspec.inspect.BoolType: "boolean",
    msgspec.inspect.NoneType: "null",
    msgspec.inspect.ListType: "array",
    msgspec.inspect.VarTupleType: "array",
    msgspec.inspect.DictType: "object",
    msgspec.inspect.StructType: "object",
    msgspec.inspect.AnyType: "any",
}


def keys(record: type[Record]) -> Iterator[Key]:
    """The keys of a record, in order."""
    info = msgspec.inspect.type_info(record)
    assert isinstance(info, msgspec.inspect.StructType)
    for field in info.fields:
        text, kind = "", field.type
        if isinstance(kind, msgspec.inspect.Metadata):
            text, kind = (kind.extra_json_schema or {}).get("description", ""), kind.type
        yield Key(field.encode_name, _type_name(kind), text)


def _type_name(kind: Any) -> str:
    if isinstance(kind, msgspec.inspect.UnionType):
        # (msgspec has a type for UNSET that it does not name)
        return " or ".join(_type_name(t) for t in kind.types if type(t).__name__ != "UnsetType")
    return _NAMES[type(kind)]
