"""Values of a JSON event by the paths of esps.toml: ``a.b[].c|d`` is c of each entry of b in a, or
else d.

Pure and total: a value of the wrong type counts as absent.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, NamedTuple

from bouncewise.rfc.date import from_epoch


def text_at(value: Any, path: str) -> str:
    """The first text, number or truth value at *path*, as text; '' if there is none.

    An object with class, subject and detail is a status, as KumoMTA writes it.
    """
    for found in values_at(value, path):
        if isinstance(found, bool):
            return str(found).lower()
        if isinstance(found, str | int | float) and str(found).strip():
            return str(found)
        if isinstance(found, dict) and {"class", "subject", "detail"} <= found.keys():
            return ".".join(str(found[k]) for k in ("class", "subject", "detail"))
    return ""


def values_at(value: Any, path: str) -> list[Any]:
    """All values at the first alternative of *path* that leads to any."""
    for steps in _alternatives(path):
        if len(steps) == 1 and type(value) is dict and steps[0].is_plain:
            found = _item(value, steps[0].name)
            values = [] if found is None or found == "" else [found]
        else:
            values = [value]
            for step in steps:
                values = _step(values, step)
            values = [v for v in values if v is not None and v != ""]
        if len(values) == 1 and isinstance(values[0], list):
            values = [v for v in values[0] if v is not None]
        if values:
            return values
    return []


class _Step(NamedTuple):
    """One step of a path; ``is_list``: to each entry of the list there."""

    name: str
    is_list: bool
    is_plain: bool


@lru_cache(maxsize=1024)
def _alternatives(path: str) -> tuple[tuple[_Step, ...], ...]:
    """The alternatives of a path of esps.toml, each by its steps; "." has none."""
    return tuple(
        tuple(
            _Step(step.removesuffix("[]"), step.endswith("[]"), step[-1:] not in ("]", "*"))
            for step in (alternative.split(".") if alternative != "." else ())
        )
        for alternative in (path.split("|") if path else ())
    )


def _step(values: list[Any], step: _Step) -> list[Any]:
    """One step of a path from each of *values*: a name or "*", to each entry of a list."""
    next_values: list[Any] = []
    for value in values:
        if isinstance(value, dict):
            next_values += value.values() if step.name == "*" else [_item(value, step.name)]
    if step.is_list:
        return [entry for value in next_values if isinstance(value, list) for entry in value]
    return next_values


def _item(of: dict[str, Any], name: str) -> Any:
    """The value of *name*, in whatever case it is written; None if there is none."""
    if name in of:
        return of[name]
    folded, size = name.casefold(), len(name)  # (names of paths are ASCII, so lengths are equal)
    for key, value in of.items():
        if len(key) == size and key.casefold() == folded:
            return value
    return None


def parse_time(value: str) -> datetime | None:
    """The time in UTC, from Unix time in seconds or smaller units, RFC 3339, or RFC 5322.

    A time without a zone is UTC.
    """
    text = value[:100].strip()
    try:
        if text.replace(".", "", 1).isdecimal():
            return from_epoch(text)
        time = datetime.fromisoformat(text) if text[:4].isdecimal() else parsedate_to_datetime(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, OSError, IndexError):
        return None
