"""Time stamps of logs: RFC 3339, and RFC 3164's "Aug 12 21:56:59", which names neither year nor zone.

A missing year is the one that puts the line nearest before the file's last change (for a pipe: before now), and lines
after it follow: a log that runs over New Year goes on into the next year. A missing zone is this machine's.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

_MONTHS = {
    m: i
    for i, m in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
_BSD = re.compile(
    r"([A-Za-z]{3})\s+(\d{1,2})\s+(?:(\d{4})\s+)?(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,6}))?"
)


class Clock:
    """Reads the time stamps of one log, in their order."""

    def __init__(self, latest: datetime) -> None:
        self._latest = latest.astimezone() + timedelta(days=1)
        self._year: int | None = None
        self._month = 0
        self._last: tuple[str, datetime | None] = ("", None)

    @classmethod
    def for_file(cls, path: str) -> Clock:
        """The clock of the log at *path*; what is no file is read as if written until now."""
        try:
            changed = Path(path).stat().st_mtime
        except (OSError, ValueError):
            return cls(datetime.now(UTC))
        return cls(datetime.fromtimestamp(changed, UTC))

    def read(self, stamp: str) -> datetime | None:
        """*stamp* in UTC; None where it is no time."""
        if stamp != self._last[0]:
            self._last = (stamp, self._parse(stamp))
        return self._last[1]

    def _parse(self, stamp: str) -> datetime | None:
        try:
            if stamp[:4].isdigit():
                when = datetime.fromisoformat(stamp.replace("/", "-") if "/" in stamp else stamp)
                return (when if when.tzinfo else when.astimezone()).astimezone(UTC)
            if (m := _BSD.match(stamp)) is None:
                return None
            month = _MONTHS[m[1].casefold()]
            year = int(m[3]) if m[3] else self._year_for(month, int(m[2]))
            when = datetime(year, month, int(m[2]), int(m[4]), int(m[5]), int(m[6]))
            return when.astimezone().astimezone(UTC)
        except (ValueError, KeyError, OverflowError):
            return None

    def _year_for(self, month: int, day: int) -> int:
        if self._year is None:
            self._year = self._latest.year
            if (month, day) > (self._latest.month, self._latest.day):
                self._year -= 1
        elif month < self._month and self._month - month > 6:
            self._year += 1
        self._month = month
        return self._year
