"""Units of time as types: microseconds, ten-minute slots and days, all counted from 1970-01-01
00:00 UTC.

The ledger stores Micros; incidents are found in Slots; deliveries are kept per Day. This module
alone converts between them and datetimes, so that a number of one unit is never compared with a
number of another.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NewType

Micros = NewType("Micros", int)
"""Microseconds since 1970."""

Slot = NewType("Slot", int)
"""Ten minutes since 1970: fine enough to say when an outage began, coarse enough to keep for
years.
"""

Day = NewType("Day", int)
"""Days since 1970, in UTC."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SLOT_MINUTES = 10
SLOTS_AN_HOUR = 60 // SLOT_MINUTES
SLOTS_A_DAY = 24 * SLOTS_AN_HOUR
MICROS_A_SECOND = 1_000_000
MICROS_A_SLOT = SLOT_MINUTES * 60 * MICROS_A_SECOND
MICROS_AN_HOUR = SLOTS_AN_HOUR * MICROS_A_SLOT
MICROS_A_DAY = SLOTS_A_DAY * MICROS_A_SLOT
_DAYS_A_WEEK, _THURSDAY = 7, 3  # 1970-01-01 was a Thursday, the third day after a Monday
OPEN_END = Slot(1 << 33)
"""A slot after every other: the end of what has not ended."""


Clock = Callable[[datetime], str]
"""How a time is shown to a person."""


def in_utc(when: datetime) -> str:
    """A time to the minute in UTC: ``2026-11-05 08:02 UTC``."""
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def micros(when: datetime) -> Micros:
    """The time of a timezone-aware datetime, to the microsecond."""
    since = when - EPOCH
    return Micros(since.days * MICROS_A_DAY + since.seconds * MICROS_A_SECOND + since.microseconds)


def datetime_of(at: Micros) -> datetime:
    """The datetime of *at*, in UTC. Raises OverflowError before the year 1 and after 9999."""
    return EPOCH + timedelta(microseconds=at)


def slot_of(at: Micros) -> Slot:
    """The slot in which *at* lies."""
    return Slot(at // MICROS_A_SLOT)


def slot_at(when: datetime) -> Slot:
    """The slot in which *when* lies."""
    return slot_of(micros(when))


def slot_start(slot: Slot) -> Micros:
    """The first microsecond of *slot*."""
    return Micros(slot * MICROS_A_SLOT)


def slot_time(slot: Slot) -> datetime:
    """The beginning of *slot*."""
    return datetime_of(slot_start(slot))


def day_of(at: Micros) -> Day:
    """The day in which *at* lies."""
    return Day(at // MICROS_A_DAY)


def week_of(day: Day) -> int:
    """The week in which *day* lies, from 1970-01-01 on; a week begins on Monday."""
    return (day + _THURSDAY) // _DAYS_A_WEEK


def week_start(week: int) -> Day:
    """The Monday of *week*."""
    return Day(week * _DAYS_A_WEEK - _THURSDAY)


def day_start(day: Day) -> datetime:
    """The beginning of *day*."""
    return EPOCH + timedelta(days=day)


def last_slot_of_day(at: Micros) -> Slot:
    """The last slot of the day in which *at* lies."""
    return Slot((day_of(at) + 1) * SLOTS_A_DAY - 1)


def later(slot: Slot, *, days: float = 0, hours: float = 0) -> Slot:
    """*slot* moved by whole slots; negative values move it back."""
    return Slot(slot + round(days * SLOTS_A_DAY + hours * SLOTS_AN_HOUR))
