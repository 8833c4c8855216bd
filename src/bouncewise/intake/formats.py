"""The formats that are read, in the order in which they are tried.

Reads: the first octets of a file. Gives: the first reader that recognises them, or None.
"""

from __future__ import annotations

from bouncewise.providers import MailedPayloadReader, PayloadReader
from bouncewise.readers.base import Reader
from bouncewise.readers.logs.exim import EximReader
from bouncewise.readers.logs.haraka import HarakaReader
from bouncewise.readers.logs.kumomta import KumomtaReader
from bouncewise.readers.logs.message_trace import ExchangeTraceReader
from bouncewise.readers.logs.momentum import MomentumReader
from bouncewise.readers.logs.opensmtpd import OpensmtpdReader
from bouncewise.readers.logs.postfix import PostfixReader
from bouncewise.readers.logs.powermta import PowermtaReader
from bouncewise.readers.logs.sendmail import SendmailReader
from bouncewise.readers.logs.zonemta import ZonemtaReader
from bouncewise.readers.messages.mbox import MboxReader, MessageReader
from bouncewise.readers.replies import RepliesReader

MAIL: tuple[Reader, ...] = (MailedPayloadReader(), MboxReader(), MessageReader())
"""Files that begin as mail does: with a header, or "From ". What their text contains says nothing
about the file, for anybody may have written it."""

# From the format that is least often mistaken for another to the one that almost any file could be.
OTHERS: tuple[Reader, ...] = (
    PostfixReader(),
    EximReader(),
    SendmailReader(),
    OpensmtpdReader(),
    HarakaReader(),
    MomentumReader(),
    PowermtaReader(),
    ExchangeTraceReader(),
    KumomtaReader(),
    ZonemtaReader(),
    PayloadReader(),
    RepliesReader(),
)

FORMATS: tuple[Reader, ...] = (*MAIL, *OTHERS)


def reader_for(head: bytes, *, is_mail: bool = False) -> Reader | None:
    """The first reader that recognises *head*, the first octets of a file; None if none does.

    *is_mail*: the file is a message by where it stands, whatever it contains.
    """
    if is_mail and head.strip():
        return next((reader for reader in MAIL if reader.sniff(head)), MAIL[-1])
    return next((reader for reader in FORMATS if reader.sniff(head)), None)
