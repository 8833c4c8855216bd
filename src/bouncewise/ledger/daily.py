"""Counts and pages for people who look at a ledger: refusals by day, receivers, decisions page by
page, and the last runs of ingest. Each reads an index, or only as much as it gives.
"""

from __future__ import annotations

from datetime import datetime

from bouncewise.ledger import rows
from bouncewise.ledger.database import Database
from bouncewise.ledger.records import DayCount, ReceiverCount, Run, StatePage
from bouncewise.model.bearing import Bearing
from bouncewise.times import MICROS_A_DAY, Day, Micros, datetime_of, micros

_BY_DAY = {
    Bearing.ADDRESS: "refused_by_day_address",
    Bearing.DOMAIN: "refused_by_day_domain",
    Bearing.SENDER: "refused_by_day_sender",
}
_RECEIVERS = {
    Bearing.ADDRESS: "receivers_address",
    Bearing.DOMAIN: "receivers_domain",
    Bearing.SENDER: "receivers_sender",
}


class Daily:
    """See the module."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def refused(self, since: datetime, until: datetime) -> list[DayCount]:
        """Final refusals by day and by what they are about: address, domain or sender."""
        span = {"since": micros(since), "until": micros(until), "day": MICROS_A_DAY}
        return [
            DayCount(Day(day), bearing, count)
            for bearing, query in _BY_DAY.items()
            for day, count in self._db.all(query, **span)
        ]

    def receivers(self, since: datetime, until: datetime) -> list[ReceiverCount]:
        """Addresses refused by each receiver, by cause, the most first; '' for hosts that are no
        receiver of receivers.toml.
        """
        span = {"since": micros(since), "until": micros(until)}
        found = [
            ReceiverCount(receiver, bearing, cause, count)
            for bearing, query in _RECEIVERS.items()
            for receiver, cause, count in self._db.all(query, **span)
        ]
        return sorted(found, key=lambda row: (-row.addresses, row))

    def states(
        self, after: int, most: int, state: str | None = None, cause: str | None = None
    ) -> StatePage:
        """At most *most* Decisions of names behind the id *after*, in the order of ids; of one
        *state* and *cause*, if given.
        """
        found = self._db.all("state_page", after=after, most=most, state=state, cause=cause)
        page = [(str(name), rows.decision(row)) for _, name, *row in found]
        return StatePage(page, int(found[-1][0]) if len(found) == most else None)

    def runs(self, most: int) -> list[Run]:
        """The last runs of ingest, the latest first."""
        found = self._db.all("batch_last", most=most)
        return [Run(source, rules, datetime_of(Micros(at))) for source, rules, at in found]
