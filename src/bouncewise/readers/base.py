"""What every reader is: a name, a look at the first bytes, and a stream of findings from the rest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple, Protocol

import msgspec

from bouncewise.model import Report

HEAD = 65536
"""Octets that a reader may look at before it says whether the format is its own."""

MAX_LINE = 65536
"""Octets of one line that are read; what follows up to the next newline is skipped, and noted."""

TOO_LONG = f"line longer than {MAX_LINE} octets; the rest of it was skipped"

_PIECE = 1 << 18


class Finding(msgspec.Struct, frozen=True):
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
    return hashlib.blake2b(
        "\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=16
    ).digest()


def blocks(stream: BinaryIO, path: str) -> Iterator[tuple[int, list[bytes]] | Note]:
    """The lines of *stream*, many at a time with the number of the first, from 0; CR, LF and CRLF all end one."""
    number, rest, cut = 0, b"", False
    while piece := stream.read(_PIECE):
        # A CR at the very end may be half a CRLF: the next piece tells.
        piece, held = (piece[:-1], b"\r") if piece.endswith(b"\r") else (piece, b"")
        piece = rest + piece
        if b"\r" in piece:
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *whole, rest = piece.split(b"\n")
        if cut and whole:
            yield Note(path, number, TOO_LONG)
            del whole[0]
            number, cut = number + 1, False
        yield from _bounded(whole, number, path)
        number += len(whole)
        if len(rest) > MAX_LINE:
            if not cut:
                yield number, [rest[:MAX_LINE]]
            rest, cut = b"", True
        rest += held
    if cut:
        yield Note(path, number, TOO_LONG)
    elif rest.rstrip(b"\r"):
        yield number, [rest.rstrip(b"\r")[:MAX_LINE]]


def _bounded(
    whole: list[bytes], number: int, path: str
) -> Iterator[tuple[int, list[bytes]] | Note]:
    """*whole* in stretches that end where a line is too long, which is cut short and noted."""
    begun = 0
    if max(map(len, whole), default=0) > MAX_LINE:
        for at, line in enumerate(whole):
            if len(line) > MAX_LINE:
                yield number + begun, [*whole[begun:at], line[:MAX_LINE]]
                yield Note(path, number + at, TOO_LONG)
                begun = at + 1
    yield number + begun, whole[begun:]


def lines(stream: BinaryIO, path: str) -> Iterator[tuple[int, bytes] | Note]:
    """The lines of *stream* with their numbers, one by one."""
    for item in blocks(stream, path):
        if isinstance(item, Note):
            yield item
        else:
            yield from enumerate(item[1], item[0])
