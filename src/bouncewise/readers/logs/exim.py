"""Exim main logs (mainlog, or by syslog, with or without Exim's own time stamp), joined by message
id.

Reads: arrivals ``<=``, deliveries ``=>`` ``->`` ``>>``, failures ``**``, deferrals ``==``,
``Completed``; ids of 16 and of 23 characters. Gives: a report per delivery attempt, with the sender
and Message-ID of its arrival; where Exim only states that it gives up, the recipient's last
deferral as a failure. Refuses: deliveries suppressed by -N ``*>``, discarded mail (``:blackhole:``,
/dev/null), what Exim rejected, and the later parts of a line that syslog split. Source:
https://www.exim.org/exim-html-current/doc/html/spec_html/ch-log_files.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from bouncewise.model import Finding, Kind, Report, Source
from bouncewise.readers.base import reply_with_stage
from bouncewise.readers.logs.lines import (
    MAX_INSPECTED,
    SYSLOG_HEAD,
    LineLog,
    LogContext,
    QueuedMail,
    finding,
)
from bouncewise.readers.logs.timestamps import TimestampParser
from bouncewise.rfc import address

_ID = (
    r"(?P<id>[0-9A-Za-z]{6}-[0-9A-Za-z]{6}-[0-9A-Za-z]{2}"
    r"|[0-9A-Za-z]{6}-[0-9A-Za-z]{11}-[0-9A-Za-z]{4})"
)
# Only these prefixes: a subject or HELO name later in the line may imitate a whole line.
_START = (
    rf"^(?:{SYSLOG_HEAD}[\w./-]*exim[\w./-]*(?:\[\d+\])?: )?(?:\[\d+[/\\]\d+\] )?"
    r"(?:(?P<own>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?(?: [+-]\d{4})?) )?"
    rf"(?:\[\d+\] )?{_ID} "
)
_LINE = re.compile(_START + r"(?P<rest>.*)")
_EVENT = re.compile(r"(?P<flag><=|=>|->|>>|\*\*|==) (?P<address>\S+)(?P<rest>.*)")
_VALUE = r"\"(?:[^\"\\]|\\.)*\"|\S+"
_FIELD = re.compile(rf" (?P<name>[A-Za-z]{{1,4}})=(?P<value>{_VALUE})")
_FIRST_FIELD = re.compile(r" [A-Z]=|: ")
_PARENT = re.compile(r"<([^<>\s]{1,256}@[^<>\s]{1,256})>")
_BEFORE_REASON = re.compile(
    rf"(?:^|\s)(?:[A-Za-z]{{1,4}}=(?:{_VALUE})(?: \[[^\]]*\](?::\d+)?)?|\[[^\]]*\](?::\d+)?|"
    r"\(\S+\)|<\S+>|defer)(?=[\s:]|$)"
)
_DEFERRED = re.compile(r" defer \(-?\d+\)\s*$")  # without a reason
_HOST = re.compile(r"\bhost (?P<host>[\w.-]+) \[")
_EXPIRED = re.compile(
    r"retry timeout exceeded|retry time not reached for any host after a long failure|"
    r"too long on queue"
)
# A line with an outcome: the flags stand behind the id, and no subject does.
_OUTCOME = re.compile(
    r"[0-9A-Za-z]{6}-(?:[0-9A-Za-z]{6}-[0-9A-Za-z]{2}|[0-9A-Za-z]{11}-[0-9A-Za-z]{4}) "
    r"(?:=>|->|>>|\*\*|==) \S+@\S+ .*?[RT]="
)
# What this server decides by its own settings. No other server was asked.
_HELD_HERE = re.compile(r"\bqueue_(?:smtp_)?(?:domains|only)|\bcontrol=queue|\B-odqs?\b", re.I)
_KINDS = {
    "=>": Kind.DELIVERED,
    "->": Kind.DELIVERED,
    ">>": Kind.DELIVERED,
    "**": Kind.FAILED,
    "==": Kind.DELAYED,
}


class EximReader(LineLog):
    """An Exim main log."""

    name = "exim"
    about = "Exim main log: deliveries, deferrals and failures, joined by message id"
    pattern = re.compile((_START + r"(?:<=|=>|->|>>|\*\*|==|Completed)").encode(), re.M)

    def read_line(self, line: str, number: int, log: LogContext) -> Iterator[Finding]:
        """A finding for each delivery attempt."""
        m = _LINE.match(line)
        if m is None or not (m["own"] or m["when"]):
            if m is None and _OUTCOME.search(line, 0, MAX_INSPECTED) is not None:
                log.skip(number)
            return
        if m["rest"].startswith("Completed"):
            log.queue.remove(m["id"])
            return
        event = _EVENT.match(m["rest"])
        if event is None:
            return
        fields = {f["name"]: f["value"].strip('"') for f in _FIELD.finditer(event["rest"][:2000])}
        if event["flag"] == "<=":
            mail = log.queue.get_or_add(m["id"])
            mail.sender = None if event["address"] == "<>" else event["address"]
            mail.message_id = fields.get("id")
            return
        at = _parse_time(m["own"] or m["when"], log.timestamps)
        report = _report(event, fields, log.source(number), at, log.queue.get(m["id"]))
        if report is not None:
            yield finding(_update_queue(report, m["id"], log), line)


def _update_queue(report: Report, message_id: str, log: LogContext) -> Report:
    """*report*, or the last deferral as a failure if Exim only states that it gives up."""
    if report.kind is Kind.DELAYED:
        log.queue.get_or_add(message_id).defer(report)
        return report
    mail = log.queue.get(message_id)
    if (
        report.reply is not None
        and report.reply.reply_code is None
        and _EXPIRED.search(report.reply.text)
    ):
        return next(iter(mail.expire(report.source, report.at, report.recipient)), report)
    mail.finish(report.recipient)
    return report


def _report(
    event: re.Match[str],
    fields: dict[str, str],
    source: Source,
    at: datetime | None,
    mail: QueuedMail,
) -> Report | None:
    """The report of a delivery line; None if nobody was mailed, or if it is uncertain who was."""
    parents = _PARENT.findall(_FIRST_FIELD.split(event["rest"][:2000], maxsplit=1)[0])
    kind = _KINDS[event["flag"]]
    if kind is Kind.DELIVERED and event["address"].startswith((":blackhole:", "/dev/null")):
        return None
    recipient = event["address"].strip("<>").removesuffix(":")
    # A pipe, a file, or ">x@y": an automatic reply to x@y, in the name of the parent.
    if "@" not in recipient or event["address"].startswith(("|", "/", ">")):
        if not parents:
            return None
        recipient = parents[-1]
    original = (
        parents[-1]
        if parents and address.normalise(parents[-1]) != address.normalise(recipient)
        else None
    )
    text = _reason(event["rest"])
    is_complete = fields if kind is Kind.DELIVERED else text or _DEFERRED.search(event["rest"])
    if not is_complete:
        return None  # the line is cut short, and perhaps the address with it
    reply, stage = reply_with_stage(text)
    is_answer = kind is not Kind.DELIVERED and not _HELD_HERE.search(text)
    host = _HOST.search(text)
    return Report(
        source=source,
        kind=kind,
        recipient=recipient,
        original_recipient=original,
        at=at,
        message_id=mail.message_id,
        sender=mail.sender,
        remote_mta=fields.get("H") or (host["host"] if host else None),
        reply=reply if is_answer and text else None,
        stage=stage if is_answer and text else None,
    )


def _reason(rest: str) -> str:
    """The text after the fields.

    ``R=x T=y H=h [192.0.2.1]: reply``, ``R=x T=y defer (-44): reply``, ``: reply``.
    """
    end = 0
    while (m := _BEFORE_REASON.match(rest, end)) is not None and m.end() > end:
        end = m.end()
    return rest[end:].lstrip(": ").replace("\\n", "\n")


def _parse_time(stamp: str, timestamps: TimestampParser) -> datetime | None:
    return timestamps.parse(re.sub(r" ([+-]\d\d)(\d\d)$", r"\1:\2", stamp))
