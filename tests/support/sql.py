"""The file of a ledger, looked at from outside: by a connection of the test's own."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from bouncewise.ledger import Store


def rows(ledger: Store, statement: str) -> list[tuple[Any, ...]]:
    """The rows of one statement; what it changes is committed."""
    with closing(sqlite3.connect(ledger.path)) as connection, connection:
        return connection.execute(statement).fetchall()


def dump(ledger: Store) -> list[str]:
    """Everything in the file, as SQL."""
    with closing(sqlite3.connect(ledger.path)) as connection:
        return list(connection.iterdump())
