"""What every reader is: a name, a look at the first bytes, and a stream of findings from the rest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple, Protocol

from bouncewise.model import Report

HEAD = 65536
"""Octets that a reader may look at before it says whether the format is its own."""

MAX_LINE = 65536
"""Octets of one line that are read; what follows up to the next newline is skipped, and noted."""


_PIECE = 1 << 18


class Finding(NamedTuple):
    """A Report, the raw bytes it was read from, and a key that is the same wherever the same event is read.

    Of a delivery that a log tells of, bytes and key are empty: all that is kept of it is that it was.
    """

    report: Report
    raw: bytes
    key: bytes


class Note(NamedTuple):
    """Something the operator should know: a place and a sentence. Bad input is a note, never an exception."""

    path: str
    number: int | None
    text: str

    def __str__(self) -> str:
        return f"{self.path}{'' if self.number is None else f' #{self.number}'}: {self.text}"


class Reader(Protocol):
    """A format. The README's table of formats is made of the readers' names and ``about``."""

    name: str

    @property
    def about(self) -> str:
        """One line for people: what it reads."""
        ...

    def sniff(self, head: bytes) -> bool:
        """Whether *head*, the first HEAD octets, looks like this format."""
        ...

    def read(self, stream: BinaryIO, path: str) -> Iterator[Finding | Note]:
        """Everything that *stream* holds, in order, in constant memory."""
        ...


def key_of(*parts: str) -> bytes:
    """16 octets that identify an event by its content."""
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def lines(stream: BinaryIO, path: str) -> Iterator[tuple[int, bytes] | Note]:
    """The lines of *stream* with their numbers from 0; CR, LF and CRLF all end one."""
    number, rest, cut = 0, b"", False
    while piece := stream.read(_PIECE):
        # A CR at the very end may be half a CRLF: the next piece tells.
        piece, held = (piece[:-1], b"\r") if piece.endswith(b"\r") else (piece, b"")
        *whole, rest = (rest + piece).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for line in whole:
            if len(line) > MAX_LINE or cut:
                yield Note(path, number, f"line longer than {MAX_LINE} octets; the rest of it was skipped")
            if not cut:
                yield number, line[:MAX_LINE]
            number, cut = number + 1, False
        if len(rest) > MAX_LINE:
            if not cut:
                yield number, rest[:MAX_LINE]
            rest, cut = b"", True
        rest += held
    if cut:
        yield Note(path, number, f"line longer than {MAX_LINE} octets; the rest of it was skipped")
    elif rest.rstrip(b"\r"):
        yield number, rest.rstrip(b"\r")[:MAX_LINE]
