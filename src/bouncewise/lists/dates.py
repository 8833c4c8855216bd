"""Times in suppression lists: read in the forms that ESPs and spreadsheets write, written in two.

Reads: ISO 8601, RFC 5322, seconds since 1970, dates in words (English, German, French, Spanish),
with the year first, and with the day or the month first once it is known which. Gives: a datetime
in UTC, or None. Refuses: what could be read in two ways, such as a year of two digits.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from enum import Enum

from bouncewise.rfc.date import from_epoch, parse_date

_NUMBER = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_EPOCH = re.compile(r"\d{9,20}(?:\.\d{1,9})?", re.ASCII)
_DIGITS = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d))?", re.ASCII)
_TIME = re.compile(
    r"(?:,?\s*(?:at|um|à|a las)?\s*[T\s](\d{1,2})[:h](\d\d)(?::(\d\d)(?:[.,]\d{1,9})?)?"
    r"\s*([ap]\.?\s?m\.?)?(?:\s*uhr)?"
    r"\s*\(?(z|(?:utc|gmt)?([+-])(\d{1,2}):?(\d\d)?|[a-z]{3,4})?\)?)?",
    re.I | re.ASCII,
)
_YEAR_FIRST = re.compile(
    r"(\d{4})(?:([-/.])(\d{1,2})\2(\d{1,2})|年(\d{1,2})月(\d{1,2})日)", re.ASCII
)
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})", re.ASCII)
_WEEKDAY = re.compile(r"[^\W\d]{2,10}\.?,?\s+(?=\d|[^\W\d]+\.?\s+\d{1,2}\b)")
_DAY_MONTH = re.compile(
    r"(\d{1,2})(?:\.|st|nd|rd|th|er)?[\s-]*(?:de\s+)?([^\W\d]{3,10})\.?,?[\s-]+(?:de\s+)?(\d{4})\b"
)
_MONTH_DAY = re.compile(r"([^\W\d]{3,10})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})\b")
_MAIL = re.compile(  # (zones and comments of RFC 5322 §4.3, and the form of ctime(3))
    r"[A-Z][a-z]{2},? +(?:\d{1,2} [A-Z][a-z]{2} \d{4} +\d|[A-Z][a-z]{2} +\d{1,2} \d\d:)", re.ASCII
)
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january januar jänner janvier janv enero ene",
            "feb february februar février fevrier févr fevr febrero",
            "mar march märz maerz mär mrz mars marzo",
            "apr april avril avr abril abr",
            "may mai mayo",
            "jun june juni juin junio",
            "jul july juli juillet juil julio",
            "aug august août aout agosto ago",
            "sep sept september septembre septiembre",
            "oct october oktober okt octobre octubre",
            "nov november novembre noviembre",
            "dec december dezember dez décembre decembre déc diciembre dic",
        ),
        1,
    )
    for name in names.split()
}
_ZONES = {"utc": 0, "gmt": 0, "z": 0, "wet": 0, "west": 1, "cet": 1, "cest": 2, "mez": 1}
_ZONES |= {"mesz": 2, "eet": 2, "eest": 3, "jst": 9, "est": -5, "edt": -4, "cdt": -5}
_ZONES |= {"mst": -7, "mdt": -6, "pst": -8, "pdt": -7}  # (CST is China's, too)
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
        if (m := _YEAR_LAST.match(text[:_MAX_TEXT])) is not None and m[2] != ".":
            first, second = int(m[1]), int(m[3])
            if first > 12:
                found.add(Order.DAY)
            elif second > 12:
                found.add(Order.MONTH)
    return found.pop() if len(found) == 1 else None


def parse_time(text: str, order: Order | None = None) -> datetime | None:
    """A time in one of the forms that the module names, in UTC; one without a zone is taken for
    UTC. Where the year is last, *order* or a number above 12 says what is first.
    """
    text = text[:_MAX_TEXT].strip()
    if not text:
        return None
    with contextlib.suppress(ValueError, OverflowError):
        if (m := _DIGITS.fullmatch(text)) is not None and 1 <= int(m[2]) <= 12:
            year, month, day, hour, minute, second = (int(part or 0) for part in m.groups())
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        if _NUMBER.fullmatch(text):  # (a year, or the day number of a spreadsheet, is none)
            return from_epoch(text) if _EPOCH.fullmatch(text) else None
        with contextlib.suppress(ValueError):
            when = datetime.fromisoformat(text.replace(" UTC", "+00:00"))
            return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
        return _in_parts(text, order) or (parse_date(text) if _MAIL.match(text) else None)
    return None


def has_two_readings(text: str) -> bool:
    """Whether *text* is a date of which only the rest of its list shows what the month is."""
    text = text[:_MAX_TEXT].strip()
    return parse_time(text) is None and parse_time(text, Order.DAY) is not None


def _in_parts(text: str, order: Order | None) -> datetime | None:
    """A date in numbers or words, with or without a time behind it."""
    for starts in (text, _WEEKDAY.sub("", text, count=1)):
        for form, read in (
            (_YEAR_FIRST, _year_first),
            (_YEAR_LAST, _year_last),
            (_DAY_MONTH, lambda m, _: _in_words(m[1], m[2], m[3])),
            (_MONTH_DAY, lambda m, _: _in_words(m[2], m[1], m[3])),
        ):
            if (m := form.match(starts)) and (time := _TIME.fullmatch(starts[m.end() :])):
                found = read(m, order)
                return found and _with_time(found, time)
    return None


def _year_first(m: re.Match[str], _: Order | None) -> datetime:
    return datetime(int(m[1]), int(m[3] or m[5]), int(m[4] or m[6]), tzinfo=UTC)


def _year_last(m: re.Match[str], order: Order | None) -> datetime | None:
    # With points the day is first everywhere.
    order = Order.DAY if m[2] == "." else order or order_of((m[0],))
    if order is None:
        return None
    day, month = (m[1], m[3]) if order is Order.DAY else (m[3], m[1])
    return datetime(int(m[4]), int(month), int(day), tzinfo=UTC)


def _in_words(day: str, month: str, year: str) -> datetime | None:
    number = _MONTHS.get(month.casefold())
    return datetime(int(year), number, int(day), tzinfo=UTC) if number else None


def _with_time(date: datetime, m: re.Match[str]) -> datetime | None:
    """*date* at the time that is written behind it; None for a zone that is not known."""
    hour, zone = int(m[1] or 0), (m[5] or "").casefold()
    if m[4] and hour <= 12:  # (24-hour clocks with PM behind them exist)
        hour = hour % 12 + (12 if m[4][0] in "pP" else 0)
    if m[6]:
        minutes = int(m[7]) * 60 + int(m[8] or 0)
        offset = timedelta(minutes=minutes if m[6] == "+" else -minutes)
    elif zone and zone not in _ZONES:
        return None
    else:
        offset = timedelta(hours=_ZONES.get(zone, 0))
    return date.replace(hour=hour, minute=int(m[2] or 0), second=int(m[3] or 0)) - offset
