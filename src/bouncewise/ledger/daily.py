"""The last runs of ingest, for people who look at a ledger."""

from __future__ import annotations

from bouncewise.ledger.database import Database
from bouncewise.ledger.records import Run
from bouncewise.times import Micros, datetime_of


class Daily:
    """See the module."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def runs(self, most: int) -> list[Run]:
        """The last runs of ingest, the latest first."""
        found = self._db.all("batch_last", most=most)
        return [Run(source, rules, datetime_of(Micros(at))) for source, rules, at in found]
