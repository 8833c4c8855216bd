"""What the readers of logs share: line by line in constant memory, what is remembered of a queue id, how a reply is told.

A log reader names its format, knows it by a pattern, and gives for each line what it tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import BinaryIO

import msgspec

from bouncewise.model import Kind, Reply, Report, Source, Stage
from bouncewise.readers.base import Finding, Note, key_of, lines
from bouncewise.readers.clock import Clock
from bouncewise.rfc import address, status
from bouncewise.rfc.reply import MAX_REPLY, parse

MAX_QUEUE = 200_000
"""Queue ids remembered at once."""

MAX_RECIPIENTS = 1000
"""Recipients remembered of one mail, and read of one line."""


class Mail(msgspec.Struct):
    """What is known of a queue id so far. ``waiting``: the recipients still deferred, with their last report;
    ``recipients``: who it is for, where the log says so beforehand; ``said``: a reply logged on a line of its own."""

    sender: str | None = None
    message_id: str | None = None
    waiting: dict[str, Report] = msgspec.field(default_factory=dict)
    recipients: tuple[str, ...] = ()
    said: str | None = None

    def wait(self, report: Report) -> None:
        """*report* is a deferral, the last of its recipient; the first MAX_RECIPIENTS are remembered."""
        if report.recipient in self.waiting or len(self.waiting) < MAX_RECIPIENTS:
            self.waiting[report.recipient] = report

    def give_up(self, source: Source, at: datetime | None, recipient: str | None = None) -> list[Report]:
        """The last deferrals, of all or of *recipient*, as the failures they have become; they wait no longer."""
        gone = list(self.waiting) if recipient is None else [r for r in (recipient,) if r in self.waiting]
        return [msgspec.structs.replace(self.waiting.pop(r), kind=Kind.FAILED, source=source, at=at) for r in gone]


class Queue:
    """The mails of a log by queue id. When there are too many, the half that was spoken of longest ago is forgotten."""

    def __init__(self) -> None:
        self._young: dict[str, Mail] = {}
        self._old: dict[str, Mail] = {}

    def known(self, queue_id: str) -> Mail:
        """What is known of *queue_id*, an empty Mail that is not kept where that is nothing."""
        return self._young.get(queue_id) or self._old.get(queue_id) or Mail()

    def remember(self, queue_id: str) -> Mail:
        """The Mail of *queue_id*, kept from now on."""
        mail = self._young.get(queue_id)
        if mail is None:
            if len(self._young) >= MAX_QUEUE // 2:
                self._young, self._old = {}, self._young
            mail = self._young[queue_id] = self._old.pop(queue_id) if queue_id in self._old else Mail()
        return mail

    def forget(self, queue_id: str) -> None:
        """*queue_id* is done with."""
        if self._young.pop(queue_id, None) is None:
            self._old.pop(queue_id, None)


class LineLog:
    """A log of one event per line."""

    name = ""
    about = ""
    pattern: re.Pattern[bytes]

    def sniff(self, head: bytes) -> bool:
        """A line fits the pattern."""
        return self.pattern.search(head) is not None

    def read(self, stream: BinaryIO, path: str) -> Iterator[Finding | Note]:
        """What each line tells."""
        clock, queue = Clock.for_file(path), Queue()
        for item in lines(stream, path):
            if isinstance(item, Note):
                yield item
            elif item[1]:
                text = item[1].decode("utf-8", "replace")
                yield from self.line(text, Source(path, self.name, item[0]), clock, queue)

    def line(self, line: str, source: Source, clock: Clock, queue: Queue) -> Iterable[Finding | Note]:
        """What *line* tells; *queue* is what the lines before it told."""
        raise NotImplementedError


def told(text: str, dsn: str | None = None) -> tuple[Reply, Stage | None]:
    """The reply in *text* and its stage. *dsn*: the status that the log gives beside it, where the text has no better."""
    text = text[:MAX_REPLY]
    parts = parse(text)
    best = parts.status if parts.status and not status.is_generic(parts.status) else dsn or parts.status
    return Reply(parts.reply_code, best, text), Stage(parts.stage) if parts.stage else None


def finding(report: Report, line: str) -> Finding:
    """A report and the line that told it, which is its identity. Of a delivery only that it was matters: it has none."""
    if report.kind is Kind.DELIVERED:
        return Finding(report, b"", b"")
    return Finding(
        report, line.encode("utf-8", "replace"), key_of(report.kind, address.normalise(report.recipient), line)
    )


def from_epoch(value: str | float | int | None) -> datetime | None:
    """Unix time in seconds, milli- or microseconds, as UTC; None where it is none."""
    try:
        seconds = float(value or 0)
    except (TypeError, ValueError):
        return None
    while seconds > 1e11:
        seconds /= 1000
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    except (OverflowError, OSError, ValueError):
        return None


def kind_of(text: str, default: Kind) -> Kind:
    """FAILED for a 5xx reply, DELAYED for a 4xx; *default* where the text has no code."""
    code = parse(text[:MAX_REPLY]).reply_code
    return default if code is None else Kind.FAILED if code >= 500 else Kind.DELAYED
