"""From evidence to Decisions: derived for names, and settled after evidence was added."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from bouncewise.ledger import Store
from bouncewise.model import Decision
from bouncewise.operations.incidents import detect_incidents
from bouncewise.operations.refusal_context import RefusalContexts
from bouncewise.policy.decide import decide
from bouncewise.policy.load import Policy

NAMES = 20_000
"""Names decided about in one transaction."""


def decisions_on(
    names: Iterable[str],
    ledger: Store,
    policy: Policy,
    at: datetime | None = None,
    contexts: RefusalContexts | None = None,
) -> Iterator[tuple[str, Decision]]:
    """The Decision on each of *names* from its history up to *at*; ``in_force`` says whether it
    has expired.
    """
    contexts = contexts or RefusalContexts(ledger, policy, at)
    for name, history in ledger.histories(names, at):
        yield (
            name,
            decide(history, policy, whole_domain=name.startswith("@"), context=contexts.of(name)),
        )


def derive(ledger: Store, policy: Policy, names: Iterable[str]) -> None:
    """Derive the Decisions on *names*, addresses and ``@domain``s, and store them; inside a
    transaction.
    """
    ledger.put(decisions_on(sorted(names), ledger, policy))


def settle(ledger: Store, policy: Policy) -> None:
    """Find incidents where evidence was added, and derive the Decisions on all names that it
    affects, some at a time.
    """
    with ledger.change():
        if span := ledger.traffic.unexamined():
            affected = detect_incidents(ledger, policy, *span)
            ledger.pending.add(affected.names)
            ledger.pending.add_refused(affected.since, affected.until)
            ledger.traffic.mark_examined()
    more = True
    while more:
        with ledger.change():
            derive(ledger, policy, ledger.pending.take(NAMES))
            more = bool(ledger.pending)
    with ledger.change():
        ledger.write_index()
