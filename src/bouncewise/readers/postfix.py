"""Postfix logs: the delivery lines of smtp(8), lmtp(8), local(8), virtual(8), pipe(8) and error(8), joined by queue id.

Reads: syslog (RFC 3164 or RFC 3339 times) and Postfix's own logging; any program name and instance.
Gives: a report per delivery attempt, with the sender and message-id that cleanup(8) and qmgr(8) told of the queue id;
a failure for each recipient still deferred when qmgr gives up. Refuses: what the server rejects from others (NOQUEUE),
address probes, and hand-overs to a content filter on the same host, which deliver nothing.
Source: Postfix src/global/log_adhoc.c, src/*qmgr/qmgr_active.c; field order is as printed there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from bouncewise.model import Kind, Report, Source, Stage
from bouncewise.readers.base import Finding
from bouncewise.readers.clock import Clock
from bouncewise.readers.loglines import LineLog, Queue, finding, told

_LINE = re.compile(
    r"^(?:<\d{1,3}>)?(?P<when>\S+(?: +\S+){0,2}?) +(?P<host>\S+) (?P<program>postfix\S*/[\w/-]+)\[\d+\]: "
    r"(?P<id>[0-9A-Za-z]{5,25}): (?P<rest>.*)$"
)
_DELIVERY = re.compile(
    r"to=<(?P<to>.*?)>, (?:orig_to=<(?P<orig_to>.*?)>, )?relay=(?P<relay>[^,]*), (?:\w+=[^,]*, )*?"
    r"dsn=(?P<dsn>[245]\.\d+\.\d+), status=(?P<status>\w+) \((?P<text>.*)\)?$"
)
_FROM = re.compile(r"from=<([^>]*)>, (?:size=|status=((?:force-)?expired))")
_MESSAGE_ID = re.compile(r"message-id=<?([^>]*)>?$")
_KINDS = {"sent": Kind.DELIVERED, "deferred": Kind.DELAYED, "bounced": Kind.FAILED, "SOFTBOUNCE": Kind.DELAYED}
_LOOPBACK = ("127.", "localhost", "[127.", "::1")


class PostfixReader(LineLog):
    """A Postfix mail log."""

    name = "postfix"
    about = "Postfix mail log: deliveries, deferrals, bounces and expiries, joined by queue id"
    pattern = re.compile(rb"^.{10,80} postfix\S*/[\w/-]+\[\d+\]: ", re.M)

    def line(self, line: str, source: Source, clock: Clock, queue: Queue) -> Iterable[Finding]:
        """A finding for each delivery line and each expiry."""
        m = _LINE.match(line)
        if m is None:
            return ()
        when, queue_id, rest = m.group("when", "id", "rest")
        if rest.startswith("to=<"):
            return _delivery(rest, line, source, clock.read(when), queue, queue_id)
        if rest == "removed":
            queue.forget(queue_id)
        elif (begun := _FROM.match(rest)) is not None:
            sender, expired = begun.groups()
            mail = queue.remember(queue_id)
            mail.sender = sender or None
            if expired:
                return [finding(report, line) for report in mail.give_up(source, clock.read(when))]
        elif (named := _MESSAGE_ID.match(rest)) is not None:
            queue.remember(queue_id).message_id = named[1] or None
        return ()


def _delivery(
    rest: str, line: str, source: Source, at: datetime | None, queue: Queue, queue_id: str
) -> Iterable[Finding]:
    delivery = _DELIVERY.match(rest)
    if delivery is None:
        return ()
    to, original, relay, dsn, status, text = delivery.groups()
    kind = _KINDS.get(status)
    if kind is None:
        return ()
    mail = queue.known(queue_id)
    host = relay.partition("[")[0]
    delivered = kind is Kind.DELIVERED
    reply, stage = (None, None) if delivered else told(text[:-1] if text.endswith(")") else text, dsn)
    report = Report(
        source=source, kind=kind, recipient=to, original_recipient=original or None, at=at, message_id=mail.message_id,
        sender=mail.sender, remote_mta=host if host not in ("none", "") else None, reply=reply,
        stage=stage or (Stage.CONNECT if host == "none" else None),
    )  # fmt: skip
    if kind is Kind.DELAYED:
        queue.remember(queue_id).wait(report)
    elif mail.waiting:
        mail.waiting.pop(to, None)
    # Sent to a filter on this host that queues it again: the delivery proper is logged under the next queue id.
    if delivered and relay.startswith(_LOOPBACK) and "queued as" in text:
        return ()
    return (finding(report, line),)
