"""Lists imports, and undoes one: takes back what it added, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from bouncewise.encode import for_storage
from bouncewise.errors import NotFoundError
from bouncewise.ledger import Store
from bouncewise.ledger.records import Subject
from bouncewise.model import Event, State
from bouncewise.operations.decisions import derive
from bouncewise.operations.suppress import effective_time
from bouncewise.policy.decide import ADDED, WITHDRAWN, strictest
from bouncewise.policy.load import Policy
from bouncewise.policy.standing import standing

_ALL = 1 << 31


class Undone(NamedTuple):
    """Names that an import lists: those on which nothing else stands afterwards, and the others,
    which stay suppressed.
    """

    ended: list[str]
    kept: list[str]


class ListedImport(NamedTuple):
    """An import, how many names it lists, and whether it was undone."""

    number: int
    file: str
    at: datetime
    names: int
    is_undone: bool


def listed_imports(ledger: Store) -> list[ListedImport]:
    """All imports that changed something, the latest first."""
    acts = ledger.imports.acts()
    return [
        ListedImport(*one, acts[ADDED, one.number], (WITHDRAWN, one.number) in acts)
        for one in ledger.imports.latest(_ALL)
    ]


def undo_import(
    number: int, why: str, by: str, ledger: Store, policy: Policy, *, dry_run: bool
) -> Undone:
    """Take back what an import added: what was there before, other imports list, or evidence and
    wishes say, stays. Raises NotFoundError where there is no such import, or nothing of it stands.
    """
    act = Event(
        at=effective_time(ledger, datetime.now(UTC)),
        kind=WITHDRAWN,
        words=for_storage(why),
        by=for_storage(by),
        imports=(number,),
    )
    with ledger.change(commit=not dry_run):
        names = [name for name, h in _histories(ledger, number) if _lists(number, h)]
        if not names:
            raise NotFoundError(_nothing(number, ledger))
        for name in names:
            ledger.act(name, act)
        subject = Subject("", len(names), number)
        ledger.audit.add(WITHDRAWN, (act.by, act.words), act.at, subject)
        derive(ledger, policy, names)
        left = ledger.decisions(names)
    kept = {n for n, found in left.items() if strictest(found, act.at).state is not State.OK}
    return Undone([n for n in names if n not in kept], [n for n in names if n in kept])


def _histories(ledger: Store, number: int) -> Iterator[tuple[str, list[Event]]]:
    return ledger.histories(ledger.imports.names(number, ADDED))


def _lists(number: int, history: Iterable[Event]) -> bool:
    """Whether an act that stands is listed by this import, which is not undone."""
    history = list(history)
    undone = any(e.kind == WITHDRAWN and number in e.imports for e in history)
    return not undone and any(number in e.imports for e in standing(history))


def _nothing(number: int, ledger: Store) -> str:
    last = ", ".join(f"{i.number} ({i.file}, {i.at:%Y-%m-%d})" for i in ledger.imports.latest(3))
    return f"nothing that import {number} added stands; the last imports: {last or 'none'}"
