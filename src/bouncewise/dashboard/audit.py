"""The audit: who did what, when and why, and whether it can be undone. Also without the service."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from bouncewise.dashboard.views import Source
from bouncewise.ledger import Store
from bouncewise.ledger.records import AuditEntry
from bouncewise.model import Basis
from bouncewise.operations.imports import IMPORTED
from bouncewise.policy.decide import ADDED, WITHDRAWN

MOST = 100

_LAST = 1 << 62


def view(source: Source, request: Request) -> dict[str, Any]:
    """A page of acts, the latest first."""
    given = request.query_params.get("before", "")
    is_number = given.isascii() and given.isdecimal() and len(given) < 19
    before = min(int(given), _LAST) if is_number else None
    with source.open() as ledger:
        found = ledger.audit.page(before, MOST + 1)
        rows = [_row(entry, state) for entry, state in _with_undo(ledger, found[:MOST])]
    return {"rows": rows, "before": found[MOST - 1].id if len(found) > MOST else None}


def _with_undo(ledger: Store, found: list[AuditEntry]) -> list[tuple[AuditEntry, str]]:
    """Each with the act that undoes it: ``undo-import``, ``undo`` or ''."""
    withdrawn = {e.number for e in found if e.kind == WITHDRAWN}
    names = [e.subject for e in found if e.kind == ADDED and e.subject]
    stand = {
        name
        for name, decisions in ledger.decisions(names).items()
        if any(d.basis is Basis.ACT for d in decisions)
    }
    return [(entry, _undo(entry, withdrawn, stand)) for entry in found]


def _undo(entry: AuditEntry, withdrawn: set[int], stand: set[str]) -> str:
    if entry.kind == IMPORTED and entry.number not in withdrawn:
        return "undo-import"
    # (of several names only their histories show what stands)
    is_there = entry.subject in stand if entry.subject else entry.names > 1
    return "undo" if entry.kind == ADDED and is_there else ""


def _row(entry: AuditEntry, undo: str) -> dict[str, Any]:
    return {**entry._asdict(), "undo": undo}
