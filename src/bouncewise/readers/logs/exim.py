"""Exim main logs (mainlog, or by syslog, with or without Exim's own time stamp), joined by message id.

Reads: arrivals ``<=``, deliveries ``=>`` ``->`` ``>>``, failures ``**``, deferrals ``==``, ``Completed``; ids of 16 and of
23 characters. Gives: a report per delivery attempt, with the sender and message-id of its arrival; where Exim only says
that it gives up, the recipient's last deferral as its failure. Refuses: deliveries suppressed by -N ``*>``, what is thrown
away (``:blackhole:``, /dev/null), what is rejected from others, the later pieces of a line that syslog split.
Source: https://www.exim.org/exim-html-current/doc/html/spec_html/ch-log_files.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from bouncewise.model import Kind, Report, Source
from bouncewise.readers.base import Finding
from bouncewise.readers.logs.lines import LineLog, Log, Mail, finding, told
from bouncewise.readers.logs.timestamps import Clock
from bouncewise.rfc import address

_ID = r"(?P<id>[0-9A-Za-z]{6}-[0-9A-Za-z]{6}-[0-9A-Za-z]{2}|[0-9A-Za-z]{6}-[0-9A-Za-z]{11}-[0-9A-Za-z]{4})"
# Nothing but these prefixes: a subject or HELO name further on may imitate a whole line.
_START = (
    r"^(?:<\d{1,3}>)?(?:(?P<syslog>\S+(?: +\S+){0,2}?) +\S+ [\w./-]+(?:\[\d+\])?: )?(?:\[\d+[/\\]\d+\] )?"
    rf"(?:(?P<when>\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?(?: [+-]\d{{4}})?) )?(?:\[\d+\] )?{_ID} "
)
_LINE = re.compile(_START + r"(?P<rest>.*)")
_EVENT = re.compile(r"(?P<flag><=|=>|->|>>|\*\*|==) (?P<who>\S+)(?P<rest>.*)")
_VALUE = r"\"(?:[^\"\\]|\\.)*\"|\S+"
_FIELD = re.compile(rf" (?P<name>[A-Za-z]{{1,4}})=(?P<value>{_VALUE})")
_HEAD_ENDS = re.compile(r" [A-Z]=|: ")
_PARENT = re.compile(r"<([^<>\s]{1,256}@[^<>\s]{1,256})>")
_REASON = re.compile(
    rf"(?:^|\s)(?:[A-Za-z]{{1,4}}=(?:{_VALUE})(?: \[[^\]]*\](?::\d+)?)?|\[[^\]]*\](?::\d+)?|\(\S+\)|<\S+>|defer)(?=[\s:]|$)"
)
_HOST = re.compile(r"\bhost (?P<host>[\w.-]+) \[")
_GAVE_UP = re.compile(
    r"retry timeout exceeded|retry time not reached for any host after a long failure|too long on queue"
)
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

    def line(self, line: str, number: int, log: Log) -> Iterator[Finding]:
        """A finding for each attempt."""
        m = _LINE.match(line)
        if m is None or not (m["when"] or m["syslog"]):
            return
        if m["rest"].startswith("Completed"):
            log.queue.forget(m["id"])
            return
        event = _EVENT.match(m["rest"])
        if event is None:
            return
        fields = {f["name"]: f["value"].strip('"') for f in _FIELD.finditer(event["rest"][:2000])}
        if event["flag"] == "<=":
            mail = log.queue.remember(m["id"])
            mail.sender = None if event["who"] == "<>" else event["who"]
            mail.message_id = fields.get("id")
            return
        report = _report(
            event,
            fields,
            log.source(number),
            _time(m["when"] or m["syslog"], log.clock),
            log.queue.known(m["id"]),
        )
        if report is None:
            return
        mail = log.queue.known(m["id"])
        if report.kind is Kind.DELAYED:
            log.queue.remember(m["id"]).wait(report)
        elif (
            report.reply is not None
            and report.reply.reply_code is None
            and _GAVE_UP.search(report.reply.text)
        ):
            report = next(
                iter(mail.give_up(log.source(number), report.at, report.recipient)), report
            )
        else:
            mail.done(report.recipient)
        yield finding(report, line)


def _report(
    event: re.Match[str], fields: dict[str, str], source: Source, at: datetime | None, mail: Mail
) -> Report | None:
    """The report of a delivery line; None where nobody was written to, or it is not certain who."""
    parents = _PARENT.findall(_HEAD_ENDS.split(event["rest"][:2000], maxsplit=1)[0])
    if event["who"].startswith((":blackhole:", "/dev/null")):
        return None
    who = event["who"].strip("<>").removesuffix(":")
    if "@" not in who or who.startswith(("|", "/")):
        if not parents:
            return None
        who = parents[-1]
    original = (
        parents[-1]
        if parents and address.normalise(parents[-1]) != address.normalise(who)
        else None
    )
    kind = _KINDS[event["flag"]]
    text = _reason(event["rest"])
    if not (
        fields if kind is Kind.DELIVERED else text
    ):  # a line cut short: the address may be, too
        return None
    reply, stage = told(text)
    host = _HOST.search(text)
    return Report(
        source=source,
        kind=kind,
        recipient=who,
        original_recipient=original,
        at=at,
        message_id=mail.message_id,
        sender=mail.sender,
        remote_mta=fields.get("H") or (host["host"] if host else None),
        reply=None if kind is Kind.DELIVERED else reply,
        stage=None if kind is Kind.DELIVERED else stage,
    )


def _reason(rest: str) -> str:
    """What follows the fields: ``R=x T=y H=h [192.0.2.1]: reply``, ``R=x T=y defer (-44): reply``, ``: reply``."""
    at = 0
    while (m := _REASON.match(rest, at)) is not None and m.end() > at:
        at = m.end()
    return rest[at:].lstrip(": ").replace("\\n", "\n")


def _time(stamp: str, clock: Clock) -> datetime | None:
    return clock.read(re.sub(r" ([+-]\d\d)(\d\d)$", r"\1:\2", stamp))
