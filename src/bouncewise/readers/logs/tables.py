"""Logs that are tables with a header: what their readers share.

Reads: CSV in UTF-8, or in UTF-16 if a byte order mark says so. Columns are found by the names in
the header, in any order and case. The header may be repeated with other columns, where files were
joined. A field in quotes may have line breaks (RFC 4180 section 2.6): nothing inside is a row of
its own. Gives: TableLog, the base class of the readers. Refuses, with a Note: rows that do not fit
their header; a line whose quote no later line closes; the rest of a line beyond base.MAX_LINE.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO, cast

from bouncewise.model import Finding, Source
from bouncewise.readers.base import Note, guarded, lines
from bouncewise.readers.logs.timestamps import TimestampParser
from bouncewise.readers.utf16 import Utf8Stream, utf16_codec

Row = dict[str, str]

MAX_ROW_LINES = 1000
"""Lines of one row: a reply with line breaks has fewer."""


class TableLog:
    """Base class of readers of tables; ``required_columns`` are those of every such table."""

    name = ""
    about = ""
    required_columns: frozenset[str]
    """Names in lower case."""
    is_written_live = False
    """Whether a server writes the table: then a last line without its end may be half of one."""

    def sniff(self, head: bytes) -> bool:
        """Whether the first line names the required columns."""
        return self.required_columns <= column_names(head)

    def is_header(self, cells: list[str]) -> bool:
        """Whether *cells*, in lower case, are a header."""
        return self.required_columns <= set(cells)

    def read(self, stream: BinaryIO, path: str) -> Iterator[Finding | Note]:
        """The findings and notes of each row."""
        timestamps = TimestampParser.for_file(path)
        header: list[str] = []
        utf8 = cast(BinaryIO, Utf8Stream(stream))
        for item in _rows(lines(utf8, path, only_complete=self.is_written_live), path):
            if isinstance(item, Note):
                yield item
                continue
            number, cells = item
            lower = [cell.strip().lstrip("\ufeff").casefold() for cell in cells]
            if self.is_header(lower):
                header = lower
            elif cells:
                if problem := self._problem(header, cells):
                    yield Note(path, number, problem)
                elif self.required_columns <= set(header):
                    row = dict(zip(header, cells, strict=False))
                    source = Source(path, self.name, number)
                    read = partial(self.read_row, row, ",".join(cells), source, timestamps)
                    yield from guarded(read, path, number)

    def _problem(self, header: list[str], cells: list[str]) -> str:
        """Why *cells* are no row under *header*; '' if they are one."""
        if not header:
            return "a row before any header"
        if len(cells) > len(header) + 1 or len(cells) == 1:
            return f"{len(cells)} fields, but the header names {len(header)}"
        if len(cells) < len(header):
            complete = header[: len(cells) - 1]  # the last cell of a short row may be cut, too
            if self.required_columns <= set(header) and not self.required_columns <= set(complete):
                return "the row ends before the columns of the outcome"
        return ""

    def read_row(
        self, row: Row, line: str, source: Source, timestamps: TimestampParser
    ) -> Iterator[Finding]:
        """The findings of *row*, whose identity is *line*."""
        raise NotImplementedError


def column_names(head: bytes) -> set[str]:
    """The names in the first line of *head*, in lower case."""
    encoding = "utf-16" if utf16_codec(head) else "utf-8-sig"
    first = head.decode(encoding, "replace").replace("\r", "\n").partition("\n")[0]
    return {name.strip().strip('"').casefold() for name in first.split(",")}


def _rows(
    numbered: Iterator[tuple[int, bytes] | Note], path: str
) -> Iterator[tuple[int, list[str]] | Note]:
    """The rows with the numbers of their first lines, from 0."""
    begun: list[tuple[int, str]] = []  # a line whose last quote is open, and those behind it
    for item in numbered:
        if isinstance(item, Note):
            yield item
            continue
        number, line = item
        text = line.decode("utf-8", "replace").replace("\0", "")
        if begun or _opens_quote(text):
            begun.append((number, text))
            if len(begun) > 1 and _opens_quote(text):  # closed here
                yield from _row(begun[0][0], "\n".join(text for _, text in begun), path)
                begun.clear()
            elif len(begun) > MAX_ROW_LINES:
                yield from _after_open_quote(begun, path)
                begun.clear()
        else:
            yield from _row(number, text, path)
    if begun:
        yield from _after_open_quote(begun, path)


def _opens_quote(text: str) -> bool:
    return text.count('"') % 2 == 1


def _after_open_quote(
    begun: list[tuple[int, str]], path: str
) -> Iterator[tuple[int, list[str]] | Note]:
    """The lines behind one that is cut: no line closes its quote, so they are rows."""
    yield Note(path, begun[0][0], "a quote is not closed on its line")
    for number, text in begun[1:]:
        yield from _row(number, text, path)


def _row(number: int, text: str, path: str) -> Iterator[tuple[int, list[str]] | Note]:
    if not text.strip():
        return
    try:
        yield number, next(csv.reader(io.StringIO(text)), [])
    except csv.Error:
        yield Note(path, number, "no row of a CSV file")
