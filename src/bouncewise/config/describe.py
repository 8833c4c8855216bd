"""The settings as rows, for ``bouncewise config show`` and docs/configuration.md:
``python -m bouncewise.config.describe`` writes the tables of that page.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple, get_args, get_origin

from bouncewise.config.settings import Settings, Table, hints


class Row(NamedTuple):
    """One setting: its table, key, what it holds, an example as TOML, and its default."""

    table: str
    key: str
    about: str
    example: str
    default: Any


class Value(NamedTuple):
    """One setting with its value, and whether that differs from the default."""

    name: str
    value: Any
    is_set: bool


_NAMES = {"feedback": "feedback.PROVIDER", "streams": "streams.NAME"}


def tables() -> Iterator[tuple[str, type[Table]]]:
    """The tables with their names; PROVIDER and NAME stand for names of the operator's choice."""
    for name, hint in hints(Settings).items():
        yield _NAMES.get(name, name), get_args(hint)[1] if get_origin(hint) is dict else hint


def rows() -> Iterator[Row]:
    """Every setting, in the order of the page."""
    for name, kind in tables():
        defaults = kind()
        for key, hint in hints(kind).items():
            setting = get_args(hint)[1]
            yield Row(name, key, setting.about, setting.example, getattr(defaults, key))


def values(settings: Settings) -> Iterator[Value]:
    """Every setting with its value; of loops and streams those that are there."""
    for name in hints(Settings):
        table = getattr(settings, name)
        inner = {f"{name}.{k}": v for k, v in table.items()} if isinstance(table, dict) else None
        for where, found in ({name: table} if inner is None else inner).items():
            defaults = type(found)()
            for key in hints(type(found)):
                value = getattr(found, key)
                yield Value(f"{where}.{key}", plain(value), value != getattr(defaults, key))


def plain(value: Any) -> Any:
    """*value* as JSON has it; None for an empty string."""
    if isinstance(value, tuple):
        return [str(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    return value if isinstance(value, int) else str(value or "") or None


def page() -> str:
    """The tables of docs/configuration.md."""
    lines: list[str] = []
    for name, kind in tables():
        text = " ".join((kind.__doc__ or "").split())
        lines += [f"### [{name}]", "", text, "", "| key | example | |", "|---|---|---|"]
        lines += [f"| `{r.key}` | `{r.example}` | {r.about} |" for r in rows() if r.table == name]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    print(page(), end="")
