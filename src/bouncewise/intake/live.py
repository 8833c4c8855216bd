"""A log that never ends: its reports as they are written.

Reads: chunks of whole lines from a file that is followed, or from journald. Gives: the findings and
notes of the reader that recognises them, with the position up to which they were read. Until a line
of a mail server is among them, the format is not known; what came before is then read as well, up
to 64 KiB of it. Refuses, with a line for the operator, formats that are no log, such as an mbox.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import BinaryIO, Protocol, cast

from bouncewise.intake.follow import Chunk
from bouncewise.intake.formats import InnerReader, reader_for, unwrapping
from bouncewise.readers.base import HEAD, Item, Reader
from bouncewise.readers.logs.jsonlines import JsonLog
from bouncewise.readers.logs.lines import LineLog
from bouncewise.readers.logs.tables import TableLog

POLL = 0.25
"""Seconds between two looks at a file that has nothing new."""


class Outlet(Protocol):
    """Where what was read goes, and how an input waits."""

    def put(self, items: list[Item], position: str) -> None:
        """Store *items*, and that the input was read up to *position*; not at once. Raises
        StopError where no more is taken.
        """

    def wait(self, seconds: float) -> bool:
        """Wait for more; True where the input is to end."""

    def tell(self, line: str) -> None:
        """One line for the operator."""

    @property
    def is_stopping(self) -> bool:
        """Whether the input is to end, although there may be more to read."""


class StopError(Exception):
    """The inputs are to end."""


class LiveLog:
    """The stream that the reader of a log gets; *place*: what the log is called in reports.

    *place* is no path: the time stamps of a file would be those of its last change. *is_mixed*: its
    lines have heads of different forms, for they come from different log daemons.
    """

    def __init__(
        self,
        place: str,
        chunks: Generator[Chunk, None, None],
        outlet: Outlet,
        *,
        is_mixed: bool = False,
    ) -> None:
        self._place, self._chunks, self._outlet = place, chunks, outlet
        self._is_mixed = is_mixed
        self._items: list[Item] = []
        self._data = b""
        self._position = self._next_position = self._stored = ""
        self._is_new = True

    def run(self) -> None:
        """Read until the outlet ends it."""
        with contextlib.closing(self._chunks):
            reader = self._recognise()
            if reader is None:
                return
            if self._is_mixed:
                reader = unwrapping(reader)
            for item in reader.read(cast(BinaryIO, self), self._place):
                if self._is_new:
                    self._items.append(item)

    def read(self, size: int = -1) -> bytes:
        """At most *size* octets of what is there; waits where there is nothing. None at the end."""
        if not self._data:
            self._data = self._next()
        end = len(self._data) if size < 0 else size
        data, self._data = self._data[:end], self._data[end:]
        return data

    def readline(self, size: int = -1) -> bytes:
        """The next line."""
        if not self._data:
            self._data = self._next()
        end = self._data.find(b"\n") + 1 or len(self._data)
        return self.read(end if size < 0 else min(end, size))

    def is_drained(self) -> bool:
        """Whether reading waits for more."""
        return not self._data

    def _recognise(self) -> Reader | None:
        """The reader of the log; None where the outlet ends it before a line is recognised."""
        window, refused = b"", ""
        for chunk in self._chunks:
            if not chunk.data:
                if self._outlet.wait(POLL):
                    return None
                continue
            window += chunk.data
            self._next_position, self._is_new = chunk.position, chunk.is_new
            reader = reader_for(window[-HEAD:])
            if reader is not None and is_log(reader):
                self._data = window
                return reader
            if len(window) >= HEAD or reader is not None:
                text = f"is {reader.about}, which is no log" if reader else "has no lines of a log"
                if text != refused:
                    self._outlet.tell(f"{self._place}: {text}; `bouncewise ingest` reads files")
                window, refused = b"", text
        return None

    def _next(self) -> bytes:
        """What is written next. Everything before it was read."""
        self._position = self._next_position
        self._hand_over()
        for chunk in self._chunks:
            if self._outlet.is_stopping:
                break
            if chunk.data:
                self._next_position, self._is_new = chunk.position, chunk.is_new
                return chunk.data
            if self._outlet.wait(POLL):
                break
        self._is_new = False  # what a reader gives at an end that is none may be half of something
        return b""

    def _hand_over(self) -> None:
        if self._is_new and (self._items or self._position not in ("", self._stored)):
            self._outlet.put(self._items, self._position)
            self._items, self._stored = [], self._position


def is_log(reader: Reader) -> bool:
    """Whether *reader* reads line by line what a server goes on writing."""
    if isinstance(reader, InnerReader):
        return reader.name.startswith("wrapped") and is_log(reader.inner)
    return isinstance(reader, LineLog | JsonLog | TableLog)
