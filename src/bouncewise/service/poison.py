"""Records that could not be read: looked at, tried again, and removed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from bouncewise.contract import time
from bouncewise.contract.service import PoisonRow
from bouncewise.encode import for_storage
from bouncewise.errors import InputError, NotFoundError
from bouncewise.ledger import Store
from bouncewise.ledger.records import Subject
from bouncewise.operations.context import Context
from bouncewise.operations.ingest import Session
from bouncewise.readers import Note
from bouncewise.service import spool
from bouncewise.service.drain import cursor_name, items_of
from bouncewise.service.spool import Record

RETRIED = "retried"
"""What the audit calls it when somebody has a record read again."""

_SUFFIX = ".msgpack"


class Poison(NamedTuple):
    """A record that was put aside: its number, and why."""

    number: int
    why: str
    record: Record


class Waiting(NamedTuple):
    """What is in the spool and not in the ledger: records and octets."""

    records: int
    octets: int


def waiting(folder: Path, context: Context) -> Waiting:
    """What the ledger has not read."""
    cursor = context.ledger.cursor(cursor_name(folder))
    records = end = 0
    for _, end, _ in spool.read(folder, cursor):  # noqa: B007 - the last one is used below
        records += 1
    return Waiting(records, max(0, end - cursor) if records else 0)


def poison(folder: Path) -> Iterator[Poison]:
    """Every record that was put aside, the oldest first."""
    for path in sorted((folder / "poison").glob(f"*{_SUFFIX}")):
        if path.stem.isdecimal():
            yield load(folder, int(path.stem))


def row(item: Poison) -> PoisonRow:
    """What is known of a record."""
    record = item.record
    return PoisonRow(
        number=item.number,
        kind=record.kind,
        source=record.source,
        at=time(datetime.fromtimestamp(record.at / 1e6, UTC)),
        octets=len(record.body),
        why=item.why,
    )


def load(folder: Path, number: int) -> Poison:
    """One of them. Raises NotFoundError where there is none with that number."""
    path = _path(folder, number)
    try:
        why, record = msgspec.msgpack.decode(path.read_bytes(), type=tuple[str, Record])
    except FileNotFoundError:
        raise NotFoundError(
            f"{number}: no such record; `bouncewise spool list` shows them"
        ) from None
    except (OSError, msgspec.DecodeError) as bad:
        raise InputError(f"{path}: cannot be read: {bad}") from None
    return Poison(number, why, record)


def retry(folder: Path, number: int, context: Context, author: tuple[str, str]) -> list[str]:
    """Read the record again, into the ledger, and remove the file; notes about it. *author*: who
    retries it, and why. Raises whatever the reader raises, and then the file stays.
    """
    found = load(folder, number)
    session, notes = Session(context, "spool retry"), list[str]()
    for item in items_of(found.record):
        if isinstance(item, Note):
            notes.append(item.text)
        else:
            session.add_item(item)
    session.settle()
    with context.ledger.change():
        _audit(context.ledger, found, author)
    drop(folder, number)
    return notes


def put_back(
    folder: Path,
    number: int,
    ledger: Store,
    store: Callable[[Record], None],
    author: tuple[str, str],
) -> None:
    """Put the record back into the spool by *store*, and remove the file. The ledger process reads
    it again, and puts it aside again where it still cannot be read: a record on which a reader dies
    ends that process, and no other. Raises what *store* raises, and then nothing changed.
    """
    found = load(folder, number)
    with ledger.change():
        _audit(ledger, found, author)
        store(found.record)
    drop(folder, number)


def _audit(ledger: Store, found: Poison, author: tuple[str, str]) -> None:
    source = f"{found.record.kind} {found.record.source}".strip()
    by, why = map(for_storage, author)
    subject = Subject(for_storage(source), 0, found.number)
    ledger.audit.add(RETRIED, (by, why), datetime.now(UTC), subject)


def drop(folder: Path, number: int) -> None:
    """Remove the file."""
    load(folder, number)
    _path(folder, number).unlink(missing_ok=True)


def _path(folder: Path, number: int) -> Path:
    return folder / "poison" / f"{number:020d}{_SUFFIX}"
