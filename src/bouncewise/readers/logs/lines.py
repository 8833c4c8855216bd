"""What the readers of logs share: line by line in constant memory, what is remembered of a queue id, how a reply is told.

A log reader names its format, knows it by a pattern, and gives for each line what it tells.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import BinaryIO

import msgspec

from bouncewise.model import Kind, Reply, Report, Source, Stage
from bouncewise.readers.base import Finding, Note, blocks, key_of
from bouncewise.readers.logs.timestamps import Clock
from bouncewise.rfc import address, status
from bouncewise.rfc.reply import parse
from bouncewise.text.mask import MAX_REPLY

MAX_QUEUE = 200_000
"""Queue ids remembered at once."""

MAX_RECIPIENTS = 1000
"""Recipients remembered of one mail, and read of one line."""


_NOBODY: Mapping[str, Report] = MappingProxyType({})


class Mail(msgspec.Struct):
    """What is known of a queue id so far. ``waiting``: the recipients still deferred, with their last report;
    ``recipients``: who it is for, where the log says so beforehand; ``said``: a reply logged on a line of its own."""

    sender: str | None = None
    message_id: str | None = None
    waiting: Mapping[str, Report] = _NOBODY
    recipients: tuple[str, ...] = ()
    said: str | None = None

    def wait(self, report: Report) -> None:
        """*report* is a deferral, the last of its recipient; the first MAX_RECIPIENTS are remembered."""
        waiting = self.waiting
        if not isinstance(waiting, dict):  # most mails wait for nobody, and there are many
            self.waiting = waiting = {}
        if report.recipient in waiting or len(waiting) < MAX_RECIPIENTS:
            waiting[report.recipient] = report

    def done(self, recipient: str) -> Report | None:
        """*recipient* waits no longer; the last deferral, if there was one."""
        return self.waiting.pop(recipient, None) if isinstance(self.waiting, dict) else None

    def give_up(
        self, source: Source, at: datetime | None, recipient: str | None = None
    ) -> list[Report]:
        """The last deferrals, of all or of *recipient*, as the failures they have become; they wait no longer."""
        gone = map(self.done, list(self.waiting) if recipient is None else [recipient])
        return [
            msgspec.structs.replace(last, kind=Kind.FAILED, source=source, at=at)
            for last in gone
            if last
        ]


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
            mail = self._young[queue_id] = (
                self._old.pop(queue_id) if queue_id in self._old else Mail()
            )
        return mail

    def forget(self, queue_id: str) -> None:
        """*queue_id* is done with."""
        if self._young.pop(queue_id, None) is None:
            self._old.pop(queue_id, None)


class Log:
    """The log that is being read: where, what its time stamps mean, and what the lines before told."""

    def __init__(self, path: str, reader: str) -> None:
        self.path = path
        self._reader = reader
        self.clock = Clock.for_file(path)
        self.queue = Queue()

    def source(self, number: int) -> Source:
        """Where line *number*, counted from 0, was read."""
        return Source(self.path, self._reader, number)


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
        log = Log(path, self.name)
        for item in blocks(stream, path):
            if isinstance(item, Note):
                yield item
                continue
            first, some = item
            for number, line in enumerate(
                b"\n".join(some).decode("utf-8", "replace").split("\n"), first
            ):
                if line and (found := self.line(line, number, log)):
                    yield from found

    def line(self, line: str, number: int, log: Log) -> Iterable[Finding | Note]:
        """What *line*, the one of that *number*, tells; *log* is what the lines before it told."""
        raise NotImplementedError


def told(text: str, dsn: str | None = None) -> tuple[Reply, Stage | None]:
    """The reply in *text* and its stage. *dsn*: the status that the log gives beside it, where the text has no better."""
    text = text[:MAX_REPLY]
    parts = parse(text)
    best = (
        parts.status
        if parts.status and not status.is_generic(parts.status)
        else dsn or parts.status
    )
    return Reply(parts.reply_code, best, text), Stage(parts.stage) if parts.stage else None


def finding(report: Report, line: str) -> Finding:
    """A report and the line that told it, which is its identity. Of a delivery only that it was matters: it has none."""
    if report.kind is Kind.DELIVERED:
        return Finding(report, b"", b"")
    return Finding(
        report,
        line.encode("utf-8", "replace"),
        key_of(report.kind, address.normalise(report.recipient), line),
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
