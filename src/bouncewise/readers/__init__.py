"""From bytes to Reports: one file per format, one ordered tuple READERS that says which is asked first."""

from __future__ import annotations

from bouncewise.readers.base import Finding, Note, Reader
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

__all__ = ["READERS", "Finding", "Note", "Reader"]

# From the format that is hardest to mistake to the one that nearly anything could be.
READERS: tuple[Reader, ...] = (
    PostfixReader(), EximReader(), SendmailReader(), OpensmtpdReader(), HarakaReader(), MomentumReader(),
    PowermtaReader(), ExchangeTraceReader(), KumomtaReader(), ZonemtaReader(),
    MboxReader(), MessageReader(), RepliesReader(),
)  # fmt: skip
