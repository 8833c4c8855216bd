"""From paths to open streams: files, folders, Maildir, standard input; .gz, .zst and .zip by their first octets.

Gives: each stream with the name it goes by. Refuses with a Note: what cannot be opened or is damaged inside.
"""

from __future__ import annotations

import gzip
import io
import os
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeVar, cast

import zstandard

from bouncewise.errors import InputError
from bouncewise.intake.formats import reader_for
from bouncewise.readers import Finding, Note
from bouncewise.readers.base import HEAD

STDIN = "-"

DAMAGED = (
    OSError,
    EOFError,
    zlib.error,
    zipfile.BadZipFile,
    zstandard.ZstdError,
    RuntimeError,
    NotImplementedError,
)
"""What a file that is damaged inside raises while it is read."""

_GZIP, _ZSTD, _ZIP = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"

T = TypeVar("T")


class Opened(NamedTuple):
    """A stream and the name by which it is reported."""

    name: str
    stream: BinaryIO


def expand(paths: tuple[str, ...]) -> Iterator[str]:
    """The files under *paths*, those of a folder in the order of their names. Raises InputError for what is not there."""
    for path in paths:
        if path != STDIN and not Path(path).exists():
            raise InputError(f"{path}: no such file or folder")
        if path == STDIN or not Path(path).is_dir():
            yield path
        else:
            for folder, folders, names in os.walk(path):
                folders[:] = sorted(f for f in folders if not f.startswith(".") and f != "tmp")
                yield from (
                    os.path.join(folder, name)  # noqa: PTH118
                    for name in sorted(names)
                    if not name.startswith(".")
                )


def read(
    path: str, mbox: Callable[[BinaryIO, str], Iterator[T | Note]] | None = None
) -> Iterator[Finding | Note | T]:
    """Everything in the file at *path*; its format is found by its content. *mbox*, if given, reads an mbox."""
    try:
        for name, stream in _open(path):
            buffered = _Peekable(stream)
            reader = reader_for(buffered.head)
            if reader is not None and reader.name == "mbox" and mbox is not None:
                yield from mbox(cast(BinaryIO, buffered), name)
            elif reader is not None:
                yield from reader.read(cast(BinaryIO, buffered), name)
            elif buffered.head.strip():
                yield Note(
                    name,
                    None,
                    "no format that bouncewise reads; `bouncewise read --help` lists them",
                )
            else:
                yield Note(name, None, "empty")
    except DAMAGED as bad:
        yield Note(path, None, f"stopped reading: {bad or type(bad).__name__}")


def format_of(path: str) -> str:
    """The format of the file at *path*, or of the first that is packed in it; '' where that is none."""
    try:
        reader = next((reader_for(_Peekable(stream).head) for _, stream in _open(path)), None)
    except DAMAGED:
        return ""
    return reader.name if reader else ""


def is_packed(path: str) -> bool:
    """Whether the file is compressed or an archive, so that its content may be larger than it is."""
    try:
        with Path(path).open("rb") as stream:
            return stream.read(4).startswith((_GZIP, _ZSTD, _ZIP))
    except OSError:
        return False


def _open(path: str) -> Iterator[Opened]:
    if path == STDIN:
        yield from _unpacked("standard input", sys.stdin.buffer)
        return
    with Path(path).open("rb") as stream:
        yield from _unpacked(path, stream)


def _unpacked(name: str, stream: BinaryIO) -> Iterator[Opened]:
    peekable = _Peekable(stream)
    head = peekable.head
    raw = cast(BinaryIO, peekable)
    if head.startswith(_GZIP):
        yield Opened(name, cast(BinaryIO, gzip.GzipFile(fileobj=raw)))
    elif head.startswith(_ZSTD):
        yield Opened(
            name,
            cast(
                BinaryIO, zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
            ),
        )
    elif head.startswith(_ZIP):
        archive = stream if stream.seekable() else io.BytesIO(peekable.read())
        with zipfile.ZipFile(archive) as packed:
            for member in packed.infolist():
                if not member.is_dir():
                    with packed.open(member) as inside:
                        yield Opened(f"{name}/{member.filename}", cast(BinaryIO, inside))
    else:
        yield Opened(name, raw)


class _Peekable(io.RawIOBase):
    """A stream whose first octets can be looked at before it is read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        pieces, size = [], 0
        while size < HEAD and (piece := stream.read(HEAD - size)):
            pieces.append(piece)
            size += len(piece)
        self.head = b"".join(pieces)
        self._left = io.BytesIO(self.head)

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """As io: *size* octets or fewer, all that is left where it is negative."""
        if size is None or size < 0:
            return self._left.read() + self._stream.read()
        return self._left.read(size) or self._stream.read(size)

    def readline(self, size: int | None = -1) -> bytes:
        """As io: up to and with the next LF."""
        line = self._left.readline(-1 if size is None else size)
        if line.endswith(b"\n") or (size is not None and 0 <= size <= len(line)):
            return line
        return line + self._stream.readline(-1 if size is None or size < 0 else size - len(line))
