"""Microsoft 365's message trace as CSV: the summary, the enhanced summary and the extended report.

Reads: UTF-8, or UTF-16 with its byte order mark; headers in any case. The summary has
``a@x##Receive, Fail;b@y##Receive, Deliver`` in recipient_status, which is an outcome without an
SMTP reply. The extended report has a row per event, with the reason in recipient_status (``{LED=550
5.1.10 …}``) or source_context. Gives: a report per recipient with a final outcome or a deferral.
Refuses: intermediate events (RECEIVE, SEND between Microsoft's own servers, DSN, EXPAND …); the
FAIL, DELIVER or SENDEXTERNAL that follows has a row of its own. Source:
https://learn.microsoft.com/exchange/monitoring/trace-an-email-message/message-trace-modern-eac
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from bouncewise.model import Finding, Kind, Report, Source
from bouncewise.readers.base import reply_with_stage
from bouncewise.readers.logs.lines import MAX_RECIPIENTS, finding
from bouncewise.readers.logs.tables import Row, TableLog, column_names
from bouncewise.readers.logs.timestamps import TimestampParser

_EVENTS = {
    "deliver": Kind.DELIVERED,
    "sendexternal": Kind.DELIVERED,
    "fail": Kind.FAILED,
    "defer": Kind.DELAYED,
}
_STATES = _EVENTS | {
    "delivered": Kind.DELIVERED,
    "send": Kind.DELIVERED,
    "failed": Kind.FAILED,
    "pending": Kind.DELAYED,
    "filteredasspam": Kind.FAILED,
}
_LAST_ERROR = re.compile(r"\{LED=(?P<reply>.{0,2048}?)\}(?:;|\]|$)")
_HOST = re.compile(r"\{FQDN=(?P<host>[\w.-]+)\}")


class ExchangeTraceReader(TableLog):
    """Microsoft 365's message trace, summary or extended."""

    name = "exchange-trace"
    about = "Microsoft 365 message trace CSV, summary and extended, UTF-8 or UTF-16"
    required_columns = frozenset({"sender_address"})

    def sniff(self, head: bytes) -> bool:
        """Whether the first line names the sender, and the recipient or the recipients' states."""
        names = column_names(head)
        return "sender_address" in names and not names.isdisjoint(
            {"recipient_status", "recipient_address"}
        )

    def read_row(
        self, row: Row, line: str, source: Source, timestamps: TimestampParser
    ) -> Iterator[Finding]:
        """A finding for each recipient with an outcome."""
        # The times are UTC, but only the name of their column says so.
        stamp = next(
            (v.strip() for k, v in row.items() if k.startswith(("origin_timestamp", "date_time"))),
            "",
        )
        status = row.get("recipient_status", "")
        host = _HOST.search(status)
        for outcome in _summary(status) if "##" in status else _extended(row):
            reply, stage = reply_with_stage(outcome.text)
            is_refused = bool(outcome.text) and outcome.kind is not Kind.DELIVERED
            yield finding(
                Report(
                    source=source,
                    kind=outcome.kind,
                    recipient=outcome.recipient,
                    at=timestamps.parse(f"{stamp.removesuffix('Z')}Z"),
                    message_id=row.get("message_id", "").strip().strip("<>") or None,
                    sender=row.get("sender_address", "").strip() or None,
                    remote_mta=host["host"] if host else None,
                    reply=reply if is_refused else None,
                    stage=stage if is_refused else None,
                ),
                f"{outcome.recipient} {line}",
            )


class _Outcome(NamedTuple):
    recipient: str
    kind: Kind
    text: str


def _summary(cell: str) -> Iterator[_Outcome]:
    """``a@x##Receive, Fail;b@y##Receive, Deliver``: the last state is the outcome."""
    for part in cell.split(";")[:MAX_RECIPIENTS]:
        recipient, _, states = part.partition("##")
        kind = _STATES.get(states.rpartition(",")[2].strip().casefold())
        if kind is not None and "@" in recipient:
            yield _Outcome(recipient.strip(), kind, "")


def _extended(row: Row) -> Iterator[_Outcome]:
    kind = _EVENTS.get(row.get("event_id", "").strip().casefold())
    if kind is not None:
        status = row.get("recipient_status", "")
        error = _LAST_ERROR.search(status)
        text = error["reply"] if error else status or row.get("source_context", "")
        for recipient in row.get("recipient_address", "").split(";")[:MAX_RECIPIENTS]:
            if "@" in recipient:
                yield _Outcome(recipient.strip(), kind, text)
