"""The end of an absence, as automatic replies name it in prose.

Reads: a text in any language of absence.toml, and the time of the mail. Gives: the last date that
words of return or an interval mark as the end of the absence. Refuses with None: dates of the past
or more than MAX_YEARS ahead, days of the week, and ``3/4`` in English, which is a day of March or
of April. A date without a year is the next one of that name. Linear: no repetition is unbounded.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from functools import cache

from bouncewise.readers.messages.phrases import PhraseSet, absence_words
from bouncewise.text.words import fold, words

MAX_YEARS = 3

_BEFORE, _AFTER = 60, 24  # characters around a date in which words of return stand
_SENTENCE_END = re.compile(r"[!?。]|\.\s|\n\s*\n")


def return_date(text: str, at: datetime | None, language: str) -> date | None:
    """The end of the absence that *text*, an automatic reply of the time *at*, names; see above."""
    folded = fold(text)
    found = None
    for m in _dates().finditer(folded):
        if _is_return(folded, m) and (day := _day_of(m, at, language)) is not None:
            found = max(found or day, day)
    return found


def _is_return(text: str, m: re.Match[str]) -> bool:
    before = _SENTENCE_END.split(text[max(0, m.start() - _BEFORE) : m.start()])[-1]
    if _end_of_range().search(before):
        return True
    after = _SENTENCE_END.split(text[m.end() : m.end() + _AFTER])[0]
    return _cues("return_before").found_in(words(before)) or _cues("return_after").found_in(
        words(after)
    )


@cache
def _cues(name: str) -> PhraseSet:
    return PhraseSet(getattr(absence_words(), name))


@cache
def _end_of_range() -> re.Pattern[str]:
    """A first day and the word between it and the last one: ``5. - ``, ``March 5th to ``."""
    between = "|".join(re.escape(fold(word)) for word in absence_words().range)
    month = "|".join(_month_numbers())
    return re.compile(
        rf"[0-9](?:st|nd|rd|th|er|\.|日)?(?: (?:de )?(?:{month})\b)?(?:\(.\))? ?(?:{between}) ?$"
    )


@cache
def _month_numbers() -> dict[str, int]:
    rows = enumerate(absence_words().months, 1)
    return {name: number for number, names in rows for name in names.split()}


@cache
def _dates() -> re.Pattern[str]:
    """Every form of a date, in text that ``fold`` has prepared."""
    names = "|".join(sorted(_month_numbers(), key=len, reverse=True))
    day = r"(?<![\w.,/-])(?P<{}>[0-9]{{1,2}})(?:st|nd|rd|th|er|[.ºo°]|-?го)?"
    year = r"(?:,? (?:de |del )?(?P<{}>[0-9]{{4}}))?(?![\w/])"
    return re.compile(
        r"(?<![\w./-])(?P<iso_year>20[0-9][0-9])[-./](?P<iso_month>[0-9]{1,2})[-./]"
        r"(?P<iso_day>[0-9]{1,2})(?![\w/-])"
        r"|(?:(?P<han_year>20[0-9][0-9])年 ?)?(?P<han_month>[0-9]{1,2})月 ?"
        r"(?P<han_day>[0-9]{1,2})日"
        rf"|{day.format('day')} ?(?:de |of |di )?(?P<name>{names})\b\.?{year.format('year')}"
        rf"|(?<!\w)(?P<name_first>{names})\.? (?P<day_last>[0-9]{{1,2}})(?:st|nd|rd|th)?"
        rf"{year.format('year_last')}"
        r"|(?<![\w./:-])(?P<dot_day>[0-9]{1,2})\. ?(?P<dot_month>[0-9]{1,2})\."
        r"(?: ?(?P<dot_year>20[0-9][0-9]|[0-9][0-9](?![\w:])))?(?!\w)"
        r"|(?<![\w./:-])(?P<first>[0-9]{1,2})(?P<sign>[/-])(?P<second>[0-9]{1,2})"
        r"(?:(?P=sign)(?P<slash_year>20[0-9][0-9]|[0-9][0-9]))?(?![\w/:-])"
    )


def _day_of(m: re.Match[str], at: datetime | None, language: str) -> date | None:
    part = m.groupdict()
    if part["first"]:
        ordered = _ordered(m, language)
        if ordered is None:
            return None
        day, month, year = *ordered, part["slash_year"]
    else:
        name = part["name"] or part["name_first"]
        day = _number(part, "iso_day", "han_day", "day", "day_last", "dot_day")
        month = (
            _month_numbers()[name] if name else _number(part, "iso_month", "han_month", "dot_month")
        )
        year = next(
            (
                part[key]
                for key in ("iso_year", "han_year", "year", "year_last", "dot_year")
                if part[key]
            ),
            None,
        )
    return _plausible(day, month, year, at)


def _ordered(m: re.Match[str], language: str) -> tuple[int, int] | None:
    """Day and month of ``3/4/2026``; None if *language* does not say which is which."""
    first, second = int(m["first"]), int(m["second"])
    if m["sign"] == "-" and not m["slash_year"]:
        return None  # an interval of days or a number
    if language == "ja":
        return (second, first)
    if language != "en" or first > 12 or first == second:
        return (first, second)
    return (second, first) if second > 12 else None


def _number(part: dict[str, str], *keys: str) -> int:
    return int(next(part[key] for key in keys if part[key]))


def _plausible(day: int, month: int, year: str | None, at: datetime | None) -> date | None:
    """The date, if it is one, and if it is near enough to *at*."""
    earliest = (at - timedelta(days=1)).date() if at else None
    try:
        if year:
            found = date(int(year) + (2000 if len(year) == 2 else 0), month, day)
        elif earliest is None:
            return None
        else:
            found = date(earliest.year, month, day)
            if found < earliest:
                found = found.replace(year=earliest.year + 1)
    except (ValueError, OverflowError):
        return None
    if earliest and not earliest <= found <= earliest + timedelta(days=366 * MAX_YEARS):
        return None
    return found
