"""docs/api.md, written from the table of endpoints: ``python -m bouncewise.service.api.describe >
docs/api.md``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources
from inspect import getdoc
from typing import Any

from bouncewise.contract.describe import SECTIONS
from bouncewise.service.api.openapi import document
from bouncewise.service.api.table import ENDPOINTS, Endpoint

_HEAD = (resources.files("bouncewise.service.api") / "head.md").read_text("utf-8")

_SCHEMA = "#/components/schemas/"


def page() -> str:
    """The text of docs/api.md."""
    schemas = document()["components"]["schemas"]
    parts = [_HEAD, *_overview()]
    described: set[str] = set()
    for endpoint in ENDPOINTS:
        parts.append(f"## {endpoint.method} {endpoint.path}\n")
        parts.append(f"{endpoint.about} Scope `{endpoint.scope}`.\n")
        operation = document()["paths"][endpoint.path][endpoint.method.lower()]
        own = [p for p in operation["parameters"] if p["in"] != "header"]
        if own:
            rows = ((p["name"], p["schema"], p["description"], p["required"]) for p in own)
            parts.append(_table("parameter", rows))
        parts += _body(endpoint, schemas)
        parts += _answer(endpoint, schemas, described)
    return "\n".join(parts)


def _overview() -> Iterator[str]:
    yield "| request | scope | |\n|---|---|---|"
    for endpoint in ENDPOINTS:
        name = f"{endpoint.method} {endpoint.path}"
        yield f"| [`{name}`](#{_anchor(name)}) | `{endpoint.scope}` | {endpoint.about} |"
    yield ""


def _body(endpoint: Endpoint, schemas: dict[str, Any]) -> Iterator[str]:
    if endpoint.body is None:
        return
    if endpoint.body is bytes:
        yield f"Body: the list, as {', '.join(f'`{name}`' for name in endpoint.media)}.\n"
        return
    yield _table("key of the body", _rows(schemas[endpoint.body.__name__]))


def _answer(endpoint: Endpoint, schemas: dict[str, Any], described: set[str]) -> Iterator[str]:
    name = endpoint.answer.__name__
    if name in _PLACES:
        yield f"Answer: {_named(name)}.\n"
    elif name in described:
        yield f"Answer: `{name}`, as above.\n"
    else:
        described.add(name)
        text = " ".join((getdoc(endpoint.answer) or "").split())
        yield f"Answer, `{name}`: {text}\n"
        yield _table("key", _rows(schemas[name], with_required=False))


Row = tuple[str, dict[str, Any], str, bool]


def _rows(schema: dict[str, Any], *, with_required: bool = True) -> Iterator[Row]:
    required = schema.get("required", ()) if with_required else ()
    for name, kind in schema["properties"].items():
        yield name, kind, kind.get("description", ""), name in required


def _table(title: str, rows: Iterator[Row]) -> str:
    lines = [f"| {title} | type | |", "|---|---|---|"]
    for name, kind, text, is_required in rows:
        default = kind.get("default")
        more = "required" if is_required else ""
        if not is_required and default not in (None, "", [], {}):
            more = f"default: `{str(default).lower() if default in (True, False) else default}`"
        words = "; ".join(filter(None, (text, more)))
        lines.append(f"| `{name}` | {_type(kind)} | {words} |")
    return "\n".join([*lines, ""])


def _type(kind: dict[str, Any]) -> str:
    if "$ref" in kind:
        name = kind["$ref"].removeprefix(_SCHEMA)
        schema = document()["components"]["schemas"][name]
        return _type(schema) if "enum" in schema else _named(name)
    if "anyOf" in kind:
        return " or ".join(_type(part) for part in kind["anyOf"])
    if "enum" in kind:
        return _choices(kind["enum"])
    if kind.get("type") == "array":
        items = kind.get("items")
        return f"array of {_type(items)}" if isinstance(items, dict) and items else "array"
    name = kind.get("format") or kind.get("type", "any")
    return "time" if name == "date-time" else str(name)


def _choices(values: list[str]) -> str:
    if len(values) > _MOST_CHOICES:
        return "a cause (README)"
    return " or ".join(f"`{value}`" for value in values)


_MOST_CHOICES = 8


def _named(name: str) -> str:
    verb = _PLACES.get(name)
    return f"[`{name}`](json.md#{_anchor(verb)})" if verb else f"`{name}`"


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _first_places() -> dict[str, str]:
    found: dict[str, str] = {}
    for verb, records in SECTIONS.items():
        for record in records:
            found.setdefault(record.__name__, verb)
    return found


_PLACES = _first_places()
"""The section of docs/json.md that describes a record, by the record's name."""


if __name__ == "__main__":
    print(page(), end="")
