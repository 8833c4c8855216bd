"""Imports of lists: their batches, and the names that each lists."""

from __future__ import annotations

from collections import Counter

from bouncewise.ledger.database import Database
from bouncewise.ledger.records import Import
from bouncewise.times import Micros, datetime_of

SOURCE = "import of "
"""How the source of the batch of an import begins."""


class Imports:
    """Questions to a ledger about imports."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def of_file(self, fingerprint: bytes) -> int | None:
        """The last import of the file with this fingerprint; None: it was never imported."""
        found = self._db.one("done_batch", fingerprint=fingerprint)
        return int(found[0]) if found else None

    def names(self, number: int, kind: str) -> list[str]:
        """The names with acts of this *kind* that an import lists, by name."""
        found = self._db.all("act_imported", **{"import": str(number), "kind": kind})
        return [name for (name,) in found]

    def latest(self, most: int) -> list[Import]:
        """The last imports, the latest first."""
        return [
            Import(number, source.removeprefix(SOURCE), datetime_of(Micros(started)))
            for number, source, started in self._db.all("batch_imports", start=SOURCE, most=most)
        ]

    def acts(self) -> Counter[tuple[str, int]]:
        """How many acts of each kind each import lists."""
        found: Counter[tuple[str, int]] = Counter()
        for kind, imports, count in self._db.all("act_imports"):
            found.update({(kind, int(number)): count for number in imports.split()})
        return found
