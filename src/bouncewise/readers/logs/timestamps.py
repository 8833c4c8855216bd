"""Time stamps of logs: Unix time, RFC 3339, and RFC 3164 ("Aug 12 21:56:59"), which has no year and
no zone.

Reads: time stamps in the order of the log. Gives: times in UTC. A missing year is that of the line
before, or the next where the months begin again; lines may be out of order at New Year. The last
line of a file is not later than a day after the file's last change, however many years the log has;
of a pipe or a compressed file this holds for each line. A missing zone is that of ``use_zone``,
else that of this machine; of an hour that is repeated when summer time ends, a line that goes back
is in the second pass, and so are those after it. Refuses, with None: what is no time.
"""

from __future__ import annotations

import re
from calendar import isleap
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from stat import S_ISREG
from zoneinfo import ZoneInfo

_MONTH_NAMES = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}
_BSD = re.compile(
    r"([A-Za-z]{3})\s+(\d{1,2})\s+(?:(\d{4})\s+)?(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,6}))?"
)
_SYSLOG = re.compile(rb"^(?:<\d{1,3}>)?([A-Za-z]{3}) [ \d]\d \d\d:", re.M)
_BACK = 2  # months by which an older file may be behind a newer one
_NEW_YEAR = 11  # months from January to December
_REPEATED = timedelta(hours=1)  # when summer time ends
_OUT_OF_ORDER = timedelta(seconds=90)  # by which lines of one log may be out of order

_zone: list[tzinfo] = []  # of this process


def use_zone(name: str) -> None:
    """Read logs without a zone, from now on in this process, as of the zone *name* of the time zone
    database; '': as of this machine's. Raises ZoneInfoNotFoundError.
    """
    _zone[:] = [ZoneInfo(name)] if name else []


def _local(when: datetime) -> datetime:
    """A time without a zone in the zone in use."""
    return when.replace(tzinfo=_zone[0]) if _zone else when.astimezone()


class TimestampParser:
    """Parses the time stamps of one log, in their order.

    *latest*: when the log was changed last; None: it is written while it is read. *new_years*: how
    many times a year ends in it, where that is known.
    """

    def __init__(self, latest: datetime | None, new_years: int = 0) -> None:
        self._changed = latest
        self._new_years = new_years
        self.is_yearless = False
        """Whether the last time stamp stated no year."""
        self._year: int | None = None
        self._month = 0
        self._before: datetime | None = None  # the line before, in local time
        self._is_second = False  # whether it is in the second pass of a repeated hour
        self._last: tuple[str, datetime | None] = ("", None)

    @classmethod
    def for_file(cls, path: str) -> TimestampParser:
        """The parser for the log at *path*. A log that is no file is taken as written until now."""
        try:
            found = Path(path).stat()
            changed = datetime.fromtimestamp(found.st_mtime, UTC)
            return cls(changed, _new_years(path)) if S_ISREG(found.st_mode) else cls(None)
        except (OSError, ValueError, OverflowError):
            return cls(None)

    def parse(self, stamp: str) -> datetime | None:
        """*stamp* in UTC; None if it is no time."""
        if stamp != self._last[0]:
            self._last = (stamp, self._parse(stamp))
        return self._last[1]

    def _parse(self, stamp: str) -> datetime | None:
        try:
            if stamp[:4].isdecimal():
                when = datetime.fromisoformat(stamp.replace("/", "-") if "/" in stamp else stamp)
                return self._in_utc(when)
            if (m := _BSD.match(stamp)) is None:
                return None
            month = _MONTHS[m[1].casefold()]
            self.is_yearless = not m[3]
            year = int(m[3]) if m[3] else self._year_for(month, int(m[2]))
            return self._in_utc(datetime(year, month, int(m[2]), int(m[4]), int(m[5]), int(m[6])))
        except (ValueError, KeyError, OverflowError):
            return None

    def _year_for(self, month: int, day: int) -> int:
        """The year of the next line without one: that of the line before, or one beside it."""
        first = self._latest().year - self._new_years
        year = first if self._year is None else self._year + _step(self._month, month)
        if self._is_later(year, month, day):
            year -= 1
        while (month, day) == (2, 29) and not isleap(year):
            year -= 1
        self._year, self._month = year, month
        return year

    def _latest(self) -> datetime:
        """The last time that a line may have."""
        latest = self._changed or datetime.now(UTC)
        return latest.astimezone(_zone[0] if _zone else None) + timedelta(days=1)

    def _is_later(self, year: int, month: int, day: int) -> bool:
        latest = self._latest()
        return (year, month, day) > (latest.year, latest.month, latest.day)

    def _in_utc(self, when: datetime) -> datetime:
        if when.tzinfo is not None:
            return when.astimezone(UTC)
        local = _local(when)
        second = local.replace(fold=1) if _zone else when.replace(fold=1).astimezone()
        self._is_second = second.utcoffset() != local.utcoffset() and self._follows_change(when)
        if self._is_second:
            local = second
        self._before = when if self._is_second else max(when, self._before or when)
        return local.astimezone(UTC)

    def _follows_change(self, when: datetime) -> bool:
        """Whether a time is earlier than one shortly before it by so much that the clock was put
        back in between; or that was so at the line before, and it is not of the end of the hour
        that was repeated then.
        """
        if self._before is None:
            return False
        back = self._before - when
        is_later = -_REPEATED + _OUT_OF_ORDER < back <= _OUT_OF_ORDER
        return _OUT_OF_ORDER < back < 2 * _REPEATED or (self._is_second and is_later)


def _step(before: int, month: int) -> int:
    """By how many years to go on from a month to the next line's. Logs go forwards; back go lines
    that are out of order at New Year, and older files that are read after newer ones.
    """
    if before - month > _BACK:
        return 1
    return -1 if month - before == _NEW_YEAR else 0


def _new_years(path: str) -> int:
    """How many times a year ends between the lines of a log without years; 0 for any other file."""
    count = before = 0
    latest = 0
    with Path(path).open("rb") as stream:
        if _SYSLOG.match(stream.read(64)) is None:
            return 0
        stream.seek(0)
        while chunk := stream.read(1 << 20) + stream.readline(65536):
            for name in _SYSLOG.findall(chunk):
                month = _MONTHS.get(name.decode().casefold(), 0)
                if month and before and month != before:
                    count += _step(before, month)
                    latest = max(latest, count)
                before = month or before
    return latest
