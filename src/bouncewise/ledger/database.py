"""The database under a ledger: what the rest of this package asks of SQLite and of PostgreSQL.

Reads: named queries (queries.sql) and their parameters. Gives: rows. What differs between
databases is in ``sqlite`` and ``postgres``: how one is opened, placeholders and types,
transactions, the catalogue, temporary tables that shadow others, error messages.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any

from bouncewise.ledger.location import Location
from bouncewise.ledger.queries import MOST_IDS

Row = tuple[Any, ...]

BUSY_SECONDS = 60
"""How long one writer waits for another."""

PATIENCE: ContextVar[float] = ContextVar("PATIENCE")
"""Seconds for which this thread waits for others that lock a ledger, if not BUSY_SECONDS."""


SILENCE: ContextVar[float] = ContextVar("SILENCE")
"""Seconds for which a server may work on a statement of this thread; then the connection is given
up. Without a value the thread waits for as long as the server lives.
"""


class Database(ABC):
    """One open connection. Every change is inside ``with database.transaction():``."""

    is_shared = False
    """Whether processes of several machines may use it, each with local files of its own."""

    def __init__(self, location: Location) -> None:
        self.name, self.path = location.name, location.path

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""

    @abstractmethod
    def prepare_writing(self) -> None:
        """Settings of a connection that will write."""

    # ── queries ──────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def each(self, query: str, /, **given: Any) -> Iterator[Row]:
        """The rows of *query*, as they are fetched: there may be very many."""

    @abstractmethod
    def all(self, query: str, /, **given: Any) -> list[Row]:
        """The rows of *query*."""

    @abstractmethod
    def one(self, query: str, /, **given: Any) -> Row | None:
        """The first row of *query*; None where there is none."""

    def by_ids(self, query: str, ids: Iterable[Any], /, **given: Any) -> Iterator[Row]:
        """The rows of *query* for every one of *ids*, asked for some at a time."""
        wanted = list(ids)
        for at in range(0, len(wanted), MOST_IDS):
            yield from self.all(query, ids=wanted[at : at + MOST_IDS], **given)

    @abstractmethod
    def run(self, query: str, /, **given: Any) -> int:
        """Change something by *query*; how many rows that changed."""

    @abstractmethod
    def many(self, query: str, rows: Iterable[Row]) -> int:
        """Change something by *query* once for each of *rows*, of which no two have the same key;
        how many rows that changed.
        """

    # ── transactions ─────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def transaction(self, *, commit: bool = True) -> AbstractContextManager[None]:
        """All of what is done inside, or nothing: nothing where it raises, or if not *commit*.

        Raises LedgerError where another process writes for a minute on end, the disk is full, or
        the database fails.
        """

    @abstractmethod
    def rewriting(self, *, trial: bool, kept: frozenset[str]) -> AbstractContextManager[None]:
        """One long transaction that ``commit`` alone makes permanent. On *trial* nobody may: all
        tables but those *kept* are shadowed by temporary copies on disk, and other processes
        read and write the ledger meanwhile.
        """

    @abstractmethod
    def commit(self) -> None:
        """Make permanent what was done in ``rewriting``."""

    # ── the catalogue ────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def tables(self) -> set[str]:
        """The names of the tables that are there. Raises LedgerError where this is no database."""

    @abstractmethod
    def script(self, statements: Iterable[str]) -> None:
        """Run statements of schema.sql or of a migration, inside the open transaction."""

    @abstractmethod
    def count(self, table: str) -> int:
        """The rows of one of the ledger's tables."""

    @abstractmethod
    def columns(self, table: str) -> list[str]:
        """The columns of one of the ledger's tables."""

    @abstractmethod
    def whole(self, table: str, columns: list[str]) -> Iterator[Row]:
        """Every row of a table, as they are fetched."""

    @abstractmethod
    def fill(self, table: str, columns: list[str], rows: Iterator[Row]) -> None:
        """Write rows into an empty table, and number later rows behind them."""

    @abstractmethod
    def snapshot(self) -> AbstractContextManager[None]:
        """A transaction that only reads, and in which the ledger does not change."""

    @abstractmethod
    def data_version(self) -> int:
        """A number that differs after another connection changed the ledger."""

    @abstractmethod
    def compact(self) -> bool:
        """Write all tables anew, outside a transaction, so that nothing of what was deleted stays
        in unused parts of files. Whether that was possible.
        """
