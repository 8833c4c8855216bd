"""A file of a log: how far it was read, what it is known by, and the files that it was before.

Reads: files, and what gzip or zstd made of them. Gives: parts, which give whole lines; the
predecessors of a path (``mail.log.1``, ``mail.log-20261127.gz``); and where in such a file a mark
is. A mark knows a file by its first octets and by those before the offset, so that an inode that is
used again, a copy and a compressed copy are not mistaken. Refuses what is no regular file.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from bouncewise.intake.files import READ_ERRORS, is_compressed, open_streams

CHUNK = 1 << 16
"""Octets that are read at a time; a line that is longer than LONG comes in parts."""

LONG = 1 << 18

WARM_UP = 16 << 20
"""Octets before the offset that are read again after a restart: readers keep what earlier lines
stated about a mail."""

_PRINT = 256  # octets at the beginning, and before the offset, by which a file is known
_LONGEST_HEAD = 4096  # octets that files of one kind may begin with
_MOST_FILES = 400
_NUMBER = r"(?:\d[\d.T:_-]*|old|bak|prev)(?:\.(?:gz|zst))?"


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """How far a file was read, when, in seconds since 1970, and what it is known by: its first
    octets, those before the offset, and those before the largest power of two in it (by which a
    copy is known that is shorter than the offset; "" up to _LONGEST_HEAD).
    """

    inode: int
    offset: int
    head: str
    tail: str
    at: int
    middle: str = ""

    @property
    def is_short(self) -> bool:
        """Whether it may cover only what files of one kind begin with, so that it fits others."""
        return self.offset <= _LONGEST_HEAD


class Part:
    """An open file, or what a compressed one holds, and how far it was read."""

    def __init__(self, stream: BinaryIO, inode: int, *, is_plain: bool = True) -> None:
        self._stream, self._inode, self.is_plain = stream, inode, is_plain
        self._begun = self._head = self._tail = self._middle = b""
        self.offset = self._at = 0
        self._is_at_end = False

    @property
    def mark(self) -> Mark:
        head, tail = _digest(self._head), _digest(self._tail)
        middle = _digest(self._middle) if _power(self.offset) > _LONGEST_HEAD else ""
        return Mark(self._inode, self.offset, head, tail, self._at, middle)

    def next(self) -> bytes:
        """The next whole lines, without NULs; nothing where there is none yet."""
        while not (data := _without_nulls(self._next(CHUNK))) and not self._is_at_end:
            pass
        return data

    def _next(self, limit: int) -> bytes:
        read = self._stream.read(limit)
        self._is_at_end = not read
        data = self._begun + read
        end = data.rfind(b"\n") + 1
        if not end and (len(data) > LONG or not limit):
            end = len(data)
        data, self._begun = data[:end], data[end:]
        self._head += data[: _PRINT - len(self._head)]
        known = self._tail + data
        self._tail = known[-_PRINT:]
        self.offset += end
        if end and (behind := self.offset - _power(self.offset)) < end:
            self._middle = known[: len(known) - behind][-_PRINT:]
        if data:
            self._at = int(time.time())
        return data

    def go_to(self, offset: int) -> Iterator[bytes]:
        """Go on to *offset*; the lines before it that a reader needs: the first, which may be a
        header, and WARM_UP octets.
        """
        is_far = offset > WARM_UP
        while self.offset < offset:
            data = self._next(min(CHUNK, offset - self.offset - len(self._begun)))
            if not data and self._is_at_end:
                break
            if is_far and data:
                is_far = False
                yield _without_nulls(data[: data.find(b"\n") + 1])
                if self.is_plain:
                    self._jump(offset - WARM_UP)
            elif offset - self.offset < WARM_UP:
                yield _without_nulls(data)

    def _jump(self, offset: int) -> None:
        self._stream.seek(0)
        self._head = self._stream.read(_PRINT)
        self._stream.seek(offset)
        self._begun = self._tail = b""
        self.offset = offset + len(self._stream.readline(LONG))
        middle = max(0, _power(self.offset) - _PRINT)
        self._middle = os.pread(self._stream.fileno(), _PRINT, middle)

    def is_truncated(self) -> bool:
        """Whether the file does not hold any more what was read from it."""
        file, begin = self._stream.fileno(), self.offset - len(self._tail)
        read = self._tail + self._begun
        return os.pread(file, len(read), begin) != read

    def holds(self, mark: Mark) -> bool:
        """Whether the file, of which nothing was read yet, is the one of *mark*."""
        if not mark.offset:
            return mark.inode == self._inode
        file, size = self._stream.fileno(), min(_PRINT, mark.offset)
        tail = os.pread(file, size, mark.offset - size)
        return _digest(os.pread(file, size, 0)) == mark.head and _digest(tail) == mark.tail

    def is_at(self, found: os.stat_result) -> bool:
        """Whether the file of this status is the open one."""
        own = os.fstat(self._stream.fileno())
        return (own.st_dev, own.st_ino) == (found.st_dev, found.st_ino)

    def close(self) -> None:
        self._stream.close()


def predecessors(path: Path) -> list[Path]:
    """The files beside *path* that hold what was in it before, the oldest first. Of a file that is
    there compressed as well only the plain one.
    """
    name = re.escape(path.name)
    stem, suffix = re.escape(path.stem), re.escape(path.suffix)
    pattern = re.compile(rf"{name}[.-]{_NUMBER}|{stem}[.-]\d[\d.T:_-]*{suffix}(?:\.(?:gz|zst))?")
    found: dict[Path, tuple[int, int, str]] = {}
    for folder in dict.fromkeys((path.parent, path.resolve().parent)):
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if entry.name != path.name and pattern.fullmatch(entry.name) and entry.is_file():
                    number = re.search(r"[.-](\d{1,4})(?:\.\D|$)", entry.name)
                    order = -int(number[1]) if number else 0
                    changed = int(entry.stat().st_mtime)
                    found[Path(entry.path)] = (changed, order, entry.name)
    names = sorted(found, key=found.__getitem__)[-_MOST_FILES:]
    return [p for p in names if p.suffix not in (".gz", ".zst") or p.with_suffix("") not in found]


def _power(offset: int) -> int:
    """The largest power of two that is not larger than *offset*; 0 for 0."""
    return 1 << offset.bit_length() - 1 if offset else 0


def _without_nulls(data: bytes) -> bytes:
    """*data* without what a truncated file is filled with where a server goes on at its offset."""
    return data.replace(b"\0", b"") if b"\0" in data else data


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def open_part(path: Path) -> Part:
    """The file at *path*. Raises OSError, also where it is no regular file."""
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "not a regular file")
    return Part(os.fdopen(file, "rb"), found.st_ino)


@contextlib.contextmanager
def reading(path: Path) -> Iterator[Part]:
    """The content of a file that may be compressed. Raises READ_ERRORS."""
    if not is_compressed(str(path)):
        part = open_part(path)
        try:
            yield part
        finally:
            part.close()
        return
    with contextlib.closing(open_streams(str(path))) as streams:
        yield Part(next(streams).stream, path.stat().st_ino, is_plain=False)


def behind(path: Path, position: str) -> int:
    """Octets of the file at *path* that are not read, by a position of its Follower; all of them
    where that is about another file, and -1 where there is no file.
    """
    try:
        found = path.stat()
    except OSError:
        return -1
    with contextlib.suppress(msgspec.DecodeError):
        for mark in msgspec.json.decode(position or "[]", type=list[Mark]):
            if mark.inode == found.st_ino:
                return max(0, found.st_size - mark.offset)
    return found.st_size


def changed_since(path: Path, at: int) -> bool:
    """Whether a file may have been written since that time."""
    try:
        return path.stat().st_mtime >= at - 1
    except OSError:
        return False


def offset_in(path: Path, mark: Mark) -> int | None:
    """The offset of *mark* in the file at *path*; None if that is another file."""
    try:
        with reading(path) as part:
            if part.is_plain:
                return mark.offset if part.holds(mark) else None
            if not _begins_alike(part, mark):
                return None
            _pass_by(part, mark.offset)
    except READ_ERRORS:
        return None
    return mark.offset if (part.offset, part.mark.tail) == (mark.offset, mark.tail) else None


def end_of_copy(path: Path, mark: Mark) -> int | None:
    """The end of a copy that was made before *mark*, so that all of it was read; None if it is
    none, or too short to be known from a file that only begins alike.
    """
    if not mark.middle:
        return None
    try:
        with reading(path) as part:
            if not _begins_alike(part, mark):
                return None
            _pass_by(part, _power(mark.offset))
            if (part.offset, part.mark.tail) != (_power(mark.offset), mark.middle):
                return None
            _pass_by(part, mark.offset)
    except READ_ERRORS:
        return None
    return part.offset if part.offset < mark.offset else None


def _begins_alike(part: Part, mark: Mark) -> bool:
    _pass_by(part, min(_PRINT, mark.offset))
    return mark.offset > 0 and part.mark.head == mark.head


def _pass_by(part: Part, offset: int) -> None:
    for _ in part.go_to(offset):
        pass
