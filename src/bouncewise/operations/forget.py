"""Forget a name: everything about it is removed, and a keyed hash keeps what was decided, so that a
later import or question still gets the same answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple

from bouncewise.errors import LedgerError
from bouncewise.ledger import Store
from bouncewise.ledger.records import Mention
from bouncewise.model import Decision, State
from bouncewise.operations.decisions import decisions_on, derive
from bouncewise.policy.decide import in_force
from bouncewise.policy.load import Policy


class Forgetting(NamedTuple):
    """One name: what there is about it, the Decisions in force, which are kept, and the reasons of
    acts on others in which it stands.
    """

    name: str
    reports: int
    deliveries: int
    acts: int
    kept: tuple[Decision, ...]
    mentions: tuple[Mention, ...] = ()


def plan(names: Iterable[str], ledger: Store, policy: Policy, now: datetime) -> list[Forgetting]:
    """What would be removed and kept of each of *names*."""
    wanted = list(dict.fromkeys(names))
    before = ledger.forgotten.decisions(wanted)
    found = []
    for name, decisions in decisions_on(wanted, ledger, policy):
        kept = tuple(d for d in decisions if in_force(d, now).state is not State.OK)
        counts = ledger.erasure.count(name)
        mentions = tuple(ledger.erasure.mentions({name}))
        found.append(
            Forgetting(name, **counts, kept=(*kept, *before.get(name, ())), mentions=mentions)
        )
    return found


def forget(
    planned: list[Forgetting],
    ledger: Store,
    policy: Policy,
    now: datetime,
    *,
    completely: bool,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> bool:
    """Carry out what is *planned*; *completely*: without the keyed hash, so that the name is one of
    which nothing is known. Whether the file could be written anew as well: another process may use
    it.
    """
    names = {item.name for item in planned}
    with ledger.change():
        for item in planned:
            if completely:
                ledger.forgotten.drop(item.name)
            else:
                ledger.forgotten.add(item.name, item.kept, now)
        ledger.erasure.erase(names, progress)
        others = {m.about for item in planned for m in item.mentions if m.table == "act"}
        derive(ledger, policy, names | others)
        ledger.write_index()
        while ledger.tallies.refresh():
            pass
    try:
        return ledger.erasure.compact()
    except LedgerError:
        return False
