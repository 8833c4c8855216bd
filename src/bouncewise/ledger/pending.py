"""Whose state does not follow from the evidence yet: while an ingest is at work, and after one that was stopped."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from bouncewise.ledger import rows

ADD = "INSERT OR IGNORE INTO pending VALUES (?)"
ADD_NOT_FREE = "INSERT OR IGNORE INTO pending SELECT address FROM came JOIN state USING (address)"


class Pending:
    """The names that wait, in a ledger's file."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __bool__(self) -> bool:
        return self._db.execute("SELECT 1 FROM pending LIMIT 1").fetchone() is not None

    def add(self, names: Iterable[str]) -> None:
        """*names* wait."""
        self._db.executemany(ADD, ((rows.id_of(name),) for name in names))

    def add_refused(self, since: int, until: int) -> None:
        """Whoever was refused as dead from *since* to before *until*, microseconds, waits."""
        sql = "INSERT OR IGNORE INTO pending SELECT address FROM event WHERE advice = 'suppress-address' AND at >= ? AND at < ?"
        self._db.execute(sql, (since, until))

    def take(self, most: int) -> list[str]:
        """At most *most* of them, which wait no longer."""
        sql = "SELECT p.address, name FROM pending p LEFT JOIN address a ON a.id = p.address LIMIT ?"
        some = self._db.execute(sql, (most,)).fetchall()
        self._db.executemany("DELETE FROM pending WHERE address = ?", ((who,) for who, _ in some))
        return [name for _, name in some if name is not None]

    def among(self, names: Iterable[str]) -> set[str]:
        """Those of *names* that wait."""
        sql = "SELECT 1 FROM pending WHERE address = ?"
        return {name for name in names if self._db.execute(sql, (rows.id_of(name),)).fetchone()}
