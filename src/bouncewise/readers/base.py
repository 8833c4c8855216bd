"""What all readers share: the Reader protocol, what a reader gives, and lines of bounded length.

Reads: streams of octets. Gives: Findings and Notes (the results of every reader), lines, and
replies with their parts. A line beyond MAX_LINE is cut and becomes a Note; memory is bounded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, NamedTuple, Protocol, TypeVar

from bouncewise.model import Engagement, Finding, Reply, SenderReport, Stage
from bouncewise.rfc.reply import parse_with_status
from bouncewise.text.mask import MAX_REPLY

T = TypeVar("T")

HEAD = 65536
"""Octets at the beginning of a file that a reader may inspect to recognise its format."""

MAX_LINE = 65536
"""Octets of one line that are read. The rest of a longer line is skipped, with a Note."""

TOO_LONG = "line longer than {} octets; the rest of it was skipped"

UNFINISHED = "the last line has no end and may be half of one; it is read when it is complete"

_CHUNK = 1 << 18  # octets that are read from the stream at a time


class Note(NamedTuple):
    """A sentence to the operator about input that was not read, or not completely.

    ``number`` is the line or message, from 0; None if the note is about the whole file.
    ``ends_early``: the file was not read to its end, and reading it again may give more.
    """

    path: str
    number: int | None
    text: str
    ends_early: bool = False

    def __str__(self) -> str:
        return f"{self.path}{'' if self.number is None else f' #{self.number}'}: {self.text}"


Item = Finding | SenderReport | Engagement | Note
"""What a reader gives."""


class Block(NamedTuple):
    """Lines, and the number of the first, from 0. ``is_complete``: the last one has its end."""

    number: int
    lines: list[bytes]
    is_complete: bool = True


class Reader(Protocol):
    """One format. The table of formats in the README shows each reader's ``name`` and ``about``."""

    name: str

    @property
    def about(self) -> str:
        """One line for people: what the reader reads."""
        ...

    def sniff(self, head: bytes) -> bool:
        """Whether *head*, the first HEAD octets of a file, looks like this format."""
        ...

    def read(self, stream: BinaryIO, path: str) -> Iterator[Item]:
        """What *stream* contains, in order; bad input is noted and never raises."""
        ...


class ReplyWithStage(NamedTuple):
    """A reply as a source quotes it, and the stage of the SMTP dialogue that its text names."""

    reply: Reply
    stage: Stage | None


def reply_with_stage(text: str, field_status: str | None = None) -> ReplyWithStage:
    """The reply in *text*, of which MAX_REPLY characters are read.

    *field_status* is a status that stands beside the reply; see ``parse_with_status``.
    """
    text = text[:MAX_REPLY]
    parts = parse_with_status(text, field_status)
    stage = Stage(parts.stage) if parts.stage else None
    return ReplyWithStage(Reply(parts.reply_code, parts.status, text), stage)


def key_of(*parts: str) -> bytes:
    """16 octets that identify an event by its content."""
    content = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(content, digest_size=16).digest()


def blocks(stream: BinaryIO, path: str, limit: int = MAX_LINE) -> Iterator[Block | Note]:
    """The lines of *stream* in blocks. A last line without its end is a block of its own.

    LF and CRLF end a line; a CR alone is text, for no mail server ends lines with it. Of a line
    *limit* octets are read.
    """
    number, begun = 0, _Line(limit)
    while chunk := stream.read(_CHUNK):
        if not begun.size and chunk.isspace():
            number += chunk.count(b"\n")
            continue
        if b"\r\n" in chunk:
            chunk = chunk.replace(b"\r\n", b"\n")
        first, *others = chunk.split(b"\n")
        begun.add(first)
        if others:
            complete, begun = [begun.octets(), *others[:-1]], _Line(limit)
            begun.add(others[-1])
            yield from _cut_long_lines(complete, number, path, limit)
            number += len(complete)
    if begun.size:
        for item in _cut_long_lines([begun.octets()], number, path, limit):
            yield item if isinstance(item, Note) else item._replace(is_complete=False)


class _Line:
    """The beginning of a line that is not complete yet: a little more than *limit* octets."""

    def __init__(self, limit: int) -> None:
        self.size = 0
        self._limit = limit
        self._parts: list[bytes] = []

    def add(self, octets: bytes) -> None:
        if octets and self.size <= self._limit:
            self._parts.append(octets)
            self.size += len(octets)

    def octets(self) -> bytes:
        return b"".join(self._parts).removesuffix(b"\r")


def _cut_long_lines(
    complete: list[bytes], number: int, path: str, limit: int
) -> Iterator[Block | Note]:
    """*complete* in blocks; each line that is too long is cut, noted, and ends its block."""
    start = 0
    if max(map(len, complete), default=0) > limit:
        for i, line in enumerate(complete):
            if len(line) > limit:
                yield Block(number + start, [*complete[start:i], line[:limit]])
                yield Note(path, number + i, TOO_LONG.format(limit))
                start = i + 1
    if start < len(complete):
        yield Block(number + start, complete[start:])


def lines(
    stream: BinaryIO, path: str, limit: int = MAX_LINE, *, only_complete: bool = False
) -> Iterator[tuple[int, bytes] | Note]:
    """The lines of *stream* one by one, with their numbers from 0.

    *only_complete*: a last line without its end gives a note.
    """
    for item in blocks(stream, path, limit):
        if isinstance(item, Note):
            yield item
        elif only_complete and not item.is_complete:
            yield Note(path, item.number, UNFINISHED)
        else:
            yield from enumerate(item.lines, item.number)


def guarded(items: Callable[[], Iterable[T]], path: str, number: int | None) -> Iterator[T | Note]:
    """*items*; a Note in place of what is left of them where reading them fails.

    No input may raise; where one does, it is a defect of the reader, and only this line or message
    is not read.
    """
    try:
        yield from items()
    except Exception as error:
        yield Note(path, number, unread(error))


def unread(error: Exception) -> str:
    """The text of a note about an item that a reader failed on."""
    reason = f"{type(error).__name__}: {error}"[:200]
    return f"not read: {reason}. This is a defect of bouncewise; please report it with the item"
