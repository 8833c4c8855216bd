"""Mail as files hold it: one message, or an mbox of any size (RFC 4155)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from bouncewise.readers.base import Finding, Note, key_of
from bouncewise.readers.messages import interpret
from bouncewise.rfc import address

_CHUNK = 1 << 20
_FROM = re.compile(rb"(?:\r\n|\n|\r)(?=From \S[^\r\n]{4,400}\d\d)")
_HEADER_LINE = re.compile(rb"[!-9;-~]{1,80}:[ \t]?[^\r\n]*")
_TELLING = re.compile(
    rb"^(?:received|return-path|from|to|subject|date|message-id|mime-version|content-type|delivered-to|x-failed-recipients):",
    re.I | re.M,
)


class MboxReader:
    """An mbox: messages one after another, each behind a line that begins with "From "."""

    name = "mbox"
    about = 'mbox: messages behind "From " lines'

    def sniff(self, head: bytes) -> bool:
        """The first line begins with "From " and a header follows."""
        first, _, rest = head.lstrip(b"\r\n").replace(b"\r", b"\n").partition(b"\n")
        return first.startswith(b"From ") and _HEADER_LINE.match(rest.lstrip(b"\n")) is not None

    def read(self, stream: BinaryIO, path: str) -> Iterator[Finding | Note]:
        """Each message's reports. Only the message at hand is in memory."""
        for index, raw in enumerate(split(stream)):
            yield from findings(raw, path, index)


class MessageReader:
    """One mail message."""

    name = "message"
    about = (
        "one mail message: DSN, feedback report, automatic answer, or a bounce written for people"
    )

    def sniff(self, head: bytes) -> bool:
        """It begins with header lines, one of which is of mail."""
        start = head.lstrip(b"\r\n")[:8192].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return _HEADER_LINE.match(start) is not None and _TELLING.search(start) is not None

    def read(self, stream: BinaryIO, path: str) -> Iterator[Finding | Note]:
        """The reports of the message."""
        yield from findings(stream.read(interpret.MAX_MESSAGE + 1), path, 0)


def split(stream: BinaryIO) -> Iterator[bytes]:
    """The messages of an mbox. Of a message beyond MAX_MESSAGE only the beginning is kept, with one octet to tell."""
    kept = b""
    full = False
    while chunk := stream.read(_CHUNK):
        kept += chunk
        *done, kept = _FROM.split(kept)
        for raw in done:
            if not full:
                yield raw
            full = False
        if len(kept) > interpret.MAX_MESSAGE and not full:
            yield kept
            full = True
        if full:
            kept = kept[-1000:]  # enough to see a "From " line that is cut in two
    if kept.strip() and not full:
        yield kept


def findings(raw: bytes, path: str, index: int) -> Iterator[Finding | Note]:
    """The reports of one message, keyed by the notice's own Message-ID where it has one, else by its content."""
    if len(raw) > interpret.MAX_MESSAGE:
        yield Note(
            path,
            index,
            f"message longer than {interpret.MAX_MESSAGE >> 20} MiB; the beginning was read",
        )
    raw = raw[: interpret.MAX_MESSAGE]
    reports = interpret.read(raw, path, index)
    if not reports:
        return
    notice = re.search(rb"^message-id:[ \t]*(<[^>\r\n]{5,500}>)", raw[:65536], re.I | re.M)
    identity = (notice[1] if notice else raw).decode("latin-1")
    for report in reports:
        yield Finding(
            report, raw, key_of(report.kind, address.normalise(report.recipient), identity)
        )
