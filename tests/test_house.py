"""The house keeps its shape: which room may import which, how large a file and a function may grow (DESIGN: rooms)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "bouncewise"
FILES = sorted(SOURCE.rglob("*.py"))
MAX_FILE, MAX_FUNCTION = 300, 60

# Room by room, what it may import of bouncewise. Rooms that are not each other's ground never import each other.
ROOMS = {
    "errors": set(),
    "rfc": set(),
    "model": {"rfc"},
    "rules": {"model", "rfc", "errors", ""},
    "readers": {"model", "rfc"},
    "providers": {"model", "rfc", "errors", "readers"},  # of readers only base: what every reader gives
    "ledger": {"model", "rfc", "errors"},
    "lists": {"model", "rfc", "errors"},
    "sender": {"model", "rfc", "errors"},
    "judge": {"model", "rfc", "rules"},
    "policy": {"model", "errors"},
    "files": {"readers", "providers", "errors"},
    "columns": {"judge", "model", "rfc", "rules", "errors"},
    "frames": {"files", "errors", "readers", ""},
    "batch": {"columns", "crowd", "files", "frames", "errors", ""},
    "spark": {"columns", "judge", "model", "rules", ""},
    "explanation": {"judge", "model", "rfc", "rules"},
    "crowd": {"errors"},
    "reading": {"crowd", "files", "judge", "model", "readers", "rules", ""},
    "pipeline": {"guard", "judge", "files", "ledger", "model", "policy", "readers", "reading", "rfc", ""},
    "disagreement": {"model"},
    "diagnosis": {"judge", "ledger", "lists", "model", "policy", "sender"},
    "guard": {"ledger", "model", "policy"},
    "undo": {"errors", "guard", "ledger", "model", "pipeline", "policy"},
    "replay": {"guard", "judge", "ledger", "model", "pipeline", "policy", "reading", ""},
    "domains": {"ledger", "model", "pipeline", "policy", "sender"},
    "contract": {"disagreement", "domains", "ledger", "model", "pipeline", "policy", "reading", "replay", "undo"},
    "cli": {
        "batch", "crowd", "judge", "contract", "diagnosis", "domains", "guard", "sender", "undo", "errors", "explanation", "files", "ledger", "lists", "model", "pipeline",
        "policy", "readers", "reading", "replay", "rfc", "rules", "",
    },
    "": {"explanation", "judge", "model"},
    "__main__": {"cli"},
}  # fmt: skip
ONLY = {"sqlite3": "ledger", "click": "cli", "rich": "cli", "pyspark": "spark", "dns": "sender"}


def room(path: Path) -> str:
    return path.relative_to(SOURCE).with_suffix("").parts[0].replace("__init__", "")


def imported(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_file_keeps_to_its_room(path: Path) -> None:
    text = path.read_text("utf-8")
    tree = ast.parse(text)
    here = room(path)
    for name in imported(tree):
        head, _, rest = name.partition(".")
        if head == "bouncewise":
            first = rest.partition(".")[0]
            there = first if (SOURCE / first).is_dir() or (SOURCE / f"{first}.py").is_file() else ""
            assert there == here or there in ROOMS[here], f"{here} must not import {name}"
        elif head in ONLY:
            assert here == ONLY[head], f"{head} belongs to {ONLY[head]} alone"
    assert text.count("\n") <= MAX_FILE, f"{text.count(chr(10))} lines: what is the design asking for?"
    assert ast.get_docstring(tree), "a module says what it reads, gives and refuses"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= MAX_FUNCTION, f"{node.name} has {length} lines"
        public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
        if public and node in tree.body:
            assert ast.get_docstring(node) or here == "cli", f"{node.name} needs a docstring"
