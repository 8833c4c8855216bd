"""Logs of one JSON object per line: what their readers share.

Gives: what the reader tells of each record. Refuses: lines that are no JSON object (a Note), such as the last of a file
that is still being written, or the first of one that was cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, BinaryIO

import msgspec

from bouncewise.model import Report, Source
from bouncewise.readers.base import Finding, Note, lines
from bouncewise.readers.logs.lines import finding, from_epoch

Record = dict[str, Any]

_LOOKED_AT = 20


class JsonLog:
    """A log of JSON lines. ``mark``: keys that its records have together and others have not."""

    name = ""
    about = ""
    mark: tuple[str, ...] = ()

    def sniff(self, head: bytes) -> bool:
        """One of the first lines is an object with the format's keys."""
        if not head.lstrip().startswith(b"{") and b"\n{" not in head[:65536]:
            return False
        first = (
            record_of(line)
            for line in head.splitlines()[:_LOOKED_AT]
            if line.lstrip().startswith(b"{")
        )
        return any(
            record is not None and all(key in record for key in self.mark) for record in first
        )

    def read(self, stream: BinaryIO, path: str) -> Iterator[Finding | Note]:
        """What each line tells."""
        for item in lines(stream, path):
            if isinstance(item, Note):
                yield item
                continue
            number, line = item
            if not line.strip():
                continue
            record = record_of(line)
            if record is None:
                yield Note(
                    path, number, "no JSON object; a segment that is still being written ends so"
                )
                continue
            text = line.decode("utf-8", "replace")
            for report in self.reports(record, Source(path, self.name, number)):
                yield finding(report, text)

    def reports(self, record: Record, source: Source) -> Iterator[Report]:
        """What *record* tells."""
        raise NotImplementedError


def record_of(line: bytes) -> Record | None:
    """The object that *line* is, or None."""
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return found if isinstance(found, dict) else None


def text_at(record: Record, key: str) -> str:
    """The text under *key*, or ''."""
    value = record.get(key)
    return value if isinstance(value, str) else ""


def texts_at(record: Record, key: str) -> list[str]:
    """The texts under *key*, whether it holds one or a list."""
    value = record.get(key)
    return [v for v in (value if isinstance(value, list) else [value]) if isinstance(v, str)]


def object_at(record: Record, key: str) -> Record:
    """The object under *key*, or an empty one."""
    value = record.get(key)
    return value if isinstance(value, dict) else {}


def time_at(record: Record, key: str) -> datetime | None:
    """The Unix time or RFC 3339 stamp under *key* as UTC, or None."""
    value = record.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if (at := from_epoch(value)) is not None or not isinstance(value, str):
        return at
    try:
        parsed = datetime.fromisoformat(value)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
