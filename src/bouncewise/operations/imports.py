"""Imports of suppression lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from msgspec import structs

from bouncewise import __version__
from bouncewise.encode import for_storage
from bouncewise.errors import InputError
from bouncewise.intake.formats import log_format
from bouncewise.ledger.imports import SOURCE
from bouncewise.ledger.records import Batch, Subject
from bouncewise.lists import imports
from bouncewise.lists.dates import has_two_readings
from bouncewise.model import Cause, Event, Scope
from bouncewise.operations.context import Context
from bouncewise.operations.decisions import FIRST_TIME, derive
from bouncewise.operations.import_rows import ImportOptions, judge
from bouncewise.policy.acts import ADDED, RELEASED, REMOVED, WITHDRAWN
from bouncewise.policy.standing import standing
from bouncewise.rfc import address

IMPORTED = "imported"
"""What the audit calls an import."""

_MAX_WHY = 200
_MAX_SOURCE = 1000
_PAGE = 500  # rows whose histories are read at once
_HEAD = 1 << 16
_NAMED_ROWS = 20
"""Rows of a kind that are named one by one."""


class BadRow(NamedTuple):
    """A row of a list that cannot be used, or not in full, and where it begins, counted in
    ``unit``s.
    """

    line: int
    error: str
    unit: str


class Group(NamedTuple):
    """Rows of a list that say the same: their status, the cause, and the mail that they stop; None
    where they are not imported.
    """

    status: str
    cause: Cause | None
    scope: Scope | None


class Place(NamedTuple):
    """Where a row begins, counted in ``unit``s, and its address."""

    line: int
    address: str
    unit: str


class Imported(NamedTuple):
    """What an import did: its number, None where it changed nothing; suppressions added, already
    there, skipped because their reply or status does not speak against the address, and rows that
    cannot be used; those without a date of addresses that were released; the rows by what they say,
    and the first of each; dates that could not be read; whether the same file was imported before.
    """

    id: int | None
    added: int
    known: int
    skipped: int
    bad: int
    released: int
    groups: Counter[Group]
    first: dict[Group, Place]
    lost_dates: int
    is_repeated: bool


class ImportNotes(NamedTuple):
    """What operators are shown: the name of the file; rows that cannot be used, and the first with
    a date that cannot; what is to be known of the list.
    """

    file: str
    bad_row: Callable[[BadRow], None]
    of_list: Callable[[str], None]


def import_list(
    context: Context, file: Path, options: ImportOptions, *, dry_run: bool, notes: ImportNotes
) -> Imported:
    """Add the suppressions of a list. A dry run does the same, and undoes it. Raises InputError
    for what is no list.
    """
    with file.open("rb") as stream:
        if log := log_format(stream.read(_HEAD)):
            raise InputError(
                f"{file}: a log ({log}), not a list; `bouncewise ingest` reads what it reports"
            )
    ledger = context.ledger
    with ledger.change(commit=not dry_run):
        run = _Run(context, file, options, notes)
        rows = imports.load(
            file, options.format, column=options.column, every=options.every, note=notes.of_list
        )
        while page := list(islice(rows, _PAGE)):
            run.add(page)
        if not dry_run:
            run.finish()
    return run.result(dry_run=dry_run)


class _Run:
    """An import under way."""

    def __init__(
        self, context: Context, file: Path, options: ImportOptions, notes: ImportNotes
    ) -> None:
        self._context, self._options, self._notes = context, options, notes
        self._ledger = context.ledger
        self._now = datetime.now(UTC)
        self._fingerprint = _fingerprint(file)
        self._before = self._ledger.imports.of_file(self._fingerprint)
        self._batch: Batch | None = None  # (an import that changes nothing has none)
        self._added = self._known = self._skipped = self._bad = self._released = 0
        self._groups: Counter[Group] = Counter()
        self._names: set[str] = set()
        self._first: dict[Group, Place] = {}
        self._lost = 0

    def _open(self) -> int:
        """The number of the import."""
        if self._batch is None:
            source = for_storage(f"{SOURCE}{self._notes.file}"[:_MAX_SOURCE])
            rules = self._context.classifier.ruleset.version
            self._batch = self._ledger.open_batch(source, rules, __version__)
        return self._batch.number

    def add(self, rows: Iterable[imports.ListRow]) -> None:
        """Import some rows."""
        found = [(row, act) for row in rows for act in self._judged(row)]
        names = dict.fromkeys(address.normalise(row.address) for row, _ in found)
        histories = {name: list(h) for name, h in self._ledger.histories(names)}
        for row, act in found:
            name = address.normalise(row.address)
            history = histories[name]
            before = _same(act, history, is_undated=act.at == self._now)
            if before is None and act.at == self._now and _is_released(history):
                self._note_released(row)
            elif before is None:
                act = structs.replace(act, imports=(self._open(),))
                self._ledger.act(name, act)
                history.append(act)
                self._names.add(name)
                self._added += 1
            else:
                self._known += 1
                self._confirm(name, before, history)

    def _confirm(self, name: str, before: Event, history: list[Event]) -> None:
        """Let this import list an act, too: undoing the other one then leaves it. The same file
        again confirms nothing.
        """
        listed_by = _imports_of(before, history)
        if listed_by and self._before not in listed_by and before in standing(history):
            self._ledger.act(name, structs.replace(before, imports=(self._open(),)))

    def _note_released(self, row: imports.ListRow) -> None:
        self._released += 1
        if self._released <= _NAMED_ROWS:
            text = f"{row.address} was released, and the row has no date: it stays released"
            self._notes.bad_row(BadRow(row.line, text, row.unit))

    def _note_date(self, row: imports.ListRow, text: str, why: str) -> None:
        self._lost += 1
        if self._lost <= _NAMED_ROWS:
            text = f"the date {text[:40]} {why}; the time of the import is recorded"
            self._notes.bad_row(BadRow(row.line, text, row.unit))

    def _judged(self, row: imports.ListRow) -> Iterator[Event]:
        """The act of a row, if it is to be suppressed; counts it."""
        if row.error:
            self._bad += 1
            self._notes.bad_row(BadRow(row.line, row.error, row.unit))
            return
        at = row.at if row.at is not None and FIRST_TIME <= row.at <= self._now else None
        if row.lost_date:
            why = "may have the day or the month first" if has_two_readings(row.lost_date) else ""
            self._note_date(row, row.lost_date, why or "cannot be read")
        elif row.at is not None and at is None:
            why = "lies in the future" if row.at > self._now else "is too long ago"
            self._note_date(row, f"{row.at:%Y-%m-%d}", why)
        meaning, cause, scope = judge(row, self._options, self._context.classifier)
        group = Group(meaning or "listed", cause, scope)
        self._groups[group] += 1
        self._first.setdefault(group, Place(row.line, row.address, row.unit))
        if scope is None:
            self._skipped += 1
            return
        yield Event(
            at=at or self._now,
            kind=ADDED,
            cause=cause,
            scope=scope,
            words=for_storage(row.reason[:_MAX_WHY]),
            by=for_storage(self._options.by or f"import:{row.format}"),
            until=row.until,
            rule="manual",
        )

    def finish(self) -> None:
        """Derive what follows, and remember the file."""
        derive(self._ledger, self._context.policy, self._names)
        if self._batch is not None:
            file = for_storage(self._notes.file[:_MAX_SOURCE])
            by, why = map(for_storage, self._options.author)
            subject = Subject(file, len(self._names), self._batch.number)
            self._ledger.audit.add(
                IMPORTED, (by or self._options.by or "import", why), self._now, subject
            )
            self._ledger.mark_done(self._batch, self._fingerprint, file)

    def result(self, *, dry_run: bool) -> Imported:
        """What was done."""
        return Imported(
            id=self._batch.number if self._batch and not dry_run else None,
            added=self._added,
            known=self._known,
            skipped=self._skipped,
            bad=self._bad,
            released=self._released,
            groups=self._groups,
            first=self._first,
            lost_dates=self._lost,
            is_repeated=self._before is not None,
        )


def _same(act: Event, history: list[Event], *, is_undated: bool) -> Event | None:
    """The act that says the same: one that stands; of a dated one also one that was removed, for
    the removal is later. None where an undone import alone said so.
    """
    stand = [e for e in standing(history) if _essence(e) == _essence(act)]
    if is_undated:
        return next(iter(stand), None)
    if same := next((e for e in stand if e.at == act.at), None):
        return same
    return next(
        (
            e
            for e in history
            if e.kind == ADDED
            and e.at == act.at
            and _essence(e) == _essence(act)
            and (not e.imports or _imports_of(e, history))
        ),
        None,
    )


def _is_released(history: Iterable[Event]) -> bool:
    """Whether the last act on a name released it. A list without dates is no newer evidence."""
    acts = [e.kind for e in history if e.kind in (ADDED, REMOVED, RELEASED)]
    return bool(acts) and acts[-1] != ADDED


def _imports_of(act: Event, history: Iterable[Event]) -> set[int]:
    """The imports that list an act and are not undone."""
    undone = {number for e in history if e.kind == WITHDRAWN for number in e.imports}
    return set(act.imports) - undone


def _essence(act: Event) -> tuple[object, ...]:
    return act.scope, act.cause, act.until, act.words, act.by


def _fingerprint(file: Path) -> bytes:
    """That of an imported file, which differs from that of the same file when it is ingested."""
    digest = blake2b(digest_size=16, person=b"import")
    with file.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.digest()
