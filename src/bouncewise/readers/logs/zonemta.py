"""ZoneMTA logs: the sender's lines, or the same as GELF records (Graylog), one JSON object per
line.

Reads: ``Sender/zone/pid ID.SEQ REJECTED[category] from=a[a] to=b mx=c (reply)``, with ACCEPTED and
DEFERRED, with or without a syslog prefix; objects with ``_mail_action``, ``_to``, ``_from``,
``_mx``, ``_response``, ``_category``. Gives: a report per attempt, with the category as a label
beside the reply. DROPPED, a decision of ZoneMTA itself, is suppressed. ZoneMTA defers on some 5xx
replies (blocklists): the action decides. Refuses: all other lines; lines that begin like JSON and
are not JSON (a Note). Source: log.info and remotelog in
https://github.com/zone-eu/zone-mta/blob/master/lib/sender.js. The names of the GELF fields are
those of its sibling WildDuck; no documentation by ZoneMTA was found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from bouncewise.model import Finding, Kind, Label, Permanence, Report, Source
from bouncewise.readers.base import Note, lines, reply_with_stage
from bouncewise.readers.logs.jsonlines import (
    JsonLog,
    Record,
    parse_record,
    text_at,
    texts_at,
    time_at,
)
from bouncewise.readers.logs.lines import MAX_RECIPIENTS, finding
from bouncewise.readers.logs.timestamps import TimestampParser

_KINDS = {
    "accepted": Kind.DELIVERED,
    "rejected": Kind.FAILED,
    "bounced": Kind.FAILED,
    "deferred": Kind.DELAYED,
    "dropped": Kind.SUPPRESSED,
}
_START = (
    r"^(?:(?P<when>\d{4}-\d\d-\d\d[T ]\S+|[A-Z][a-z]{2} +\d+ [\d:]{8}) )?"
    # A host and the tag of syslog: behind another program's tag stands that program's text.
    r"(?:(?:\S++(?<!:)|(?:zone-?mta|node)[^\s:]*+:) ){0,4}?"
    r"Sender/\S+ [0-9a-f]{8,32}\.[0-9a-f]{3} "
    r"(?P<action>ACCEPTED|REJECTED|DEFERRED)(?:\[(?P<category>[^\]]*)\])? from="
)
_LINE = re.compile(
    _START + r"(?P<from>[^\[\s]*)(?:\[[^\]]*\])? to=(?P<to>\S+) mx=(?P<mx>[^\s\[]+)(?:\[\S*)?"
    r"(?: (?:body|md5)=\S+)* \((?P<response>.*)\)$"
)
_SNIFF = re.compile(_START.encode(), re.M)


class ZonemtaReader(JsonLog):
    """ZoneMTA's log, as text or as GELF records."""

    name = "zonemta"
    about = "ZoneMTA log: the sender's lines, or as sent to Graylog, JSON lines"
    required_keys = ("_mail_action",)

    def sniff(self, head: bytes) -> bool:
        """Whether there is a line of the sender, or an object with a mail action."""
        return _SNIFF.search(head) is not None or super().sniff(head)

    def read(self, stream: BinaryIO, path: str) -> Iterator[Finding | Note]:
        """The findings and notes of each line, in either form."""
        timestamps = TimestampParser.for_file(path)
        for item in lines(stream, path):
            if isinstance(item, Note):
                yield item
                continue
            number, line = item
            source, text = Source(path, self.name, number), line.decode("utf-8", "replace")
            if not text.lstrip().startswith("{"):
                if (m := _LINE.match(text)) is not None and "@" in m["to"]:
                    yield finding(_report_of_line(m, source, timestamps), text)
            elif (record := parse_record(line)) is not None:
                for report in self.reports(record, source):
                    yield finding(report, text)
            else:
                yield Note(path, number, "not a JSON object")

    def reports(self, record: Record, source: Source) -> Iterator[Report]:
        """A report for each recipient of a delivery attempt."""
        kind = _KINDS.get(text_at(record, "_mail_action").casefold())
        if kind is None:
            return
        reply, stage = reply_with_stage(text_at(record, "_response") or text_at(record, "_error"))
        is_refused = kind in (Kind.FAILED, Kind.DELAYED)
        recipients = texts_at(record, "_to") or texts_at(record, "_recipient")
        for recipient in recipients[:MAX_RECIPIENTS]:
            if "@" in recipient:
                yield Report(
                    source=source,
                    kind=kind,
                    recipient=recipient.strip("<>"),
                    at=time_at(record, "timestamp"),
                    message_id=text_at(record, "_message_id").strip("<>") or None,
                    sender=text_at(record, "_from") or None,
                    remote_mta=text_at(record, "_mx") or None,
                    reply=reply if is_refused and reply.text else None,
                    stage=stage if is_refused else None,
                    esp=_label(text_at(record, "_category")),
                )


def _report_of_line(m: re.Match[str], source: Source, timestamps: TimestampParser) -> Report:
    kind = _KINDS[m["action"].casefold()]
    reply, stage = reply_with_stage(m["response"])
    return Report(
        source=source,
        kind=kind,
        recipient=m["to"].strip("<>"),
        at=timestamps.parse(m["when"]) if m["when"] else None,
        sender=m["from"] or None,
        remote_mta=m["mx"],
        reply=None if kind is Kind.DELIVERED else reply,
        stage=None if kind is Kind.DELIVERED else stage,
        esp=_label(m["category"]),
    )


def _label(category: str | None) -> Label | None:
    return Label("zonemta", category, Permanence.UNKNOWN) if category else None
