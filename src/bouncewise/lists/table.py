"""CSV as it is found (RFC 4180 is a late comer): any delimiter, byte order marks, UTF-16, old code pages, odd quoting.

Reads: rows in constant memory. Gives: the header, the rows, and which column holds the addresses.
Refuses: a file in which no column does.
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

_HEAD = 1 << 16
_NAMES = (
    "email",
    "e-mail",
    "emailaddress",
    "email address",
    "e-mail address",
    "email_address",
    "mail",
    "address",
    "recipient",
    "rcpt",
    "subscriber",
    "to",
)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

csv.field_size_limit(1 << 20)


class Table(NamedTuple):
    """An open table. ``header`` is empty where the file has none; ``address`` is the column of addresses."""

    header: list[str]
    rows: Iterator[list[str]]
    address: int
    delimiter: str
    encoding: str
    newline: str

    @staticmethod
    @contextmanager
    def open(path: Path, column: str | None = None) -> Iterator[Table]:
        """The table at *path* (``-``: standard input), its addresses in *column* or in the one that looks so."""
        stream = cast(io.RawIOBase, sys.stdin.buffer) if str(path) == "-" else io.FileIO(path)
        with io.BufferedReader(stream, _HEAD) as raw:
            head = raw.peek(_HEAD)
            encoding = _encoding(head)
            with io.TextIOWrapper(
                raw,
                encoding,
                errors="surrogateescape" if encoding != "utf-16" else "replace",
                newline="",
            ) as text:
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
        return "cp1252" if not _undefined_in_cp1252(head) else "latin-1"
    return "utf-8"


def _undefined_in_cp1252(head: bytes) -> bool:
    return any(b in head for b in (b"\x81", b"\x8d", b"\x8f", b"\x90", b"\x9d"))


def _read(text: io.TextIOBase, head: bytes, encoding: str, path: Path, column: str | None) -> Table:
    sample = head.decode(encoding, "replace").lstrip("\ufeff")
    first = sample.splitlines()[0] if sample.strip() else ""
    delimiter = max(",;\t|", key=lambda d: (first.count(d), d == ","))
    newline = "\r\n" if "\r\n" in sample else "\n"
    rows = csv.reader(_without_nul(text), delimiter=delimiter)
    header = next(rows, [])
    if not header:
        raise InputError(f"{path}: empty: there is no list to read")
    if any("@" in cell for cell in header):
        # No header: the first row is a row.
        at = next(i for i, cell in enumerate(header) if "@" in cell)
        return Table([], _first_again(header, rows), at, delimiter, encoding, newline)
    return Table(header, rows, _column(header, column, path), delimiter, encoding, newline)


def _without_nul(text: io.TextIOBase) -> Iterator[str]:
    for line in text:
        yield line.replace("\0", "")


def _first_again(first: list[str], rows: Iterator[list[str]]) -> Iterator[list[str]]:
    yield first
    yield from rows


def _column(header: list[str], wanted: str | None, path: Path) -> int:
    names = [name.strip().strip('"').casefold() for name in header]
    for name in (wanted.casefold(),) if wanted else _NAMES:
        if name in names:
            return names.index(name)
    near = [i for i, name in enumerate(names) if "mail" in name]
    if len(near) == 1 and not wanted:
        return near[0]
    raise InputError(
        f"{path}: no column {wanted or 'of addresses'} among: {', '.join(header)}. Name it with --column."
    )
