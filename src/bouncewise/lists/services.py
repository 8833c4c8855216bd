"""Results of validation services, to be compared with ours.

Reads: a table with a column of addresses and one of verdicts; services.toml. Gives: the service's
verdict on each address in our words. Refuses: a table whose verdicts are not known. HTTP statuses
and scores are no verdicts and are not read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from importlib import resources
from pathlib import Path

import msgspec

from bouncewise.errors import InputError
from bouncewise.lists.names import name_in
from bouncewise.lists.table import Table
from bouncewise.lists.worth import Worth


class _Vocabulary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    columns: tuple[str, ...]
    ok: frozenset[str]
    risky: frozenset[str]
    bad: frozenset[str]
    unknown: frozenset[str]


@cache
def _vocabulary() -> _Vocabulary:
    path = resources.files("bouncewise.lists") / "services.toml"
    return msgspec.toml.decode(path.read_bytes(), type=_Vocabulary)


def service_verdicts(path: Path) -> dict[str, Worth]:
    """By normalised address, the verdict in the table at *path*. Raises InputError."""
    found: dict[str, Worth] = {}
    unread: Counter[str] = Counter()
    with Table.open(path) as table:
        column = _column(table.header, path)
        for cells in table.rows:
            if max(column, table.address) >= len(cells):
                continue
            verdict = _meaning(cells[column])
            if verdict is None:
                unread[cells[column].strip()[:40]] += 1
            else:
                found[name_in(cells[table.address]).key] = verdict
    if unread and not found:
        words = ", ".join(word for word, _ in unread.most_common(3))
        raise InputError(
            f"--with {path}: verdicts that are not known ({words}); write ok, risky, bad or unknown"
        )
    return found


def _column(header: Sequence[str], path: Path) -> int:
    names = [_folded(name) for name in header]
    for known in _vocabulary().columns:
        if known in names:
            return names.index(known)
    raise InputError(
        f"--with {path}: no column of verdicts among: {', '.join(header)[:200]}. Call it status."
    )


def _meaning(cell: str) -> Worth | None:
    word, known = _folded(cell), _vocabulary()
    for verdict in Worth:
        if word in getattr(known, verdict.value):
            return verdict
    return None


def _folded(text: str) -> str:
    return " ".join(text.strip().casefold().replace("_", " ").replace("-", " ").split())
