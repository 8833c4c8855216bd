"""ZoneMTA logs: the sender's lines, and the same as GELF records (Graylog), one JSON object per line.

Reads: ``Sender/zone/pid ID.SEQ REJECTED[category] from=a[a] to=b mx=c (reply)``, with ACCEPTED and DEFERRED, behind a
syslog prefix or none; objects with ``_mail_action``, ``_to``, ``_from``, ``_mx``, ``_response``, ``_category``. Gives: a
report per attempt, the category as a label beside the reply; DROPPED, ZoneMTA's own decision, is suppressed. Refuses: all
other lines; lines that begin as JSON and are none (a Note). ZoneMTA defers on some 5xx (blocklists): the action decides.
Source: log.info and remotelog in https://github.com/zone-eu/zone-mta/blob/master/lib/sender.js. The names of
the GELF fields are those in use with its sibling WildDuck; no documentation of ZoneMTA's own was found for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from bouncewise.model import Kind, Label, Permanence, Report, Source
from bouncewise.readers.base import Finding, Note, lines
from bouncewise.readers.logs.jsonlines import JsonLog, Record, record_of, text_at, texts_at, time_at
from bouncewise.readers.logs.lines import MAX_RECIPIENTS, finding, told
from bouncewise.readers.logs.timestamps import Clock

_KINDS = {
    "accepted": Kind.DELIVERED,
    "rejected": Kind.FAILED,
    "bounced": Kind.FAILED,
    "deferred": Kind.DELAYED,
    "dropped": Kind.SUPPRESSED,
}
_START = (
    r"^(?:(?P<when>\d{4}-\d\d-\d\d[T ]\S+|[A-Z][a-z]{2} +\d+ [\d:]{8}) )?(?:\S+ ){0,4}?Sender/\S+ "
    r"[0-9a-f]{8,32}\.[0-9a-f]{3} (?P<action>ACCEPTED|REJECTED|DEFERRED)(?:\[(?P<category>[^\]]*)\])? from="
)
_LINE = re.compile(
    _START
    + r"(?P<from>[^\[\s]*)(?:\[[^\]]*\])? to=(?P<to>\S+) mx=(?P<mx>[^\s\[]+)(?:\[\S*)?(?: (?:body|md5)=\S+)* "
    r"\((?P<response>.*)\)$"
)
_SNIFF = re.compile(_START.encode(), re.M)


class ZonemtaReader(JsonLog):
    """ZoneMTA's log, as text or as GELF records."""

    name = "zonemta"
    about = "ZoneMTA log: the sender's lines, or as sent to Graylog, JSON lines"
    mark = ("_mail_action",)

    def sniff(self, head: bytes) -> bool:
        """A sender's line, or an object that has a mail action."""
        return _SNIFF.search(head) is not None or super().sniff(head)

    def read(self, stream: BinaryIO, path: str) -> Iterator[Finding | Note]:
        """What each line tells, in either form."""
        clock = Clock.for_file(path)
        for item in lines(stream, path):
            if isinstance(item, Note):
                yield item
                continue
            number, line = item
            source, text = Source(path, self.name, number), line.decode("utf-8", "replace")
            if not text.lstrip().startswith("{"):
                if (m := _LINE.match(text)) is not None and "@" in m["to"]:
                    yield finding(_told_by_line(m, source, clock), text)
            elif (record := record_of(line)) is not None:
                for report in self.reports(record, source):
                    yield finding(report, text)
            else:
                yield Note(path, number, "no JSON object")

    def reports(self, record: Record, source: Source) -> Iterator[Report]:
        """A report per recipient of a record of a delivery attempt."""
        kind = _KINDS.get(text_at(record, "_mail_action").casefold())
        if kind is None:
            return
        reply, stage = told(text_at(record, "_response") or text_at(record, "_error"))
        refused = kind in (Kind.FAILED, Kind.DELAYED)
        for recipient in (texts_at(record, "_to") or texts_at(record, "_recipient"))[
            :MAX_RECIPIENTS
        ]:
            if "@" not in recipient:
                continue
            yield Report(
                source=source,
                kind=kind,
                recipient=recipient.strip("<>"),
                at=time_at(record, "timestamp"),
                message_id=text_at(record, "_message_id").strip("<>") or None,
                sender=text_at(record, "_from") or None,
                remote_mta=text_at(record, "_mx") or None,
                reply=reply if refused and reply.text else None,
                stage=stage if refused else None,
                esp=_label(text_at(record, "_category")),
            )


def _told_by_line(m: re.Match[str], source: Source, clock: Clock) -> Report:
    kind = _KINDS[m["action"].casefold()]
    reply, stage = told(m["response"])
    return Report(
        source=source,
        kind=kind,
        recipient=m["to"].strip("<>"),
        at=clock.read(m["when"]) if m["when"] else None,
        sender=m["from"] or None,
        remote_mta=m["mx"],
        reply=None if kind is Kind.DELIVERED else reply,
        stage=None if kind is Kind.DELIVERED else stage,
        esp=_label(m["category"]),
    )


def _label(category: str | None) -> Label | None:
    return Label("zonemta", category, Permanence.UNKNOWN) if category else None
