"""Logs of one JSON object per line: what their readers share.

Reads: lines. Gives: JsonLog, the base class of the readers, and typed access to the values of a
record. Refuses, with a Note: lines that are no JSON object, such as the last line of a file that is
still being written, or the first line of a file that was cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any, BinaryIO

import msgspec

from bouncewise.model import Finding, Report, Source
from bouncewise.readers.base import HEAD, Note, guarded, lines
from bouncewise.readers.logs.lines import finding
from bouncewise.rfc.date import from_epoch

Record = dict[str, Any]

MAX_RECORD = 16 << 20
"""Octets of one record that are read."""

_SNIFFED_LINES = 20


class JsonLog:
    """Base class of the readers of JSON lines. A record of the format has all ``required_keys``."""

    name = ""
    about = ""
    required_keys: tuple[str, ...] = ()

    def sniff(self, head: bytes) -> bool:
        """Whether one of the first lines is an object with the required keys."""
        first = head.lstrip().split(b"\n", _SNIFFED_LINES)
        if not any(line.lstrip().startswith(b"{") for line in first[:2]):
            return False  # the first line of a file that was cut may be half of one
        if len(first) == 1 and len(head) >= HEAD:
            return all(b'"%s"' % key.encode() in head for key in self.required_keys)
        records = map(parse_record, first)
        return any(
            record is not None and all(key in record for key in self.required_keys)
            for record in records
        )

    def read(self, stream: BinaryIO, path: str) -> Iterator[Finding | Note]:
        """The findings and notes of each line."""
        for item in lines(stream, path, MAX_RECORD):
            if isinstance(item, Note):
                yield item
                continue
            number, line = item
            if not line.strip():
                continue
            record = parse_record(line)
            if record is None:
                yield Note(
                    path, number, "not a JSON object; perhaps the file is still being written"
                )
                continue
            yield from guarded(partial(self._findings, record, line, number, path), path, number)

    def _findings(self, record: Record, line: bytes, number: int, path: str) -> Iterator[Finding]:
        text = line.decode("utf-8", "replace")
        for report in self.reports(record, Source(path, self.name, number)):
            yield finding(report, text)

    def reports(self, record: Record, source: Source) -> Iterator[Report]:
        """The reports of *record*."""
        raise NotImplementedError


def parse_record(line: bytes) -> Record | None:
    """*line* as an object; None if it is no JSON object."""
    try:
        value = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return value if isinstance(value, dict) else None


def text_at(record: Record, key: str) -> str:
    """The text under *key*; '' if there is none."""
    value = record.get(key)
    return value if isinstance(value, str) else ""


def texts_at(record: Record, key: str) -> list[str]:
    """The texts under *key*, which holds one text or a list."""
    value = record.get(key)
    return [v for v in (value if isinstance(value, list) else [value]) if isinstance(v, str)]


def object_at(record: Record, key: str) -> Record:
    """The object under *key*; an empty one if there is none."""
    value = record.get(key)
    return value if isinstance(value, dict) else {}


def time_at(record: Record, key: str) -> datetime | None:
    """The Unix time or RFC 3339 time stamp under *key* in UTC; None if there is none."""
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
