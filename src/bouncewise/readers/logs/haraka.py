"""Haraka logs: what the outbound side says of each recipient, joined by the transaction's UUID.

Reads: ``recipient <a@b> rejected: …`` and ``… deferred: …``; ``delivered file=… domain=… rcpts=1/0/0``, which counts and
does not name; ``bouncing mail: …`` and ``Temp failing … seconds: …``, which tell of all that are left; and the inbound
side's ``recipient <a@b> code=OK … sender=…`` with the same UUID, which says who that is. Gives: a report per recipient;
of a delivery or of a whole mail only where it is certain whom it means. Haraka makes a 5xx status of a 4xx that has
expired; the server's own reply is quoted here. Refuses: what Haraka itself rejected from others; LOGFMT and JSON logs.
Source: https://github.com/haraka/Haraka/blob/master/outbound/hmail.js, https://haraka.github.io/core/Logging
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from bouncewise.model import Kind, Report, Source
from bouncewise.readers.base import Finding
from bouncewise.readers.logs.lines import MAX_RECIPIENTS, LineLog, Log, Mail, finding, told

_LINE = re.compile(
    r"^(?:(?P<when>\d{4}-\d\d-\d\d[T ]\S+|[A-Z][a-z]{2} +\d+ [\d:]+)(?: \S+){0,3}? )?\[(?:NOTICE|INFO|WARN|ERROR|CRIT)\] "
    r"\[(?P<id>[0-9A-Fa-f-]{8,40}(?:\.\d+)?)[.\d]*\] \[(?P<origin>[^\]]*)\] (?P<rest>.*)$"
)
_RECIPIENT = re.compile(
    r"recipient <(?P<who>[^>\s]{1,256}@[^>\s]{1,256})> (?P<fate>rejected|deferred): (?P<reason>.*)$"
)
_ACCEPTED = re.compile(
    r"recipient <(?P<who>[^>\s]{1,256}@[^>\s]{1,256})> code=(?:OK|CONT)\b(?:.*\bsender=\"?(?P<sender>[^\s\"]+))?"
)
_DELIVERED = re.compile(
    r"delivered file=\S+ domain=\"?(?P<domain>[^\s\"]+)\"? host=\"?(?P<host>[^\s\"]*)"
)
_COUNTS = re.compile(r" rcpts=\"?(?P<ok>\d+)/(?P<deferred>\d+)/(?P<rejected>\d+)\"?\s*$")
_WHOLE = re.compile(
    r"(?:(?P<bounced>bouncing mail): |Temp failing \S+ for [\d.]+ seconds: )(?P<reason>.*)$"
)
_TOO_MANY = re.compile(r"Too many failures \((?P<reason>.*)\)$")
_SOME = re.compile(r"(?:Error: )?Some recipients (?:temp )?failed: ")
_SAID = re.compile(r"\bhost (?P<host>[\w.-]+)")


class HarakaReader(LineLog):
    """A Haraka log."""

    name = "haraka"
    about = "Haraka log: outbound deliveries, deferrals and rejections, joined by UUID"
    pattern = re.compile(rb"\[(?:NOTICE|INFO|WARN|ERROR)\] \[[0-9A-Fa-f.-]*\] \[outbound[^\]]*\] ")

    def line(self, line: str, number: int, log: Log) -> Iterator[Finding]:
        """A finding per recipient that the line names, or certainly means."""
        m = _LINE.match(line)
        if m is None:
            return
        at = log.clock.read(m["when"]) if m["when"] else None
        if not m["origin"].startswith("outbound"):
            if (accepted := _ACCEPTED.match(m["rest"])) is not None:
                _accept(log.queue.remember(m["id"]), accepted)
            return
        if (one := _RECIPIENT.match(m["rest"])) is not None:
            reports = [_recipient(one, log.source(number), at, log.queue.remember(m["id"]))]
        elif (delivered := _DELIVERED.match(m["rest"])) is not None:
            reports = _delivered(
                delivered, m["rest"], log.source(number), at, log.queue.known(m["id"])
            )
        elif (whole := _WHOLE.match(m["rest"])) is not None:
            reports = _whole(whole, log.source(number), at, log.queue.known(m["id"]))
        else:
            return
        for report in reports:
            yield finding(report, line)


def _accept(mail: Mail, m: re.Match[str]) -> None:
    mail.sender = m["sender"] or mail.sender
    if m["who"] not in mail.recipients and len(mail.recipients) < MAX_RECIPIENTS:
        mail.recipients += (m["who"],)


def _recipient(m: re.Match[str], source: Source, at: datetime | None, mail: Mail) -> Report:
    reply, stage = told(m["reason"])
    host = _SAID.search(m["reason"])
    report = Report(
        source=source,
        kind=Kind.DELAYED if m["fate"] == "deferred" else Kind.FAILED,
        recipient=m["who"],
        at=at,
        sender=mail.sender,
        remote_mta=host["host"] if host else None,
        reply=reply,
        stage=stage,
    )
    if report.kind is Kind.DELAYED:
        mail.wait(report)
    else:
        _done(mail, report.recipient)
    return report


def _delivered(
    m: re.Match[str], rest: str, source: Source, at: datetime | None, mail: Mail
) -> list[Report]:
    """A delivery of each recipient at the domain, if the line's count is theirs."""
    counts = _COUNTS.search(rest)
    if counts is None:
        return []
    left = [r for r in mail.recipients if r.rpartition("@")[2].casefold() == m["domain"].casefold()]
    if int(counts["deferred"]):
        left = [r for r in left if r not in mail.waiting]
    if len(left) != int(counts["ok"]):
        return []
    for recipient in left:
        _done(mail, recipient)
    return [
        Report(
            source=source,
            kind=Kind.DELIVERED,
            recipient=r,
            at=at,
            sender=mail.sender,
            remote_mta=m["host"] or None,
        )
        for r in left
    ]


def _whole(m: re.Match[str], source: Source, at: datetime | None, mail: Mail) -> list[Report]:
    """What a line says of all that are left; they are certain where they are at one domain.

    A mail is queued once per domain under one UUID, and the line does not say which.
    """
    expired = _TOO_MANY.match(m["reason"])
    reason = expired["reason"] if expired else m["reason"]
    if _SOME.match(reason):  # each has had a line of its own: only that it was the last one is new
        named = (
            [who for who in list(mail.waiting) if f"<{who}>" in reason]
            if expired and m["bounced"]
            else []
        )
        reports = [report for who in named for report in mail.give_up(source, at, who)]
        for report in reports:
            _done(mail, report.recipient)
        return reports
    if len({r.rpartition("@")[2].casefold() for r in mail.recipients}) != 1:
        return []
    reply, stage = told(reason)
    reports = [
        Report(
            source=source,
            kind=Kind.FAILED if m["bounced"] else Kind.DELAYED,
            recipient=r,
            at=at,
            sender=mail.sender,
            reply=reply,
            stage=stage,
        )
        for r in mail.recipients
    ]
    if m["bounced"]:
        mail.recipients = ()
        mail.waiting = {}
    return reports


def _done(mail: Mail, recipient: str) -> None:
    mail.done(recipient)
    mail.recipients = tuple(r for r in mail.recipients if r != recipient)
