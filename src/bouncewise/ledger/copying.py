"""A whole ledger, written into another database: from SQLite to PostgreSQL, back, or to the same
kind.

Reads: every table as it is at one moment, while others may write. Gives: a ledger that holds the
same rows, all of them or none, with the key of forgotten names beside it. Refuses a place where
there is something, and a ledger of an earlier version.

Each row has a digest, and a table the sum of those: it does not depend on the order of rows, which
databases do not keep. Both ledgers are read to compare them, before the new one is there for
anybody else.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from bouncewise.errors import LedgerError
from bouncewise.ledger import migrate
from bouncewise.ledger.database import Database, Row
from bouncewise.ledger.files import create_private
from bouncewise.ledger.location import Location
from bouncewise.ledger.opening import open_database
from bouncewise.ledger.sqlite import SqliteDatabase

_CACHE = "state_change"
"""The table that belongs to a file beside the ledger, which is made anew."""

_EVERY = 1000  # rows between reports of progress
_OCTETS = 16

Progress = Callable[[int, int], None]
"""Called with the rows that were read or written, and 0."""


class Copied(NamedTuple):
    """How many rows each table has, and the digest of all of them ('': nothing was written)."""

    rows: dict[str, int]
    digest: str


def plan(source: Location, target: Location) -> Copied:
    """What ``copy`` would write. Raises LedgerError as it does."""
    with _opened(source) as database:
        _refuse_what_is_there(target)
        return Copied({name: database.count(name) for name in _tables(database)}, "")


def copy(source: Location, target: Location, progress: Progress) -> Copied:
    """Write the ledger at *source* into a new one at *target*. Raises LedgerError where one of them
    cannot be used or they differ afterwards; then there is nothing at *target*.
    """
    with _opened(source) as database, database.snapshot():
        _refuse_what_is_there(target)
        count = _Count(progress)
        if target.url:
            found = _fill(database, open_database(target), count)
            _copy_key(source, target)
            return found
        with _new_file(target.path) as path:
            found = _fill(database, SqliteDatabase(Location(str(path), path), create=True), count)
            _copy_key(source, target)
        return found


@contextmanager
def _opened(source: Location) -> Iterator[Database]:
    database = open_database(source, read_only=True)
    try:
        if not migrate.is_current(database):
            raise LedgerError(
                f"{database.name}: of an earlier version; bring it up to date first:"
                " `bouncewise migrate`"
            )
        yield database
    finally:
        database.close()


def _refuse_what_is_there(target: Location) -> None:
    fault = ""
    if target.url:
        database = open_database(target, read_only=True)
        try:
            fault = "there are tables already" if database.tables() else ""
        finally:
            database.close()
    elif os.path.lexists(target.path):
        fault = "there is a file already"
    if fault:
        raise LedgerError(f"{target.name}: {fault}; name a place where there is nothing")
    if os.path.lexists(key := key_of(target)):
        raise LedgerError(
            f"{key}: the key of another ledger's forgotten addresses is there; move it away"
        )


@contextmanager
def _new_file(path: Path) -> Iterator[Path]:
    """The file at *path*, complete or not there."""
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        yield partial
        partial.rename(path)
    except OSError as bad:
        raise LedgerError(f"{path}: cannot be written: {bad.strerror or bad}") from None
    finally:
        for end in ("", "-journal", "-wal", "-shm"):
            Path(f"{partial}{end}").unlink(missing_ok=True)


def _fill(source: Database, target: Database, count: _Count) -> Copied:
    """Create the tables of *target*, and write all rows; in one transaction."""
    with contextlib.closing(target), target.transaction():
        if target.tables():
            raise LedgerError(f"{target.name}: there are tables already")
        migrate.create_tables(target)
        counts: dict[str, int] = {}
        whole = hashlib.blake2b(digest_size=_OCTETS)
        for table in _tables(source):
            columns = source.columns(table)
            given, found = _Sum(source.is_shared or target.is_shared), _Sum(target.is_shared)
            target.fill(table, columns, count.each(given.each(_rows(source, table, columns))))
            for _ in count.each(found.each(_rows(target, table, columns))):
                pass
            if (given.rows, given.total) != (found.rows, found.total):
                raise LedgerError(
                    f"{target.name}: table {table} differs from that of {source.name} after it was"
                    f" written ({found.rows} and {given.rows} rows). Nothing was kept"
                )
            counts[table] = given.rows
            whole.update(f"{table} {given.rows} {given.total:x}\n".encode())
    return Copied(counts, whole.hexdigest())


def _tables(database: Database) -> list[str]:
    return sorted(database.tables() - {_CACHE})


def _rows(database: Database, table: str, columns: list[str]) -> Iterator[Row]:
    """The rows of a table, without what names the index file."""
    rows = database.whole(table, columns)
    if table != "meta":
        return rows
    at = columns.index("name")
    return (row for row in rows if row[at] != "index")


class _Sum:
    """The number of rows, and the sum of their digests."""

    def __init__(self, is_without_nul: bool) -> None:
        """*is_without_nul*: as PostgreSQL stores text."""
        self._is_without_nul = is_without_nul
        self.rows = self.total = 0

    def each(self, rows: Iterable[Row]) -> Iterator[Row]:
        """*rows*, each of them counted."""
        encoder = msgspec.msgpack.Encoder()
        for row in rows:
            octets = encoder.encode(tuple(map(self._stored, row)))
            digest = hashlib.blake2b(octets, digest_size=_OCTETS).digest()
            self.total = (self.total + int.from_bytes(digest)) % (1 << (8 * _OCTETS))
            self.rows += 1
            yield row

    def _stored(self, value: object) -> object:
        if isinstance(value, str) and self._is_without_nul:
            return value.replace("\0", "\\x00")
        return value


class _Count:
    """The rows that have passed."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._rows = progress, 0

    def each(self, rows: Iterable[Row]) -> Iterator[Row]:
        """*rows*, with their progress."""
        for row in rows:
            yield row
            self._rows += 1
            if self._rows % _EVERY == 0:
                self._progress(self._rows, 0)


def key_of(ledger: Location) -> Path:
    """The file with the key of forgotten names."""
    return ledger.path.with_name(f"{ledger.path.name}.key")


def _copy_key(source: Location, target: Location) -> None:
    """The key of forgotten names belongs to a ledger, and is no part of its database."""
    key, new = key_of(source), key_of(target)
    with contextlib.suppress(FileNotFoundError):
        data = key.read_bytes()
        new.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        create_private(new)
        new.write_bytes(data)
