"""Lines that were received, in a file that is followed like any other log.

Gives: a Writer of lines that are safe when ``append`` returns. A file that has SEGMENT octets, or a
last line that a crash has cut, is renamed and another begun; the process that follows it removes
what it has read (``remove_read``). Refuses with SpoolFullError what would exceed the limit or the
disk.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import msgspec

from bouncewise.intake.logfile import Mark, predecessors
from bouncewise.service.spool import SpoolFullError

SEGMENT = 64 << 20
"""Octets from which on another file is begun."""


class LineFile:
    """Appends to the file at *path*; only one may be open for a path. *limit*: octets of it and of
    its predecessors.
    """

    def __init__(self, path: Path, limit: int) -> None:
        """Raises OSError."""
        self._path, self._limit = path, limit
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_whole(path):
            self._rename()
        self._open()

    @property
    def end(self) -> int:
        """The octets of the file."""
        return self._end

    def append(self, records: list[bytes]) -> int:
        """Store lines, each with its end, which are safe when this returns. Raises
        SpoolFullError, and then none of them is stored.
        """
        data = b"".join(records)
        try:
            if self._end >= SEGMENT:
                self._rename()
                os.close(self._file)
                self._open()
            if size_of(self._path) + len(data) > self._limit:
                raise SpoolFullError(f"{self._path}: what was received has reached its limit")
            self._write(data)
        except OSError as bad:
            raise SpoolFullError(f"{self._path}: {bad.strerror}") from None
        return self._end

    def _write(self, data: bytes) -> None:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._file, view) :]
            os.fdatasync(self._file)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._end)
            raise
        self._end += len(data)

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(self._path, flags, 0o600)
        self._end = os.fstat(self._file).st_size

    def _rename(self) -> None:
        self._path.rename(f"{self._path}.{time.time_ns() // 1000}")

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def line_path(folder: Path, name: str) -> Path:
    """The file of what the server of syslog of that name receives; *folder*: that of the spool."""
    return folder / "syslog" / f"{name}.log"


def first_position(path: Path) -> str:
    """The position of a Follower at the beginning of the oldest predecessor of *path*."""
    for file in predecessors(path):
        with contextlib.suppress(OSError):
            return msgspec.json.encode([Mark(file.stat().st_ino, 0, "", "", 0)]).decode()
    return ""


def size_of(path: Path) -> int:
    """The octets of a file and its predecessors."""
    found = 0
    for file in (path, *predecessors(path)):
        with contextlib.suppress(OSError):
            found += file.stat().st_size
    return found


def remove_read(path: Path, position: str) -> int:
    """Remove the predecessors of *path* if *position*, up to which a Follower has read, is within
    the file itself; how many there were.
    """
    try:
        marks = msgspec.json.decode(position, type=list[Mark])
    except msgspec.DecodeError:
        return 0
    files = predecessors(path)  # (before the look at the file: those are older than it)
    with contextlib.suppress(OSError):
        if len(marks) == 1 and marks[0].offset and marks[0].inode == path.stat().st_ino:
            for file in files:
                file.unlink(missing_ok=True)
            return len(files)
    return 0


def _is_whole(path: Path) -> bool:
    """Whether a file has no cut line at its end."""
    try:
        with path.open("rb") as stream:
            if not stream.seek(0, os.SEEK_END):
                return True
            stream.seek(-1, os.SEEK_END)
            return stream.read() == b"\n"
    except FileNotFoundError:
        return True
