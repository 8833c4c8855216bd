"""Answers of DNS from a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bouncewise.net.dns import NoRecordsError, NoSuchNameError, Resolver, UnansweredError

SILENT = "silent"
"""A value of a table: no server answers for the name."""


def resolver(zone: Mapping[str, Mapping[str, Sequence[str]] | str]) -> Resolver:
    """A resolver for a table of name → type → records; TXT records are written without quotes."""

    def resolve(name: str, record_type: str) -> list[str]:
        found = zone.get(name.rstrip(".").lower())
        if isinstance(found, str):
            raise UnansweredError(f"{name}: time-out")
        if found is None:
            raise NoSuchNameError(name)
        if record_type not in found:
            raise NoRecordsError(name)
        records = list(found[record_type])
        return [f'"{text}"' for text in records] if record_type == "TXT" else records

    return resolve
