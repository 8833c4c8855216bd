"""Migrations on PostgreSQL: a real ledger of each earlier schema, copied table by table, becomes
what the same migrations make of it on SQLite.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import zstandard

from bouncewise.errors import LedgerError
from bouncewise.ledger import migrate, open_store
from bouncewise.ledger.postgres_sql import definition
from ledger.test_migrations import LEDGERS
from support import postgres
from support.sql import dump

pytestmark = pytest.mark.sqlite  # (each test uses both)

FIRST = 5
"""The schema from which on every migration is written in the SQL that both databases share."""


def old_ledger(folder: Path, schema: int, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The ledger of the fixtures with this schema, in SQLite."""
    path = folder / "ledger.sqlite"
    path.write_bytes(zstandard.decompress((LEDGERS / "schema-4.sqlite.zst").read_bytes()))
    with monkeypatch.context() as earlier:
        earlier.setattr(migrate, "SCHEMA", schema)
        open_store(path).close()
    return path


def copied(path: Path) -> str:
    """The URL of a copy in PostgreSQL."""
    url = postgres.server().new_url()
    with closing(sqlite3.connect(path)) as source, psycopg.connect(url) as target:
        made = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type DESC"
        for kind, name, statement in source.execute(made).fetchall():
            target.execute(definition(statement).encode())
            if kind == "table":
                rows = source.execute(f"SELECT * FROM {name}").fetchall()
                marks = ", ".join(["%s"] * len(rows[0])) if rows else ""
                with target.cursor() as cursor:
                    cursor.executemany(f"INSERT INTO {name} VALUES ({marks})".encode(), rows)
    return url


def columns(url: str) -> list[tuple[object, ...]]:
    """Tables, columns and indexes, without the schema that they are in."""
    schema = postgres.schema_of(url)
    columns = (
        "SELECT table_name, column_name, data_type, collation_name, is_nullable, column_default"
        f" FROM information_schema.columns WHERE table_schema = '{schema}'"
    )
    indexes = (
        f"SELECT tablename, replace(indexdef, '{schema}.', '') FROM pg_indexes"
        f" WHERE schemaname = '{schema}' AND indexname NOT SIMILAR TO '%(_pkey|_key)'"
    )
    return sorted(postgres.server().sql(columns)) + sorted(postgres.server().sql(indexes))


@pytest.mark.parametrize("schema", range(FIRST, migrate.SCHEMA))
def test_every_migration_does_the_same(
    tmp_path: Path, schema: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = old_ledger(tmp_path, schema, monkeypatch)
    url = copied(path)
    fresh = postgres.server().new_url()
    open_store(fresh, create=True).close()
    with open_store(path) as expected, open_store(url) as found:
        assert dump(found) == dump(expected)
    assert columns(url) == columns(fresh)


def test_a_migration_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = copied(old_ledger(tmp_path, FIRST, monkeypatch))
    before = columns(url)
    monkeypatch.setitem(migrate._STEPS, "bounded_times", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        open_store(url)
    assert columns(url) == before
    monkeypatch.undo()
    open_store(url).close()
    assert columns(url) != before


def test_a_later_schema_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = postgres.server().new_url()
    open_store(url, create=True).close()
    monkeypatch.setattr(migrate, "SCHEMA", migrate.SCHEMA - 1)
    with pytest.raises(LedgerError, match="written by another version"):
        open_store(url)
