"""From bytes to Reports: one file per format, one ordered tuple READERS that says which is asked first."""

from __future__ import annotations

from bouncewise.readers.base import Finding, Note, Reader
from bouncewise.readers.exchange_trace import ExchangeTraceReader
from bouncewise.readers.exim import EximReader
from bouncewise.readers.haraka import HarakaReader
from bouncewise.readers.kumomta import KumomtaReader
from bouncewise.readers.mail import MboxReader, MessageReader
from bouncewise.readers.momentum import MomentumReader
from bouncewise.readers.opensmtpd import OpensmtpdReader
from bouncewise.readers.postfix import PostfixReader
from bouncewise.readers.powermta import PowermtaReader
from bouncewise.readers.replies import RepliesReader
from bouncewise.readers.sendmail import SendmailReader
from bouncewise.readers.zonemta import ZonemtaReader

__all__ = ["READERS", "Finding", "Note", "Reader"]

# From the format that is hardest to mistake to the one that nearly anything could be.
READERS: tuple[Reader, ...] = (
    PostfixReader(), EximReader(), SendmailReader(), OpensmtpdReader(), HarakaReader(), MomentumReader(),
    PowermtaReader(), ExchangeTraceReader(), KumomtaReader(), ZonemtaReader(),
    MboxReader(), MessageReader(), RepliesReader(),
)  # fmt: skip
