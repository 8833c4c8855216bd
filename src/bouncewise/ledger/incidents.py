"""Incidents and what people decided about them: the tables side.

A ruling means the incident of its destination that opened within half a day of the time it
names: later evidence may move the opening by a little, and two incidents of a destination are
never so near each other. Of several rulings the last counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from bouncewise.ledger import rows
from bouncewise.ledger.database import Database
from bouncewise.model import Incident, Ruling
from bouncewise.times import datetime_of, micros

_SAME_INCIDENT = timedelta(hours=12)


class Incidents:
    """The incidents of a ledger, derived from its evidence and corrected by rulings."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def all(self) -> list[Incident]:
        """Every incident, with the rulings applied, the latest first."""
        return self.apply_rulings(rows.incident(row) for row in self._db.all("incident_all"))

    def put(self, found: Iterable[Incident], since: datetime, until: datetime) -> None:
        """Replace the incidents that opened from *since* to before *until*."""
        self._db.run("incident_delete", since=micros(since), until=micros(until))
        self._db.many("incident_add", map(rows.incident_row, found))

    def add_ruling(self, ruling: Ruling) -> None:
        """Keep a person's decision about an incident."""
        self._db.run(
            "ruling_add",
            destination=ruling.destination,
            opened=micros(ruling.opened),
            closed=_optional(ruling.closed),
            at=micros(ruling.at),
            why=ruling.why,
            by=ruling.by,
        )

    def rulings(self, incident: Incident) -> list[Ruling]:
        """The rulings about *incident*, in order."""
        return _about(incident, self._all_rulings())

    def apply_rulings(
        self, derived: Iterable[Incident], at: datetime | None = None
    ) -> list[Incident]:
        """*derived* as corrected by the rulings made up to *at* (None: now); false alarms are
        left out.
        """
        rulings = [r for r in self._all_rulings() if at is None or r.at <= at]
        found = []
        for incident in derived:
            about = _about(incident, rulings)
            if not about:
                found.append(incident)
            elif (over := about[-1].closed) is not None:
                closed = min(incident.closed or over, over)
                found.append(
                    msgspec.structs.replace(
                        incident, closed=max(closed, incident.opened), recovered=True
                    )
                )
        return found

    def _all_rulings(self) -> list[Ruling]:
        """All rulings, in order: few, for each was entered by a person."""
        return [
            Ruling(
                destination=destination,
                opened=datetime_of(opened),
                closed=None if closed is None else datetime_of(closed),
                at=datetime_of(at),
                why=why,
                by=by,
            )
            for destination, opened, closed, at, why, by in self._db.all("ruling_all")
        ]


def _about(incident: Incident, rulings: list[Ruling]) -> list[Ruling]:
    return [
        r
        for r in rulings
        if r.destination == incident.destination
        and abs(r.opened - incident.opened) < _SAME_INCIDENT
    ]


def _optional(when: datetime | None) -> int | None:
    return None if when is None else micros(when)
