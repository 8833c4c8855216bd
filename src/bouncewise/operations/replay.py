"""Replay: all evidence evaluated again by the given rules and policy; as a trial, or applied.

Reads: a ledger's blocks, a classifier, a policy. Gives: the Decisions that differ, from what to
what. On trial the ledger is not written; applied, all of it changes in one transaction, and the
table of batches names the author and both versions of the rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from bouncewise import __version__
from bouncewise.intake.reading import verdict_of
from bouncewise.ledger.parts import Rejudge
from bouncewise.ledger.protocol import Store
from bouncewise.model import Decision, Mail, State
from bouncewise.operations.context import Context
from bouncewise.operations.decisions import derive, refresh_counts
from bouncewise.operations.incidents import detect_incidents
from bouncewise.policy.decide import strictest


class Change(NamedTuple):
    """A name whose strictest Decision differs. Where it is OK, ``rule`` is the one that decides
    about the same words before or after.
    """

    name: str
    before: Decision
    after: Decision


class Outcome(NamedTuple):
    """Reports re-evaluated, how many of them got another verdict, and the ``changes`` by name, to
    be read once.
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
    """All evidence, or that from *since* on, re-evaluated and decided again. *apply_by*: the
    author of the change; None: a trial.

    Differences are those in force *at* a time: holds that expired before are left out.
    *progress* gets the number of reports, and the progress of the whole in thousandths. Raises
    LedgerError where other processes write for too long, or the disk is full.
    """
    ledger, policy, classifier = context[:3]
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
            refresh_counts(ledger)
        yield Outcome(reports, reclassified, _changes(ledger, rejudge.changes(), at))


def _judge_blocks(
    rejudge: Rejudge, context: Context, since: datetime | None, progress: Callable[[int, int], None]
) -> tuple[int, int]:
    reports = reclassified = 0
    numbers = rejudge.blocks(since)
    for i, number in enumerate(numbers, 1):
        block = rejudge.block(number)
        reclassified += rejudge.enter(
            block, [verdict_of(report, context.classifier) for report in block.reports], since
        )
        reports += len(block.reports)
        progress(reports, 500 * i // len(numbers))
    return reports, reclassified


def _changes(
    ledger: Store, changes: Iterator[tuple[str, Decision, Decision]], at: datetime
) -> Iterator[Change]:
    """The names whose answer differs *at* a time: what has changed beside a stricter Decision that
    stands is left out.
    """
    for name, rows in groupby(changes, key=itemgetter(0)):
        _, befores, afters = zip(*rows, strict=True)
        standing = [d for d in ledger.decisions((name,)).get(name, ()) if d not in afters]
        for mail in (None, Mail(transactional=True)):
            before = strictest((*standing, *befores), at, mail)
            after = strictest((*standing, *afters), at, mail)
            if _compared(before) == _compared(after):
                continue
            if before.state is State.OK and after in afters:
                before = Decision(state=State.OK, rule=befores[afters.index(after)].rule)
            if after.state is State.OK and before in befores:
                after = Decision(state=State.OK, rule=afters[befores.index(before)].rule)
            yield Change(name, before, after)
            break


def _compared(d: Decision) -> tuple[object, ...]:
    return (d.state,) if d.state is State.OK else (d.state, d.cause, d.scope, d.rule, d.until)
