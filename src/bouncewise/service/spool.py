"""The spool: what was received and is not in the ledger yet, in files that survive a crash.

Reads and gives Records. A file holds records one after another; its name is the offset of the
first. An offset counts octets since the spool was made and is used only once, so that one number
says what was read. A record that was cut by a crash was never acknowledged, and is cut off when the
spool is opened. Refuses with SpoolFullError what would exceed the limit or the disk.

One process writes (``Writer``), and any number read (``read``).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import struct
import time
import zlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from bouncewise.errors import BouncewiseError

SEGMENT = 64 << 20
"""Octets from which on a new file is begun."""

SEGMENT_SECONDS = 3600.0
"""Seconds after which a new file is begun with the next record: a file is removed only when all of
it was read, and holds what people wrote."""

MAX_RECORD = 64 << 20
"""Octets of one record."""

DISK_ROOM = SEGMENT
"""Free octets of the disk below which read files are not kept."""

_HEAD = struct.Struct("<4sII")  # magic, length of what follows, its CRC-32
_MAGIC = b"bws1"
_SUFFIX, _ID, _LOCK = ".spool", "id", "lock"


class SpoolFullError(BouncewiseError):
    """The spool has reached its limit, or the disk is full or broken: nothing was stored."""


class Record(msgspec.Struct, frozen=True, array_like=True):
    """One thing that was received. ``at``: microseconds since 1970; ``source``: the name of the
    webhook, or ``lmtp``; ``note``: what was found out when it was received, such as ``stale``;
    ``sender`` and ``recipients``: the envelope of a mail.
    """

    at: int
    kind: str
    source: str
    body: bytes
    note: str = ""
    sender: str = ""
    recipients: tuple[str, ...] = ()


class Keep(NamedTuple):
    """How long files are kept that were read: *days*, as long as all files together have at most
    half of *octets*, the limit of the spool.
    """

    days: float
    octets: int


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Record)


class Writer:
    """Appends records. Only one may be open for a folder at a time."""

    def __init__(self, folder: Path, limit: int) -> None:
        """Open the spool in *folder*, which is made where there is none; *limit*: octets of all
        its files. Raises OSError.
        """
        self._folder, self._limit = folder, limit
        self._file = self._first = -1
        self._begun = 0.0
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _locked(folder)
        found = segments(folder)
        if not found:  # offsets begin again, so that cursors of before mean nothing
            (folder / _ID).write_text(f"{secrets.token_hex(8)}\n")
        first = found[-1] if found else 0
        self._open(first)
        self._end = first + self._repair(first)

    @property
    def end(self) -> int:
        """The offset behind the last record."""
        return self._end

    def size(self) -> int:
        """The octets of all files."""
        found = segments(self._folder)
        return self._end - found[0] if found else 0

    def append(self, records: list[Record]) -> int:
        """Store *records*, which are safe when this returns; the offset behind them. Raises
        SpoolFullError, and then none of them is stored.
        """
        data = b"".join(map(_packed, records))
        if self.size() + len(data) > self._limit:
            self._begin_file()
            raise SpoolFullError(f"{self._folder}: the spool has reached its limit")
        try:
            if self._is_over():
                self._open(self._end)
            _write_all(self._file, data)
            os.fdatasync(self._file)
        except OSError as bad:
            os.ftruncate(self._file, self._end - self._first)
            self._begin_file()
            raise SpoolFullError(f"{self._folder}: {bad.strerror}") from None
        self._end += len(data)
        return self._end

    def close(self) -> None:
        """Close the file; another process may write then."""
        os.close(self._file)
        os.close(self._lock)

    def _is_over(self) -> bool:
        """Whether the next record begins a new file."""
        size = self._end - self._first
        is_old = time.monotonic() - self._begun >= SEGMENT_SECONDS
        return size >= SEGMENT or (size > 0 and is_old)

    def _begin_file(self) -> None:
        """Begin a new file where the spool is full: the last one is never removed, and it may be
        the one that fills it.
        """
        if self._end > self._first:
            with contextlib.suppress(OSError):
                self._open(self._end)

    def _open(self, first: int) -> None:
        """Begin, or go on with, the file whose first record has that offset."""
        path = _path(self._folder, first)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)  # the name of the file must be safe as well
        finally:
            os.close(folder)
        if self._file >= 0:
            os.close(self._file)
        self._file, self._first, self._begun = file, first, time.monotonic()

    def _repair(self, first: int) -> int:
        """Cut off what a crash left half-written, and keep it beside; the octets of whole
        records.
        """
        end = max((end for _, end, _ in read(self._folder, first)), default=first)
        if rest := os.pread(self._file, MAX_RECORD, end - first):
            (self._folder / f"{end:020d}.cut").write_bytes(rest)
        os.ftruncate(self._file, end - first)
        os.fsync(self._file)
        return end - first


def segments(folder: Path) -> list[int]:
    """The offsets with which the files of the spool begin, in order."""
    return sorted(int(p.stem) for p in folder.glob(f"*{_SUFFIX}") if p.stem.isdecimal())


def spool_id(folder: Path) -> str:
    """What tells this spool from one that was in the same folder before; '' where there is none."""
    try:
        return (folder / _ID).read_text("ascii", "replace").strip()[:40]
    except OSError:
        return ""


def read(folder: Path, start: int) -> Iterator[tuple[int, int, Record]]:
    """The records from offset *start* on, with their offsets and those behind them, up to the last
    that is whole. A damaged one ends its file: nothing behind it in there can be found, and the
    next record begins later than that one ended.
    """
    found = segments(folder)
    for first, following in zip(found, [*found[1:], None], strict=False):
        if following is not None and following <= start:
            continue
        with _path(folder, first).open("rb") as stream:
            offset = max(start, first)
            stream.seek(offset - first)
            while (record := _next(stream)) is not None:
                end = first + stream.tell()
                yield offset, end, record
                offset = end


def remove_before(folder: Path, cursor: int, keep: float, now: float) -> int:
    """Remove the files that hold nothing from *cursor* on and are older than *keep* seconds; how
    many. *now*: seconds since 1970.
    """
    removed = 0
    for first in _read_before(folder, cursor):
        path = _path(folder, first)
        if now - path.stat().st_mtime < keep:
            break
        path.unlink()
        removed += 1
    return removed


def clean_up(folder: Path, cursor: int, keep: Keep, now: float) -> int:
    """Remove the files that hold nothing from *cursor* on and are not kept; how many of them are
    removed early, because the spool or the disk needs their room for what is received. *now*:
    seconds since 1970.
    """
    remove_before(folder, cursor, keep.days * 86_400, now)
    removed = 0
    while _lacks_room(folder, keep.octets) and (read := _read_before(folder, cursor)):
        _path(folder, read[0]).unlink()
        removed += 1
    return removed


def _lacks_room(folder: Path, limit: int) -> bool:
    octets = sum(_path(folder, first).stat().st_size for first in segments(folder))
    return octets > limit // 2 or shutil.disk_usage(folder).free < DISK_ROOM


def _read_before(folder: Path, cursor: int) -> list[int]:
    """The files that hold nothing from *cursor* on, by the offsets of their beginnings."""
    return [first for first, following in pairwise(segments(folder)) if following <= cursor]


def _locked(folder: Path) -> int:
    """An open file that nobody else has locked. Raises BouncewiseError where somebody has."""
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise BouncewiseError(f"{folder}: another process writes to this spool") from None
    return lock


def is_locked(folder: Path) -> bool | None:
    """Whether a service writes to this spool now; None where this user cannot tell."""
    try:
        lock = os.open(folder / _LOCK, os.O_RDONLY)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False


def _path(folder: Path, first: int) -> Path:
    return folder / f"{first:020d}{_SUFFIX}"


def _packed(record: Record) -> bytes:
    data = _ENCODER.encode(record)
    return _HEAD.pack(_MAGIC, len(data), zlib.crc32(data)) + data


def _next(stream: BinaryIO) -> Record | None:
    """The next record; None where it is not whole."""
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    magic, length, crc = _HEAD.unpack(head)
    if magic != _MAGIC or length > MAX_RECORD:
        return None
    data = stream.read(length)
    if len(data) < length or zlib.crc32(data) != crc:
        return None
    try:
        return _DECODER.decode(data)
    except msgspec.DecodeError:
        return None


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
