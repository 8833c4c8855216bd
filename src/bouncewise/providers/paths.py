"""Values of a JSON event by the paths of esps.toml: ``a.b[].c|d`` is c of each entry of b in a, or
else d.

Pure and total: a value of the wrong type counts as absent.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

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
    for alternative in path.split("|") if path else ():
        values = [value]
        for step in alternative.split(".") if alternative != "." else ():
            values = _step(values, step)
        values = [v for v in values if v is not None and v != ""]
        if len(values) == 1 and isinstance(values[0], list):
            values = [v for v in values[0] if v is not None]
        if values:
            return values
    return []


def _step(values: list[Any], step: str) -> list[Any]:
    """One step of a path from each of *values*: a name or "*", with "[]" for the entries."""
    name = step.removesuffix("[]")
    next_values: list[Any] = []
    for value in values:
        if isinstance(value, dict):
            next_values += value.values() if name == "*" else [_item(value, name)]
    if step.endswith("[]"):
        return [entry for value in next_values if isinstance(value, list) for entry in value]
    return next_values


def _item(of: dict[str, Any], name: str) -> Any:
    """The value of *name*, in whatever case it is written; None if there is none."""
    if name in of:
        return of[name]
    folded = name.casefold()
    return next((v for k, v in of.items() if isinstance(k, str) and k.casefold() == folded), None)


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
