"""The house keeps its shape: what stands on what, over files, and how large a file may grow
(docs/architecture.md).
"""

from __future__ import annotations

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "bouncewise"
FILES = sorted(SOURCE.rglob("*.py"))
MAX_LINES = 300

# Each tier may import the tiers above it in this table, and its own package; never sideways, never
# downwards.
TIERS = (
    {"errors", "times", "lazy", "text"},
    {"rfc", "workers"},
    {"config"},
    {"verp"},
    {"output", "encode"},
    {"model", "net"},
    {"rules", "policy", "readers", "lists", "sender", "ledger"},
    {"providers", "classifier"},
    {"intake", "diagnosis"},
    {"operations", "bulk"},
    {"contract"},
    {"library", "service", "client"},
    {"dashboard"},  # it has pages of the service
    {"cli"},  # it starts the service
    {"", "__main__"},  # the public names, and ``python -m bouncewise``
)
RANK = {package: rank for rank, packages in enumerate(TIERS) for package in packages}
ONLY = {  # libraries that one package alone may import
    "sqlite3": {"ledger", "net"},  # (net: what DNS answered lately)
    "psycopg": {"ledger"},
    "click": {"cli"},
    "rich": {"cli"},
    "dns": {"net", "sender"},
    "botocore": {"providers"},
    "starlette": {"service", "dashboard"},
    "uvicorn": {"service", "cli"},  # (cli: dashboard)
    "httpx2": {"client"},
    "mcp": {"service"},
    "mcp_types": {"service"},
    "jinja2": {"dashboard"},
    "prometheus_client": {"service"},
    "pyspark": {"bulk"},
    "polars": {"bulk"},
    "pyarrow": {"bulk"},
    "pandas": {"bulk"},
}
ALIKE = "readers/logs"  # readers of servers, none of which needs another
SHARED = {"heads", "lines", "jsonlines", "tables", "timestamps"}


def module(path: Path) -> str:
    """The dotted name below bouncewise; '' for its own __init__."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module(path) for path in FILES}


def imported(path: Path) -> set[str]:
    """Full names of what *path* imports; of a from-import the module or the name, whichever is a
    module.
    """
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def own(path: Path) -> set[str]:
    """The modules of bouncewise that *path* imports, but for the version number."""
    names = {
        n.removeprefix("bouncewise").lstrip(".")
        for n in imported(path)
        if n.partition(".")[0] == "bouncewise"
    }
    return {n if n in MODULES else n.rpartition(".")[0] for n in names - {"__version__"}}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_file_keeps_to_its_tier(path: Path) -> None:
    here = module(path)
    package = here.partition(".")[0]
    for name in own(path):
        there = name.partition(".")[0]
        assert there == package or RANK[there] < RANK[package], f"{here} must not import {name}"
        if ALIKE in str(path) and name.startswith("readers.logs."):
            assert name.rpartition(".")[2] in SHARED, f"{here} must not import {name}"
    for head in {name.partition(".")[0] for name in imported(path)} & set(ONLY):
        assert package in ONLY[head], f"{head} belongs to {ONLY[head]} alone"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_file_is_small_and_documented(path: Path) -> None:
    text = path.read_text("utf-8")
    tree = ast.parse(text)
    assert text.count("\n") <= MAX_LINES, (
        f"{text.count(chr(10))} lines: what is the design asking for?"
    )
    assert ast.get_docstring(tree), "a module says what it reads, gives and refuses"
    for node in tree.body:
        public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
        if public:
            assert ast.get_docstring(node) or module(path).startswith("cli"), (
                f"{node.name} needs a docstring"
            )


def test_no_circle() -> None:
    try:
        TopologicalSorter({module(path): own(path) - {module(path)} for path in FILES}).prepare()
    except CycleError as circle:
        pytest.fail(f"imports go in a circle: {' -> '.join(circle.args[1])}")


BANNED = frozenset(
    "told tells said says came whom was asked crowd freed mishap living strangers".split()
)
"""Words that say nothing to a stranger, or name what has another name (docs/architecture.md)."""


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_definitions_are_named_in_the_words_of_the_field(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = node.name
        elif isinstance(node, ast.arg):
            name = node.arg
        else:
            continue
        words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+", name)}
        assert words.isdisjoint(BANNED), f"{path}:{node.lineno}: {name}"
