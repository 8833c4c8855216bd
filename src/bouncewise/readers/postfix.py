"""Postfix logs: the delivery lines of smtp(8), lmtp(8), local(8), virtual(8), pipe(8) and error(8), joined by queue id.

Reads: syslog (RFC 3164 or RFC 3339 times) and Postfix's own logging; any program name and instance.
Gives: a report per delivery attempt, with the sender and message-id that cleanup(8) and qmgr(8) told of the queue id;
a failure for each recipient still deferred when qmgr gives up. Refuses: what the server rejects from others (NOQUEUE),
address probes, and hand-overs to a content filter on the same host, which deliver nothing.
Source: Postfix src/global/log_adhoc.c, src/*qmgr/qmgr_active.c; field order is as printed there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from bouncewise.model import Kind, Reply, Report, Source, Stage
from bouncewise.readers.base import Finding, Note, key_of, lines
from bouncewise.readers.clock import Clock
from bouncewise.rfc import address, status
from bouncewise.rfc.reply import parse

MAX_QUEUE = 200_000
"""Queue ids remembered at once; the oldest are forgotten first."""

_LINE = re.compile(
    rb"^(?:<\d{1,3}>)?(?P<when>\S+(?: +\S+){0,2}?) +(?P<host>\S+) (?P<program>postfix\S*/[\w/-]+)\[\d+\]: "
    rb"(?P<id>[0-9A-Za-z]{5,25}): (?P<rest>.*)$"
)
_DELIVERY = re.compile(
    rb"to=<(?P<to>.*?)>, (?:orig_to=<(?P<orig_to>.*?)>, )?relay=(?P<relay>[^,]*), (?:\w+=[^,]*, )*?"
    rb"dsn=(?P<dsn>[245]\.\d+\.\d+), status=(?P<status>\w+) \((?P<text>.*)\)?$"
)
_SAYS = re.compile(
    rb"(?:message-id=<?(?P<message_id>[^>]*)>?$|from=<(?P<sender>[^>]*)>, (?:size=|status=(?P<expired>(?:force-)?expired)))"
)
_SNIFF = re.compile(rb"^.{10,80} postfix\S*/[\w/-]+\[\d+\]: ", re.M)
_KINDS = {b"sent": Kind.DELIVERED, b"deferred": Kind.DELAYED, b"bounced": Kind.FAILED, b"SOFTBOUNCE": Kind.DELAYED}
_LOOPBACK = (b"127.", b"localhost", b"[127.", b"::1")


class _Mail(msgspec.Struct):
    """What is known of a queue id so far."""

    sender: str | None = None
    message_id: str | None = None
    waiting: dict[str, Report] = msgspec.field(default_factory=dict)


class PostfixReader:
    """A Postfix mail log."""

    name = "postfix"
    about = "Postfix mail log: deliveries, deferrals, bounces and expiries, joined by queue id"

    def sniff(self, head: bytes) -> bool:
        """A line names a Postfix program."""
        return _SNIFF.search(head) is not None

    def read(self, stream: BinaryIO, path: str) -> Iterator[Finding | Note]:
        """A finding for each delivery line and each expiry."""
        clock = Clock.for_file(path)
        queue: dict[bytes, _Mail] = {}
        for item in lines(stream, path):
            if isinstance(item, Note):
                yield item
                continue
            number, line = item
            m = _LINE.match(line)
            if m is not None:
                yield from self._line(m, line, Source(path, self.name, number), clock, queue)

    def _line(
        self, m: re.Match[bytes], line: bytes, source: Source, clock: Clock, queue: dict[bytes, _Mail]
    ) -> Iterator[Finding]:
        queue_id, rest = m["id"], m["rest"]
        if rest.startswith(b"to=<"):
            delivery = _DELIVERY.match(rest)
            if delivery is not None and delivery["status"] in _KINDS:
                mail = queue.get(queue_id) or _Mail()
                report = _report(delivery, source, clock, m["when"], mail)
                if report.kind is Kind.DELAYED:
                    _remember(queue, queue_id).waiting[report.recipient] = report
                else:
                    mail.waiting.pop(report.recipient, None)
                if not _is_handover(delivery):
                    yield _finding(report, line)
        elif rest == b"removed":
            queue.pop(queue_id, None)
        elif (says := _SAYS.match(rest)) is not None:
            mail = _remember(queue, queue_id)
            if says["message_id"] is not None:
                mail.message_id = _text(says["message_id"]) or None
            else:
                mail.sender = _text(says["sender"]) or None
            if says["expired"]:
                for report in mail.waiting.values():
                    failed = msgspec.structs.replace(report, kind=Kind.FAILED, at=clock.read(m["when"]), source=source)
                    yield _finding(failed, line)
                mail.waiting.clear()


def _report(d: re.Match[bytes], source: Source, clock: Clock, when: bytes, mail: _Mail) -> Report:
    text = _text(d["text"])
    text = text[:-1] if text.endswith(")") else text
    host = _text(d["relay"]).partition("[")[0]
    kind = _KINDS[d["status"]]
    parts = parse(text)
    recipient, original = _text(d["to"]), _text(d["orig_to"] or b"")
    reply = None
    if kind is not Kind.DELIVERED:
        told = parts.status if parts.status and not status.is_generic(parts.status) else _text(d["dsn"])
        reply = Reply(parts.reply_code, told, text)
    unconnected = Stage.CONNECT if host == "none" else None
    return Report(
        source=source,
        kind=kind,
        recipient=recipient,
        original_recipient=original or None,
        at=clock.read(when),
        message_id=mail.message_id,
        sender=mail.sender,
        remote_mta=host if host not in ("none", "") else None,
        reply=reply,
        stage=Stage(parts.stage) if parts.stage else unconnected,
    )


def _is_handover(d: re.Match[bytes]) -> bool:
    """Sent to a filter on this host that queues it again: the delivery proper is logged under the next queue id."""
    return d["status"] == b"sent" and d["relay"].startswith(_LOOPBACK) and b"queued as" in d["text"]


def _remember(queue: dict[bytes, _Mail], queue_id: bytes) -> _Mail:
    mail = queue.get(queue_id)
    if mail is None:
        while len(queue) >= MAX_QUEUE:
            del queue[next(iter(queue))]
        mail = queue[queue_id] = _Mail()
    return mail


def _finding(report: Report, line: bytes) -> Finding:
    return Finding(report, line, key_of(report.kind, address.normalise(report.recipient), line.decode("latin-1")))


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
