"""A ledger in a database of a PostgreSQL server: the first schema of its search path.

Refuses with LedgerError, in one line without a password: a server that cannot be reached, a
database that is not in UTF-8, a connection that is lost. One process writes at a time; any number
of processes and machines read meanwhile.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import errors, pq

from bouncewise.errors import LedgerError
from bouncewise.ledger.database import BUSY_SECONDS, PATIENCE, Database, Row
from bouncewise.ledger.location import Location
from bouncewise.ledger.postgres_bulk import BulkWriter
from bouncewise.ledger.postgres_connection import ERRORS, connect, reason, storable
from bouncewise.ledger.postgres_sql import definition, statement
from bouncewise.ledger.queries import compose

_LOCK = 0x62770000 << 32  # beside the advisory locks of other programs
_FETCH = 5000  # rows of one answer, where there may be very many


class _UnknownEndError(LedgerError):
    """The answer to a COMMIT was lost."""


class PostgresDatabase(Database):
    """One connection to a server."""

    is_shared = True

    def __init__(self, location: Location, *, read_only: bool = False) -> None:
        """Connect; *read_only*: only questions are asked. Raises LedgerError."""
        super().__init__(location)
        self._connection = connect(location)
        self._bulk = BulkWriter(self._connection)
        self._cursors = self._version = 0
        self._is_listening = False
        try:
            self._schema, self._quoted, number = self._set_up(read_only)
        except BaseException:
            self.close()
            raise
        self._channel, self._lock = f"bouncewise_{number}", _LOCK | number

    def _set_up(self, read_only: bool) -> tuple[str, str, int]:
        """Settings; the schema: its name, the same in SQL, its number."""
        self._script(
            f"SET lock_timeout = {int(PATIENCE.get(BUSY_SECONDS) * 1000)};"
            " SET cursor_tuple_fraction = 1;"
            f" SET default_transaction_read_only = {'on' if read_only else 'off'};"
            # What is committed is removed from the spool.
            " SELECT set_config('synchronous_commit', 'on', false)"
            " WHERE current_setting('synchronous_commit') = 'off'"
        )
        sql = (
            "SELECT nspname, quote_ident(nspname), oid::bigint FROM pg_namespace"
            " WHERE nspname = current_schema()"
        )
        if (found := self._execute(sql).fetchone()) is None:
            raise LedgerError(f"{self.name}: no schema of its search_path exists; create it")
        name, quoted, number = found
        return name, quoted, number

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def prepare_writing(self) -> None:
        """Nothing more is set."""

    def _failed(self, bad: Exception) -> LedgerError:
        what = "the connection was lost: " if self._connection.closed else ""
        return LedgerError(
            f"{self.name}: {what}{reason(bad)}. Nothing of the transaction at hand was kept."
        )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except ERRORS as bad:
            raise self._failed(bad) from None

    # ── queries ──────────────────────────────────────────────────────────────────────────────────

    def _execute(self, sql: str, values: Any = None) -> psycopg.Cursor[Row]:
        try:  # (for every query; ``_errors`` would take longer)
            return self._connection.execute(sql.encode(), values)
        except ERRORS as bad:
            raise self._failed(bad) from None

    def _script(self, sql: str) -> None:
        """Run statements without parameters in one exchange."""
        self._execute(sql)

    def _query(self, query: str, given: dict[str, Any]) -> psycopg.Cursor[Row]:
        return self._execute(*self._composed(query, given))

    def _composed(self, query: str, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        sql, values = compose(query, given, arrays=True)
        return statement(sql), {key: storable(value) for key, value in values.items()}

    def each(self, query: str, /, **given: Any) -> Iterator[Row]:
        """The rows of *query*, fetched some at a time from a cursor of the server."""
        sql, values = self._composed(query, given)
        self._cursors += 1
        hold, name = not self._in_transaction(), f"each_{self._cursors}"
        with self._errors(), self._connection.cursor(name, withhold=hold) as cursor:
            cursor.itersize = _FETCH
            cursor.execute(sql.encode(), values)
            yield from cursor

    def all(self, query: str, /, **given: Any) -> list[Row]:
        """The rows of *query*."""
        return self._query(query, given).fetchall()

    def one(self, query: str, /, **given: Any) -> Row | None:
        """The first row of *query*; None where there is none."""
        return self._query(query, given).fetchone()

    def run(self, query: str, /, **given: Any) -> int:
        """Change something by *query*; how many rows that changed."""
        return self._query(query, given).rowcount

    def many(self, query: str, rows: Iterable[Row]) -> int:
        """Change something by *query* once for each of *rows*; how many rows that changed."""
        with self._errors():
            return self._bulk.write(query, [tuple(map(storable, row)) for row in rows])

    # ── transactions ─────────────────────────────────────────────────────────────────────────────

    def _in_transaction(self) -> bool:
        status = self._connection.pgconn.transaction_status
        return status not in (pq.TransactionStatus.IDLE, pq.TransactionStatus.UNKNOWN)

    def _begin(self) -> None:
        """Begin to write, when no other process does (READ COMMITTED: what it wrote is seen)."""
        self._bulk.begin()
        begin = "BEGIN ISOLATION LEVEL READ COMMITTED"
        try:
            self._connection.execute(
                f"{begin}; SELECT pg_advisory_xact_lock({self._lock})".encode()
            )
        except errors.LockNotAvailable:
            self._rollback()
            raise LedgerError(
                f"{self.name}: locked; another bouncewise is writing, a replay perhaps: try again"
            ) from None
        except ERRORS as bad:
            self._rollback()
            raise self._failed(bad) from None

    def _rollback(self) -> None:
        with contextlib.suppress(psycopg.Error):
            if self._in_transaction():
                self._connection.execute("ROLLBACK")

    @contextmanager
    def transaction(self, *, commit: bool = True) -> Iterator[None]:
        """See Database.transaction."""
        self._begin()
        try:
            yield
        except BaseException as bad:
            self._rollback()
            if isinstance(bad, ERRORS):
                raise self._failed(bad) from None
            raise
        if commit:
            self.commit()
        else:
            self._rollback()

    def commit(self) -> None:
        """Make permanent what was done, and notify others."""
        try:
            self._connection.execute(f"NOTIFY {self._channel}; COMMIT".encode())
        except ERRORS as bad:
            self._rollback()
            raise _UnknownEndError(
                f"{self.name}: {reason(bad)}. Whether the last transaction was kept is not known;"
                " run the command again: what is in the ledger already counts once."
            ) from None

    @contextmanager
    def rewriting(self, *, trial: bool, kept: frozenset[str]) -> Iterator[None]:
        """See Database.rewriting."""
        try:
            if trial:
                self._script("BEGIN ISOLATION LEVEL REPEATABLE READ")
                self._shadow(kept)
            else:
                self._begin()
            yield
        except _UnknownEndError:
            raise
        except (*ERRORS, LedgerError) as bad:
            raise LedgerError(
                f"replay: {bad} Nothing was changed. Is another bouncewise writing? Has the server"
                " room for temporary tables, as much as the ledger's own?"
            ) from None
        finally:
            self._rollback()
            with contextlib.suppress(psycopg.Error):  # (statements are prepared for the copies)
                self._connection.execute("DISCARD TEMP")
                self._connection.execute("DISCARD PLANS")

    def _shadow(self, kept: frozenset[str]) -> None:
        """Temporary tables in front of those of the schema: PostgreSQL looks for a name among the
        temporary ones first, in every statement that it plans from now on.
        """
        for table in sorted(self.tables() - kept):
            real = f"{self._quoted}.{table}"
            parts = "INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES"
            self._script(
                f"CREATE TEMP TABLE {table} (LIKE {real} {parts});"
                f" INSERT INTO pg_temp.{table} SELECT * FROM {real}; ANALYZE pg_temp.{table}"
            )
        self._script("DISCARD PLANS")

    # ── the catalogue ────────────────────────────────────────────────────────────────────────────

    def tables(self) -> set[str]:
        """The names of the tables that are there."""
        sql = "SELECT tablename FROM pg_tables WHERE schemaname = %s"
        return {name for (name,) in self._execute(sql, (self._schema,))}

    def script(self, statements: Iterable[str]) -> None:
        """Run statements of schema.sql or of a migration, inside the open transaction."""
        for sql in statements:
            self._script(definition(sql))

    def count(self, table: str) -> int:
        """The rows of one of the ledger's tables."""
        if table not in self.tables():
            raise KeyError(table)
        (found,) = self._execute(f"SELECT count(*) FROM {table}").fetchone() or (0,)
        return int(found)

    def columns(self, table: str) -> list[str]:
        """The columns of one of the ledger's tables."""
        found = self._execute(f"SELECT * FROM {table} LIMIT 0").description or ()
        return [column.name for column in found]

    def whole(self, table: str, columns: list[str]) -> Iterator[Row]:
        """Every row of a table, as they are fetched."""
        with self._errors(), self._connection.cursor("whole") as cursor:
            cursor.itersize = _FETCH
            cursor.execute(f"SELECT {', '.join(columns)} FROM {table}".encode())
            yield from cursor

    def fill(self, table: str, columns: list[str], rows: Iterator[Row]) -> None:
        """Write rows into an empty table, and number later rows behind them."""
        with self._errors():
            self._bulk.fill(table, columns, rows)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """A transaction that only reads."""
        self._script("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            yield
        finally:
            self._rollback()

    def data_version(self) -> int:
        """A number that differs after another connection changed the ledger: the notifications
        that have arrived.
        """
        if not self._is_listening:
            self._connection.add_notify_handler(self._notified)
            self._script(f"LISTEN {self._channel}")
            self._is_listening = True
        connection = self._connection.pgconn
        with self._errors():
            for _ in range(2):  # a server that stops says so, and then closes the connection
                connection.consume_input()
            while (found := connection.notifies()) is not None:
                self._count(found.be_pid)
        return self._version

    def _notified(self, found: psycopg.Notify) -> None:
        self._count(found.pid)

    def _count(self, process: int) -> None:
        self._version += process != self._connection.info.backend_pid

    def compact(self) -> bool:
        """See Database. Copies in the server's WAL, backups and standby servers stay there."""
        self._script(f"VACUUM (FULL) {', '.join(sorted(self.tables()))}")
        return True
