"""The difference between a suppression list elsewhere and the ledger, in both directions.

Reads: the pages of an account's lists, and the ledger. Gives: a Difference per entry that stops
mail there which bouncewise would send, and per suppression that the lists do not have; why, and
what can be done. Changes nothing. A list that was not read to its end gives nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from bouncewise.lists import imports
from bouncewise.lists.exports import Kind, kind_of
from bouncewise.lists.imports import ListRow
from bouncewise.lists.layouts import Meaning
from bouncewise.lists.reasons import is_reply
from bouncewise.model import Decision, Event, Mail, Scope, State
from bouncewise.model import Kind as ReportKind
from bouncewise.operations.check import Answer, Checker
from bouncewise.operations.context import Context
from bouncewise.operations.import_rows import ImportOptions, judge
from bouncewise.operations.suppress import suppressions
from bouncewise.operations.sync_rows import Because, Difference, Side, Step
from bouncewise.policy.acts import CONFIRMED, REMOVED
from bouncewise.providers.list_client import ListClient
from bouncewise.providers.suppression_lists import (
    MARKETING,
    TRANSACTIONAL,
    Account,
    SuppressionList,
)
from bouncewise.rfc import address

_PAGE = 500
_WISHES = (Meaning.UNSUBSCRIBED, Meaning.COMPLAINED)


class Pulled(NamedTuple):
    """The entries of one list, as a CSV file in the list's layout; how many there are, and how many
    rows stop only a part of the mail.
    """

    listed: SuppressionList
    path: Path
    entries: int
    partial: int


class Lists(NamedTuple):
    """The lists of an account: what was pulled, what of each address's mail is stopped there, and
    the addresses that can be added, where only those can; what entries are called there.
    """

    account: Account
    pulled: list[Pulled]
    stopped: dict[str, frozenset[str]]
    members: dict[str, str]
    ids: dict[str, str]


def pull(client: ListClient, folder: Path) -> Lists:
    """All lists of an account, as files in *folder*. Raises ListError, FetchError."""
    account = client.account
    found = Lists(account, [], {}, {}, {})
    for number, listed in enumerate(account.lists):
        path = folder / f"{number}.csv"
        stops = account.stops(listed)
        entries = partial = 0
        with path.open("w", encoding="utf-8", errors="replace", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(listed.fields)
            for entry in client.entries(listed):
                name = address.normalise(entry.address)
                if entry.id:
                    found.ids[name] = entry.id
                if listed.members and not entry.stops:
                    found.members[name] = entry.address
                elif not entry.stops:
                    partial += 1
                else:
                    entries += 1
                    writer.writerow(entry.values)
                    found.stopped[name] = found.stopped.get(name, frozenset()) | stops
        found.pulled.append(Pulled(listed, path, entries, partial))
    return found


def differences(context: Context, lists: Lists, now: datetime) -> Iterator[Difference]:
    """What the two sides do not agree on: first what only they suppress, then what only we do."""
    checker = Checker(context.ledger, context.policy)
    for part in lists.pulled:
        if part.entries:
            yield from _Theirs(context, lists.account, part, checker, now).differences()
    if any(listed.members for listed in lists.account.lists):
        yield from of_members(lists, checker, now)
        return
    found = suppressions(context.ledger, context.policy, State.SUPPRESSED, now, past=False)
    for name, decision in found:
        if (difference := _ours(lists, name, decision)) is not None:
            yield difference


class _Theirs(NamedTuple):
    """What stands in one of their lists, compared with the ledger."""

    context: Context
    account: Account
    part: Pulled
    checker: Checker
    now: datetime

    def differences(self) -> Iterator[Difference]:
        listed = self.part.listed
        loaded = imports.load(
            self.part.path, listed.layout, column=listed.email or listed.fields[0]
        )
        with self.part.path.open(encoding="utf-8", newline="") as stream:
            raw = csv.reader(stream)
            next(raw)
            both = zip(loaded, map(tuple, raw), strict=True)
            while page := list(islice(both, _PAGE)):
                yield from self._of_page(page)

    def _of_page(self, page: list[tuple[ListRow, tuple[str, ...]]]) -> Iterator[Difference]:
        stops = sorted(self.account.stops(self.part.listed))
        given = [row.address for row, _ in page]
        answers = [
            list(self.checker.check_all(given, mail=Mail(mail == TRANSACTIONAL), at=self.now))
            for mail in stops
        ]
        histories = dict(self.context.ledger.histories(map(address.normalise, given)))
        for (row, values), *found in zip(page, *answers, strict=True):
            if row.error:
                yield self._difference(row, values, Because.UNREADABLE, Step.NONE, row.error)
            elif not all(_agrees(answer) for answer in found):
                history = histories.get(address.normalise(row.address), [])
                because, step = self._why(row, found, history)
                yield self._difference(row, values, because, step, row.reason)

    def _difference(
        self, row: ListRow, values: tuple[str, ...], because: Because, step: Step, reason: str
    ) -> Difference:
        kind = {Meaning.COMPLAINED: Kind.COMPLAINT, Meaning.UNSUBSCRIBED: Kind.UNSUBSCRIBE}
        return Difference(
            side=Side.THEIRS,
            address=row.address,
            lists=(self.part.listed.name,),
            because=because,
            step=step,
            reason=reason or row.meaning or "",
            at=row.at,
            kind=kind.get(row.meaning or Meaning.BOUNCED, Kind.BOUNCE),
            row=values,
        )

    def _why(self, row: ListRow, found: list[Answer], history: list[Event]) -> tuple[Because, Step]:
        removable = Step.REMOVE if self.part.listed.remove else Step.NONE
        options = ImportOptions(format=self.part.listed.layout)
        if judge(row, options, self.context.classifier).scope is None:
            return Because.REPLY, removable if is_reply(row.reason) else Step.NONE
        if any(e.kind == REMOVED and (row.at is None or e.at > row.at) for e in history):
            return Because.RELEASED, removable
        if any(_agrees(answer) for answer in found):
            return Because.MARKETING, Step.NONE
        if any(answer.decision.state is State.HELD for answer in found):
            return Because.HELD, Step.NONE
        if row.at and row.meaning not in _WISHES and any(_alive(e, row.at) for e in history):
            return Because.ALIVE, removable
        return Because.UNKNOWN, Step.PULL


def _agrees(answer: Answer) -> bool:
    return not answer.send and answer.decision.state is not State.HELD


def _alive(event: Event, since: datetime) -> bool:
    """Whether an event after *since* is a sign of life, not only a hand-over to a relay."""
    is_sign = event.kind == CONFIRMED or (event.kind == ReportKind.DELIVERED and not event.relay)
    return is_sign and event.at > since


def _ours(lists: Lists, name: str, d: Decision) -> Difference | None:
    """What the lists lack of a suppression; None where they have it, or send no such mail."""
    account = lists.account
    needed = account.mail & (account.mail if d.scope is Scope.ALL else frozenset((MARKETING,)))
    missing = needed - lists.stopped.get(name, frozenset())
    if not missing:
        return None
    kind = kind_of(d)
    targets = targets_of(account, kind, needed, missing)
    because, step = Because.MISSING, Step.PUSH
    if name.startswith("@"):
        because, step = Because.DOMAIN, Step.NONE
    elif d.scope is Scope.STREAM:
        because, step = Because.STREAM, Step.NONE
    elif d.until is not None:
        because, step = Because.ENDS, Step.NONE
    elif not targets:
        step = Step.NONE
        can = any(listed.add and kind in listed.add.kinds for listed in account.lists)
        because = Because.TRANSACTIONAL if can else Because.NO_LIST
    names = tuple(listed.name for listed in targets) if step is Step.PUSH else ()
    reason = d.why or d.cause or d.rule
    return Difference(Side.OURS, name, names, because, step, reason, d.since, kind)


def targets_of(
    account: Account, kind: Kind, needed: frozenset[str], missing: frozenset[str]
) -> list[SuppressionList]:
    """The lists to which an entry must be added so that *missing* mail is stopped, and none but
    *needed*; empty where that cannot be.
    """
    found: list[SuppressionList] = []
    for listed in account.lists:
        stops = account.stops(listed)
        fits = listed.add is not None and kind in listed.add.kinds and stops <= needed
        if fits and stops & missing:
            found.append(listed)
            missing -= stops
    return [] if missing else found


def of_members(lists: Lists, checker: Checker, now: datetime) -> Iterator[Difference]:
    """The addresses of a list manager that would be mailed, and are suppressed here."""
    listed = next(listed for listed in lists.account.lists if listed.members)
    members = iter(lists.members.values())
    while page := list(islice(members, _PAGE)):
        answers = checker.check_all(page, mail=Mail(), at=now)
        for given, answer in zip(page, answers, strict=True):
            d = answer.decision
            if answer.send or d.state is not State.SUPPRESSED:
                continue
            ends = d.until is not None or d.scope is Scope.STREAM
            because = Because.MISSING
            if ends:
                because = Because.ENDS if d.until is not None else Because.STREAM
            yield Difference(
                side=Side.OURS,
                address=given,
                lists=() if ends else (listed.name,),
                because=because,
                step=Step.NONE if ends else Step.PUSH,
                reason=d.why or d.cause or d.rule,
                at=d.since,
                kind=kind_of(d),
            )
