"""Undoes an act of the audit: what it added ends, where nothing else stands.

Reads: an entry of the audit. Gives: the names that it suppressed, those that are free afterwards
and the others. Refuses: imports, which undo_import.py undoes, and acts that no act can take back.
What was released cannot be held by the same evidence again; it can be suppressed by hand.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec import structs

from bouncewise.errors import InputError, NotFoundError
from bouncewise.ledger import Store
from bouncewise.ledger.records import AuditEntry
from bouncewise.model import Basis, Event
from bouncewise.operations.imports import IMPORTED
from bouncewise.operations.suppress import effective_time, record
from bouncewise.policy.decide import ADDED
from bouncewise.policy.load import Policy
from bouncewise.policy.standing import standing


class UndoneAct(NamedTuple):
    """Names that the act suppressed: those on which nothing else stands afterwards, and the others,
    which stay suppressed.
    """

    ended: list[str]
    kept: list[str]


def undo_act(number: int, act: Event, ledger: Store, policy: Policy, *, dry_run: bool) -> UndoneAct:
    """Undo the act with this *number* in the audit by *act*, of kind REMOVED. Raises NotFoundError
    where there is none, or nothing of it stands; InputError where it cannot be undone.
    """
    entry = ledger.audit.find(number)
    if entry is None:
        raise NotFoundError(f"act {number}: there is no such act in the audit")
    if entry.kind == IMPORTED:
        raise InputError(
            f"act {number} is import {entry.number}; `bouncewise suppressions undo {entry.number}` "
            "undoes it"
        )
    if entry.kind != ADDED:
        raise InputError(
            f"act {number} ({entry.kind}): cannot be undone; suppress the address by hand if it "
            "must not be mailed"
        )
    found = _added(entry, ledger)
    if not found.ended and not found.kept:
        raise NotFoundError(f"act {number}: nothing that it added stands")
    if not dry_run:
        act = structs.replace(act, at=effective_time(ledger, act.at))
        record(found.ended, act, ledger, policy)
    return found


def _added(entry: AuditEntry, ledger: Store) -> UndoneAct:
    """What the act added and still stands. Where something else stands on a name as well, removing
    everything would let through what that stopped.
    """
    names = ledger.audit.names(entry)
    decisions = ledger.decisions(names)
    found = UndoneAct([], [])
    for name, history in ledger.histories(names):
        stand = standing(history)
        ours = [e for e in stand if (e.at, e.by, e.words) == _mark(entry)]
        if ours:
            of_acts = all(d.basis is Basis.ACT for d in decisions.get(name, ()))
            is_free = of_acts and len(ours) == len(stand)
            (found.ended if is_free else found.kept).append(name)
    return found


def _mark(entry: AuditEntry) -> tuple[object, ...]:
    return entry.effective, entry.by, entry.why
