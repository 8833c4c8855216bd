"""CSV of any dialect (RFC 4180 is younger than most writers): delimiters, byte order marks, UTF-16,
old code pages.

Reads: rows, in constant memory. Gives: the header, the rows, and which column holds the addresses.
Refuses: a file without a recognisable column of addresses.
"""

from __future__ import annotations

import codecs
import csv
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, cast

from bouncewise.errors import InputError

MAX_CELL = 1 << 20
"""Characters of one cell; the csv module's own limit is 131,072."""

_HEAD = 1 << 16
_ADDRESS_COLUMNS = (
    "email,e-mail,emailaddress,email address,e-mail address,email_address,mail,address,recipient,"
    "rcpt,subscriber,to".split(",")
)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UNDEFINED_IN_CP1252 = (b"\x81", b"\x8d", b"\x8f", b"\x90", b"\x9d")


class Table(NamedTuple):
    """An open table; ``header`` is [] if it has none, ``address`` the column of addresses."""

    header: list[str]
    rows: Iterator[list[str]]
    address: int
    delimiter: str
    encoding: str
    newline: str

    @staticmethod
    @contextmanager
    def open(path: Path, column: str | None = None) -> Iterator[Table]:
        """The table at *path* (``-``: standard input); the addresses are in *column*, if it is
        given.

        Raises InputError if the file is empty or has no such column.
        """
        stream = cast(io.RawIOBase, sys.stdin.buffer) if str(path) == "-" else io.FileIO(path)
        with io.BufferedReader(stream, _HEAD) as raw:
            head = raw.peek(_HEAD)
            encoding = _encoding(head)
            errors = "replace" if encoding == "utf-16" else "surrogateescape"
            with io.TextIOWrapper(raw, encoding, errors=errors, newline="") as text:
                yield _read(text, head, encoding, path, column)


def _encoding(head: bytes) -> str:
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if head[1:2] == b"\0":
        return "utf-16-le"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        is_latin_1 = any(octet in head for octet in _UNDEFINED_IN_CP1252)
        return "latin-1" if is_latin_1 else "cp1252"
    return "utf-8"


def _read(text: io.TextIOBase, head: bytes, encoding: str, path: Path, column: str | None) -> Table:
    csv.field_size_limit(MAX_CELL)
    sample = head.decode(encoding, "replace").lstrip("\ufeff")
    first_line = sample.splitlines()[0] if sample.strip() else ""
    delimiter = max(",;\t|", key=lambda d: (first_line.count(d), d == ","))
    newline = "\r\n" if "\r\n" in sample else "\n"
    rows = csv.reader(_without_nul(text), delimiter=delimiter)
    first_row = next(rows, [])
    if not first_row:
        raise InputError(f"{path}: the file is empty")
    if any("@" in cell for cell in first_row):  # there is no header
        address = next(i for i, cell in enumerate(first_row) if "@" in cell)
        return Table([], _prepend(first_row, rows), address, delimiter, encoding, newline)
    address = _address_column(first_row, column, path)
    return Table(first_row, rows, address, delimiter, encoding, newline)


def _without_nul(text: io.TextIOBase) -> Iterator[str]:
    for line in text:
        yield line.replace("\0", "")


def _prepend(first_row: list[str], rows: Iterator[list[str]]) -> Iterator[list[str]]:
    yield first_row
    yield from rows


def _address_column(header: list[str], column: str | None, path: Path) -> int:
    names = [name.strip().strip('"').casefold() for name in header]
    for name in (column.casefold(),) if column else _ADDRESS_COLUMNS:
        if name in names:
            return names.index(name)
    similar = [i for i, name in enumerate(names) if "mail" in name]
    if len(similar) == 1 and not column:
        return similar[0]
    raise InputError(
        f"{path}: no column {column or 'of addresses'} among: {', '.join(header)}. "
        "Name it with --column."
    )
