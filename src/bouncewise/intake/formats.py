"""The formats that are read, in the order in which they are tried.

Reads: the first octets of a file. Gives: the first reader that recognises them, or None. A text in
UTF-16, and a log that a container runtime or a log daemon has wrapped, are read by the reader of
what is inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import BinaryIO, NamedTuple, cast

from bouncewise.providers import MailedPayloadReader, PayloadReader
from bouncewise.readers.base import Item, Reader
from bouncewise.readers.logs.exim import EximReader
from bouncewise.readers.logs.haraka import HarakaReader
from bouncewise.readers.logs.jsonlines import JsonLog
from bouncewise.readers.logs.kumomta import KumomtaReader
from bouncewise.readers.logs.lines import LineLog
from bouncewise.readers.logs.message_trace import ExchangeTraceReader
from bouncewise.readers.logs.momentum import MomentumReader
from bouncewise.readers.logs.opensmtpd import OpensmtpdReader
from bouncewise.readers.logs.postfix import PostfixReader
from bouncewise.readers.logs.powermta import PowermtaReader
from bouncewise.readers.logs.qmail import QmailReader
from bouncewise.readers.logs.sendmail import SendmailReader
from bouncewise.readers.logs.tables import TableLog
from bouncewise.readers.logs.wrapped import UnwrappedStream, is_wrapped
from bouncewise.readers.logs.zonemta import ZonemtaReader
from bouncewise.readers.messages.mbox import MboxReader, MessageReader
from bouncewise.readers.replies import RepliesReader
from bouncewise.readers.reports.dmarc import DmarcReader
from bouncewise.readers.reports.signals import PostmasterReader, SndsReader
from bouncewise.readers.reports.tls import TlsReader
from bouncewise.readers.utf16 import Utf8Stream, utf16_codec

MAIL: tuple[Reader, ...] = (MailedPayloadReader(), MboxReader(), MessageReader())
"""Files that begin as mail does: with a header, or "From ". What their text contains says nothing
about the file, for anybody may have written it."""

# From the format that is least often mistaken for another to the one that almost any file could be.
OTHERS: tuple[Reader, ...] = (
    PostfixReader(),
    EximReader(),
    SendmailReader(),
    OpensmtpdReader(),
    QmailReader(),
    HarakaReader(),
    MomentumReader(),
    PowermtaReader(),
    ExchangeTraceReader(),
    KumomtaReader(),
    ZonemtaReader(),
    DmarcReader(),
    TlsReader(),
    SndsReader(),
    PostmasterReader(),
    PayloadReader(),
    RepliesReader(),
)

FORMATS: tuple[Reader, ...] = (*MAIL, *OTHERS)


class InnerReader:
    """A reader of what *open_inner* makes of a stream."""

    def __init__(
        self, name: str, inner: Reader, open_inner: Callable[[BinaryIO], BinaryIO]
    ) -> None:
        self.name = f"{name}, {inner.name}"
        self.about = f"{inner.about} ({name})"
        self.inner = inner
        self._open_inner = open_inner

    def sniff(self, head: bytes) -> bool:
        """Whether the inner reader recognises what is inside."""
        return self.inner.sniff(head)

    def read(self, stream: BinaryIO, path: str) -> Iterator[Item]:
        """What the inner reader gives."""
        return self.inner.read(self._open_inner(stream), path)


class _Layer(NamedTuple):
    """Something around a format: how it is recognised, and how it is taken off."""

    name: str
    is_around: Callable[[bytes], bool]
    open_inner: Callable[[BinaryIO], BinaryIO]


_LAYERS = (
    _Layer(
        "UTF-16",
        lambda head: utf16_codec(head) is not None,
        lambda stream: cast(BinaryIO, Utf8Stream(stream)),
    ),
    _Layer("wrapped", is_wrapped, lambda stream: cast(BinaryIO, UnwrappedStream(stream))),
)


def unwrapping(reader: Reader) -> Reader:
    """*reader*, for lines of which some are wrapped."""
    if isinstance(reader, InnerReader):
        return reader
    layer = _LAYERS[-1]
    return InnerReader(layer.name, reader, layer.open_inner)


def log_format(head: bytes) -> str:
    """The name of the log format of a file that begins with *head*; '' for what is no log."""
    reader = reader_for(head)
    inner = reader.inner if isinstance(reader, InnerReader) else reader
    return inner.name if isinstance(inner, LineLog | JsonLog | TableLog) else ""


def reader_for(head: bytes, *, is_mail: bool = False) -> Reader | None:
    """The first reader that recognises *head*, the first octets of a file; None if none does.

    *is_mail*: the file is a message by where it stands, whatever it contains.
    """
    mail = next((reader for reader in MAIL if reader.sniff(head)), None)
    if mail is not None or (is_mail and head.strip()):
        return mail or MAIL[-1]
    for layer in _LAYERS:
        if layer.is_around(head):
            inner = reader_for(layer.open_inner(cast(BinaryIO, BytesIO(head))).read())
            return None if inner is None else InnerReader(layer.name, inner, layer.open_inner)
    return next((reader for reader in OTHERS if reader.sniff(head)), None)
