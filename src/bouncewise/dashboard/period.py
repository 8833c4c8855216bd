"""The days that a page shows: up to the last evidence, and what is usual before them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import NamedTuple

from starlette.requests import Request

from bouncewise.ledger import Store
from bouncewise.times import Day, day_of, day_start, micros

LENGTHS = (7, 30, 90)
"""The numbers of days that can be chosen; the second is shown first."""

USUAL_DAYS = 28
"""Days before a day that are its usual: four of each weekday."""


class Period(NamedTuple):
    """From the day ``first`` to before ``end``; ``latest``: the last evidence."""

    first: Day
    end: Day
    latest: datetime

    @property
    def days(self) -> int:
        """Its length."""
        return self.end - self.first

    @property
    def since(self) -> datetime:
        """Its first moment."""
        return day_start(self.first)


def period(ledger: Store, request: Request) -> Period:
    """The days up to the last evidence, as many as the query says."""
    given = request.query_params.get("days", "")
    chosen = next((n for n in LENGTHS if str(n) == given), LENGTHS[1])
    latest = min(datetime.now(UTC), max(ledger.latest(), datetime(1990, 1, 1, tzinfo=UTC)))
    end = Day(day_of(micros(latest)) + 1)
    return Period(Day(end - chosen), end, latest)


class Compared(NamedTuple):
    """A number of one day beside the median of the days before; None: too few days are known."""

    value: int
    usual: float | None

    @property
    def words(self) -> str:
        """The comparison in words."""
        if self.usual is None:
            return "no usual day is known yet"
        shown = f"usual: {self.usual:,.0f}"
        if not self.usual:
            return shown
        ratio = self.value / self.usual
        if ratio >= 2:
            return f"{ratio:,.0f} times the {shown.replace(': ', ' ')}"
        change = round((ratio - 1) * 100)
        return f"{shown}, {change:+d} %" if change else f"{shown}, the same"


def compared(counts: Mapping[Day, int], day: Day, known: frozenset[Day]) -> Compared:
    """The count of *day* beside the median of the *known* days among USUAL_DAYS before it."""
    before = [counts.get(Day(d), 0) for d in range(day - USUAL_DAYS, day) if d in known]
    return Compared(counts.get(day, 0), float(median(before)) if len(before) >= 3 else None)


def last_day(known: frozenset[Day], latest: datetime) -> Day:
    """The last of the *known* days that had ended at *latest*: a part of a day is not compared with
    whole ones.
    """
    whole = day_of(micros(latest - timedelta(days=1)))
    return max((day for day in known if day <= whole), default=Day(whole))
