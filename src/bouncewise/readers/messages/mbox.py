"""Mail in files: one message, or an mbox of any size (RFC 4155).

Reads: messages, in an mbox each behind a line that begins with "From ". Gives: the findings of each
message; only one message is in memory. Refuses, with a Note: what of a message exceeds MAX_MESSAGE
octets.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import BinaryIO

from bouncewise.model import Finding
from bouncewise.readers.base import Item, Note, key_of, unread
from bouncewise.readers.messages import interpret
from bouncewise.readers.messages.parsed import ParsedMessage
from bouncewise.readers.reports import attached
from bouncewise.rfc import address, mime

_CHUNK = 1 << 20  # octets that are read from the stream at a time
_OVERLAP = 1000  # octets kept of a skipped message: a "From " line may be cut in two
_FROM_LINE = re.compile(rb"(?:\r\n|\n|\r)(?=From \S[^\r\n]{4,400}\d\d)")
_HEADER_LINE = re.compile(rb"[A-Za-z][!-9;-~]{0,79}:[ \t]?[^\n]*")
# Header fields that a file other than a mail message hardly has.
_MAIL_FIELD = re.compile(
    rb"^(?:received|return-path|from|to|subject|date|message-id|mime-version|content-type|"
    rb"delivered-to|x-failed-recipients):",
    re.I | re.M,
)


MANY_RECIPIENTS = 500
"""Recipients of one message from which on it is examined whether more were named than read."""

_RECIPIENT_FIELD = re.compile(rb"^final-recipient:", re.I | re.M)


class MboxReader:
    """An mbox: messages, each behind a line that begins with "From "."""

    name = "mbox"
    about = 'mbox: messages behind "From " lines'

    def sniff(self, head: bytes) -> bool:
        """Whether the first line begins with "From " and a header follows."""
        first, _, rest = mime.header_block(head).partition(b"\n")
        return first.startswith(b"From ") and _HEADER_LINE.match(rest.lstrip(b"\n")) is not None

    def read(self, stream: BinaryIO, path: str) -> Iterator[Item]:
        """The findings of each message, in order."""
        for index, raw in enumerate(split(stream)):
            yield from findings(raw, path, index)


class MessageReader:
    """One mail message."""

    name = "message"
    about = (
        "one mail message: DSN, feedback report, automatic reply, or a bounce written for people"
    )

    def sniff(self, head: bytes) -> bool:
        """Whether the file begins with a header, and one of its fields is of mail."""
        header = mime.header_block(head)
        return _HEADER_LINE.match(header) is not None and _MAIL_FIELD.search(header) is not None

    def read(self, stream: BinaryIO, path: str) -> Iterator[Item]:
        """The findings of the message."""
        yield from findings(stream.read(interpret.MAX_MESSAGE + 1), path, 0)


def split(stream: BinaryIO) -> Iterator[bytes]:
    """The messages of an mbox; one longer than MAX_MESSAGE is cut, but stays longer than that."""
    pending = b""
    is_cut = False
    while chunk := stream.read(_CHUNK):
        pending += chunk
        *complete, pending = _FROM_LINE.split(pending)
        for raw in complete:
            if not is_cut:
                yield raw
            is_cut = False
        if len(pending) > interpret.MAX_MESSAGE and not is_cut:
            yield pending
            is_cut = True
        if is_cut:
            pending = pending[-_OVERLAP:]
    if pending.strip() and not is_cut:
        yield pending


def findings(raw: bytes, path: str, index: int) -> Iterator[Item]:
    """The findings of one message, keyed by the notice's Message-ID or else by its content."""
    if len(raw) > interpret.MAX_MESSAGE:
        limit = f"{interpret.MAX_MESSAGE >> 20} MiB"
        yield Note(path, index, f"message longer than {limit}; only the beginning was read")
    raw = raw[: interpret.MAX_MESSAGE]
    try:
        message = ParsedMessage(raw)
        reports = interpret.read_message(message, path, index)
        is_empty_report = not reports and interpret.declares_report(message, reports)
    except Exception as error:
        yield Note(path, index, unread(error))
        return
    if is_empty_report:
        yield Note(path, index, interpret.NAMES_NOBODY)
    if not reports:
        if reports is None and message.has_data:
            yield from attached.read(message.header, path, index)
        return
    if len(reports) >= MANY_RECIPIENTS:
        named = len(_RECIPIENT_FIELD.findall(raw))
        if named > len(reports):
            yield Note(path, index, f"{len(reports)} of about {named} recipients were read")
    identity = _identity(raw, len(reports))
    for report in reports:
        key = key_of(report.kind, address.normalise(report.recipient), identity)
        yield Finding(report, raw, key)


def _identity(raw: bytes, reports: int) -> str:
    """What the keys of the reports of a message share: its Message-ID; else its octets, of which
    many reports share a digest, so that the time does not grow with both.
    """
    message_id = re.search(rb"^message-id:[ \t]*(<[^>\r\n]{5,500}>)", raw[:65536], re.I | re.M)
    if message_id is None and reports > 1:
        return hashlib.blake2b(raw, digest_size=16).hexdigest()
    return (message_id[1] if message_id else raw).decode("latin-1")
