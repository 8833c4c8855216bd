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

from bouncewise.model import Kind, Report, Stage
from bouncewise.readers.base import Finding
from bouncewise.readers.logs.lines import LineLog, Log, finding, told

_HEAD = r"(?:<\d{1,3}>)?(\S++(?: ++\S++){0,2}?) ++\S++ postfix[^\s\[]*/[\w/-]++\[\d++\]: ([0-9A-Za-z]{5,25}): "
_DELIVERY = re.compile(
    _HEAD
    + r"to=<([^>]*+(?:>(?!, )[^>]*+)*+)>, (?:orig_to=<(.*?)>, )?relay=([^,]*+), (?:(?!dsn=)\w++=[^,]*+, )*+"
    r"dsn=([245]\.\d++\.\d++), status=(\w++) \((.*+)"
)
_OTHER = re.compile(
    _HEAD + r"(?:from=<([^>]*+)>, (?:size=|status=((?:force-)?expired))|message-id=<?([^>]*+)>?$)"
)
_KINDS = {
    "sent": Kind.DELIVERED,
    "deferred": Kind.DELAYED,
    "bounced": Kind.FAILED,
    "SOFTBOUNCE": Kind.DELAYED,
}
_LOOPBACK = ("127.", "localhost", "[127.", "::1")


class PostfixReader(LineLog):
    """A Postfix mail log."""

    name = "postfix"
    about = "Postfix mail log: deliveries, deferrals, bounces and expiries, joined by queue id"
    pattern = re.compile(rb"^.{10,80} postfix\S*/[\w/-]+\[\d+\]: ", re.M)

    def line(self, line: str, number: int, log: Log) -> Iterable[Finding]:
        """A finding for each delivery line and each expiry."""
        if ": to=<" in line and (told_of := _DELIVERY.match(line)) is not None:
            return _delivery(told_of, line, number, log)
        if line.endswith(": removed"):
            log.queue.forget(line[:-9].rpartition(" ")[2])
        elif (": from=<" in line or ": message-id=" in line) and (
            m := _OTHER.match(line)
        ) is not None:
            when, queue_id, sender, expired, message_id = m.groups()
            mail = log.queue.remember(queue_id)
            if message_id is not None:
                mail.message_id = message_id or None
            else:
                mail.sender = sender or None
            if expired:
                gone = mail.give_up(log.source(number), log.clock.read(when))
                return [finding(report, line) for report in gone]
        return ()


def _delivery(m: re.Match[str], line: str, number: int, log: Log) -> Iterable[Finding]:
    when, queue_id, to, original, relay, dsn, status, text = m.groups()
    kind = _KINDS.get(status)
    if kind is None:
        return ()
    delivered = kind is Kind.DELIVERED
    mail = log.queue.known(queue_id)
    host = relay.partition("[")[0]
    reply, stage = (None, None) if delivered else told(text.removesuffix(")"), dsn)
    report = Report(
        source=log.source(number),
        kind=kind,
        recipient=to,
        original_recipient=original or None,
        at=log.clock.read(when),
        message_id=mail.message_id,
        sender=mail.sender,
        remote_mta=host if host not in ("none", "") else None,
        reply=reply,
        stage=stage or (Stage.CONNECT if host == "none" else None),
    )
    if kind is Kind.DELAYED:
        log.queue.remember(queue_id).wait(report)
    elif mail.waiting:
        mail.done(to)
    # Sent to a filter on this host that queues it again: the delivery proper is logged under the next queue id.
    if delivered and relay.startswith(_LOOPBACK) and "queued as" in text:
        return ()
    return (finding(report, line),)
