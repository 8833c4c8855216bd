"""Reports of receivers that are attached to a mail.

Reads: the parts of a message; also gzip and zip, whatever their Content-Type says. Gives: the
reports in them. A part that is no such report gives nothing; a damaged archive gives a Note.
"""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from itertools import islice
from typing import BinaryIO, cast

from bouncewise.model.sender_report import SenderReport
from bouncewise.readers.base import HEAD, Note
from bouncewise.readers.reports import dmarc, tls
from bouncewise.rfc import mime

MAX_MEMBERS = 100
"""Files of one archive that are read."""

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_READERS = ((dmarc.DmarcReader(), dmarc.read), (tls.TlsReader(), tls.read))
_PACKED = ("application/", "text/xml", "text/plain", "message/feedback-report")
_DAMAGED = (OSError, EOFError, zlib.error, zipfile.BadZipFile, ValueError, RuntimeError)


def read(message: mime.Part, path: str, index: int) -> Iterator[SenderReport | Note]:
    """The reports attached to *message*, which is number *index* of the file at *path*."""
    for part in mime.leaves(message):
        if not part.content_type.startswith(_PACKED):
            continue
        octets = part.octets
        try:
            for stream in _unpacked(octets):
                yield from _read(stream, path, index)
        except _DAMAGED as error:
            yield Note(path, index, f"an attached archive is damaged: {error}")


def _unpacked(octets: bytes) -> Iterator[BinaryIO]:
    if octets.startswith(_GZIP):
        yield cast(BinaryIO, gzip.GzipFile(fileobj=BytesIO(octets)))
    elif octets.startswith(_ZIP):
        with zipfile.ZipFile(BytesIO(octets)) as archive:
            for member in islice(archive.infolist(), MAX_MEMBERS):
                if not member.is_dir() and not member.filename.startswith("__MACOSX/"):
                    with archive.open(member) as content:
                        yield cast(BinaryIO, content)
    elif octets[:4].lstrip(b"\xef\xbb\xbf \t\n")[:1] in (b"<", b"{"):
        yield BytesIO(octets)


def _read(stream: BinaryIO, path: str, index: int) -> Iterator[SenderReport | Note]:
    head = stream.read(HEAD)
    for reader, read_stream in _READERS:
        if reader.sniff(head):
            yield from read_stream(cast(BinaryIO, _Joined(head, stream)), path, index)
            return


class _Joined:
    """A stream of which the first octets have been read."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head, self._rest = head, rest

    def read(self, size: int = -1) -> bytes:
        """At most *size* octets; all that remain if *size* is negative."""
        if size < 0:
            head, self._head = self._head, b""
            return head + self._rest.read()
        head, self._head = self._head[:size], self._head[size:]
        return head or self._rest.read(size)
