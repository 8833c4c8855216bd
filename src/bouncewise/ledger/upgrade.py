"""An older ledger, looked at without being changed, and brought up to date with a copy of it kept.

Opening a ledger brings it up to date as well, in one transaction and without a copy: that is safe
against a crash, but there is no way back to the version of bouncewise before.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from bouncewise.errors import LedgerError
from bouncewise.ledger import migrate
from bouncewise.ledger.location import Location, locate
from bouncewise.ledger.opening import open_database
from bouncewise.ledger.sqlite import SqliteDatabase
from bouncewise.times import Micros, datetime_of

CURRENT = migrate.SCHEMA
"""The schema of this version."""


class Standing(NamedTuple):
    """A ledger as it is: its schema, the time of its latest evidence, and up to where a source was
    read.
    """

    schema: int
    latest: datetime
    cursor: int


def standing(where: Location | Path, source: str = "") -> Standing:
    """The ledger at *where*, and how far it has read *source*. Raises LedgerError."""
    database = open_database(locate(where), read_only=True)
    try:
        schema = migrate.schema_of(database)
        latest = database.one("meta_get", name="latest") or (0,)
        cursor = database.one("meta_get", name=f"cursor:{source}") or (0,)
        return Standing(schema, datetime_of(Micros(int(latest[0]))), int(cursor[0]))
    finally:
        database.close()


def upgrade(path: Path, copy: Path) -> int:
    """Bring the SQLite ledger at *path* up to date, after it was copied to the file *copy*; the
    schema it had. Nobody writes in between. Raises LedgerError, and then the ledger is as it was.
    """
    database = SqliteDatabase(locate(path))
    try:
        database.prepare_writing()
        with database.transaction():
            present = migrate.schema_of(database)
            if present < CURRENT:
                database.copy_to(copy)
                if (copied := standing(copy).schema) != present:
                    raise LedgerError(f"{copy}: the copy has schema {copied}; nothing was changed")
            migrate.bring_up_to_date(database)
        return present
    finally:
        database.close()
