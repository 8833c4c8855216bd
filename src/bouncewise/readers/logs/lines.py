"""Logs of one event per line: what their readers share.

Reads: lines of bounded length, decoded as UTF-8. Gives: LineLog, the base class of their readers,
and the LogContext that a reader keeps while it reads: the parser of time stamps, and what earlier
lines stated about a queue id. Memory is bounded by MAX_QUEUE and MAX_RECIPIENTS.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import BinaryIO

import msgspec

from bouncewise.model import Finding, Kind, Report, Source
from bouncewise.readers.base import UNFINISHED, Block, Note, blocks, key_of, unread
from bouncewise.readers.logs.timestamps import TimestampParser
from bouncewise.rfc import address

MAX_QUEUE = 200_000
"""Queue ids that are remembered at the same time."""

MAX_RECIPIENTS = 1000
"""Recipients of one mail that are remembered, and recipients of one line that are read."""

MAX_INSPECTED = 1200
"""Characters of a line that a reader does not read, in which it looks for an outcome."""

SYSLOG_HEAD = (
    "(?:\ufeff)?"
    r"(?:<\d{1,3}>)?"
    r"(?P<when>[A-Za-z]{3} ++\d{1,2} ++(?:\d{4} ++)?\d\d:\d\d:\d\d\S*+|\d\S*+(?: ++\d\d:\d\S*+)?|-)"
    r" ++\S++(?<!:) ++"
)
"""Priority, time stamp and host, which stand before the tag of a line of syslog (RFC 3164 section
4.1.2). No word of them ends in a colon: a program's own text, behind its tag, may imitate another
tag and all that follows."""

_FIRST_LINES = 20  # lines at the beginning of a file that say whether it is a log
_LOG_LINE = re.compile(
    rb"(?:<\d{1,3}>)?(?:[A-Za-z]{3} [ \d]\d \d\d:|\d{4}[-/]\d\d[-/]\d\d|\d{10,16}[.@ ]"
    rb"|\[|-- |- \S+ )"
)
"""The beginning of a line of a log: the time stamps of syslog, ISO 8601 and Unix, a level in
brackets, and what journalctl(1) writes between boots."""

_NO_DEFERRALS: Mapping[str, Report] = MappingProxyType({})


class QueuedMail(msgspec.Struct):
    """What earlier lines stated about a queue id."""

    sender: str | None = None
    message_id: str | None = None
    deferred: Mapping[str, Report] = _NO_DEFERRALS
    """Recipients whose last attempt was deferred, with the report of that attempt."""
    recipients: tuple[str, ...] = ()
    """The recipients, where the log names them before the attempts."""
    server_reply: str | None = None
    """A reply that the log has on a line of its own, before the line of the attempt."""

    def defer(self, report: Report) -> None:
        """Remember the last deferral of a recipient, for up to MAX_RECIPIENTS recipients."""
        deferred = self.deferred
        if not isinstance(deferred, dict):  # most mails are never deferred: no dict for each
            self.deferred = deferred = {}
        if report.recipient in deferred or len(deferred) < MAX_RECIPIENTS:
            deferred[report.recipient] = report

    def finish(self, recipient: str) -> Report | None:
        """Forget the deferral of *recipient* and return it; None if there was none."""
        return self.deferred.pop(recipient, None) if isinstance(self.deferred, dict) else None

    def expire(
        self, source: Source, at: datetime | None, recipient: str | None = None
    ) -> list[Report]:
        """The last deferral of each recipient, or of *recipient*, as a failure at the time *at*."""
        last = map(self.finish, list(self.deferred) if recipient is None else [recipient])
        return [
            msgspec.structs.replace(report, kind=Kind.FAILED, source=source, at=at)
            for report in last
            if report
        ]


class Queue:
    """The mails of a log by queue id; beyond MAX_QUEUE, those not used lately are dropped."""

    def __init__(self) -> None:
        self._recent: dict[str, QueuedMail] = {}
        self._older: dict[str, QueuedMail] = {}

    def get(self, queue_id: str) -> QueuedMail:
        """The mail of *queue_id*, else an empty one that is not stored."""
        return self._recent.get(queue_id) or self._older.get(queue_id) or QueuedMail()

    def get_or_add(self, queue_id: str) -> QueuedMail:
        """The mail of *queue_id*, else an empty one that is stored."""
        mail = self._recent.get(queue_id)
        if mail is None:
            if len(self._recent) >= MAX_QUEUE // 2:
                self._recent, self._older = {}, self._recent
            mail = self._recent[queue_id] = (
                self._older.pop(queue_id) if queue_id in self._older else QueuedMail()
            )
        return mail

    def remove(self, queue_id: str) -> None:
        """Drop the mail of *queue_id*."""
        if self._recent.pop(queue_id, None) is None:
            self._older.pop(queue_id, None)


class LogContext:
    """The log that is being read: its path, its time stamps, and its queue so far."""

    def __init__(self, path: str, reader: str) -> None:
        self.path = path
        self._reader = reader
        self.timestamps = TimestampParser.for_file(path)
        self.queue = Queue()
        self.skipped = 0
        """Lines that report an outcome, and of which nothing was read."""
        self._first_skipped = 0

    def skip(self, number: int) -> None:
        """Count line *number*: it reports the outcome of a delivery in a form that is not known."""
        self._first_skipped = number if not self.skipped else self._first_skipped
        self.skipped += 1

    def skipped_note(self) -> Note:
        """The note about the lines that were counted."""
        text = (
            f"{self.skipped} line{'s' if self.skipped > 1 else ''} with the outcome of a delivery"
            f" could not be read; the first is line {self._first_skipped + 1}"
        )
        return Note(self.path, self._first_skipped, text)

    def source(self, number: int) -> Source:
        """The Source of line *number*, from 0."""
        return Source(self.path, self._reader, number)


class LineLog:
    """Base class of readers of logs with one event per line; ``pattern`` recognises a line."""

    name = ""
    about = ""
    pattern: re.Pattern[bytes]

    def sniff(self, head: bytes) -> bool:
        """Whether the file begins with lines of a log, and a line matches the pattern."""
        return self.pattern.search(head) is not None and self._begins_as_log(head)

    def _begins_as_log(self, head: bytes) -> bool:
        """Whether at least half of the first lines are those of a log; the first may be cut."""
        found = [line for line in head.split(b"\n", _FIRST_LINES * 2) if line.strip()]
        of_log = [
            _LOG_LINE.match(line) is not None or self.pattern.match(line) is not None
            for line in found[:_FIRST_LINES]
        ]
        return sum(of_log) * 2 >= len(of_log) - (not of_log[0])

    def read(self, stream: BinaryIO, path: str) -> Iterator[Finding | Note]:
        """The findings and notes of each line.

        The end of a line may be in the middle of a reply, so nothing in a last line without a line
        break says that it is complete. If it would give anything, it gives a note.
        """
        log = LogContext(path, self.name)
        for item in blocks(stream, path):
            if isinstance(item, Note):
                yield item
            elif item.is_complete:
                yield from self._read_block(item, log)
            elif next(self._read_block(item, log), None) is not None:
                yield Note(path, item.number, UNFINISHED)
        if log.skipped:
            yield log.skipped_note()

    def _read_block(self, block: Block, log: LogContext) -> Iterator[Finding | Note]:
        text = b"\n".join(block.lines).decode("utf-8", "replace")
        for number, line in enumerate(text.split("\n"), block.number):
            if not line:
                continue
            try:
                for found in self.read_line(line, number, log):
                    yield _without_year(found) if log.timestamps.is_yearless else found
            except Exception as error:
                yield Note(log.path, number, unread(error))

    def read_line(self, line: str, number: int, log: LogContext) -> Iterable[Finding | Note]:
        """The findings and notes of *line*, whose number from 0 is *number*."""
        raise NotImplementedError


def _without_year(item: Finding | Note) -> Finding | Note:
    """*item*, whose line states no year."""
    if isinstance(item, Note):
        return item
    report = item.report
    provenance = msgspec.structs.replace(report.provenance, assumed_year=True)
    return msgspec.structs.replace(
        item, report=msgspec.structs.replace(report, provenance=provenance)
    )


def finding(report: Report, line: str) -> Finding:
    """The finding of *report* with the line it was read from, which is its identity.

    A delivery has no octets and no key: nothing but the fact of the delivery is stored.
    """
    if report.kind is Kind.DELIVERED:
        return Finding(report, b"", b"")
    key = key_of(report.kind, address.normalise(report.recipient), line)
    return Finding(report, line.encode("utf-8", "replace"), key)
