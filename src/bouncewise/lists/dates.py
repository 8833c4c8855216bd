"""Times in suppression lists: read in the forms that ESPs write, written in two.

Reads: ISO 8601, RFC 5322, seconds since 1970, the form of the SES console, and dates with slashes
or points once it is known whether the day or the month is first. Gives: a datetime in UTC, or None.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import format_datetime
from enum import Enum

from bouncewise.rfc.date import from_epoch, parse_date

_EPOCH = re.compile(r"\d{1,20}(?:\.\d{1,9})?", re.ASCII)
_SLASHES = re.compile(
    r"(\d{1,2})([/.])(\d{1,2})\2(\d{4})(?:,?\s+(\d{1,2}):(\d\d)(?::(\d\d))?\s*([ap]\.?m\.?)?)?",
    re.I | re.ASCII,
)
_MAX_TEXT = 100


class Order(Enum):
    """What is first in dates like 03/04/2026."""

    DAY = "day"
    MONTH = "month"


def format_time(when: datetime | None) -> str:
    """RFC 3339 in UTC, to the second; '' for None."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if when else ""


def format_mail_time(when: datetime | None) -> str:
    """RFC 5322 §3.3 in UTC; '' for None."""
    return format_datetime(when.astimezone(UTC)) if when else ""


def order_of(texts: Iterable[str]) -> Order | None:
    """What is first in the dates of a list: what those with a number above 12 show; None where
    they show nothing, or contradict each other.
    """
    found = set()
    for text in texts:
        if (m := _SLASHES.fullmatch(text[:_MAX_TEXT])) is not None and m[2] == "/":
            first, second = int(m[1]), int(m[3])
            if first > 12:
                found.add(Order.DAY)
            elif second > 12:
                found.add(Order.MONTH)
    return found.pop() if len(found) == 1 else None


def parse_time(text: str, order: Order | None = None) -> datetime | None:
    """A time in ISO 8601, RFC 5322 or Unix form, as the console of SES writes it, or with slashes,
    if *order* or a number above 12 says what is first.
    """
    text = text[:_MAX_TEXT]
    if not text:
        return None
    if _EPOCH.fullmatch(text):
        return from_epoch(text)
    if (m := _SLASHES.fullmatch(text)) is not None:
        with contextlib.suppress(ValueError):
            # With points the day is first everywhere.
            return _from_slashes(m, Order.DAY if m[2] == "." else order or order_of((text,)))
        return None
    for read in (_iso_time, _console_time, parse_date):
        with contextlib.suppress(ValueError, OverflowError):
            if when := read(text):
                return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
    return None


def _from_slashes(m: re.Match[str], order: Order | None) -> datetime | None:
    if order is None:
        return None
    day, month = (m[1], m[3]) if order is Order.DAY else (m[3], m[1])
    hour = int(m[5] or 0)
    if m[8]:
        hour = hour % 12 + (12 if m[8][0] in "pP" else 0)
    return datetime(
        int(m[4]), int(month), int(day), hour, int(m[6] or 0), int(m[7] or 0), tzinfo=UTC
    )


def _iso_time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace(" UTC", "+00:00"))


def _console_time(text: str) -> datetime:
    return datetime.strptime(text, "%B %d, %Y, %H:%M (UTC%z)")
