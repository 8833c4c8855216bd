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

_MOST_NAMES = 64  # of an object whose names are remembered


def text_at(value: Any, path: str) -> str:
    """The first text, number or truth value at *path*, as text; '' if there is none.

    An object with class, subject and detail is a status, as KumoMTA writes it.
    """
    if type(value) is dict and (name := _only_name(path)):  # (nearly every path of esps.toml)
        found = value[name] if name in value else _item(value, name)
        if found is None:
            return ""
        if type(found) is str:
            return found if found.strip() else ""
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
def _only_name(path: str) -> str:
    """The name that is the whole of *path*; '' where there are alternatives or more steps."""
    found = _alternatives(path)
    is_name = len(found) == 1 and len(found[0]) == 1 and found[0][0].is_plain
    return found[0][0].name if is_name else ""


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
    if len(of) <= _MOST_NAMES:
        key = _spellings(tuple(of)).get(name.casefold())
    else:
        key = _spellings.__wrapped__(tuple(of)).get(name.casefold())
    return of[key] if key is not None else None


@lru_cache(maxsize=1024)
def _spellings(names: tuple[str, ...]) -> dict[str, str]:
    """By its folded form the first of *names* with it. The events of an ESP have few sets of names;
    those of paths are ASCII, and one that is longer when it is folded is none of them.
    """
    folded = ((name.casefold(), name) for name in reversed(names))
    return {short: name for short, name in folded if len(short) == len(name)}


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
