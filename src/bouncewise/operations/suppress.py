"""Acts of people: a suppression added or removed by hand, or imported from a list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from msgspec import structs

from bouncewise.classifier.classify import Classifier
from bouncewise.encode import for_storage
from bouncewise.ledger import Store
from bouncewise.lists import formats
from bouncewise.lists.reasons import is_reply
from bouncewise.model import Basis, Cause, Decision, Event, Party, Scope, State
from bouncewise.operations.context import Context
from bouncewise.operations.decisions import FIRST_TIME, decisions_on, derive
from bouncewise.policy.decide import ADDED, OK, REMOVED, awaiting_probe, in_force, strictest
from bouncewise.policy.load import Policy
from bouncewise.rfc import address

_MAX_WHY = 200


def record(names: Iterable[str], act: Event, ledger: Store, policy: Policy) -> int:
    """Store an act on normalised *names* and derive what follows; how many of the acts are new."""
    names = list(names)
    act = structs.replace(act, words=for_storage(act.words), by=for_storage(act.by))
    with ledger.change():
        new = sum(ledger.act(name, act) for name in names)
        derive(ledger, policy, names)
    return new


def effective_time(ledger: Store, now: datetime) -> datetime:
    """The time of an act of *now*: after all evidence; where old logs were read, right after
    those.

    A ledger whose last evidence is more than a day from now is not live: its time is that of its
    evidence.
    """
    behind = ledger.latest() + timedelta(microseconds=1)
    return (
        max(now, behind) if behind.year < 1971 or abs(now - behind) <= timedelta(days=1) else behind
    )


def suppressions(
    ledger: Store, policy: Policy, state: State, at: datetime, *, past: bool, every: bool = False
) -> Iterator[tuple[str, Decision]]:
    """The names in *state*, each with its strictest Decision; *every*: with each that is in force.
    *past*: from the evidence up to *at* alone; else from the derived state, at *at*.
    """
    found = decisions_on(ledger.names(), ledger, policy, at) if past else ledger.states()
    for name, decisions in found:
        if every:
            yield from ((name, d) for d in decisions if in_force(d, at).state is state)
            continue
        decision = strictest((d for d in decisions if d.state is state), at)
        if name.startswith("@") and strictest(decisions, at).state is State.OK:
            of_evidence = next((d for d in decisions if d.basis is Basis.EVIDENCE), OK)
            decision = awaiting_probe(of_evidence, policy, at)
        if decision.state is state:
            yield name, decision


class BadRow(NamedTuple):
    """A row of a list that cannot be used, and the line where it begins."""

    line: int
    error: str


class ImportOptions(NamedTuple):
    """How a list is read: its format and column of addresses, where they are not detected; the
    author; scope or cause of every row, whatever its columns say.
    """

    format: str | None = None
    column: str | None = None
    by: str | None = None
    scope: Scope | None = None
    cause: Cause | None = None

    @property
    def every(self) -> bool:
        """Whether every row is meant."""
        return self.scope is not None or self.cause is not None


class Imported(NamedTuple):
    """What an import did: suppressions added, already there, skipped because their reply or status
    shows a valid address, and rows that cannot be used.
    """

    added: int
    known: int
    skipped: int
    bad: int


def import_list(
    context: Context,
    file: Path,
    options: ImportOptions,
    *,
    dry_run: bool,
    note: Callable[[BadRow], None],
) -> Imported:
    """Add the suppressions of an ESP's list; each row that cannot be used is given to *note*. A dry
    run does the same, and undoes it.
    """
    ledger, now = context.ledger, datetime.now(UTC)
    added = known = skipped = bad = 0
    names = []
    with ledger.change(commit=not dry_run):
        rows = formats.load(file, options.format, column=options.column, every=options.every)
        for row in rows:
            if row.error:
                bad += 1
                note(BadRow(row.line, row.error))
                continue
            act = _imported(row, options, now, context.classifier)
            if act is None:
                skipped += 1
                continue
            name = address.normalise(row.address)
            if (act.at == now and _stands(act, name, ledger)) or not ledger.act(name, act):
                known += 1
            else:
                added += 1
                names.append(name)
        if not dry_run:
            derive(ledger, context.policy, names)
    return Imported(added, known, skipped, bad)


def _stands(act: Event, name: str, ledger: Store) -> bool:
    """Whether an act that differs only in its time is in force: a list without dates that is
    imported again adds nothing.
    """
    return any(_essence(e) == _essence(act) for e in _standing_acts(ledger.history(name)))


def _essence(act: Event) -> tuple[object, ...]:
    return act.scope, act.cause, act.until, act.words, act.by


def _imported(
    row: formats.ListRow, options: ImportOptions, now: datetime, classifier: Classifier
) -> Event | None:
    """The act of one row; None where it shows that the address is valid."""
    reply = row.reason if is_reply(row.reason) else ""
    verdict = classifier.classify(reply) if reply else None
    is_valid = verdict is not None and verdict.party in (Party.SENDER, Party.MESSAGE, Party.SYSTEM)
    if (is_valid or row.is_deliverable) and not options.every:
        return None
    at = row.at if row.at is not None and FIRST_TIME <= row.at <= now else now
    cause = options.cause or row.cause or (verdict.cause if verdict and not is_valid else None)
    default = Scope.MARKETING if options.cause is Cause.COMPLAINT else Scope.ALL
    return Event(
        at=at,
        kind=ADDED,
        cause=cause,
        scope=(options.scope or default) if options.every else row.scope,
        words=for_storage(row.reason[:_MAX_WHY]),
        by=for_storage(options.by or f"import:{row.format}"),
        until=row.until,
    )


class Undone(NamedTuple):
    """Names that an author added: those on which nothing else stands, and the others."""

    free: list[str]
    kept: list[str]


def added_by(author: str, since: datetime | None, ledger: Store) -> Undone:
    """What *author* added, at or after *since*: an import, or a mistake. Where another act, a wish
    or evidence stands as well, removing everything would let through what they stopped.
    """
    found = Undone([], [])
    standing = {
        name: all(d.basis is Basis.ACT for d in decisions)
        for name, decisions in ledger.states()
        if any(d.basis is Basis.ACT for d in decisions)
    }
    for name, history in ledger.histories(standing):
        acts = _standing_acts(history)
        theirs = [e for e in acts if e.by == author and (since is None or e.at >= since)]
        if theirs:
            is_free = standing[name] and len(theirs) == len(acts)
            (found.free if is_free else found.kept).append(name)
    return found


def _standing_acts(history: Iterable[Event]) -> list[Event]:
    """The additions since the last removal."""
    acts: list[Event] = []
    for event in history:
        if event.kind == REMOVED:
            acts.clear()
        elif event.kind == ADDED:
            acts.append(event)
    return acts


def for_all_mail(
    rows: Iterable[tuple[str, Decision]], left_out: Counter[str]
) -> Iterator[tuple[str, Decision]]:
    """The *rows* that stop every mail; the others are counted by scope in *left_out*."""
    for name, decision in rows:
        if decision.scope is Scope.ALL:
            yield name, decision
        else:
            left_out[decision.scope] += 1
