"""Dates of mail: RFC 5322 §3.3, with the obsolete forms of §4.3.

Reads: the value of a date field. Gives: the time in UTC. Refuses with None: what is no time.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# The form of nearly every date. The standard library reads all other forms, but slowly.
_DATE = re.compile(
    r"(?:[A-Z][a-z]{2}, +)?(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d)"
    r" ([+-])([01]\d)(\d\d)(?: \([^()]*\))?",
    re.ASCII,
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def parse_date(value: str) -> datetime | None:
    """The time of an RFC 5322 §3.3 date in UTC; None if *value* is no valid date."""
    try:
        if (m := _DATE.fullmatch(value)) is not None:
            year, month, day = int(m[3]), _MONTHS.index(m[2]) + 1, int(m[1])
            local = datetime(year, month, day, int(m[4]), int(m[5]), int(m[6]), tzinfo=UTC)
            offset = timedelta(hours=int(m[8]), minutes=int(m[9]))
            return local + offset if m[7] == "-" else local - offset
        time = parsedate_to_datetime(value[:100])
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


MAX_EPOCH_DIGITS = 30
"""Characters of a Unix time that are read: one in nanoseconds has 19 digits."""


def from_epoch(value: str | float | int | None) -> datetime | None:
    """Unix time in seconds or thousandths, millionths or billionths of one, as UTC; None if *value*
    is none.
    """
    if isinstance(value, str) and (len(value) > MAX_EPOCH_DIGITS or not value.isascii()):
        return None
    try:
        seconds = float(value or 0)
    except (TypeError, ValueError, OverflowError):
        return None
    if not 0 < seconds < 1e21:  # False for NaN, too
        return None
    while seconds > 1e11:
        seconds /= 1000
    return datetime.fromtimestamp(seconds, UTC)
