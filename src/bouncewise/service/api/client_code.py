"""The requests of bouncewise.client, written from the table of endpoints: ``python -m
bouncewise.service.api.client_code | ruff format - > src/bouncewise/client/operations.py``.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec

from bouncewise.service.api.table import ENDPOINTS, Endpoint

NAMES = {
    "explain_subject": "explain",
    "address": "history",
    "list_suppressions": "suppressions",
    "list_incidents": "incidents",
    "list_missed": "missed",
    "list_poison": "poison",
    "add": "suppress",
    "remove": "release",
    "import_body": "import_list",
    "undo": "undo_import",
    "close": "close_incident",
    "ignore": "ignore_incident",
}
"""What operations are called where it is not their name."""

_HEAD = '''"""The requests of the API, one function each, with the types of what they take and give.

Written by ``python -m bouncewise.service.api.client_code``; do not edit.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from bouncewise.client.wire import ApiRequest, in_path, stated
'''


class _Field(NamedTuple):
    """A parameter or a key of the body; ``default``: as source, '' where it is required."""

    name: str
    kind: str
    default: str


def source() -> str:
    """The text of the module, before it is formatted."""
    used: set[type] = set()
    functions = [function(endpoint, used) for endpoint in ENDPOINTS]
    used |= {endpoint.answer for endpoint in ENDPOINTS}
    return "\n\n\n".join(["\n".join([_HEAD.rstrip(), *_imports(used)]), *functions]) + "\n"


def name_of(endpoint: Endpoint) -> str:
    """What the client calls an operation."""
    return NAMES.get(endpoint.name, endpoint.name)


def function(endpoint: Endpoint, used: set[type]) -> str:
    """The function that makes the request of an endpoint; *used* gets the types that it names."""
    has_body = endpoint.body not in (None, bytes)
    in_path = endpoint.path_names()
    given = _fields(endpoint.parameters, used)
    query = [field for field in given if field.name not in in_path and not has_body]
    body = _fields(endpoint.body, used) if has_body else []  # type: ignore[arg-type]
    rows = [*(f for f in given if f.name in in_path), *query, *body]
    rows.sort(key=lambda f: (bool(f.default), f.name == "why"))
    first = [f for f in rows if not f.default and f.name != "why"][:1]
    rest = [f for f in rows if f not in first]
    parts = [f"{f.name}: {f.kind}" for f in first]
    parts += ["content: bytes"] if endpoint.body is bytes else []
    parts += ["*"] if rest else []
    parts += [f"{f.name}: {f.kind}" + (f" = {f.default}" if f.default else "") for f in rest]
    path = endpoint.path
    for part in in_path:
        path = path.replace(f"{{{part}}}", f"{{in_path({part})}}")
    answer = endpoint.answer.__name__
    found = [f'"{endpoint.method}"', f'{"f" if in_path else ""}"{path}"', answer]
    found += [f"query={_stated(query)}"] if query else []
    found += [f"body={_stated(body)}"] if body else []
    found += ["content=content"] if endpoint.body is bytes else []
    found += ["acts=True"] if endpoint.acts else []
    about = textwrap.fill(f'"""{endpoint.about}', 95)
    lines = [
        f"def {name_of(endpoint)}({', '.join(parts)}) -> ApiRequest[{answer}]:",
        textwrap.indent(about + ('\n"""' if "\n" in about else '"""'), "    "),
        f"    return ApiRequest({', '.join(found)})",
    ]
    return "\n".join(lines)


def _fields(struct: type[msgspec.Struct], used: set[type]) -> list[_Field]:
    hints = get_type_hints(struct)
    return [
        _Field(
            field.name,
            _spelled(hints[field.name], used),
            "" if field.required else _value(field.default),
        )
        for field in msgspec.structs.fields(struct)
    ]


def _spelled(kind: Any, used: set[type]) -> str:
    """A type as source."""
    if get_origin(kind) in (Union, UnionType):
        return " | ".join(_spelled(part, used) for part in get_args(kind))
    if get_origin(kind) is Literal:
        quoted = ", ".join(f'"{value}"' for value in get_args(kind))
        return f"Literal[{quoted}]"
    if get_origin(kind) is list:
        return f"Sequence[{_spelled(get_args(kind)[0], used)}]"
    if kind is NoneType:
        return "None"
    if issubclass(kind, Enum):
        used.add(kind)
    return str(kind.__name__)


def _value(default: Any) -> str:
    if isinstance(default, Enum):
        return f"{type(default).__name__}.{default.name}"
    return f'"{default}"' if isinstance(default, str) else repr(default)


def _stated(fields: list[_Field]) -> str:
    return f"stated({', '.join(f'{f.name}={f.name}' for f in fields)})"


def _imports(used: set[type]) -> Iterator[str]:
    by_module: dict[str, set[str]] = {}
    for kind in used - {datetime}:
        module = "bouncewise.model" if issubclass(kind, Enum) else kind.__module__
        by_module.setdefault(module, set()).add(kind.__name__)
    for module in sorted(by_module):
        yield f"from {module} import {', '.join(sorted(by_module[module]))}"


if __name__ == "__main__":
    print(source(), end="")
