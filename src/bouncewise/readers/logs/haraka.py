"""Haraka logs: what the outbound side logs about each recipient, joined by the transaction's UUID.

Reads: ``recipient <a@b> rejected: …`` and ``… deferred: …``; ``delivered file=… domain=…
rcpts=1/0/0``, which has counts and no names; ``bouncing mail: …`` and ``Temp failing … seconds:
…``, which concern all remaining recipients; and the inbound side's ``recipient <a@b> code=OK …
sender=…`` with the same UUID, which names the recipients. Gives: a report per recipient; of a
delivery or of a whole mail only if its recipients are certain. Haraka makes a 5xx status of a 4xx
that has expired; the report has the server's own reply. Refuses: what Haraka itself rejected;
LOGFMT and JSON logs. Source: https://github.com/haraka/Haraka/blob/master/outbound/hmail.js,
https://haraka.github.io/core/Logging
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from bouncewise.model import Finding, Kind, Report, Source
from bouncewise.readers.base import reply_with_stage
from bouncewise.readers.logs.lines import (
    MAX_INSPECTED,
    MAX_RECIPIENTS,
    LineLog,
    LogContext,
    QueuedMail,
    finding,
)

_LINE = re.compile(
    r"^(?:(?P<when>\d{4}-\d\d-\d\d[T ]\S+|[A-Z][a-z]{2} +\d+ [\d:]+)"
    # A host and the tag of syslog: behind another program's tag stands that program's text.
    r"(?: +(?:\S++(?<!:)|(?:haraka|node)[^\s:]*+:)){0,3}? +)?"
    r"\[(?:NOTICE|INFO|WARN|ERROR|CRIT)\] "
    r"\[(?P<id>[0-9A-Fa-f-]{8,40}(?:\.\d+)?)[.\d]*\] \[(?P<origin>[^\]]*)\] (?P<rest>.*)$"
)
_RECIPIENT = re.compile(
    r"recipient <(?P<recipient>[^>\s]{1,256}@[^>\s]{1,256})> "
    r"(?P<outcome>rejected|deferred): (?P<reason>.*)$"
)
_ACCEPTED = re.compile(
    r"recipient <(?P<recipient>[^>\s]{1,256}@[^>\s]{1,256})> code=(?:OK|CONT)\b"
    r"(?:.*\bsender=\"?(?P<sender>[^\s\"]+))?"
)
_DELIVERED = re.compile(
    r"delivered file=\S+ domain=\"?(?P<domain>[^\s\"]+)\"? host=\"?(?P<host>[^\s\"]*)"
)
_COUNTS = re.compile(r" rcpts=\"?(?P<ok>\d+)/(?P<deferred>\d+)/(?P<rejected>\d+)\"?\s*$")
_WHOLE_MAIL = re.compile(
    r"(?:(?P<bounced>[Bb]ouncing mail): |Temp failing \S+ for [\d.]+ seconds: )(?P<reason>.*)$"
)
_OUTCOME = re.compile(
    r"\[outbound[^\]]*\] "
    r"(?:recipient <\S+> (?:rejected|deferred):|delivered file=|[Bb]ouncing mail:)"
)
_TOO_MANY = re.compile(r"Too many failures \((?P<reason>.*)\)$")
_SOME_RECIPIENTS = re.compile(r"(?:Error: )?Some recipients (?:temp )?failed: ")
_HOST = re.compile(r"\bhost (?P<host>[\w.-]+)")


class HarakaReader(LineLog):
    """A Haraka log."""

    name = "haraka"
    about = "Haraka log: outbound deliveries, deferrals and rejections, joined by UUID"
    pattern = re.compile(rb"\[(?:NOTICE|INFO|WARN|ERROR)\] \[[0-9A-Fa-f.-]*\] \[outbound[^\]]*\] ")

    def read_line(self, line: str, number: int, log: LogContext) -> Iterator[Finding]:
        """A finding for each recipient that the line names, or that it certainly concerns."""
        m = _LINE.match(line)
        if m is None:
            if "] [outbound" in line and _OUTCOME.search(line, 0, MAX_INSPECTED) is not None:
                log.skip(number)
            return
        at = log.timestamps.parse(m["when"]) if m["when"] else None
        source = log.source(number)
        rest = m["rest"]
        if not m["origin"].startswith("outbound"):
            if (accepted := _ACCEPTED.match(rest)) is not None:
                _add_recipient(log.queue.get_or_add(m["id"]), accepted)
            return
        if (attempt := _RECIPIENT.match(rest)) is not None:
            reports = [_attempt(attempt, source, at, log.queue.get_or_add(m["id"]))]
        elif (delivered := _DELIVERED.match(rest)) is not None:
            reports = _deliveries(delivered, source, at, log.queue.get(m["id"]))
        elif (whole := _WHOLE_MAIL.match(rest)) is not None:
            reports = _whole_mail(whole, source, at, log.queue.get(m["id"]))
        else:
            return
        for report in reports:
            yield finding(report, line)


def _add_recipient(mail: QueuedMail, m: re.Match[str]) -> None:
    mail.sender = m["sender"] or mail.sender
    if m["recipient"] not in mail.recipients and len(mail.recipients) < MAX_RECIPIENTS:
        mail.recipients += (m["recipient"],)


def _attempt(m: re.Match[str], source: Source, at: datetime | None, mail: QueuedMail) -> Report:
    """The rejection or deferral of one recipient."""
    reply, stage = reply_with_stage(m["reason"])
    host = _HOST.search(m["reason"])
    report = Report(
        source=source,
        kind=Kind.DELAYED if m["outcome"] == "deferred" else Kind.FAILED,
        recipient=m["recipient"],
        at=at,
        sender=mail.sender,
        remote_mta=host["host"] if host else None,
        reply=reply,
        stage=stage,
    )
    if report.kind is Kind.DELAYED:
        mail.defer(report)
    else:
        _finish(mail, report.recipient)
    return report


def _deliveries(
    m: re.Match[str], source: Source, at: datetime | None, mail: QueuedMail
) -> list[Report]:
    """A delivery for each remaining recipient at the domain, if the count on the line is theirs."""
    counts = _COUNTS.search(m.string)
    if counts is None:
        return []
    domain = m["domain"].casefold()
    remaining = [r for r in mail.recipients if r.rpartition("@")[2].casefold() == domain]
    if int(counts["deferred"]):
        remaining = [r for r in remaining if r not in mail.deferred]
    if len(remaining) != int(counts["ok"]):
        return []
    for recipient in remaining:
        _finish(mail, recipient)
    return [
        Report(
            source=source,
            kind=Kind.DELIVERED,
            recipient=recipient,
            at=at,
            sender=mail.sender,
            remote_mta=m["host"] or None,
        )
        for recipient in remaining
    ]


def _whole_mail(
    m: re.Match[str], source: Source, at: datetime | None, mail: QueuedMail
) -> list[Report]:
    """The reports of a line about all remaining recipients, which are certain if all have one
    domain.

    Haraka queues a mail once per domain under one UUID, and the line does not name the domain.
    """
    expired = _TOO_MANY.match(m["reason"])
    reason = expired["reason"] if expired else m["reason"]
    if _SOME_RECIPIENTS.match(reason):
        # Each recipient has had a line of its own. New is only that its attempt was the last.
        if not (expired and m["bounced"]):
            return []
        return _expire(mail, [r for r in list(mail.deferred) if f"<{r}>" in reason], source, at)
    if len({r.rpartition("@")[2].casefold() for r in mail.recipients}) != 1:
        return []
    reply, stage = reply_with_stage(reason)
    reports = [
        Report(
            source=source,
            kind=Kind.FAILED if m["bounced"] else Kind.DELAYED,
            recipient=recipient,
            at=at,
            sender=mail.sender,
            reply=reply,
            stage=stage,
        )
        for recipient in mail.recipients
    ]
    if m["bounced"]:
        mail.recipients = ()
        mail.deferred = {}
    return reports


def _expire(
    mail: QueuedMail, recipients: list[str], source: Source, at: datetime | None
) -> list[Report]:
    reports = [report for r in recipients for report in mail.expire(source, at, r)]
    for report in reports:
        _finish(mail, report.recipient)
    return reports


def _finish(mail: QueuedMail, recipient: str) -> None:
    mail.finish(recipient)
    mail.recipients = tuple(r for r in mail.recipients if r != recipient)
