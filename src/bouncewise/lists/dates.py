"""Times in suppression lists: read in the forms that ESPs write, written in one.

Reads: ISO 8601, RFC 5322, seconds since 1970, and the form of the SES console. Gives: a datetime in
UTC, or None.
"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

from bouncewise.rfc.date import from_epoch, parse_date


def format_time(when: datetime | None) -> str:
    """RFC 3339 in UTC, to the second; '' for None."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if when else ""


def parse_time(text: str) -> datetime | None:
    """A time in ISO 8601, RFC 5322 or Unix form, or as the console of SES writes it."""
    if not text:
        return None
    if text.isascii() and text.isdecimal():
        return from_epoch(text)
    for read in (_iso_time, _console_time, parse_date):
        with contextlib.suppress(ValueError, OverflowError):
            if when := read(text):
                return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
    return None


def _iso_time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace(" UTC", "+00:00"))


def _console_time(text: str) -> datetime:
    return datetime.strptime(text, "%B %d, %Y, %H:%M (UTC%z)")
