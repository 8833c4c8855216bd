"""A connection to an SQLite file, and what its errors say in one line."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from bouncewise.ledger.database import BUSY_SECONDS, PATIENCE

ERRORS = (sqlite3.Error, UnicodeError)
"""What SQLite raises; also for names in a damaged file that are no text."""


def connect(name: str, *, uri: bool = False) -> sqlite3.Connection:
    """A connection without a transaction. Raises ERRORS."""
    wait = PATIENCE.get(BUSY_SECONDS)
    connection = sqlite3.connect(name, isolation_level=None, timeout=wait, uri=uri)
    try:
        connection.execute(f"PRAGMA busy_timeout={int(wait * 1000)}")
        connection.execute("SELECT count(*) FROM sqlite_master")  # fails for what is no database
    except ERRORS:
        connection.close()
        raise
    return connection


def connect_read_only(path: Path) -> sqlite3.Connection:
    """A connection that cannot write. Where the folder cannot be written to, SQLite cannot make
    the file that readers share; nobody writes then, and it is not needed.
    """
    name = f"{path.absolute().as_uri()}?mode=ro"
    try:
        return connect(name, uri=True)
    except sqlite3.OperationalError:
        log = Path(f"{path}-wal")
        if log.exists() and log.stat().st_size:
            raise
        return connect(f"{name}&immutable=1", uri=True)


def reason(bad: Exception) -> str:
    """What the system or SQLite says."""
    return (bad.strerror if isinstance(bad, OSError) else None) or str(bad).rstrip(".")
