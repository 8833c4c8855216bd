"""Microsoft 365's message trace as CSV: the (enhanced) summary and the extended report.

Reads: UTF-8, or UTF-16 with its mark; headers in any case. The summary has ``a@x##Receive, Fail;b@y##Receive, Deliver`` in
recipient_status and no SMTP reply: a fate without its reason. The extended report has a row per event, the reason in
recipient_status (``{LED=550 5.1.10 …}``) or source_context. Gives: a report per recipient that came to an end or waits.
Refuses: events on the way (RECEIVE, SEND between Microsoft's own servers, DSN, EXPAND …): their FAIL, DELIVER or
SENDEXTERNAL has a row of its own.
Source: https://learn.microsoft.com/exchange/monitoring/trace-an-email-message/message-trace-modern-eac
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bouncewise.model import Kind, Report, Source
from bouncewise.readers.base import Finding
from bouncewise.readers.logs.lines import MAX_RECIPIENTS, finding, told
from bouncewise.readers.logs.tables import Row, TableLog, columns
from bouncewise.readers.logs.timestamps import Clock

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
    needs = frozenset({"sender_address"})

    def sniff(self, head: bytes) -> bool:
        """Both forms name the sender so, and the recipient or the recipients' states."""
        names = columns(head)
        return "sender_address" in names and not names.isdisjoint(
            {"recipient_status", "recipient_address"}
        )

    def row(self, row: Row, line: str, source: Source, clock: Clock) -> Iterator[Finding]:
        """A finding per recipient whose fate the row tells."""
        # The export's times are UTC and say so only in the name of their column.
        stamp = next(
            (v.strip() for k, v in row.items() if k.startswith(("origin_timestamp", "date_time"))),
            "",
        )
        status = row.get("recipient_status", "")
        host = _HOST.search(status)
        for recipient, kind, text in _summary(status) if "##" in status else _extended(row):
            reply, stage = told(text)
            refused = bool(text) and kind is not Kind.DELIVERED
            yield finding(
                Report(
                    source=source,
                    kind=kind,
                    recipient=recipient,
                    at=clock.read(f"{stamp.removesuffix('Z')}Z"),
                    message_id=row.get("message_id", "").strip().strip("<>") or None,
                    sender=row.get("sender_address", "").strip() or None,
                    remote_mta=host["host"] if host else None,
                    reply=reply if refused else None,
                    stage=stage if refused else None,
                ),
                f"{recipient} {line}",
            )


def _summary(cell: str) -> Iterator[tuple[str, Kind, str]]:
    """``a@x##Receive, Fail;b@y##Receive, Deliver``: the last state is the fate."""
    for part in cell.split(";")[:MAX_RECIPIENTS]:
        who, _, states = part.partition("##")
        kind = _STATES.get(states.rpartition(",")[2].strip().casefold())
        if kind is not None and "@" in who:
            yield who.strip(), kind, ""


def _extended(row: Row) -> Iterator[tuple[str, Kind, str]]:
    kind = _EVENTS.get(row.get("event_id", "").strip().casefold())
    if kind is not None:
        status = row.get("recipient_status", "")
        error = _LAST_ERROR.search(status)
        text = error["reply"] if error else status or row.get("source_context", "")
        for who in row.get("recipient_address", "").split(";")[:MAX_RECIPIENTS]:
            if "@" in who:
                yield who.strip(), kind, text
