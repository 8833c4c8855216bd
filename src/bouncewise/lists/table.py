"""CSV of any dialect (RFC 4180 is younger than most writers): delimiters, byte order marks, UTF-16,
old code pages.

Reads: rows, in constant memory. Gives: the header, the rows, and which column holds the addresses.
Refuses: a file without a recognisable column of addresses.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from bouncewise.errors import InputError
from bouncewise.lists.column import (
    NAMES,
    SAMPLE,
    address_column,
    folded,
    is_address,
    plain_column,
)
from bouncewise.lists.rows import Lines, TableRow, read_rows, swallowed
from bouncewise.rfc.address import first as first_address

_HEAD = 1 << 16
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_JSON = "JSON"
_SAVE, _UNPACK = "save it as CSV", "decompress it first"
_NO_TABLES = (
    (
        b"PK\x03\x04",
        "an Excel workbook or another zip archive",
        "save the sheet as CSV, or unpack it",
    ),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", _SAVE),
    (b"\x1f\x8b", "compressed by gzip", f"{_UNPACK}: gunzip"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd", f"{_UNPACK}: unzstd"),
    (b"BZh", "compressed by bzip2", f"{_UNPACK}: bunzip2"),
    (b"\xfd7zXZ", "compressed by xz", f"{_UNPACK}: unxz"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it"),
    (b"Rar!\x1a", "a rar archive", "unpack it"),
    (b"PAR1", "a Parquet file", _SAVE),
    (b"SQLite format 3", "a database", "export the list as CSV"),
    (b"%PDF", "a PDF", "export the list as CSV"),
    (b"<", "HTML or XML", _SAVE),
    (b"{", _JSON, _SAVE),
    (b"[", _JSON, _SAVE),
)
_TAR = slice(257, 262)
_FIRST_LINES = re.compile(r"[^\r\n]+")
_QUOTED = re.compile('"[^"]*"')
_SEPARATOR_HINT = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
"""The first line that Excel writes and reads to name the delimiter."""
_HEADER_WITHIN = 10
"""Lines in which the header is looked for; blank ones do not count."""
_UNDEFINED_IN_CP1252 = (b"\x81", b"\x8d", b"\x8f", b"\x90", b"\x9d")


JsonReader = Callable[[BinaryIO, str, Path, str | None], "Table"]
"""Reads JSON in an encoding, from a path, with the name of the column of addresses."""


class Table(NamedTuple):
    """An open table; ``header`` is [] if it has none, ``address`` the column of addresses."""

    header: list[str]
    numbered: Iterator[TableRow]
    """All rows but the header, unreadable ones with their errors."""
    address: int
    delimiter: str
    encoding: str
    newline: str
    preamble: str
    """The byte order mark and the header as they were written."""
    path: Path
    unit: str = "line"
    """What the numbers of rows count: lines, or entries of a JSON list."""
    has_more: bool = False
    """Whether the answer of an API says that there is another page."""

    @property
    def rows(self) -> Iterator[list[str]]:
        """The cells of each row. Raises InputError at one that cannot be read."""
        return (row.cells for row in self.readable())

    def readable(self) -> Iterator[TableRow]:
        """The rows. Raises InputError, with the line, at one that cannot be read."""
        for row in self.numbered:
            if row.error:
                raise InputError(f"{self.path}, line {row.line}: {row.error}")
            yield row

    def address_in(self, cells: list[str]) -> str:
        """What a row has in the column of addresses; '' where it is too short."""
        return cells[self.address].strip() if self.address < len(cells) else ""

    @staticmethod
    @contextmanager
    def open(
        path: Path, column: str | None = None, read_json: JsonReader | None = None
    ) -> Iterator[Table]:
        """The table at *path* (``-``: standard input); the addresses are in *column*, if it is
        given. JSON is read by *read_json*.

        Raises InputError if the file is empty, is no table, or has no such column.
        """
        stream = cast(io.RawIOBase, sys.stdin.buffer) if str(path) == "-" else io.FileIO(path)
        with io.BufferedReader(stream, _HEAD) as raw:
            head = raw.peek(_HEAD)
            encoding = _encoding(head)
            kind, advice = _other_kind(head, encoding)
            if kind == _JSON and read_json:
                yield read_json(raw, encoding, path, column)
                return
            if kind:
                raise InputError(f"{path}: {kind}; {advice}")
            errors = "surrogatepass" if encoding.startswith("utf-16") else "surrogateescape"
            with io.TextIOWrapper(raw, encoding, errors=errors, newline="") as text:
                yield _read(text, head, encoding, path, column)


def _other_kind(head: bytes, encoding: str) -> tuple[str, str]:
    """What a file is that begins as no table does, and what to do with it; '' for what may be one.
    JSON may stand behind a mark and white space; a list may begin with "<address>" or "[address]".
    """
    text = head[:256].decode(encoding, "replace").lstrip("\ufeff \t\r\n").encode("utf-8", "replace")
    for start, kind, advice in _NO_TABLES:
        if head.startswith(start) or (start in b"{[<" and text.startswith(start)):
            is_address = start in b"<[" and re.match(rb"[<[][^<>[\]\s\",:]*@", text)
            return ("", "") if is_address else (kind, advice)
    return ("a tar archive", "unpack it") if head[_TAR] == b"ustar" else ("", "")


def _encoding(head: bytes) -> str:
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if head[1:2] == b"\0":
        return "utf-16-le"
    if head[:1] == b"\0":
        return "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        is_latin_1 = any(octet in head for octet in _UNDEFINED_IN_CP1252)
        return "latin-1" if is_latin_1 else "cp1252"
    return "utf-8"


def _read(
    text: io.TextIOWrapper, head: bytes, encoding: str, path: Path, column: str | None
) -> Table:
    sample = head.decode(encoding, "replace")
    mark = "\ufeff" if sample.startswith("\ufeff") else ""
    text.read(len(mark))
    lines = _FIRST_LINES.findall(sample.removeprefix(mark))
    hint = _SEPARATOR_HINT.fullmatch(lines[0]) if lines else None
    preamble = mark + (text.readline() if hint else "")
    lines = [line for line in lines[bool(hint) :] if line.strip()][:_HEADER_WITHIN]
    titles = _titles(lines, column)
    line = _QUOTED.sub("", lines[titles] if lines else "")
    delimiter = hint[1] if hint else _delimiter(line)
    newline = next((end for end in ("\r\n", "\n", "\r") if end in sample), "\n")
    reader = Lines(text, bool(hint))
    preamble += "".join(reader.skip(titles))
    rows = read_rows(reader, delimiter)
    first = next(rows, None)
    if first is None:
        raise InputError(f"{path}: the file is empty")
    if first.error:
        raise InputError(f"{path}, line {first.line}: {first.error}")
    has_header = not any(map(_has_address, first.cells)) or _has_column(first.cells, column)
    header = first.cells if has_header else []
    if has_header:
        preamble += first.text
    else:
        rows = chain((first,), rows)
    top = list(islice(rows, SAMPLE))
    cells = [row.cells for row in top if not row.error]
    address = address_column(header, cells, column, path) if header else plain_column(cells, path)
    checked = _checked(chain(top, rows), delimiter, len(first.cells), address)
    return Table(header, checked, address, delimiter, encoding, newline, preamble, path)


def _titles(lines: list[str], column: str | None) -> int:
    """How many lines stand before the header: the title and the date of a report, say. 0 unless
    one of *lines* names the column of addresses, and none before it has an address in a cell.
    """
    for number, line in enumerate(lines):
        if line.count('"') % 2:  # a quoted cell over several lines
            break
        plain = line.replace("\0", "")
        cells = next(csv.reader([plain], delimiter=_delimiter(_QUOTED.sub("", plain))), [])
        if _has_column(cells, column) and not any(map(_has_address, cells)):
            return number
        if any(map(is_address, cells)):
            break
    return 0


def _delimiter(line: str) -> str:
    return max(",;\t|", key=lambda d: (line.count(d), d == ","))


def _checked(
    rows: Iterator[TableRow], delimiter: str, width: int, address: int
) -> Iterator[TableRow]:
    """The rows, with an error where a quoted cell seems to hold rows, or a cell without a column
    holds an address.
    """
    for row in rows:
        error = row.error or swallowed(row, delimiter, width, address)
        if not error and any(map(_has_address, row.cells[width:])):
            error = (
                f"{len(row.cells)} cells with more than one address, in a table of {width} columns"
            )
        yield row._replace(error=error) if error else row


def _has_address(cell: str) -> bool:
    return first_address(cell) is not None


def _has_column(cells: list[str], column: str | None) -> bool:
    return not set(folded(cells)).isdisjoint((column.casefold(),) if column else NAMES)
