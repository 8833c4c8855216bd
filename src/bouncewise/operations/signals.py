"""The figures of receivers about our mail, the last of each with its trend, and which are bad."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import NamedTuple

from bouncewise.ledger import Store
from bouncewise.ledger.report_records import SignalCount
from bouncewise.sender.loops import loops
from bouncewise.times import Day, day_start

_BEFORE = 7  # readings before the last, of which the mean is compared: a week of daily figures
_RATES = ("spam_rate", "complaint_rate")
_RED = 2.0  # readers/reports/signals.py


class Trend(NamedTuple):
    """The last reading of one figure. ``before``: the mean of up to seven readings before it, None
    without one; ``finding``: what is bad about it, "" nothing.
    """

    origin: str
    subject: str
    name: str
    day: datetime
    value: float | None
    words: str
    before: float | None
    finding: str


def trends(ledger: Store, since: datetime) -> list[Trend]:
    """The trend of every figure with a reading since then, by origin, subject and name."""
    series: dict[tuple[str, str, str], list[SignalCount]] = defaultdict(list)
    for row in ledger.sender_reports.signals(since):
        series[row.origin, row.subject, row.name].append(row)
    return [_trend(rows) for _, rows in sorted(series.items())]


def _trend(rows: list[SignalCount]) -> Trend:
    *earlier, last = rows
    values = [row.value for row in earlier[-_BEFORE:] if row.value is not None]
    before = sum(values) / len(values) if values else None
    day = day_start(Day(last.day))
    return Trend(*last[:3], day, last.value, last.words, before, _finding(last, values))


def _finding(last: SignalCount, earlier: list[float]) -> str:
    if last.value is None:
        return ""
    limit = loops().limits.limit
    if last.name in _RATES and last.value >= limit:
        return f"{limit:.1%} or more"
    if last.name == "trap_hits" and last.value > 0:
        return "mail to spam traps"
    if last.name != "filter_result":
        return ""
    if last.value >= _RED:
        return "more than 90 % of the mail is filtered as spam"
    return "worse than before" if earlier and last.value > earlier[-1] else ""
