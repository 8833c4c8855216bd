"""The tables of a ledger, looked at from outside: by a connection of the test's own."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from bouncewise.ledger import Store
from bouncewise.ledger.location import is_url
from support import postgres


def rows(ledger: Store, statement: str) -> list[tuple[Any, ...]]:
    """The rows of one statement; what it changes is committed."""
    if schema := _schema(ledger):
        return postgres.server().sql(statement, schema)
    with closing(sqlite3.connect(ledger.path)) as connection, connection:
        return connection.execute(statement).fetchall()


def dump(ledger: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Everything in the ledger: the rows of each table, in order."""
    if schema := _schema(ledger):
        names = f"SELECT tablename FROM pg_tables WHERE schemaname = '{schema}'"
    else:
        names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    return {
        name: sorted(rows(ledger, f"SELECT * FROM {name}"), key=repr)
        for (name,) in sorted(rows(ledger, names))
    }


def _schema(ledger: Store) -> str:
    """The schema of a ledger in PostgreSQL, from its URL or a file (support/stores.py); else ''."""
    if is_url(ledger.name):
        return postgres.schema_of(ledger.name)
    path = ledger.path
    head = path.read_bytes()[:99] if path.is_file() else b""
    return head.decode() if head and not head.startswith(b"SQLite") else ""
