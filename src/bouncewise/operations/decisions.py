"""From evidence to Decisions: derived for names, and settled after evidence was added."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from bouncewise.ledger import Store
from bouncewise.model import Basis, Decision, Decisions, Mail, State
from bouncewise.operations.incidents import detect_incidents
from bouncewise.operations.refusal_context import END_OF_TIME, MAX_RETURN, RefusalContexts
from bouncewise.policy.decide import OK, awaiting_probe, decide, strictest
from bouncewise.policy.load import Policy
from bouncewise.rfc.suffixes import is_public_suffix
from bouncewise.times import Day, day_of, day_start, micros

MAIL_MEMORY = timedelta(days=45)
"""How long the ledger remembers the recipient of a Message-ID: notices come within a week,
complaints within a month."""

FIRST_TIME = datetime(1990, 1, 1, tzinfo=UTC)

NAMES = 20_000
"""Names decided about in one transaction."""


def decisions_on(
    names: Iterable[str],
    ledger: Store,
    policy: Policy,
    at: datetime | None = None,
    contexts: RefusalContexts | None = None,
) -> Iterator[tuple[str, Decisions]]:
    """The Decisions on each of *names* from its history up to *at*; ``in_force`` says whether one
    has expired.
    """
    contexts = contexts or RefusalContexts(ledger, policy, at)
    for name, history in ledger.histories(names, at):
        whole = name.startswith("@")
        found = decide(history, policy, whole_domain=whole, context=contexts.of(name))
        if whole and found and is_public_suffix(name[1:]):  # jo@co.uk says nothing about *.co.uk
            found = tuple(d for d in found if d.basis is not Basis.EVIDENCE)
        yield name, found


def decision_on(
    name: str, ledger: Store, policy: Policy, at: datetime, mail: Mail | None = None
) -> Decision:
    """What is in force on *name*, by all evidence up to *at*; of a domain that waits for its next
    probe, the hold.
    """
    _, found = next(decisions_on((name,), ledger, policy, at))
    decision = strictest(found, at, mail)
    if name.startswith("@") and decision.state is State.OK:
        of_evidence = next((d for d in found if d.basis is Basis.EVIDENCE), OK)
        decision = awaiting_probe(of_evidence, policy, at)
    return decision


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
            if affected.resolver_failed:
                ledger.pending.add_domain_refusals(affected.since, affected.until)
            ledger.traffic.mark_examined()
        _reconsider_claims(ledger, policy)
        if hosts := ledger.coverage.new_relays(policy.trust.relay_domains):
            ledger.pending.add_relayed(hosts)
        ledger.prune_mails(ledger.latest() - MAIL_MEMORY)
    more = True
    while more:
        with ledger.change():
            derive(ledger, policy, ledger.pending.take(NAMES))
            more = bool(ledger.pending)
    with ledger.change():
        ledger.write_index()
    refresh_counts(ledger)


def refresh_counts(ledger: Store) -> None:
    """Count the evidence that was added or changed, for pages, some hours at a time."""
    more = True
    while more:
        with ledger.change():
            more = ledger.tallies.refresh()


def _reconsider_claims(ledger: Store, policy: Policy) -> None:
    """Make the names pending whose claims may do more, or less, by what is covered now, and by
    how many claims each day has now.
    """
    within = timedelta(hours=policy.trust.coverage_hours)
    if span := ledger.coverage.newly_covered():
        first, last = (max(FIRST_TIME, span[0]), min(END_OF_TIME, span[1]))
        ledger.pending.add_claims(first - within, last + within + MAX_RETURN)
    counts: dict[Day, int] = {}
    if span := ledger.coverage.newly_claimed():
        since, until = day_of(micros(span[0])), Day(day_of(micros(span[1])) + 1)
        counts = ledger.coverage.claims_by_day(day_start(since), day_start(until))
        before, most = ledger.coverage.counts_before(since, until), policy.trust.claims_a_day
        for day, count in counts.items():
            if before.get(day, 0) <= most < count:
                ledger.pending.add_claims(day_start(day), day_start(Day(day + 1)))
    ledger.coverage.mark_settled(counts)
