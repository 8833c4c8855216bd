"""Logs of one JSON object per line: KumoMTA's, and ZoneMTA's as it goes to Graylog (GELF).

Gives: a report per recipient of a record that tells an outcome. Refuses: records of reception and administration;
lines that are no JSON (a Note), such as the last of a segment that is still being written.
Source: docs.kumomta.com/reference/log_record; github.com/zone-eu/zone-mta README "Logging" (``_mail_action``, ``_to``, …).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from bouncewise.model import Kind, Label, Permanence, Report, Source
from bouncewise.readers.base import Finding, Note, lines
from bouncewise.readers.loglines import finding, from_epoch, told

Record = dict[str, Any]


class JsonLog:
    """A log of JSON lines. ``mark``: two keys that its records have and others have not."""

    name = ""
    about = ""
    mark: tuple[str, ...] = ()

    def sniff(self, head: bytes) -> bool:
        """The first line is an object with the format's keys."""
        record = _record(head.lstrip().partition(b"\n")[0])
        return record is not None and all(key in record for key in self.mark)

    def read(self, stream: BinaryIO, path: str) -> Iterator[Finding | Note]:
        """What each line tells."""
        for item in lines(stream, path):
            if isinstance(item, Note):
                yield item
                continue
            number, line = item
            if not line.strip():
                continue
            record = _record(line)
            if record is None:
                yield Note(path, number, "no JSON object; a segment that is still being written ends so")
                continue
            text = line.decode("utf-8", "replace")
            for report in self.reports(record, Source(path, self.name, number)):
                yield finding(report, text)

    def reports(self, record: Record, source: Source) -> Iterator[Report]:
        """What *record* tells."""
        raise NotImplementedError


_KUMOMTA = {"delivery": Kind.DELIVERED, "bounce": Kind.FAILED, "oob": Kind.FAILED, "expiration": Kind.FAILED,
            "transientfailure": Kind.DELAYED, "delayed": Kind.DELAYED, "feedback": Kind.COMPLAINT}  # fmt: skip


class KumomtaReader(JsonLog):
    """KumoMTA's log segments."""

    name = "kumomta"
    about = "KumoMTA log records, JSON lines (the .zst segments as they are)"
    mark = ("type", "queue")

    def reports(self, record: Record, source: Source) -> Iterator[Report]:
        """A report per recipient; ``recipient`` has been a list since 2025.12."""
        kind = _KUMOMTA.get(_str(record, "type").casefold())
        if kind is None or _str(record, "reception_protocol") == "LogRecord":
            return
        response = _dict(record, "response")
        status = _dict(response, "enhanced_code")
        dsn = ".".join(str(status.get(k, "")) for k in ("class", "subject", "detail")) if status else None
        code, content = response.get("code"), _str(response, "content")
        text = f"{code} {content}" if isinstance(code, int) and code and not content.startswith(str(code)) else content
        reply, stage = told(text, dsn)
        if _str(response, "command").upper().startswith("RCPT") and stage is None:
            stage = told("(in reply to RCPT TO command)")[1]
        label = _str(record, "bounce_classification")
        names = record.get("recipient")
        for recipient in names if isinstance(names, list) else [names]:
            if not isinstance(recipient, str) or "@" not in recipient:
                continue
            yield Report(
                source=source,
                kind=kind,
                recipient=recipient.strip("<>"),
                at=from_epoch(_number(record, "event_time") or _number(record, "timestamp")),
                message_id=_str(_dict(record, "headers"), "Message-ID").strip("<>") or None,
                sender=_str(record, "sender").strip("<>") or None,
                remote_mta=_str(_dict(record, "peer_address"), "name").rstrip(".") or None,
                reply=reply if kind in (Kind.FAILED, Kind.DELAYED) else None,
                stage=stage if kind in (Kind.FAILED, Kind.DELAYED) else None,
                esp=Label("kumomta", label, Permanence.UNKNOWN) if label else None,
            )


_ZONEMTA = {"accepted": Kind.DELIVERED, "rejected": Kind.FAILED, "deferred": Kind.DELAYED, "bounced": Kind.FAILED}


class ZonemtaReader(JsonLog):
    """ZoneMTA's GELF records."""

    name = "zonemta"
    about = "ZoneMTA log records as sent to Graylog, JSON lines"
    mark = ("_mail_action",)

    def reports(self, record: Record, source: Source) -> Iterator[Report]:
        """A report per record of a delivery attempt."""
        kind = _ZONEMTA.get(_str(record, "_mail_action").casefold())
        recipient = _str(record, "_to") or _str(record, "_recipient")
        if kind is None or "@" not in recipient:
            return
        reply, stage = told(_str(record, "_response") or _str(record, "_error"))
        category = _str(record, "_category")
        yield Report(
            source=source,
            kind=kind,
            recipient=recipient,
            at=from_epoch(_number(record, "timestamp")),
            message_id=_str(record, "_message_id").strip("<>") or None,
            sender=_str(record, "_from") or None,
            remote_mta=_str(record, "_mx") or None,
            reply=reply if kind is not Kind.DELIVERED else None,
            stage=stage if kind is not Kind.DELIVERED else None,
            esp=Label("zonemta", category, Permanence.UNKNOWN) if category else None,
        )


def _record(line: bytes) -> Record | None:
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return found if isinstance(found, dict) else None


def _str(record: Record, key: str) -> str:
    value = record.get(key)
    return value if isinstance(value, str) else ""


def _dict(record: Record, key: str) -> Record:
    value = record.get(key)
    return value if isinstance(value, dict) else {}


def _number(record: Record, key: str) -> float | str:
    value = record.get(key)
    return value if isinstance(value, int | float | str) and not isinstance(value, bool) else 0
