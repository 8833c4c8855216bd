"""A ledger in an SQLite file: how it is opened, transactions, the catalogue, temporary tables that
shadow others, error messages.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bouncewise.errors import LedgerError
from bouncewise.ledger.database import Database, Row
from bouncewise.ledger.files import create_private, is_file
from bouncewise.ledger.location import Location
from bouncewise.ledger.queries import compose, queries
from bouncewise.ledger.sqlite_connection import ERRORS, connect, connect_read_only, reason


class SqliteDatabase(Database):
    """One open SQLite file."""

    def __init__(
        self, location: Location, *, create: bool = False, read_only: bool = False
    ) -> None:
        """Open the file; raises LedgerError where it is missing (unless *create*), is no database,
        or cannot be used. *read_only*: only questions are asked.
        """
        super().__init__(location)
        path = self.path
        if not create and not is_file(path):
            raise LedgerError(
                f"{path}: no ledger there. `bouncewise ingest` creates one; --db names another."
            )
        try:
            if create:
                create_private(path)
            # (":memory:" is a file like any other; SQLite gives that name alone a meaning)
            name = str(path.absolute())
            self._connection = connect_read_only(path) if read_only else connect(name)
        except (*ERRORS, OSError) as bad:
            raise self._unusable(bad) from None

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def prepare_writing(self) -> None:
        """Write-ahead logging and its settings. SQLite does not wait for others who switch at
        the same moment; this does.
        """
        for attempt in range(200):
            try:
                self._connection.execute("PRAGMA journal_mode=WAL")
                break
            except sqlite3.OperationalError as busy:
                if attempt == 199 or "locked" not in str(busy):
                    raise self._unusable(busy) from None
                time.sleep(0.05)
        settings = "PRAGMA synchronous=FULL; PRAGMA cache_size=-65536; PRAGMA temp_store=MEMORY;"
        self._connection.executescript(settings)

    def _failed(self, bad: Exception) -> LedgerError:
        return LedgerError(
            f"{self.path}: {reason(bad)}. Nothing of the transaction at hand was kept."
        )

    def _unusable(self, bad: Exception) -> LedgerError:
        if "readonly" in str(bad):  # SQLite has no other sign of it, whatever the system's reason
            return LedgerError(
                f"{self.path}: this user may not write to the ledger or its folder. This command"
                " writes to it, in a dry run as well, which then takes everything back. Run it as"
                " the owner of the file, or on a copy of the file."
            )
        return LedgerError(
            f"{self.path}: cannot be used as a ledger: {reason(bad)}. Give another with --db."
        )

    # ── queries ──────────────────────────────────────────────────────────────────────────────────

    def _execute(self, sql: str, values: Any = ()) -> sqlite3.Cursor:
        try:
            return self._connection.execute(sql, values)
        except ERRORS as bad:
            raise self._failed(bad) from None

    def _fetch(self, cursor: sqlite3.Cursor) -> Row | None:
        try:
            row: Row | None = cursor.fetchone()
        except ERRORS as bad:
            raise self._failed(bad) from None
        return row

    def each(self, query: str, /, **given: Any) -> Iterator[Row]:
        """The rows of *query*, as they are fetched."""
        try:
            # (not ``yield from``: it closes the cursor, which fails once the database is closed)
            for row in self._execute(*compose(query, given)):  # noqa: UP028
                yield row
        except ERRORS as bad:
            raise self._failed(bad) from None

    def all(self, query: str, /, **given: Any) -> list[Row]:
        """The rows of *query*."""
        return list(self.each(query, **given))

    def one(self, query: str, /, **given: Any) -> Row | None:
        """The first row of *query*; None where there is none."""
        return self._fetch(self._execute(*compose(query, given)))

    def run(self, query: str, /, **given: Any) -> int:
        """Change something by *query*; how many rows that changed."""
        return self._execute(*compose(query, given)).rowcount

    def many(self, query: str, rows: Iterable[Row]) -> int:
        """Change something by *query* once for each of *rows*; how many rows that changed."""
        try:
            return self._connection.executemany(queries()[query], rows).rowcount
        except ERRORS as bad:
            raise self._failed(bad) from None

    # ── transactions ─────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def transaction(self, *, commit: bool = True) -> Iterator[None]:
        """All of what is done inside, or nothing: nothing where it raises, or if not *commit*.

        Raises LedgerError where another process writes for a minute on end, the disk is full or
        the file is damaged.
        """
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except ERRORS as bad:
            if "locked" not in str(bad):
                raise self._failed(bad) from None
            raise LedgerError(
                f"{self.path}: {bad}; another bouncewise is writing, a replay perhaps: try again"
            ) from None
        try:
            yield
            self._connection.execute("COMMIT" if commit else "ROLLBACK")
        except BaseException as bad:
            if self._connection.in_transaction:  # a full disk ends the transaction by itself
                self._connection.execute("ROLLBACK")
            if isinstance(bad, ERRORS):
                raise self._failed(bad) from None
            raise

    @contextmanager
    def rewriting(self, *, trial: bool, kept: frozenset[str]) -> Iterator[None]:
        """One long transaction that ``commit`` alone makes permanent. On *trial* nobody may: all
        tables but those *kept* are shadowed by temporary copies on disk, and other processes
        read and write the ledger meanwhile.
        """
        try:
            self._connection.execute("PRAGMA temp_store=FILE")
            self._connection.execute("BEGIN" if trial else "BEGIN IMMEDIATE")
            if trial:
                self._shadow(kept)
            yield
        except (*ERRORS, LedgerError) as bad:
            raise LedgerError(
                f"replay: {bad} Nothing was changed. Is another bouncewise writing? Is there room "
                f"for temporary files, as much"
                " as the ledger's own? SQLITE_TMPDIR names another folder for them."
            ) from None
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._connection.execute(
                "PRAGMA temp_store=MEMORY"
            )  # drops every temporary table as well

    def copy_to(self, path: Path) -> None:
        """Write the ledger, as it was when the open transaction began, into a new file for its
        owner alone. Raises LedgerError, and then there is no such file.
        """
        if path.exists():
            raise LedgerError(f"{path}: there is a file already; move it away")
        try:
            create_private(path)
            with (
                # (SQLite does not copy from a connection that writes: it would wait for itself)
                contextlib.closing(connect_read_only(self.path)) as source,
                contextlib.closing(sqlite3.connect(path)) as target,
            ):
                source.backup(target)
                target.execute("PRAGMA journal_mode=DELETE")  # one file, without -wal
        except (*ERRORS, OSError) as bad:
            path.unlink(missing_ok=True)
            raise LedgerError(
                f"{path}: no copy could be written: {reason(bad)}. Nothing was changed"
            ) from None

    def commit(self) -> None:
        """Make permanent what was done in ``rewriting``."""
        self._connection.execute("COMMIT")

    def _shadow(self, kept: frozenset[str]) -> None:
        """Temporary tables in front of those of the file: SQLite looks for a name among the
        temporary ones first.
        """
        self._connection.execute("PRAGMA temp.cache_size=-65536")
        sql = (
            "SELECT type, name, tbl_name, sql FROM main.sqlite_master "
            "WHERE sql IS NOT NULL ORDER BY type = 'index'"
        )
        for kind, name, table, made in self._connection.execute(sql).fetchall():
            if table in kept:
                continue
            self._connection.execute(
                re.sub(
                    rf'^(CREATE (?:UNIQUE )?{kind}) "?{name}"?',
                    rf"\1 temp.{name}",
                    made,
                    flags=re.I,
                )
            )
            if kind == "table":
                self._connection.execute(f"INSERT INTO temp.{name} SELECT * FROM main.{name}")

    # ── the catalogue ────────────────────────────────────────────────────────────────────────────

    def tables(self) -> set[str]:
        """The names of the tables that are there. Raises LedgerError where the file is no
        database.
        """
        try:
            found = self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            return {name for (name,) in found}
        except ERRORS as bad:
            raise self._unusable(bad) from None

    def script(self, statements: Iterable[str]) -> None:
        """Run statements of schema.sql or of a migration, inside the open transaction."""
        for statement in statements:
            self._execute(statement)

    def count(self, table: str) -> int:
        """The rows of one of the ledger's tables."""
        if table not in self.tables():
            raise KeyError(table)
        (found,) = self._fetch(self._execute(f"SELECT count(*) FROM {table}")) or (0,)
        return int(found)

    def columns(self, table: str) -> list[str]:
        """The columns of one of the ledger's tables."""
        return [name for name, *_ in self._execute(f"SELECT * FROM {table} LIMIT 0").description]

    def whole(self, table: str, columns: list[str]) -> Iterator[Row]:
        """Every row of a table, as they are fetched."""
        cursor = self._execute(f"SELECT {', '.join(columns)} FROM {table}")
        while row := self._fetch(cursor):
            yield row

    def fill(self, table: str, columns: list[str], rows: Iterator[Row]) -> None:
        """Write rows into an empty table; SQLite numbers later ones behind them."""
        values = ", ".join("?" * len(columns))
        sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})"
        try:
            self._connection.executemany(sql, rows)
        except ERRORS as bad:
            raise self._failed(bad) from None

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """A transaction that only reads."""
        self._execute("BEGIN")
        try:
            yield
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def data_version(self) -> int:
        """A number that differs after another connection changed the file."""
        (found,) = self._fetch(self._execute("PRAGMA data_version")) or (0,)
        return int(found)

    def compact(self) -> bool:
        """Write the file anew, which takes as much room on disk again. Whether nothing of it is
        left in the write-ahead log either: a process that reads just now prevents that.
        """
        self.script(("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"))
        log = Path(f"{self.path}-wal")
        return not log.exists() or log.stat().st_size == 0
