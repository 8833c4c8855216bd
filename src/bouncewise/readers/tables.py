"""Logs that are tables with a header: PowerMTA's accounting files and Microsoft 365's message trace.

Columns are found by the names in the header, in any order. Gives: a report per row that tells an outcome.
Refuses: rows that do not fit their header (a Note), fields beyond 64 KiB.
Source: PowerMTA User's Guide "Accounting"; learn.microsoft.com/exchange/monitoring/trace-an-email-message.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO

from bouncewise.model import Kind, Label, Permanence, Report, Source
from bouncewise.readers.base import Finding, Note
from bouncewise.readers.clock import Clock
from bouncewise.readers.loglines import finding, from_epoch, told
from bouncewise.rfc import address

Row = dict[str, str]


class TableLog:
    """A log whose first line names its columns."""

    name = ""
    about = ""
    needs: frozenset[str]
    """Column names, in lower case, without which it is another format."""

    def sniff(self, head: bytes) -> bool:
        """The first line names the columns that the format needs."""
        return self.needs <= _columns(head)

    def read(self, stream: BinaryIO, path: str) -> Iterator[Finding | Note]:
        """What each row tells."""
        clock = Clock.for_file(path)
        names: list[str] = []
        rows = csv.reader(_text(stream))
        number = -1
        while True:
            number += 1
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as bad:
                yield Note(path, number, f"not a row: {bad}")
                continue
            lower = [cell.strip().lstrip("\ufeff").casefold() for cell in row]
            if self.needs <= set(lower):  # the header, repeated where files were put together
                names = lower
            elif len(row) > len(names) + 1 or len(row) < 2:
                if any(row):
                    yield Note(path, number, f"{len(row)} fields where the header names {len(names)}")
            else:
                fields = dict(zip(names, row, strict=False))
                if self.needs <= set(fields):
                    yield from self.row(fields, ",".join(row), Source(path, self.name, number), clock)
                else:
                    yield Note(path, number, "the row ends before the columns that tell the outcome")

    def row(self, row: Row, line: str, source: Source, clock: Clock) -> Iterator[Finding]:
        """What *row* tells; *line* is its identity."""
        raise NotImplementedError


def _columns(head: bytes) -> set[str]:
    wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    first = head.decode("utf-16" if wide else "utf-8-sig", "replace").partition("\n")[0]
    return {name.strip().strip('"').casefold() for name in first.split(",")}


def _text(stream: BinaryIO) -> Iterator[str]:
    """The lines of *stream*, bounded, NULs left out; UTF-16 where its mark says so."""
    first = stream.read(2)
    if first in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        decoder = codecs.getincrementaldecoder("utf-16-le" if first == codecs.BOM_UTF16_LE else "utf-16-be")("replace")
        rest = ""
        while piece := stream.read(65536):
            *whole, rest = (rest + decoder.decode(piece)).split("\n")
            yield from (f"{line}\n" for line in whole)
            rest = rest[-65536:]
        yield rest
        return
    while line := stream.readline(65536):
        yield (first + line).decode("utf-8", "replace").replace("\0", "").replace("\r", "\n").rstrip("\n") + "\n"
        first = b""
    if first:
        yield first.decode("utf-8", "replace")


# bounceCat of PowerMTA: whether the address or domain heals by itself, as the category's name promises.
_PERMANENT = {"bad-mailbox", "bad-domain", "inactive-mailbox"}
_POWERMTA_KINDS = {
    "d": Kind.DELIVERED,
    "b": Kind.FAILED,
    "rb": Kind.FAILED,
    "t": Kind.DELAYED,
    "tq": Kind.DELAYED,
    "f": Kind.COMPLAINT,
}


class PowermtaReader(TableLog):
    """PowerMTA's accounting file."""

    name = "powermta"
    about = "PowerMTA accounting CSV: d, b, t, tq, rb and f records, columns by header"
    needs = frozenset({"type", "rcpt"})

    def row(self, row: Row, line: str, source: Source, clock: Clock) -> Iterator[Finding]:
        """A finding per row of a kind that tells an outcome."""
        kind = _POWERMTA_KINDS.get(row["type"].strip().casefold())
        recipient = address.parse_field(row["rcpt"]) or address.parse_field(row.get("orcpt", ""))
        if kind is None or recipient is None:
            return
        original = address.parse_field(row.get("orcpt", ""))
        reply, stage = told(row.get("dsndiag", ""), row.get("dsnstatus", "").partition(" ")[0] or None)
        category = row.get("bouncecat", "")
        yield finding(
            Report(
                source=source,
                kind=kind,
                recipient=recipient,
                original_recipient=original
                if original and address.normalise(original) != address.normalise(recipient)
                else None,
                at=_time(row.get("timelogged", "") or row.get("timequeued", ""), clock),
                message_id=row.get("header_message-id", "").strip().strip("<>") or None,
                sender=row.get("orig", "").strip("<>") or None,
                remote_mta=row.get("dsnmta", "").partition(" ")[0].strip() or None,
                reply=reply if kind in (Kind.FAILED, Kind.DELAYED) and (reply.text or reply.status) else None,
                stage=stage,
                esp=Label(
                    "powermta", category, Permanence.PERMANENT if category in _PERMANENT else Permanence.TRANSIENT
                )
                if category
                else None,
            ),
            line,
        )


_TRACE_KINDS = {"deliver": Kind.DELIVERED, "delivered": Kind.DELIVERED, "sendexternal": Kind.DELIVERED, "send": Kind.DELIVERED,
                "fail": Kind.FAILED, "failed": Kind.FAILED, "dsn": Kind.FAILED, "defer": Kind.DELAYED, "pending": Kind.DELAYED,
                "filteredasspam": Kind.FAILED}  # fmt: skip
_LAST = re.compile(r"##(?P<states>[^;]*)")


class ExchangeTraceReader(TableLog):
    """Microsoft 365's message trace, summary or extended. The summary holds no SMTP reply: a fate without its reason."""

    name = "exchange-trace"
    about = "Microsoft 365 message trace CSV, summary and extended, UTF-8 or UTF-16"
    needs = frozenset({"sender_address"})

    def sniff(self, head: bytes) -> bool:
        """Both forms name the sender so, and the recipient or the recipients' states."""
        names = _columns(head)
        return "sender_address" in names and not names.isdisjoint({"recipient_status", "recipient_address"})

    def row(self, row: Row, line: str, source: Source, clock: Clock) -> Iterator[Finding]:
        """A finding per recipient with an end."""
        # The export's times are UTC and say so only in the name of their column.
        stamp = next((v.strip() for k, v in row.items() if k.startswith(("origin_timestamp", "date_time"))), "")
        at = clock.read(f"{stamp.removesuffix('Z')}Z".encode())
        fates = _summary(row.get("recipient_status", "")) if row.get("recipient_status") else _extended(row)
        for recipient, kind, context in fates:
            reply, stage = told(context)
            yield finding(
                Report(
                    source=source,
                    kind=kind,
                    recipient=recipient,
                    at=at,
                    message_id=row.get("message_id", "").strip().strip("<>") or None,
                    sender=row.get("sender_address") or None,
                    reply=reply if context and kind is not Kind.DELIVERED else None,
                    stage=stage,
                ),
                f"{recipient} {line}",
            )


def _summary(cell: str) -> Iterator[tuple[str, Kind, str]]:
    """``a@x##Receive, Fail;b@y##Receive, Deliver``: the last state is the fate."""
    for part in cell.split(";")[:1000]:
        who, _, states = part.partition("##")
        kind = _TRACE_KINDS.get(states.rpartition(",")[2].strip().casefold())
        if kind is not None and "@" in who:
            yield who.strip(), kind, ""


def _extended(row: Row) -> Iterator[tuple[str, Kind, str]]:
    kind = _TRACE_KINDS.get(row.get("event_id", "").strip().casefold())
    if kind is not None:
        for who in row.get("recipient_address", "").split(";")[:1000]:
            if "@" in who:
                yield who.strip(), kind, row.get("recipient_status") or row.get("source_context", "")


def _time(value: str, clock: Clock) -> datetime | None:
    text = value.strip()
    if text.replace(".", "", 1).isdigit():
        return from_epoch(text)
    return clock.read(re.sub(r"([+-]\d\d)(\d\d)$", r"\1:\2", text).encode())
