"""What people said of incidents: that one is over, or was none. Kept for ever, and stronger than what is derived.

A ruling means the incident of its unit that opened within half a day of the time it names: what evidence comes later may move
that by a little, and two incidents of a unit are never so near each other. Of several the last counts.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from bouncewise.ledger import rows
from bouncewise.model import Incident

_NEAR = timedelta(hours=12)


class Ruling(NamedTuple):
    """A person's word: the incident of ``unit`` that ``opened`` then was over at ``closed``; None: there was none."""

    unit: str
    opened: datetime
    closed: datetime | None
    at: datetime
    why: str
    by: str


class Rulings:
    """Those of a ledger."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def add(self, said: Ruling) -> None:
        """Enter it."""
        closed = None if said.closed is None else rows.stamp(said.closed)
        row = (said.unit, rows.stamp(said.opened), closed, rows.stamp(said.at), said.why, said.by)
        self._db.execute("INSERT INTO ruling (unit, opened, closed, at, why, by) VALUES (?, ?, ?, ?, ?, ?)", row)

    def of(self, incident: Incident) -> list[Ruling]:
        """What was said of *incident*, in order."""
        return _about(incident, self._said(None))

    def applied(self, derived: Iterable[Incident], at: datetime | None = None) -> list[Incident]:
        """*derived* as people said *at* a time (None: now) that it is: without those that are none."""
        rulings = self._said(at)
        found = []
        for incident in derived:
            said = _about(incident, rulings)
            if not said:
                found.append(incident)
            elif (over := said[-1].closed) is not None:
                closed = min(incident.closed or over, over)
                found.append(msgspec.structs.replace(incident, closed=max(closed, incident.opened), recovered=True))
        return found

    def _said(self, at: datetime | None) -> list[Ruling]:
        """All of them, in order: few, for each was typed by somebody."""
        found = [
            Ruling(unit, rows.when(opened), None if closed is None else rows.when(closed), rows.when(when), why, by)
            for unit, opened, closed, when, why, by in self._db.execute(
                "SELECT unit, opened, closed, at, why, by FROM ruling ORDER BY id"
            )
        ]
        return [r for r in found if at is None or r.at <= at]


def _about(incident: Incident, rulings: list[Ruling]) -> list[Ruling]:
    return [r for r in rulings if r.unit == incident.unit and abs(r.opened - incident.opened) < _NEAR]
