"""What all readers share: the Reader protocol, what a reader gives, and lines of bounded length.

Reads: streams of octets. Gives: Findings and Notes (the results of every reader), lines, and
replies with their parts. A line beyond MAX_LINE is cut and becomes a Note; memory is bounded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple, Protocol

from bouncewise.model import Finding, Reply, Stage
from bouncewise.rfc.reply import parse_with_status
from bouncewise.text.mask import MAX_REPLY

HEAD = 65536
"""Octets at the beginning of a file that a reader may inspect to recognise its format."""

MAX_LINE = 65536
"""Octets of one line that are read. The rest of a longer line is skipped, with a Note."""

TOO_LONG = f"line longer than {MAX_LINE} octets; the rest of it was skipped"

_CHUNK = 1 << 18  # octets that are read from the stream at a time


class Note(NamedTuple):
    """A sentence to the operator about input that was not read, or not completely.

    ``number`` is the line or message, from 0; None if the note is about the whole file.
    """

    path: str
    number: int | None
    text: str

    def __str__(self) -> str:
        return f"{self.path}{'' if self.number is None else f' #{self.number}'}: {self.text}"


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

    def read(self, stream: BinaryIO, path: str) -> Iterator[Finding | Note]:
        """The findings and notes of *stream* in order; bad input is noted and never raises."""
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


def blocks(stream: BinaryIO, path: str) -> Iterator[tuple[int, list[bytes]] | Note]:
    """The lines of *stream* in blocks, each with the number of its first line, from 0.

    CR, LF and CRLF all end a line.
    """
    number, rest, is_cut = 0, b"", False
    while chunk := stream.read(_CHUNK):
        # A CR at the very end may be half of a CRLF: it waits for the next chunk.
        chunk, pending_cr = (chunk[:-1], b"\r") if chunk.endswith(b"\r") else (chunk, b"")
        chunk = rest + chunk
        if b"\r" in chunk:
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *complete, rest = chunk.split(b"\n")
        if is_cut and complete:
            yield Note(path, number, TOO_LONG)
            del complete[0]
            number, is_cut = number + 1, False
        yield from _cut_long_lines(complete, number, path)
        number += len(complete)
        if len(rest) > MAX_LINE:
            if not is_cut:
                yield number, [rest[:MAX_LINE]]
            rest, is_cut = b"", True
        rest += pending_cr
    if is_cut:
        yield Note(path, number, TOO_LONG)
    elif rest.rstrip(b"\r"):
        yield number, [rest.rstrip(b"\r")[:MAX_LINE]]


def _cut_long_lines(
    complete: list[bytes], number: int, path: str
) -> Iterator[tuple[int, list[bytes]] | Note]:
    """*complete* in blocks; each line that is too long is cut, noted, and ends its block."""
    start = 0
    if max(map(len, complete), default=0) > MAX_LINE:
        for i, line in enumerate(complete):
            if len(line) > MAX_LINE:
                yield number + start, [*complete[start:i], line[:MAX_LINE]]
                yield Note(path, number + i, TOO_LONG)
                start = i + 1
    yield number + start, complete[start:]


def lines(stream: BinaryIO, path: str) -> Iterator[tuple[int, bytes] | Note]:
    """The lines of *stream* one by one, with their numbers from 0."""
    for item in blocks(stream, path):
        if isinstance(item, Note):
            yield item
        else:
            yield from enumerate(item[1], item[0])
