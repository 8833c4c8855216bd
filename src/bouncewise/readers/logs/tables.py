"""Logs that are tables with a header: what their readers share.

Columns are found by the names in the header, in any order and case; the header may come again, with other columns, where
files were put together. A row is a line: a quote that its line does not close is damage, not the start of a longer field.
UTF-8, or UTF-16 where the byte order mark says so. Refuses: rows that do not fit their header (a Note); what of a line
is beyond base.MAX_LINE.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from typing import BinaryIO, cast

from bouncewise.model import Source
from bouncewise.readers.base import Finding, Note, lines
from bouncewise.readers.logs.timestamps import Clock

Row = dict[str, str]

_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class TableLog:
    """A log whose first line names its columns."""

    name = ""
    about = ""
    needs: frozenset[str]
    """Column names, in lower case, without which it is another format."""

    def sniff(self, head: bytes) -> bool:
        """The first line names the columns that the format needs."""
        return self.needs <= columns(head)

    def is_header(self, cells: list[str]) -> bool:
        """Whether *cells*, in lower case, name columns."""
        return self.needs <= set(cells)

    def read(self, stream: BinaryIO, path: str) -> Iterator[Finding | Note]:
        """What each row tells."""
        clock = Clock.for_file(path)
        names: list[str] = []
        for item in lines(cast(BinaryIO, _Utf8(stream)), path):
            if isinstance(item, Note):
                yield item
                continue
            number, line = item
            cells = _cells(line)
            lower = [cell.strip().lstrip("\ufeff").casefold() for cell in cells or ()]
            if cells is None:
                yield Note(path, number, "a quote is not closed on its line")
            elif self.is_header(lower):
                names = lower
            elif not names and lower:
                yield Note(path, number, "a row before any header")
            elif len(cells) > len(names) + 1 or len(cells) == 1:
                yield Note(path, number, f"{len(cells)} fields where the header names {len(names)}")
            elif cells:
                row = dict(zip(names, cells, strict=False))
                # The last cell of a row that is cut short may be cut itself.
                if self.needs <= set(names[: len(cells) - (len(cells) < len(names))]):
                    yield from self.row(
                        row, ",".join(cells), Source(path, self.name, number), clock
                    )
                elif self.needs <= set(names):
                    yield Note(
                        path, number, "the row ends before the columns that tell the outcome"
                    )

    def row(self, row: Row, line: str, source: Source, clock: Clock) -> Iterator[Finding]:
        """What *row* tells; *line* is its identity."""
        raise NotImplementedError


def columns(head: bytes) -> set[str]:
    """The names in the first line of *head*, in lower case."""
    encoding = "utf-16" if head.startswith(tuple(_UTF16)) else "utf-8-sig"
    first = head.decode(encoding, "replace").replace("\r", "\n").partition("\n")[0]
    return {name.strip().strip('"').casefold() for name in first.split(",")}


def _cells(line: bytes) -> list[str] | None:
    """The fields of *line*; none of a blank one, None where it cannot be one row."""
    text = line.decode("utf-8", "replace").replace("\0", "")
    if not text.strip() or text.count('"') % 2:
        return None if text.strip() else []
    try:
        return next(csv.reader((text,)), [])
    except csv.Error:
        return None


class _Utf8:
    """*stream*, read as UTF-8 whatever it is written in."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._first = stream.read(2)
        encoding = _UTF16.get(self._first)
        self._decoder = codecs.getincrementaldecoder(encoding)("replace") if encoding else None

    def read(self, size: int) -> bytes:
        """Some octets, about *size* of them; none at the end."""
        if self._decoder is None:
            first, self._first = self._first, b""
            return first + self._stream.read(size)
        while piece := self._stream.read(size):
            if text := self._decoder.decode(piece):
                return text.encode("utf-8", "replace")
        return b""
