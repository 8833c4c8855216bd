"""Rows of CSV with their lines, so that a bad row can be named and costs only itself.

Reads: lines of text. Gives: rows with their cells, as csv reads them strictly (RFC 4180), their
text as it was, and the line where they begin. A row that cannot be read (an unclosed quote, text
behind a closing quote, a cell over the limit) is given with its error; reading goes on at the line
after the one where it began.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple, TextIO

from bouncewise.errors import InputError

MAX_CELL = 1 << 20
"""Characters of one cell; the csv module's own limit is 131,072."""

_MAX_LINE = 1 << 23
"""Characters of one line."""


class TableRow(NamedTuple):
    """A row; ``error`` says why it could not be read, and is empty where it could."""

    cells: list[str]
    line: int
    text: str
    error: str = ""


class Lines:
    """Lines for csv, which remembers those of the row that is being read."""

    def __init__(self, stream: TextIO, before: int = 0) -> None:
        self._stream = stream
        self._again: deque[str] = deque()
        self._taken: list[str] = []
        self._number = before  # lines that were read before

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._read()
        if not line:
            raise StopIteration
        self._taken.append(line)
        return line.replace("\0", "")

    def skip(self, lines: int) -> Iterator[str]:
        """The first *lines* that are not blank, with the blank ones before, between and after."""
        while lines and (line := self._read()):
            lines -= bool(line.strip())
            self._number += 1
            yield line
            while not lines and (line := self._read()):
                if line.strip():
                    self._again.append(line)
                    return
                self._number += 1
                yield line

    def begin(self) -> int:
        """Start a row; the number of its first line."""
        self._number += len(self._taken)
        self._taken = []
        return self._number + 1

    def text(self) -> str:
        """The row as it was written."""
        return "".join(self._taken)

    def keep_first(self) -> str:
        """The first line of the row; those after it are given again."""
        self._again.extendleft(reversed(self._taken[1:]))
        del self._taken[1:]
        return self.text()

    def _read(self) -> str:
        try:
            line = self._stream.readline(_MAX_LINE)
        except UnicodeError as bad:
            raise InputError(f"line {self._number + len(self._taken) + 1}: {bad}") from None
        if len(line) == _MAX_LINE:
            raise InputError(
                f"line {self._number + len(self._taken) + 1} is longer than {_MAX_LINE:,} "
                "characters: is it a CSV file?"
            )
        return line


def read_rows(lines: Lines, delimiter: str) -> Iterator[TableRow]:
    """The rows of *lines*, blank ones left out."""
    csv.field_size_limit(MAX_CELL)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        number = lines.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as bad:
            yield TableRow([], number, lines.keep_first(), _reason(str(bad)))
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            continue
        if cells:
            yield TableRow(cells, number, lines.text())


def swallowed(row: TableRow, delimiter: str, width: int, address: int) -> str:
    """Why a quoted cell over several lines looks like rows: one of its lines has the *width* of
    the table, with an address in the column of addresses. Empty if none does.
    """
    _, *inner = row.text.splitlines()
    for line in inner if any("\n" in cell or "\r" in cell for cell in row.cells) else ():
        cells = next(csv.reader([line], delimiter=delimiter), [])
        if len(cells) == width and "@" in cells[address]:
            return "a quote is not closed: the lines after it look like rows of their own"
    return ""


def _reason(error: str) -> str:
    if "unexpected end" in error:
        return "a quote is not closed"
    if "field limit" in error:
        return f"a cell is longer than {MAX_CELL:,} characters"
    if "expected after" in error:
        return "text stands behind a closing quote"
    return error
