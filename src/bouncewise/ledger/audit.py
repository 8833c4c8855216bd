"""Who did what, when and why: the acts of people, in the order in which they were done."""

from __future__ import annotations

import time
from datetime import datetime

from bouncewise.ledger.database import Database
from bouncewise.ledger.records import AuditEntry, Subject
from bouncewise.times import Micros, datetime_of, micros

_END = (1 << 63) - 1


class Audit:
    """The acts that a ledger keeps."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, kind: str, author: tuple[str, str], effective: datetime, about: Subject) -> None:
        """Keep that an act was done now; *author*: by whom, and why; *effective*: when it counts.
        Inside the transaction of the act.
        """
        by, why = author
        self._db.run(
            "audit_add",
            at=Micros(time.time_ns() // 1000),
            by=by,
            kind=kind,
            why=why,
            effective=micros(effective),
            **about._asdict(),
        )

    def page(self, before: int | None, most: int) -> list[AuditEntry]:
        """At most *most* acts before the one with the id *before*, the latest first."""
        found = self._db.all("audit_page", before=_END if before is None else before, most=most)
        return [
            AuditEntry(
                id=number,
                at=datetime_of(Micros(at)),
                by=by,
                kind=kind,
                subject=subject,
                names=names,
                why=why,
                effective=datetime_of(Micros(effective)),
                number=of_import,
            )
            for number, at, by, kind, subject, names, why, effective, of_import in found
        ]

    def find(self, number: int) -> AuditEntry | None:
        """The act with this id."""
        found = self.page(number + 1, 1)
        return found[0] if found and found[0].id == number else None

    def names(self, entry: AuditEntry) -> list[str]:
        """The names that an act concerned, by name; without those that were forgotten."""
        found = self._db.all(
            "audit_names",
            effective=micros(entry.effective),
            kind=entry.kind,
            by=entry.by,
            why=entry.why,
        )
        return [name for (name,) in found]
