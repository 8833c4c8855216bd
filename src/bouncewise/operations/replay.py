"""Replay: what the rules and the policy at hand make of all the evidence ever read; on trial, or
applied.

Reads: a ledger's blocks, a classifier, a policy. Gives: the Decisions that differ, from what to
what. On trial the ledger is not written; applied, all of it changes in one transaction, and the
log of batches says by whom and from which rules to which.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from bouncewise import __version__
from bouncewise.intake.reading import judge
from bouncewise.ledger.protocol import Rejudge
from bouncewise.model import Decision, State
from bouncewise.operations.context import Context
from bouncewise.operations.decisions import derive
from bouncewise.operations.incidents import detect_incidents
from bouncewise.policy.decide import in_force


class Change(NamedTuple):
    """A name whose Decision differs. Where it is OK, ``rule`` is what then, or now, judges the
    same words.
    """

    name: str
    before: Decision
    after: Decision


class Outcome(NamedTuple):
    """Reports judged, how many of them differently than the last time, and the ``changes``, by
    name, to be read once.
    """

    reports: int
    reclassified: int
    changes: Iterator[Change]


class ChangeKind(NamedTuple):
    """Changes that are alike, in the summary."""

    rule_before: str
    rule_after: str
    state_before: State
    state_after: State


class Summary:
    """Counts changes as they pass."""

    def __init__(self) -> None:
        self.kinds: Counter[ChangeKind] = Counter()

    def add(self, change: Change) -> None:
        """Count one."""
        before, after = change.before, change.after
        self.kinds[ChangeKind(before.rule, after.rule, before.state, after.state)] += 1

    @property
    def changed(self) -> int:
        """All changes."""
        return self.kinds.total()

    @property
    def released(self) -> int:
        """Names that may be mailed now and might not before."""
        return sum(
            n
            for kind, n in self.kinds.items()
            if State.OK is kind.state_after is not kind.state_before
        )

    @property
    def suppressed(self) -> int:
        """Names that are suppressed now and were not before."""
        return sum(
            n
            for kind, n in self.kinds.items()
            if State.SUPPRESSED is kind.state_after is not kind.state_before
        )

    @property
    def held(self) -> int:
        """Names that are held now and might be mailed before."""
        return sum(
            n
            for kind, n in self.kinds.items()
            if (kind.state_before, kind.state_after) == (State.OK, State.HELD)
        )


@contextmanager
def replayed(
    context: Context,
    *,
    at: datetime,
    apply_by: str | None,
    since: datetime | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Iterator[Outcome]:
    """All evidence, or that from *since* on, judged and decided again. *apply_by*: who applies
    it; None: a trial.

    Differences are those in force *at* a time: holds that expired before are left out.
    *progress* gets the reports judged and how far it all is, in thousandths. Raises LedgerError
    where other processes write for too long, or room is lacking.
    """
    ledger, policy, classifier = context
    with ledger.rejudging(trial=apply_by is None) as rejudge:
        reports, reclassified = _judge_blocks(rejudge, context, since, progress)
        detect_incidents(ledger, policy, ledger.traffic.first(), ledger.traffic.latest())
        done, total = 0, rejudge.name_count()
        for names in rejudge.names():
            derive(ledger, policy, names)
            done += len(names)
            progress(reports, 500 + 500 * done // total)
        rejudge.note_changes()
        if apply_by is not None:
            rejudge.apply(apply_by, classifier.ruleset.version, __version__, since)
        yield Outcome(reports, reclassified, _in_force_at(rejudge.changes(), at))


def _judge_blocks(
    rejudge: Rejudge, context: Context, since: datetime | None, progress: Callable[[int, int], None]
) -> tuple[int, int]:
    reports = reclassified = 0
    numbers = rejudge.blocks(since)
    for i, number in enumerate(numbers, 1):
        block = rejudge.block(number)
        reclassified += rejudge.enter(
            block, [judge(report, context.classifier) for report in block.reports], since
        )
        reports += len(block.reports)
        progress(reports, 500 * i // len(numbers))
    return reports, reclassified


def _in_force_at(
    changes: Iterator[tuple[str, Decision, Decision]], at: datetime
) -> Iterator[Change]:
    for name, *both in changes:
        before, after = (_at(decision, at) for decision in both)
        if _compared(before) != _compared(after):
            yield Change(name, before, after)


def _at(decision: Decision, at: datetime) -> Decision:
    return (
        Decision(state=State.OK, rule=decision.rule)
        if in_force(decision, at).state is State.OK
        else decision
    )


def _compared(d: Decision) -> tuple[object, ...]:
    return (d.state,) if d.state is State.OK else (d.state, d.cause, d.scope, d.rule, d.until)
