"""What is done about a difference: their entries are imported here, suppressions are added there,
entries there are removed, and put back.

Reads: Differences, and the file of a planned removal: an object per line, each with the account,
list, address and values of an entry. Gives: what was done and what was refused. Adding twice and
removing twice change nothing, so whatever ends half-way is simply run again.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from bouncewise.encode import for_json
from bouncewise.errors import BouncewiseError, InputError
from bouncewise.lists.exports import Kind
from bouncewise.operations.context import Context
from bouncewise.operations.import_rows import ImportOptions
from bouncewise.operations.imports import Imported, ImportNotes, import_list
from bouncewise.operations.sync import Lists, targets_of
from bouncewise.operations.sync_rows import Because, Difference, Side, Step
from bouncewise.providers.list_client import ListClient, Refused
from bouncewise.providers.list_values import New
from bouncewise.providers.suppression_lists import Act, SuppressionList
from bouncewise.rfc import address

_MAX_LINE = 1 << 16


class Done(NamedTuple):
    """How many entries were changed, by list; which were refused; why the rest was not tried; what
    was done to them; how many of a file were left as they are.
    """

    changed: Counter[str]
    refused: list[Refused]
    faults: list[str]
    verb: str = "added"
    skipped: int = 0


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """An entry there that may be removed: one line of the file."""

    account: str
    list: str
    address: str
    kind: Kind
    at: datetime | None
    because: str
    reason: str


def import_theirs(
    context: Context,
    lists: Lists,
    found: Iterable[Difference],
    folder: Path,
    *,
    dry_run: bool,
    note: Callable[[str], None],
) -> list[Imported]:
    """Import what only they suppress and nothing here speaks against: an import for each list."""
    rows: defaultdict[str, list[tuple[str, ...]]] = defaultdict(list)
    for d in found:
        if d.side is Side.THEIRS and d.step is Step.PULL:
            rows[d.lists[0]].append(d.row)
    done: list[Imported] = []
    for listed in (part.listed for part in lists.pulled if rows[part.listed.name]):
        path = folder / f"pull-{len(done)}.csv"
        with path.open("w", encoding="utf-8", errors="replace", newline="") as stream:
            csv.writer(stream).writerows([listed.fields, *rows[listed.name]])
        name = f"{lists.account.name}: {listed.name}"
        options = ImportOptions(
            format=listed.layout,
            column=listed.email or listed.fields[0],
            by=f"sync:{lists.account.name}",
        )
        notes = ImportNotes(name, lambda bad: note(f"{bad.unit} {bad.line}: {bad.error}"), note)
        done.append(import_list(context, path, options, dry_run=dry_run, notes=notes))
    return done


def push(client: ListClient, lists: Lists, found: Iterable[Difference], *, dry_run: bool) -> Done:
    """Add to their lists what only we suppress."""
    additions: defaultdict[str, list[Difference]] = defaultdict(list)
    for d in found:
        if d.side is Side.OURS and d.step is Step.PUSH:
            for name in d.lists:
                additions[name].append(d)
    return _planned(additions) if dry_run else _add(client, lists, additions)


def _planned(additions: dict[str, list[Difference]]) -> Done:
    return Done(Counter({name: len(rows) for name, rows in additions.items()}), [], [])


def _add(client: ListClient, lists: Lists, additions: dict[str, list[Difference]]) -> Done:
    done = Done(Counter(), [], [])
    for listed in client.account.lists:
        if (act := listed.add) is not None and additions.get(listed.name):
            new = [
                New(d.address, act.kinds.get(d.kind, ""), d.at, d.reason, _id(lists, d.address))
                for d in additions[listed.name]
            ]
            _change(client, listed, act, new, done)
    return done


def _id(lists: Lists, given: str) -> str:
    """What an entry is called there; '' where it has no name but its address."""
    return lists.ids.get(address.normalise(given), "")


def _change(
    client: ListClient, listed: SuppressionList, act: Act, new: list[New], done: Done
) -> None:
    """Add or remove the entries of one list; after a fault the other lists are not tried."""
    if done.faults:
        return
    try:
        done.refused.extend(
            client.change(act, new, lambda n: done.changed.update({listed.name: n}))
        )
    except BouncewiseError as fault:
        done.faults.append(str(fault))


def write_plan(lists: Lists, found: Iterable[Difference], write: Callable[[str], object]) -> int:
    """Write the entries that may be removed there, a line each; how many there are."""
    count = 0
    for d in found:
        if d.step is Step.REMOVE:
            row = Planned(
                account=lists.account.name,
                list=d.lists[0],
                address=d.address,
                kind=d.kind,
                at=d.at,
                because=d.because,
                reason=d.reason,
            )
            write(f"{for_json(msgspec.json.encode(row).decode())}\n")
            count += 1
    return count


def read_plan(path: Path, account: str) -> Iterator[Planned]:
    """The entries in the file of a planned removal. Raises InputError for another file."""
    with path.open("rb") as stream:
        number = 0
        while line := stream.readline(_MAX_LINE):
            number += 1
            try:
                row = msgspec.json.decode(line, type=Planned)
            except (msgspec.DecodeError, UnicodeError):
                raise InputError(
                    f"{path}, line {number}: not written by `bouncewise sync --plan-removal`"
                ) from None
            if row.account != account:
                raise InputError(f"{path}, line {number}: of {row.account:.64}, not of {account}")
            yield row


def remove(
    client: ListClient,
    lists: Lists,
    found: Iterable[Difference],
    plan: Iterable[Planned],
    *,
    dry_run: bool,
) -> Done:
    """Remove the planned entries for which the same still speaks."""
    planned = {(row.list, row.address) for row in plan}
    now = {(d.lists[0], d.address): None for d in found if d.step is Step.REMOVE}
    chosen = [entry for entry in now if entry in planned]
    done = Done(Counter(), [], [], "removed", len(planned) - len(chosen))
    if dry_run:
        done.changed.update(name for name, _ in chosen)
        return done
    for listed in client.account.lists:
        new = [New(given, id=_id(lists, given)) for name, given in chosen if name == listed.name]
        if listed.remove is not None and new:
            _change(client, listed, listed.remove, new, done)
    return done


def restore(client: ListClient, lists: Lists, plan: Iterable[Planned], *, dry_run: bool) -> Done:
    """Put back the entries of a plan that are not there: into their list, or where its vendor adds
    none, into one that stops the same mail.
    """
    account, known = client.account, 0
    refused: list[Refused] = []
    by_name = {listed.name: listed for listed in account.lists}
    additions: defaultdict[str, list[Difference]] = defaultdict(list)
    for row in plan:
        listed = by_name.get(row.list)
        stops = account.stops(listed) if listed else account.mail
        missing = stops - lists.stopped.get(address.normalise(row.address), frozenset())
        if not missing:
            known += 1
            continue
        is_own = listed is not None and listed.add is not None and row.kind in listed.add.kinds
        targets = [listed] if is_own and listed else targets_of(account, row.kind, stops, missing)
        names = tuple(target.name for target in targets)
        for name in names:
            additions[name].append(
                Difference(
                    side=Side.OURS,
                    address=row.address,
                    lists=names,
                    because=Because.MISSING,
                    step=Step.PUSH,
                    reason=row.reason,
                    at=row.at,
                    kind=row.kind,
                )
            )
        if not targets:
            refused.append(Refused(row.address, f"the API adds no entries to {row.list}"))
    done = _planned(additions) if dry_run else _add(client, lists, additions)
    return done._replace(refused=refused + done.refused, skipped=known)
