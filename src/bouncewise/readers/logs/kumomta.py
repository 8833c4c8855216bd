"""KumoMTA's log segments: JSON lines, the .zst opened by whoever opens the file.

Reads: Delivery, Bounce, OOB, Expiration, TransientFailure, Delayed and Feedback records. Gives: a report per recipient
(``recipient`` has been a list since 2025.12), the bounce_classification as a label beside the reply. A Feedback record's
``recipient`` is our own mailbox for complaints: who complained is in its feedback_report, or nobody knows. Refuses:
Reception, Rejection (inbound), AdminBounce (an operator's act) and the records of KumoMTA's own log hooks.
Source: https://docs.kumomta.com/reference/log_record/, https://docs.kumomta.com/userguide/configuration/fbl/
"""

from __future__ import annotations

from collections.abc import Iterator

from bouncewise.model import Kind, Label, Permanence, Reply, Report, Source, Stage
from bouncewise.readers.logs.jsonlines import JsonLog, Record, object_at, text_at, texts_at, time_at
from bouncewise.readers.logs.lines import MAX_RECIPIENTS, told
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
    mark = ("type", "queue")

    def reports(self, record: Record, source: Source) -> Iterator[Report]:
        """A report per recipient."""
        kind = _KINDS.get(text_at(record, "type").casefold())
        if kind is None or text_at(record, "reception_protocol") == "LogRecord":
            return
        refused = kind in (Kind.FAILED, Kind.DELAYED)
        reply, stage = _reply(object_at(record, "response"))
        label = text_at(record, "bounce_classification")
        headers = {
            name.casefold(): v
            for name, v in object_at(record, "headers").items()
            if isinstance(v, str)
        }
        complaint = kind is Kind.COMPLAINT
        for recipient in (
            _complainants(record) if complaint else texts_at(record, "recipient")[:MAX_RECIPIENTS]
        ):
            if "@" not in recipient:
                continue
            yield Report(
                source=source,
                kind=kind,
                recipient=recipient.strip("<>"),
                at=time_at(record, "event_time") or time_at(record, "timestamp"),
                message_id=None
                if complaint
                else headers.get("message-id", "").strip().strip("<>") or None,
                sender=(_mail_from(record) if complaint else text_at(record, "sender").strip("<>"))
                or None,
                remote_mta=None
                if complaint
                else text_at(object_at(record, "peer_address"), "name").rstrip(".") or None,
                reply=reply if refused else None,
                stage=stage if refused else None,
                esp=Label("kumomta", label, Permanence.UNKNOWN) if label else None,
            )


def _reply(response: Record) -> tuple[Reply, Stage | None]:
    status = object_at(response, "enhanced_code")
    dsn = (
        ".".join(str(status.get(k, "")) for k in ("class", "subject", "detail")) if status else None
    )
    code, content = response.get("code"), text_at(response, "content")
    numbered = isinstance(code, int) and code and not content.startswith(str(code))
    reply, stage = told(f"{code} {content}" if numbered else content, dsn)
    return reply, stage or _STAGES.get(text_at(response, "command").partition(" ")[0].upper())


def _complainants(record: Record) -> list[str]:
    """KumoMTA's own trace header names the one recipient; what the reporter names may be redacted."""
    report = object_at(record, "feedback_report")
    traced = address.first(text_at(object_at(report, "supplemental_trace"), "recipient"))
    named = (address.first(text) for text in texts_at(report, "original_rcpt_to")[:MAX_RECIPIENTS])
    return [traced] if traced else [who for who in named if who]


def _mail_from(record: Record) -> str:
    return text_at(object_at(record, "feedback_report"), "original_mail_from").strip("<>")
