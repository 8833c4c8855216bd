"""Names whose state does not follow from the evidence yet: while an ingest is at work, and after
one that was stopped.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from bouncewise.ledger.database import Database
from bouncewise.ledger.rows import id_of
from bouncewise.times import Slot, micros, slot_start


class Pending:
    """The pending names of a ledger."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def __bool__(self) -> bool:
        return self._db.one("pending_any") is not None

    def add(self, names: Iterable[str]) -> None:
        """Make *names* pending."""
        self._db.many("pending_add", ((id_of(name),) for name in names))

    def add_refused(self, since: Slot, until: Slot) -> None:
        """Make pending every address that was refused in the slots from *since* to before
        *until*.
        """
        self._db.run("pending_add_refused", since=slot_start(since), until=slot_start(until))

    def add_claims(self, since: datetime, until: datetime) -> None:
        """Make every name pending with claims of that time, or that arrived in it."""
        self._db.run("pending_add_claims", since=micros(since), until=micros(until))

    def add_relayed(self, hosts: list[int]) -> None:
        """Make every name with evidence pending that had mail delivered by one of these hosts."""
        self._db.run("pending_add_relayed", relays=hosts)

    def add_domain_refusals(self, since: Slot, until: Slot) -> None:
        """Make every name pending whose domain failed from *since* to before *until*."""
        span = {"since": slot_start(since), "until": slot_start(until)}
        self._db.run("pending_add_domain_refusals", **span)

    def take(self, most: int) -> list[str]:
        """At most *most* of the names, which are pending no longer."""
        page = self._db.all("pending_page", most=most)
        self._db.many("pending_delete", ((number,) for number, _ in page))
        return [name for _, name in page if name is not None]

    def among(self, names: Iterable[str]) -> set[str]:
        """The pending ones of *names*."""
        wanted = {id_of(name): name for name in names}
        return {wanted[number] for (number,) in self._db.by_ids("pending_among", wanted)}
