"""A log file that is still written: its lines as they come, over rotations and restarts.

Reads: the file at a path, and its predecessors. Gives: chunks of whole lines, each with the
position behind it as text that can be stored; a chunk without data where there is nothing new.

* Renamed (logrotate's ``create``): the old file is read until the new one has content, and looked
  at for LINGER seconds more, for a server may write there until it opens its log again.
* Copied and truncated (``copytruncate``): what was not read yet is read from the copy.
* After a restart the rest of the file that was read, and the files between it and the present one,
  are read first. A file that cannot be found any more is one line for the operator.

A line whose end is missing waits for it. After a restart the lines before the position come again,
marked as read.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from bouncewise.intake.files import READ_ERRORS
from bouncewise.intake.logfile import (
    Mark,
    Part,
    changed_since,
    end_of_copy,
    offset_in,
    open_part,
    predecessors,
    reading,
)

LINGER = 60.0
"""Seconds for which lines in a renamed file are still waited for."""

_GONE = 10.0  # seconds after which a missing file is worth a line


class Chunk(NamedTuple):
    """Whole lines, and the position behind them; ``is_new``: they were not read before."""

    data: bytes
    position: str
    is_new: bool = True


class _Old(NamedTuple):
    """A renamed file to which lines may still be written, and until when."""

    part: Part
    until: float


class Follower:
    """Follows the file at *path* from *position* on, which a Chunk had, or from its beginning if
    that is empty. *tell* gets a line for each thing that needs somebody.
    """

    def __init__(
        self,
        path: str,
        position: str,
        tell: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path, self._tell, self._clock = Path(path), tell, clock
        self._marks = _marks(position)
        self._current: Part | None = None
        self._last: Mark | None = None  # of the file that was read last
        self._old: list[_Old] = []
        self._problem = ""
        self._gone_since: float | None = None

    def chunks(self) -> Generator[Chunk, None, None]:
        """Everything that is and will be written; it never ends by itself."""
        try:
            yield from self._catch_up()
            while True:
                if self._current is None:
                    self._current = yield from self._wait_for_file()
                if self._current is not None:
                    yield from self._follow(self._current)
                self._current = None
        finally:
            for part in [*(old.part for old in self._old), self._current]:
                if part is not None:
                    part.close()

    def _catch_up(self) -> Iterator[Chunk]:
        """What was written since the position that reading begins with."""
        while len(self._marks) > 1:
            yield from self._read_from(self._marks.pop(0), only_its_file=True)
        self._current = yield from self._wait_for_file(must_be_there=not self._marks)
        if not self._marks:
            return
        mark = self._marks.pop()
        is_current = self._current is not None and self._current.holds(mark)
        if not is_current or (mark.is_short and _find(predecessors(self._path), mark)[0] >= 0):
            yield from self._read_from(mark)
        elif self._current is not None:
            yield from self._warm(self._current, mark.offset)

    def _follow(self, part: Part) -> Iterator[Chunk]:
        """The lines of an open file until another one takes its place."""
        while True:
            if part.is_truncated():
                part.close()
                yield from self._read_from(part.mark)
                return
            is_replaced, is_first = self._is_replaced(part), part.offset == 0
            if data := part.next():
                if is_first and self._last is not None:
                    # (files that came and went between two looks)
                    yield from self._read_from(self._last, before=part)
                yield self._chunk(data, part)
            elif is_replaced:
                self._old.append(_Old(part, self._clock() + LINGER))
                return
            else:
                yield from self._late_lines(part)
                yield self._chunk(b"", part)

    def _is_replaced(self, part: Part) -> bool:
        try:
            found = self._path.stat()
        except OSError:
            return False
        return found.st_size > 0 and not part.is_at(found)

    def _late_lines(self, current: Part) -> Iterator[Chunk]:
        """What is still written to files that were renamed."""
        for old in list(self._old):
            while data := old.part.next():
                yield self._chunk(data, current)
            if self._clock() > old.until:
                self._old.remove(old)
                old.part.close()

    def _chunk(self, data: bytes, part: Part, *, is_new: bool = True) -> Chunk:
        """*data*, up to which *part* was read. While that is nothing, the position is the end of
        the file that was read before: it says what came after that.
        """
        old = {old.part.mark.inode: old.part.mark for old in self._old}
        if part.offset or self._last is None:
            self._last = part.mark
        else:
            self._last = old.pop(self._last.inode, self._last)
        old.pop(self._last.inode, None)
        text = msgspec.json.encode([*old.values(), self._last, *self._marks]).decode()
        return Chunk(data, text, is_new)

    def _wait_for_file(self, *, must_be_there: bool = True) -> Generator[Chunk, None, Part | None]:
        """The file, open; None where there is none, unless it *must_be_there*."""
        while True:
            try:
                part = open_part(self._path)
            except OSError as bad:
                is_absent = isinstance(bad, FileNotFoundError)
                self._note_problem(bad, is_absent)
                if is_absent and not must_be_there:
                    return None
                yield Chunk(b"", "")
            else:
                if self._problem:
                    self._tell(f"{self._path}: is read again")
                self._problem, self._gone_since = "", None
                return part

    def _note_problem(self, bad: OSError, is_absent: bool) -> None:
        now = self._clock()
        if self._gone_since is None:
            self._gone_since = now
        text = str(bad.strerror or bad)
        if text != self._problem and (not is_absent or now - self._gone_since > _GONE):
            self._problem = text
            self._tell(f"{self._path}: {text}; it is waited for")

    # ── predecessors ────────────────────────────────────────────────────────────────────────────

    def _read_from(
        self, mark: Mark, *, only_its_file: bool = False, before: Part | None = None
    ) -> Iterator[Chunk]:
        """The rest of the file that *mark* is about, and the files that came after it, but for the
        present one; only those between it and *before*, if that is given. All are opened before
        the first is read: they may be renamed meanwhile.
        """
        files = predecessors(self._path)
        number, offset = _find(files, mark)
        if number < 0:
            if only_its_file or before or not mark.offset:
                return
            self._tell(
                f"{self._path}: begins anew, and no file beside it holds what was read last;"
                " lines may be missing"
            )
            files = [path for path in files if changed_since(path, mark.at)]
            number = 0
        with contextlib.ExitStack() as stack:
            found: list[tuple[Path, Part]] = []
            first = number + 1 if before else number
            for path in files[first : number + 1 if only_its_file else None]:
                try:
                    if before and before.is_at(path.stat()):
                        break
                    found.append((path, stack.enter_context(reading(path))))
                except READ_ERRORS as bad:
                    self._note_damage(path, bad)
            for path, part in found:
                yield from self._read(path, part, offset if path == files[number] else 0)

    def _read(self, path: Path, part: Part, offset: int) -> Iterator[Chunk]:
        """The rest of a file that is not written any more."""
        try:
            yield from self._warm(part, offset)
            while data := part.next():
                yield self._chunk(data, part)
        except READ_ERRORS as bad:
            self._note_damage(path, bad)

    def _note_damage(self, path: Path, bad: Exception) -> None:
        self._tell(f"{path}: stopped reading: {bad or type(bad).__name__}")

    def _warm(self, part: Part, offset: int) -> Iterator[Chunk]:
        for data in filter(None, part.go_to(offset)):
            yield self._chunk(data, part, is_new=False)


def _find(files: list[Path], mark: Mark) -> tuple[int, int]:
    """Which of *files* the mark is about, and where reading goes on; -1: none of them. Of those
    that a short mark fits, the oldest that was written since: what is read twice changes nothing.
    """
    if mark.is_short and mark.offset:
        for number, path in enumerate(files):
            if changed_since(path, mark.at) and offset_in(path, mark) is not None:
                return number, mark.offset
        return -1, 0
    for place_in in (offset_in, end_of_copy):
        for number in range(len(files) - 1, -1, -1):
            offset = place_in(files[number], mark)
            if offset is not None:
                return number, offset
    return -1, 0


def _marks(position: str) -> list[Mark]:
    try:
        return msgspec.json.decode(position, type=list[Mark]) if position else []
    except msgspec.DecodeError:
        return []
