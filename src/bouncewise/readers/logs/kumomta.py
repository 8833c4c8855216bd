"""KumoMTA's log segments: JSON lines. ``intake.files`` decompresses the .zst files.

Reads: Delivery, Bounce, OOB, Expiration, TransientFailure, Delayed and Feedback records. Gives: a
report per recipient (``recipient`` is a list since 2025.12), with the bounce_classification as a
label beside the reply. In a Feedback record ``recipient`` is our own mailbox for complaints; its
feedback_report names who complained, or nobody is known. Refuses: Reception, Rejection (inbound),
AdminBounce (an act of an operator) and the records of KumoMTA's own log hooks. Source:
https://docs.kumomta.com/reference/log_record/,
https://docs.kumomta.com/userguide/configuration/fbl/
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bouncewise.model import Kind, Label, Permanence, Report, Source, Stage
from bouncewise.readers.base import ReplyWithStage, reply_with_stage
from bouncewise.readers.logs.jsonlines import JsonLog, Record, object_at, text_at, texts_at, time_at
from bouncewise.readers.logs.lines import MAX_RECIPIENTS
from bouncewise.rfc import address

_KINDS = {
    "delivery": Kind.DELIVERED,
    "bounce": Kind.FAILED,
    "oob": Kind.FAILED,
    "expiration": Kind.FAILED,
    "transientfailure": Kind.DELAYED,
    "delayed": Kind.DELAYED,
    "feedback": Kind.COMPLAINT,
}
_STAGES = {
    "EHLO": Stage.HELO,
    "HELO": Stage.HELO,
    "LHLO": Stage.HELO,
    "MAIL": Stage.MAIL,
    "RCPT": Stage.RCPT,
    "DATA": Stage.DATA,
    ".": Stage.END_OF_DATA,
}


class KumomtaReader(JsonLog):
    """KumoMTA's log segments."""

    name = "kumomta"
    about = "KumoMTA log records, JSON lines (the .zst segments as they are)"
    required_keys = ("type", "queue")

    def reports(self, record: Record, source: Source) -> Iterator[Report]:
        """A report for each recipient."""
        kind = _KINDS.get(text_at(record, "type").casefold())
        if kind is None or text_at(record, "reception_protocol") == "LogRecord":
            return
        if kind is Kind.COMPLAINT:
            yield from _complaints(record, source)
            return
        is_refused = kind in (Kind.FAILED, Kind.DELAYED)
        reply, stage = _reply(object_at(record, "response"))
        host = text_at(object_at(record, "peer_address"), "name").rstrip(".")
        for recipient in texts_at(record, "recipient")[:MAX_RECIPIENTS]:
            if "@" in recipient:
                yield Report(
                    source=source,
                    kind=kind,
                    recipient=recipient.strip("<>"),
                    at=_time(record),
                    message_id=_message_id(record),
                    sender=text_at(record, "sender").strip("<>") or None,
                    remote_mta=host or None,
                    reply=reply if is_refused else None,
                    stage=stage if is_refused else None,
                    esp=_label(record),
                )


def _complaints(record: Record, source: Source) -> Iterator[Report]:
    """The complaints of a Feedback record."""
    sender = text_at(object_at(record, "feedback_report"), "original_mail_from").strip("<>")
    for recipient in _complainants(record):
        yield Report(
            source=source,
            kind=Kind.COMPLAINT,
            recipient=recipient,
            at=_time(record),
            sender=sender or None,
            esp=_label(record),
        )


def _complainants(record: Record) -> list[str]:
    """The recipient in KumoMTA's trace header; else those in the report, perhaps redacted."""
    report = object_at(record, "feedback_report")
    traced = address.first(text_at(object_at(report, "supplemental_trace"), "recipient"))
    reported = texts_at(report, "original_rcpt_to")[:MAX_RECIPIENTS]
    return [traced] if traced else [a for text in reported if (a := address.first(text))]


def _time(record: Record) -> datetime | None:
    return time_at(record, "event_time") or time_at(record, "timestamp")


def _message_id(record: Record) -> str | None:
    headers = object_at(record, "headers").items()
    values = {name.casefold(): value for name, value in headers if isinstance(value, str)}
    return values.get("message-id", "").strip().strip("<>") or None


def _label(record: Record) -> Label | None:
    category = text_at(record, "bounce_classification")
    return Label("kumomta", category, Permanence.UNKNOWN) if category else None


def _reply(response: Record) -> ReplyWithStage:
    enhanced = object_at(response, "enhanced_code")
    status = None
    if enhanced:
        status = ".".join(str(enhanced.get(key, "")) for key in ("class", "subject", "detail"))
    code, content = response.get("code"), text_at(response, "content")
    has_own_code = isinstance(code, int) and code and not content.startswith(str(code))
    reply, stage = reply_with_stage(f"{code} {content}" if has_own_code else content, status)
    command = text_at(response, "command").partition(" ")[0].upper()
    return ReplyWithStage(reply, stage or _STAGES.get(command))
