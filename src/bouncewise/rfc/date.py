"""Dates of mail, RFC 5322 §3.3 with the obsolete forms of §4.3. Gives: UTC. Refuses: what cannot be a time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# Nearly every date there is; the standard library reads the rest.
_DATE = re.compile(
    r"(?:[A-Z][a-z]{2}, +)?(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) ([+-])([01]\d)(\d\d)(?: \([^()]*\))?",
    re.ASCII,
)
_MONTHS = {
    "Jan": 1,
    "Feb": 2,
    "Mar": 3,
    "Apr": 4,
    "May": 5,
    "Jun": 6,
    "Jul": 7,
    "Aug": 8,
    "Sep": 9,
    "Oct": 10,
    "Nov": 11,
    "Dec": 12,
}


def parse_date(value: str) -> datetime | None:
    """An RFC 5322 §3.3 date in UTC; None where there is none or it cannot be."""
    try:
        if (m := _DATE.fullmatch(value)) is not None:
            east = timedelta(hours=int(m[8]), minutes=int(m[9]))
            there = datetime(
                int(m[3]), _MONTHS[m[2]], int(m[1]), int(m[4]), int(m[5]), int(m[6]), tzinfo=UTC
            )
            return there + east if m[7] == "-" else there - east
        when = parsedate_to_datetime(value[:100])
    except (ValueError, TypeError, IndexError, OverflowError, KeyError):
        return None
    try:
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
    except (OverflowError, ValueError):
        return None
