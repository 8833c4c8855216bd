"""Opens the database of a ledger: an SQLite file, or one of a PostgreSQL server."""

from __future__ import annotations

import os

from bouncewise.errors import missing_extra
from bouncewise.ledger.database import Database
from bouncewise.ledger.location import Location
from bouncewise.ledger.sqlite import SqliteDatabase


def exists(location: Location) -> bool:
    """Whether there is a ledger, or a file in its place. Raises LedgerError where a server cannot
    be asked.
    """
    if not location.url:
        return os.path.lexists(location.path)
    database = open_database(location, read_only=True)
    try:
        return "meta" in database.tables()
    finally:
        database.close()


def open_database(location: Location, *, create: bool = False, read_only: bool = False) -> Database:
    """The database at *location*; *create*: where there is no file, make it; *read_only*: only
    questions are asked. Raises LedgerError where it cannot be used, and InputError where its
    client is not installed.
    """
    if not location.url:
        return SqliteDatabase(location, create=create, read_only=read_only)
    try:
        from bouncewise.ledger.postgres import PostgresDatabase
    except ImportError:
        raise missing_extra("postgres", location.name, "psycopg") from None
    return PostgresDatabase(location, read_only=read_only)
