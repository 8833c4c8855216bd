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

import msgspec

from bouncewise.model import Kind, Report, Source, Stage
from bouncewise.readers.base import Finding
from bouncewise.readers.clock import Clock
from bouncewise.readers.loglines import LineLog, Mail, Queue, finding, told

_LINE = re.compile(
    r"^(?:<\d{1,3}>)?(?P<when>\S+(?: +\S+){0,2}?) +(?P<host>\S+) (?P<program>postfix\S*/[\w/-]+)\[\d+\]: "
    r"(?P<id>[0-9A-Za-z]{5,25}): (?P<rest>.*)$"
)
_DELIVERY = re.compile(
    r"to=<(?P<to>.*?)>, (?:orig_to=<(?P<orig_to>.*?)>, )?relay=(?P<relay>[^,]*), (?:\w+=[^,]*, )*?"
    r"dsn=(?P<dsn>[245]\.\d+\.\d+), status=(?P<status>\w+) \((?P<text>.*)\)?$"
)
_SAYS = re.compile(
    r"(?:message-id=<?(?P<message_id>[^>]*)>?$|from=<(?P<sender>[^>]*)>, (?:size=|status=(?P<expired>(?:force-)?expired)))"
)
_KINDS = {"sent": Kind.DELIVERED, "deferred": Kind.DELAYED, "bounced": Kind.FAILED, "SOFTBOUNCE": Kind.DELAYED}
_LOOPBACK = ("127.", "localhost", "[127.", "::1")


class PostfixReader(LineLog):
    """A Postfix mail log."""

    name = "postfix"
    about = "Postfix mail log: deliveries, deferrals, bounces and expiries, joined by queue id"
    pattern = re.compile(rb"^.{10,80} postfix\S*/[\w/-]+\[\d+\]: ", re.M)

    def line(self, line: str, source: Source, clock: Clock, queue: Queue) -> Iterator[Finding]:
        """A finding for each delivery line and each expiry."""
        m = _LINE.match(line)
        if m is None:
            return
        queue_id, rest = m["id"], m["rest"]
        if rest.startswith("to=<"):
            yield from _delivery(m, line, source, clock, queue)
        elif rest == "removed":
            queue.forget(queue_id)
        elif (says := _SAYS.match(rest)) is not None:
            mail = queue.remember(queue_id)
            if says["message_id"] is not None:
                mail.message_id = says["message_id"] or None
            else:
                mail.sender = says["sender"] or None
            if says["expired"]:
                for report in mail.waiting.values():
                    at = clock.read(m["when"].encode())
                    yield finding(msgspec.structs.replace(report, kind=Kind.FAILED, at=at, source=source), line)
                mail.waiting.clear()


def _delivery(m: re.Match[str], line: str, source: Source, clock: Clock, queue: Queue) -> Iterator[Finding]:
    delivery = _DELIVERY.match(m["rest"])
    if delivery is None or delivery["status"] not in _KINDS:
        return
    mail = queue.known(m["id"])
    report = _report(delivery, m["when"], source, clock, mail)
    if report.kind is Kind.DELAYED:
        queue.remember(m["id"]).wait(report)
    else:
        mail.waiting.pop(report.recipient, None)
    if not _is_handover(delivery):
        yield finding(report, line)


def _report(d: re.Match[str], when: str, source: Source, clock: Clock, mail: Mail) -> Report:
    text = d["text"]
    host = d["relay"].partition("[")[0]
    kind = _KINDS[d["status"]]
    reply, stage = (None, None) if kind is Kind.DELIVERED else told(text[:-1] if text.endswith(")") else text, d["dsn"])
    return Report(
        source=source,
        kind=kind,
        recipient=d["to"],
        original_recipient=d["orig_to"] or None,
        at=clock.read(when.encode()),
        message_id=mail.message_id,
        sender=mail.sender,
        remote_mta=host if host not in ("none", "") else None,
        reply=reply,
        stage=stage or (Stage.CONNECT if host == "none" else None),
    )


def _is_handover(d: re.Match[str]) -> bool:
    """Sent to a filter on this host that queues it again: the delivery proper is logged under the next queue id."""
    return d["status"] == "sent" and d["relay"].startswith(_LOOPBACK) and "queued as" in d["text"]
