"""Replay: what the rules and the policy given now make of all that was ever read, tried or made so.

Reads: a ledger's blocks, a classifier, a policy. Gives: whose decision differs, from what to what. On trial the file is not
written to; else all of it is changed in one transaction, and a line of the log says by whom and from which rules to which.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from bouncewise import __version__
from bouncewise.classifier.classify import Classifier
from bouncewise.intake.reading import judge
from bouncewise.ledger import Ledger
from bouncewise.model import Decision, State
from bouncewise.operations.incidents import watch
from bouncewise.operations.pipeline import derive
from bouncewise.policy.decide import standing
from bouncewise.policy.load import Policy


class Change(NamedTuple):
    """An address or ``@domain`` whose Decision differs. Where it is OK, ``rule`` is what then, or now, judges the same words."""

    name: str
    before: Decision
    after: Decision


class Outcome(NamedTuple):
    """What came of it: reports judged, how many of them otherwise than last time, and ``changes``, by name, to be read once."""

    reports: int
    otherwise: int
    changes: Iterator[Change]


class Sort(NamedTuple):
    """Changes of one kind, in the summary."""

    rule_before: str
    rule_after: str
    state_before: State
    state_after: State


class Summary:
    """Counts changes as they pass."""

    def __init__(self) -> None:
        self.sorts: Counter[Sort] = Counter()

    def add(self, change: Change) -> None:
        """Count one."""
        before, after = change.before, change.after
        self.sorts[Sort(before.rule, after.rule, before.state, after.state)] += 1

    @property
    def changed(self) -> int:
        """All."""
        return self.sorts.total()

    @property
    def freed(self) -> int:
        """Those that may be mailed now and might not before."""
        return sum(n for sort, n in self.sorts.items() if State.OK is sort.state_after is not sort.state_before)

    @property
    def suppressed(self) -> int:
        """Those that are suppressed now and were not before."""
        return sum(n for sort, n in self.sorts.items() if State.SUPPRESSED is sort.state_after is not sort.state_before)

    @property
    def held(self) -> int:
        """Those that are held now and were free before."""
        return sum(
            n for sort, n in self.sorts.items() if (sort.state_before, sort.state_after) == (State.OK, State.HELD)
        )


@contextmanager
def judged_again(
    ledger: Ledger,
    classifier: Classifier,
    policy: Policy,
    *,
    at: datetime,
    keep_by: str | None,
    since: datetime | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Iterator[Outcome]:
    """All evidence, or that from *since* on, judged and decided again. *keep_by*: who makes it so; None: a trial.

    Differences are those that stand *at* a time: of holds that ran out before, nothing is said. *progress* gets the reports
    judged and how far it all is, in thousandths. Raises LedgerError where others write for too long, or room is lacking.
    """
    with ledger.again(trial=keep_by is None) as again:
        reports = otherwise = done = 0
        numbers = again.blocks(since)
        for i, number in enumerate(numbers, 1):
            block = again.block(number)
            otherwise += again.enter(block, [judge(report, classifier) for report in block.reports], since)
            reports += len(block.reports)
            progress(reports, 500 * i // len(numbers))
        watch(ledger, policy, ledger.traffic.first(), ledger.traffic.latest())
        total = again.name_count()
        for names in again.names():
            derive(ledger, policy, names)
            done += len(names)
            progress(reports, 500 + 500 * done // total)
        again.settle()
        if keep_by is not None:
            again.keep(keep_by, classifier.ruleset.version, __version__, since)
        yield Outcome(reports, otherwise, _standing(again.changes(), at))


def _standing(changes: Iterator[tuple[str, Decision, Decision]], at: datetime) -> Iterator[Change]:
    for name, *both in changes:
        before, after = (_now(decision, at) for decision in both)
        if _said(before) != _said(after):
            yield Change(name, before, after)


def _now(decision: Decision, at: datetime) -> Decision:
    return Decision(state=State.OK, rule=decision.rule) if standing(decision, at).state is State.OK else decision


def _said(d: Decision) -> tuple[object, ...]:
    return (d.state,) if d.state is State.OK else (d.state, d.cause, d.scope, d.rule, d.until)
