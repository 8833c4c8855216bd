"""What is done: each endpoint of scope ``write`` as a call of the operation that the command calls.
The author of an act is the name of the token.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from msgspec import structs

from bouncewise.contract import answers, requests
from bouncewise.contract.addresses import suppression_row
from bouncewise.contract.imports import ImportRecord
from bouncewise.contract.incidents import RulingRecord
from bouncewise.contract.runs import ActRecord
from bouncewise.encode import for_storage
from bouncewise.errors import InputError
from bouncewise.ledger import Store
from bouncewise.lists.imports import FORMATS
from bouncewise.model import Event, Ruling, Scope
from bouncewise.operations.acts import act_on
from bouncewise.operations.import_rows import ImportOptions
from bouncewise.operations.imports import BadRow, ImportNotes, import_list
from bouncewise.operations.incidents import find_incident
from bouncewise.operations.release import ReleaseFilter, matching, release
from bouncewise.operations.rulings import Author, apply_ruling, close_incident, ignore_incident
from bouncewise.operations.suppress import effective_time
from bouncewise.operations.undo_import import undo_import
from bouncewise.policy.decide import ADDED, CONFIRMED, REMOVED
from bouncewise.policy.load import Policy
from bouncewise.service.api.backend import Call

_NOTES = 100


def add(call: Call, _: Any, body: requests.AddBody) -> answers.Acts:
    """Suppress addresses or domains by hand."""
    act = Event(
        at=call.now,
        kind=ADDED,
        cause=body.cause,
        scope=body.scope,
        words=body.why,
        by=call.by,
        until=body.until,
    )
    return _act_on(call, body.names, act, dry_run=body.dry_run)


def remove(call: Call, query: requests.RemoveParameters, _: Any) -> ActRecord:
    """Release an address or domain by hand: earlier evidence is kept, and no longer counts."""
    act = Event(at=call.now, kind=REMOVED, words=query.why, by=call.by)
    return _act_on(call, (query.name,), act, dry_run=query.dry_run).acts[0]


def confirm(call: Call, _: Any, body: requests.ConfirmBody) -> answers.Acts:
    """Record signs of life: they end what bounces decided, as a delivery does."""
    act = Event(at=call.now, kind=CONFIRMED, words=body.why, by=call.by)
    return _act_on(call, body.addresses, act, dry_run=body.dry_run)


def _act_on(call: Call, names: Iterable[str], act: Event, *, dry_run: bool) -> answers.Acts:
    with call.write() as (ledger, policy, *_rest):
        done = act_on(names, act, ledger, policy, dry_run=dry_run)
    records = (ActRecord.of(name, done.act, remark, dry_run=dry_run) for name, remark in done.names)
    return answers.Acts(acts=tuple(records))


def import_body(call: Call, query: requests.ImportParameters, body: bytes) -> answers.ImportAnswer:
    """Import the list in the body: the export of an ESP, or a plain CSV."""
    return import_octets(call, query, body, query.why)


def import_octets(
    call: Call, query: requests.ImportParameters, body: bytes, file: str
) -> answers.ImportAnswer:
    """Import the list *body*, which is called *file*."""
    if query.format is not None and query.format not in FORMATS:
        raise InputError(f"format: no such format: {query.format}; known are {', '.join(FORMATS)}")
    scope = Scope(query.scope) if query.scope else None
    author = (call.by, query.why)
    options = ImportOptions(query.format, query.column, call.by, scope, query.cause, author)
    found: list[str] = []

    def bad_row(bad: BadRow) -> None:
        note(f"{bad.unit} {bad.line}: {bad.error}")

    def note(text: str) -> None:
        if len(found) < _NOTES:
            found.append(text)

    with tempfile.TemporaryDirectory() as folder, call.write() as context:
        path = Path(folder) / "list"
        path.write_bytes(body)
        notes = ImportNotes(file, bad_row, note)
        try:
            done = import_list(context, path, options, dry_run=query.dry_run, notes=notes)
        except InputError as bad:
            raise InputError(str(bad).replace(str(path), "the body")) from None
    record = ImportRecord.of(done, dry_run=query.dry_run)
    return answers.ImportAnswer(**structs.asdict(record), notes=tuple(map(for_storage, found)))


def undo(call: Call, query: requests.UndoParameters, _: Any) -> answers.Undone:
    """Take back what an import added, and nothing else."""
    with call.write() as (ledger, policy, *_rest):
        done = undo_import(query.id, query.why, call.by, ledger, policy, dry_run=query.dry_run)
    return answers.Undone(
        withdrawn=len(done.ended),
        kept=len(done.kept),
        names=tuple(done.ended[: requests.MOST_ROWS]),
        dry_run=query.dry_run,
    )


def release_incident(
    call: Call, query: requests.NamedIncident, body: requests.ReleaseBody
) -> answers.Released:
    """Release what an incident suppressed or holds; without `dry_run: false` only list it."""
    wanted = ReleaseFilter(
        incident=query.incident,
        since=body.since,
        until=body.until,
        cause=body.cause,
        rule=body.rule,
        trust=body.trust,
    )
    with call.backend.open(write=not body.dry_run) as (ledger, policy, *_rest):
        find_incident(ledger, query.incident, None)
        found = matching(wanted, ledger)
        if not body.dry_run:
            release([name for name, _ in found], body.why, call.by, call.now, ledger, policy)
    rows = (suppression_row(name, d, released=not body.dry_run) for name, d in found)
    return answers.Released(
        released=len(found),
        suppressions=tuple(row for row, _ in zip(rows, range(requests.MOST_ROWS), strict=False)),
        dry_run=body.dry_run,
    )


def close(call: Call, query: requests.NamedIncident, body: requests.CloseBody) -> RulingRecord:
    """Mark the latest incident as over: each address that it holds is mailed once more."""
    with call.write() as (ledger, policy, *_rest):
        author = _author(call, body, ledger)
        ruling = close_incident(ledger, query.incident, body.at, author)
        return _apply(ruling, ledger, policy, dry_run=body.dry_run)


def ignore(call: Call, query: requests.NamedIncident, body: requests.IgnoreBody) -> RulingRecord:
    """Mark an incident as a false alarm: its refusals then count as usual."""
    with call.write() as (ledger, policy, *_rest):
        author = _author(call, body, ledger)
        ruling = ignore_incident(ledger, query.incident, body.opened, author)
        return _apply(ruling, ledger, policy, dry_run=body.dry_run)


def _author(call: Call, body: requests.ActBody, ledger: Store) -> Author:
    return Author(call.by, body.why, effective_time(ledger, call.now))


def _apply(ruling: Ruling, ledger: Store, policy: Policy, *, dry_run: bool) -> RulingRecord:
    changed = apply_ruling(ruling, ledger, policy, dry_run=dry_run)
    return RulingRecord.of(ruling, changed, dry_run=dry_run)
