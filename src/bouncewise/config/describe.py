"""The settings as rows, for ``bouncewise config show`` and docs/configuration.md:
``python -m bouncewise.config.describe`` writes the tables of that page.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple, get_args

from bouncewise.config.load import Loaded
from bouncewise.config.settings import Settings
from bouncewise.config.table import Table, hints, inner_table


class Row(NamedTuple):
    """One setting: its table, key, what it holds, an example as TOML, and its default."""

    table: str
    key: str
    about: str
    example: str
    default: Any


class Value(NamedTuple):
    """One setting with its value, and whether the file states it."""

    name: str
    value: Any
    is_stated: bool


_NAMES = {
    "feedback": "feedback.PROVIDER",
    "streams": "streams.NAME",
    "webhook": "[webhook]",
    "token": "[token]",
    "user": "[user]",
    "tail": "[tail]",
    "folder": "[folder]",
    "fetch": "[fetch]",
    "syslog": "[syslog]",
    "sync": "[sync]",
    "alert": "[alert]",
}
"""How tables begin of which there may be several, but for the outer brackets."""


def tables() -> Iterator[tuple[str, type[Table]]]:
    """The tables with their names; PROVIDER and NAME stand for names of the operator's choice."""
    for name, hint in hints(Settings).items():
        yield _NAMES.get(name, name), inner_table(hint) or hint


def rows() -> Iterator[Row]:
    """Every setting, in the order of the page."""
    for name, kind in tables():
        defaults = kind()
        for key, hint in hints(kind).items():
            setting = get_args(hint)[1]
            yield Row(name, key, setting.about, setting.example, getattr(defaults, key))


def values(loaded: Loaded) -> Iterator[Value]:
    """Every setting with its value; of loops and streams those that are there."""
    for name in hints(Settings):
        for where, found in _named(name, getattr(loaded.settings, name)):
            for key in hints(type(found)):
                setting = f"{where}.{key}"
                yield Value(setting, plain(getattr(found, key)), setting in loaded.stated)


def _named(name: str, table: Any) -> list[tuple[str, Table]]:
    """The tables of one setting, with their names."""
    if isinstance(table, dict):
        return [(f"{name}.{inner}", found) for inner, found in table.items()]
    if isinstance(table, tuple):
        return [(f"{name}[{number}]", found) for number, found in enumerate(table)]
    return [(name, table)]


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
