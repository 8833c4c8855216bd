"""Postfix logs: delivery lines of smtp(8), lmtp(8), local(8), virtual(8), pipe(8), error(8), joined
by queue id.

Reads: syslog (RFC 3164 or RFC 3339 times) and Postfix's own logging, with any program name and
instance. Gives: a report per delivery attempt, with the sender and Message-ID that cleanup(8) and
qmgr(8) logged for the queue id; when qmgr gives up, a failure for each recipient that is still
deferred. Refuses: what the server rejected (NOQUEUE), address probes, and hand-overs to a content
filter on the same host, which are no deliveries. Source: Postfix src/global/log_adhoc.c,
src/*qmgr/qmgr_active.c; they print the fields in this order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from bouncewise.model import Finding, Kind, Provenance, Report, Stage
from bouncewise.readers.base import Note, reply_with_stage
from bouncewise.readers.logs.lines import MAX_INSPECTED, SYSLOG_HEAD, LineLog, LogContext, finding

_PROGRAM = (
    r"(?:postfix[^\s\[]*+"
    r"|[\w.-]{1,60}/(?:smtp|lmtp|local|virtual|pipe|error|retry|n?qmgr|cleanup))\[\d++\]: "
)
_HEAD = rf"{SYSLOG_HEAD}{_PROGRAM}([0-9A-Za-z]{{5,25}}): "
_QUOTED = r"\"(?:[^\"\\]|\\.)*+\"[^>]*+"
_DELIVERY = re.compile(
    _HEAD + rf"to=<({_QUOTED}|[^>]*+(?:>(?!, )[^>]*+)*+)>, "
    rf"(?:orig_to=<({_QUOTED}|[^>]*+(?:>(?!, )[^>]*+)*+)>, )?relay=([^,]*+), "
    r"(?:(?!dsn=)\w++=[^,]*+, )*+dsn=([245]\.\d++\.\d++), status=(\w++) \((.*+)"
)
# The same in other forms: Postfix before 2.3 logged no dsn=; exports lose "<" and ">".
_LOOSE_DELIVERY = re.compile(
    _HEAD + r"to=<?([^\s<>,]{1,320}+)>?, (?:orig_to=<?([^\s<>,]{1,320}+)>?, )?relay=([^,]*+), "
    r"(?:(?!dsn=|status=)\w++=[^,]*+, )*+(?:dsn=([245]\.\d++\.\d++), )?status=(\w++) \((.*+)"
)
_OUTCOME = re.compile(r": to=.{3,700}? status=(?:sent|deferred|bounced|SOFTBOUNCE)\b")
# What follows a recipient, once more in the remark: either an address was logged as it was given
# (info_log_addr_form = internal), or a server imitates a log line. Which one is not certain.
_AGAIN = re.compile(r">, (?:orig_to=<.*?>, )?relay=[^,]*+, .*?\bstatus=\w")
_SYSLOG_LIMIT = 1000
"""Characters from which on a line may have been cut by syslog (RFC 3164 section 4.1: 1024)."""
_CUT = "the line is cut short; nothing was read from it"
_UNCERTAIN = "the line names two recipients in one field; nothing was read from it"
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
_RELAY = re.compile(r"([^\[]*)\[([^\]]*)\](?::(\d{1,5}))?")


class PostfixReader(LineLog):
    """A Postfix mail log."""

    name = "postfix"
    about = "Postfix mail log: deliveries, deferrals, bounces and expiries, joined by queue id"
    pattern = re.compile(rf"^(?:.{{10,80}}|- \S+) {_PROGRAM}".encode(), re.M)

    def read_line(self, line: str, number: int, log: LogContext) -> Iterable[Finding | Note]:
        """A finding for each delivery attempt and each expiry."""
        # The tests for substrings are quick; most lines fit neither pattern.
        if ": to=<" in line and (delivery := _DELIVERY.match(line)) is not None:
            return _delivery(delivery, line, number, log)
        if line.endswith(": removed"):
            log.queue.remove(line[:-9].rpartition(" ")[2])
        elif (": from=<" in line or ": message-id=" in line) and (
            m := _OTHER.match(line)
        ) is not None:
            when, queue_id, sender, expired, message_id = m.groups()
            mail = log.queue.get_or_add(queue_id)
            if message_id is not None:
                mail.message_id = message_id or None
            else:
                mail.sender = sender or None
            if expired:
                reports = mail.expire(log.source(number), log.timestamps.parse(when))
                return [finding(report, line) for report in reports]
        elif ": to=" in line and _OUTCOME.search(line, 0, MAX_INSPECTED) is not None:
            return self._read_other_form(line, number, log)
        return ()

    def _read_other_form(self, line: str, number: int, log: LogContext) -> Iterable[Finding | Note]:
        """The finding of a line that Postfix does not log in this form today."""
        m = _LOOSE_DELIVERY.match(line)
        if m is not None and "@" in m[3]:
            return _delivery(m, line, number, log)
        log.skip(number)
        return ()


def _delivery(
    m: re.Match[str], line: str, number: int, log: LogContext
) -> Iterable[Finding | Note]:
    when, queue_id, to, original, relay, status, outcome, text = m.groups()
    if text.endswith(","):
        text = text.rstrip(",")  # of a spreadsheet
    kind = _KINDS.get(outcome)
    if kind is None:
        return ()
    if not _is_whole(text) and len(line) < _SYSLOG_LIMIT:
        return (Note(log.path, number, _CUT),)
    if ">, " in text and _AGAIN.search(text):
        return (Note(log.path, number, _UNCERTAIN),)
    is_delivered = kind is Kind.DELIVERED
    mail = log.queue.get(queue_id)
    host, ip, port = _host_of(relay)
    reply, stage = (
        (None, None) if is_delivered else reply_with_stage(text.removesuffix(")"), status)
    )
    report = Report(
        source=log.source(number),
        kind=kind,
        recipient=to,
        original_recipient=original or None,
        at=log.timestamps.parse(when),
        message_id=mail.message_id,
        sender=mail.sender,
        remote_mta=host,
        reply=reply,
        stage=stage or (Stage.CONNECT if relay == "none" else None),
        remote_ip=ip,
        remote_port=port,
        provenance=Provenance(queue_id=queue_id),
    )
    if kind is Kind.DELAYED:
        log.queue.get_or_add(queue_id).defer(report)
    elif mail.deferred:
        mail.finish(to)
    # A hand-over to a content filter on this host. The filter returns the mail, and its delivery is
    # logged under the next queue id.
    if is_delivered and relay.startswith(_LOOPBACK) and "queued as" in text:
        return ()
    return (finding(report, line),)


@lru_cache(maxsize=4096)
def _host_of(relay: str) -> tuple[str | None, str | None, int | None]:
    """The host, address and port of *relay*."""
    located = _RELAY.match(relay)
    host, ip, port = located.groups() if located else (relay, None, None)
    return host if host not in ("none", "") else None, ip, int(port) if port else None


def _is_whole(remark: str) -> bool:
    """Whether *remark* ends with the bracket that Postfix closes it with: behind the command that
    was answered, or behind words whose own brackets are even.
    """
    return remark.endswith(" command))") or (
        remark.endswith(")") and remark.count(")") > remark.count("(")
    )
