"""Exim main logs (mainlog, or by syslog), joined by message id.

Reads: arrivals ``<=``, deliveries ``=>`` ``->`` ``>>``, failures ``**``, deferrals ``==``, ``Completed``; ids of 16 and of
23 characters. Gives: a report per delivery attempt, with the sender and message-id of its arrival; the last deferral of a
recipient as its failure where Exim gives up. Refuses: suppressed deliveries ``*>``, what is rejected from others.
Source: Exim specification, chapter 53 "Log files".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from bouncewise.model import Kind, Report, Source
from bouncewise.readers.base import Finding
from bouncewise.readers.clock import Clock
from bouncewise.readers.loglines import LineLog, Mail, Queue, finding, told
from bouncewise.rfc import address

_ID = r"(?P<id>[0-9A-Za-z]{6}-[0-9A-Za-z]{6}-[0-9A-Za-z]{2}|[0-9A-Za-z]{6}-[0-9A-Za-z]{11}-[0-9A-Za-z]{4})"
_LINE = re.compile(
    rf"(?P<when>\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?(?: [+-]\d{{4}})?) (?:\[\d+\] )?{_ID} (?P<rest>.*)"
)
_EVENT = re.compile(r"(?P<flag><=|=>|->|>>|\*\*|==) (?P<who>\S+|<>)(?P<rest>.*)")
_FIELD = re.compile(r" (?P<name>[A-Za-z]{1,4})=(?P<value>\"[^\"]*\"|\S+)")
_PARENT = re.compile(r"^ (?:\(\S+\) )?<(?P<parent>[^<>\s]+@[^<>\s]+)>")
_REASON = re.compile(
    r"(?:^|\s)(?:[A-Za-z]{1,4}=(?:\"[^\"]*\"|\S+)(?: \[[^\]]*\](?::\d+)?)?|\[[^\]]*\](?::\d+)?|\(\S+\)|<\S+>)(?=[\s:]|$)"
)
_HOST = re.compile(r"\bhost (?P<host>[\w.-]+) \[")
_KINDS = {"=>": Kind.DELIVERED, "->": Kind.DELIVERED, ">>": Kind.DELIVERED, "**": Kind.FAILED, "==": Kind.DELAYED}


class EximReader(LineLog):
    """An Exim main log."""

    name = "exim"
    about = "Exim main log: deliveries, deferrals and failures, joined by message id"
    pattern = re.compile(_LINE.pattern.replace("(?P<rest>.*)", r"(?:<=|=>|->|\*\*|==|Completed)").encode())

    def line(self, line: str, source: Source, clock: Clock, queue: Queue) -> Iterator[Finding]:
        """A finding for each attempt."""
        m = _LINE.search(line[:400]) and _LINE.search(line)
        if not m:
            return
        if m["rest"].startswith("Completed"):
            queue.forget(m["id"])
            return
        event = _EVENT.match(m["rest"])
        if event is None:
            return
        fields = {f["name"]: f["value"].strip('"') for f in _FIELD.finditer(event["rest"][:2000])}
        if event["flag"] == "<=":
            mail = queue.remember(m["id"])
            mail.sender = None if event["who"] == "<>" else event["who"]
            mail.message_id = fields.get("id")
        elif "@" in event["who"] or _PARENT.match(event["rest"]):
            report = _report(event, fields, source, _time(m["when"], clock), queue.known(m["id"]))
            yield finding(report, line)


def _report(event: re.Match[str], fields: dict[str, str], source: Source, at: datetime | None, mail: Mail) -> Report:
    parent = _PARENT.match(event["rest"])
    who = event["who"].strip("<>") if "@" in event["who"] else (parent["parent"] if parent else event["who"])
    original = parent["parent"] if parent and address.normalise(parent["parent"]) != address.normalise(who) else None
    kind = _KINDS[event["flag"]]
    text = _reason(event["rest"])
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
    return clock.read(re.sub(r" ([+-]\d\d)(\d\d)$", r"\1:\2", stamp).encode())
