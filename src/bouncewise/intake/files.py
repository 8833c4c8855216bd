"""From paths to open streams: files, folders, Maildirs, standard input; .gz, .zst and .zip.

Reads: paths. A compressed file or archive is recognised by its first octets. Gives: each stream
with the name it is reported by, and the findings and notes in it. Refuses, with a Note: a file that
cannot be opened or is damaged inside, and a format that no reader recognises.
"""

from __future__ import annotations

import glob
import gzip
import io
import lzma
import os
import stat
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeVar, cast

import zstandard

from bouncewise.errors import InputError
from bouncewise.intake.formats import reader_for
from bouncewise.readers import Note
from bouncewise.readers.base import HEAD, Item

STDIN = "-"

GONE = "is not there: a link to nothing, or moved in the meantime"
UNKNOWN_FORMAT = "unknown format; `bouncewise read --help` lists those that are read"

READ_ERRORS = (
    OSError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zstandard.ZstdError,
    struct.error,
    ValueError,
    LookupError,
    OverflowError,
    RuntimeError,
)
"""What reading a damaged, encrypted or vanished file raises; zipfile raises most of these."""

_MAILDIR = ("new", "cur")
_GZIP, _ZSTD, _ZIP = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"
# Frames that hold no data, with which pzstd begins a file (RFC 8878 section 3.1.2).
_ZSTD_SKIPPABLE = tuple(bytes((n, 0x2A, 0x4D, 0x18)) for n in range(0x50, 0x60))

T = TypeVar("T")


class NamedStream(NamedTuple):
    """A stream and the name by which it is reported."""

    name: str
    stream: BinaryIO


def expand(paths: tuple[str, ...]) -> Iterator[str]:
    """The files at *paths*, sorted within a folder. Raises InputError if a path does not exist.

    In a folder these are its regular files, and what cannot be looked at, for which reading gives
    a note. Pipes, sockets and devices there are left alone: reading one may never end.
    """
    for path in paths:
        if not path or (path != STDIN and not Path(path).exists()):
            raise InputError(f"{path or repr(path)}: no such file or folder")
    for path in paths:
        if path == STDIN or not Path(path).is_dir():
            yield path
        else:
            yield from _in_folder(path)


def _in_folder(path: str) -> Iterator[str]:
    unreadable: list[str] = []
    for folder, folders, names in os.walk(path, onerror=lambda e: unreadable.append(e.filename)):
        # "tmp" of a Maildir has messages that are not complete yet.
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f != "tmp")
        for name in sorted(names):
            file = os.path.join(folder, name)  # noqa: PTH118 - Path takes three times as long
            if not name.startswith(".") and _may_be_read(file):
                yield file
    yield from unreadable


def _may_be_read(path: str) -> bool:
    """Whether a file of a folder is a regular file; True where that cannot be found out."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 - likewise
    except OSError:
        return True


def read(
    path: str, read_mbox: Callable[[BinaryIO, str], Iterator[T | Note]] | None = None
) -> Iterator[Item | T]:
    """What the file at *path* contains; *read_mbox*, if given, reads an mbox.

    What is damaged gives a note; the other files of an archive are read.
    """
    is_mail = _is_in_maildir(path)
    try:
        for name, stream in open_streams(path):
            try:
                yield from _read_stream(name, stream, is_mail, read_mbox)
            except READ_ERRORS as error:
                yield _stopped(name, error)
    except READ_ERRORS as error:
        yield _stopped(path, error)


def _stopped(name: str, error: Exception) -> Note:
    reason = f"stopped reading: {error or type(error).__name__}"
    text = GONE if isinstance(error, FileNotFoundError) else reason
    return Note(name, None, text, ends_early=True)


def _read_stream(
    name: str,
    stream: BinaryIO,
    is_mail: bool,
    read_mbox: Callable[[BinaryIO, str], Iterator[T | Note]] | None,
) -> Iterator[Item | T]:
    buffered = _Peekable(stream)
    reader = reader_for(buffered.head, is_mail=is_mail)
    if reader is not None and reader.name == "mbox" and read_mbox is not None:
        yield from read_mbox(cast(BinaryIO, buffered), name)
    elif reader is not None:
        yield from reader.read(cast(BinaryIO, buffered), name)
    elif buffered.head.strip():
        yield Note(name, None, UNKNOWN_FORMAT, ends_early=True)
    else:
        yield Note(name, None, "empty")


def _is_in_maildir(path: str) -> bool:
    """Whether the file is a message of a Maildir: then its content cannot make it a log."""
    folder = Path(path).parent
    return folder.name in _MAILDIR and _is_maildir(str(folder.parent))


@lru_cache(maxsize=256)
def _is_maildir(folder: str) -> bool:
    """Whether *folder* has the three folders of a Maildir (https://cr.yp.to/proto/maildir.html)."""
    return all(Path(folder, name).is_dir() for name in (*_MAILDIR, "tmp"))


def format_of(path: str) -> str:
    """The name of the format of the file at *path*, or of the first file in it; '' if unknown."""
    try:
        is_mail = _is_in_maildir(path)
        heads = (_Peekable(stream).head for _, stream in open_streams(path))
        reader = next((reader_for(head, is_mail=is_mail) for head in heads), None)
    except READ_ERRORS:
        return ""
    return reader.name if reader else ""


def size(path: str) -> int:
    """The octets of a file; 0 where that cannot be found out, for which reading gives a note."""
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


def is_compressed(path: str) -> bool:
    """Whether the file is compressed or an archive, so that its content may exceed its size."""
    try:
        with Path(path).open("rb") as stream:
            return stream.read(4).startswith((_GZIP, _ZSTD, _ZIP, *_ZSTD_SKIPPABLE))
    except OSError:
        return False


def open_streams(path: str) -> Generator[NamedStream, None, None]:
    """What the file at *path* holds, decompressed. Raises READ_ERRORS."""
    if path == STDIN:
        yield from _decompress("standard input", sys.stdin.buffer)
        return
    with _open_moved(path) as stream:
        yield from _decompress(path, stream)


def _open_moved(path: str) -> BinaryIO:
    """The file at *path*; a message of a Maildir that was read, or flagged, in the meantime has
    another name behind its colon, or is in the other folder.
    """
    try:
        return Path(path).open("rb")
    except FileNotFoundError:
        unique = Path(path).name.partition(":")[0]
        for folder in _MAILDIR if _is_in_maildir(path) else ():
            for found in Path(path).parent.parent.joinpath(folder).glob(f"{glob.escape(unique)}*"):
                if found.name.partition(":")[0] == unique:
                    return found.open("rb")
        raise


def _decompress(name: str, stream: BinaryIO) -> Iterator[NamedStream]:
    """*stream*, what it decompresses to, or each file of an archive."""
    peekable = _Peekable(stream)
    head = peekable.head
    raw = cast(BinaryIO, peekable)
    if head.startswith(_GZIP):
        yield NamedStream(name, cast(BinaryIO, gzip.GzipFile(fileobj=raw)))
    elif head.startswith((_ZSTD, *_ZSTD_SKIPPABLE)):
        yield NamedStream(name, cast(BinaryIO, _ZstdStream(raw)))
    elif head.startswith(_ZIP):
        seekable = stream if stream.seekable() else io.BytesIO(peekable.read())
        with zipfile.ZipFile(seekable) as archive:
            for member in archive.infolist():
                if not member.is_dir() and not member.filename.startswith("__MACOSX/"):
                    with archive.open(member) as content:
                        yield NamedStream(f"{name}/{member.filename}", cast(BinaryIO, content))
    else:
        yield NamedStream(name, raw)


_ZSTD_CHUNK = 1024
"""Octets that are decompressed at a time. Four octets may be a block of 128 KiB (RFC 8878 section
3.1.1.2), so these may be 32 MiB."""


class _ZstdStream:
    """What the frames of *stream* decompress to. Unlike zstandard's reader it raises EOFError where
    the last frame is cut, after what comes before the cut was read.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._input, self._output = b"", io.BytesIO()
        self._is_within_frame = False

    def read(self, size: int = -1) -> bytes:
        """*size* octets, or those before the end or a cut; all if *size* is negative."""
        pieces: list[bytes] = []
        while size != 0:
            if not (piece := self._output.read(size)):
                if self._decompress_more():
                    continue
                if self._is_within_frame and not pieces:
                    raise EOFError("the compressed file ends early")
                break
            pieces.append(piece)
            size -= len(piece) if size > 0 else 0
        return b"".join(pieces)

    def _decompress_more(self) -> bool:
        chunk = self._input or self._stream.read(_ZSTD_CHUNK)
        if chunk:
            self._output = io.BytesIO(self._frame.decompress(chunk))
            self._is_within_frame, self._input = not self._frame.eof, self._frame.unused_data
            if self._frame.eof:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
        return bool(chunk)


class _Peekable(io.RawIOBase):
    """A stream whose first HEAD octets can be inspected before it is read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        chunks, size = [], 0
        while size < HEAD and (chunk := stream.read(HEAD - size)):
            chunks.append(chunk)
            size += len(chunk)
        self.head = b"".join(chunks)
        self._rest_of_head = io.BytesIO(self.head)

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """At most *size* octets; all that remains if *size* is negative or None."""
        if size is None or size < 0:
            return self._rest_of_head.read() + self._stream.read()
        first = self._rest_of_head.read(size)
        return first if len(first) == size else first + self._stream.read(size - len(first))

    def readline(self, size: int | None = -1) -> bytes:
        """Up to and including the next LF, at most *size* octets."""
        line = self._rest_of_head.readline(-1 if size is None else size)
        if line.endswith(b"\n") or (size is not None and 0 <= size <= len(line)):
            return line
        return line + self._stream.readline(-1 if size is None or size < 0 else size - len(line))
