"""Delivery status notifications: RFC 3464 and RFC 6533, in a part of their own or, malformed, in
the text.

Reads: the groups of delivery-status fields. Gives: a report per recipient; if the Diagnostic-Code
has no words, the reason that the human-readable text states. Refuses: groups without a recipient.
"""

from __future__ import annotations

import re

from bouncewise.lazy import lazy_property
from bouncewise.model import Kind, Reply, Report, Source, Stage
from bouncewise.readers.base import ReplyWithStage
from bouncewise.readers.messages import autoreply, candidates, freeform
from bouncewise.readers.messages.parsed import ParsedMessage
from bouncewise.rfc import address, status
from bouncewise.rfc.date import parse_date
from bouncewise.rfc.reply import parse, parse_with_status, stage_of
from bouncewise.text.mask import MAX_REPLY

# Action (RFC 3464 §2.3.3). "relayed": passed on to a system without DSN; nothing later will be
# reported.
_KINDS = {
    "failed": Kind.FAILED,
    "delayed": Kind.DELAYED,
    "delivered": Kind.DELIVERED,
    "relayed": Kind.RELAYED,
    "expanded": Kind.RELAYED,
}
_DIAGNOSTIC_TYPE = re.compile(r"^\s*([\w-]{2,40})\s*;\s*")
_LOCAL_TYPES = ("x-local", "x-unix", "x-exec", "x-pipe")
_LOCAL_NUMBER = re.compile(r"^\d{3}\s*(?=\(|$)")
_OWN_FIELD = re.compile(r"x-[\w-]*(?:info|diagnostic|diagnostic-code|reason|error|response|reply)")
# "<mx.there.example #5.0.0 smtp; 550 ...>", "X-str; ..."
_HOST_BEFORE = re.compile(r"^<?\s*(?:[\w.\[\]-]{1,255}\s+#\d\.\d+\.\d+\s+)?(?:[\w-]{2,40}\s*;\s*)?")
_NAMES_RECIPIENT = frozenset(("final-recipient", "original-recipient", "x-actual-recipient"))
_COMMENT = re.compile(r"\((.*)\)")
_WORD = re.compile(r"[^\W\d_]{2,}")


def read(message: ParsedMessage, source: Source) -> list[Report] | None:
    """The reports of a DSN; None if *message* is not one."""
    if not message.status_text and (
        autoreply.is_automatic(message) or autoreply.reports_no_mail(message)
    ):
        return None  # the fields are pasted below a reply, or those of a read receipt
    found: dict[tuple[str, Kind], Report] = {}
    human_text = _HumanText(message)
    for group in message.groups:
        report = _report(group, message, human_text, source)
        if report is not None:
            found.setdefault((address.normalise(report.recipient), report.kind), report)
    return list(found.values()) or None


class _HumanText:
    """The human-readable text, searched only if the delivery-status fields are not enough."""

    def __init__(self, message: ParsedMessage) -> None:
        self._message = message

    def reason_for(self, recipient: str, original: str | None) -> str:
        """The reason that the text states for *recipient*, else for *original*, else ''."""
        return self._reasons.reason_for(recipient) or (
            self._reasons.reason_for(original) if original else ""
        )

    @lazy_property
    def names_stage(self) -> bool:
        """Whether the text, with anything pasted below it, names a stage of the SMTP dialogue."""
        return stage_of(" ".join(self._message.full_text[:8000].split())) is not None

    @lazy_property
    def _reasons(self) -> freeform.Reasons:
        return freeform.Reasons(self._message)


def _report(
    group: dict[str, str], message: ParsedMessage, human_text: _HumanText, source: Source
) -> Report | None:
    if "disposition" in group and not group.get("action"):
        return None  # a read receipt (RFC 8098) reports no failure
    original = address.parse_field(address.from_xtext(group.get("original-recipient", "")))
    recipient = _recipient(group, original, message)
    if recipient is None:
        return None
    is_same = original is not None and address.normalise(original) == address.normalise(recipient)
    action = group.get("action", "").strip().casefold().split(" ", 1)[0].strip("();,")
    kind = _KINDS.get(action) or _kind_by_status(status.parse(group.get("status", "")))
    quoted = _reply(group, human_text, recipient, original)
    return Report(
        source=source,
        kind=kind,
        recipient=recipient,
        original_recipient=None if is_same else original,
        at=parse_date(group.get("last-attempt-date", "")) or message.at,
        message_id=message.original_message_id,
        sender=message.original_sender,
        remote_mta=_host(group.get("remote-mta", "")),
        reply=quoted.reply if quoted and kind not in (Kind.DELIVERED, Kind.RELAYED) else None,
        stage=quoted.stage if quoted else None,
    )


def _recipient(group: dict[str, str], original: str | None, message: ParsedMessage) -> str | None:
    """The recipient that *group* names. A name of the last host alone, without a domain that mail
    can be sent to, is replaced by the *original* recipient or by the one that the notice means.
    """
    final = address.parse_field(group.get("final-recipient", "")) or address.parse_field(
        group.get("x-actual-recipient", "")
    )
    if final is not None and candidates.has_real_domain(final):
        return final
    if original is not None and (final is None or candidates.has_real_domain(original)):
        return original
    if not _NAMES_RECIPIENT.intersection(group):
        return None
    return candidates.real_name(message, final) or final


def _kind_by_status(field_status: str | None) -> Kind:
    """The kind of a group without a known Action: by the class of its Status, else a failure."""
    status_class = field_status[0] if field_status else ""
    return {"2": Kind.DELIVERED, "4": Kind.DELAYED}.get(status_class, Kind.FAILED)


def _reply(
    group: dict[str, str], human_text: _HumanText, recipient: str, original: str | None
) -> ReplyWithStage | None:
    """The reply in Diagnostic-Code, with the value of Status if the reply has no better status.

    If it has no words, the human-readable text may quote the same reply in full. If there is no
    reply at all, the reason is the comment in Status (RFC 3464 §2.3.4), else the reason in that
    text. None if there is neither a text nor a status.
    """
    text = _diagnostic(group)
    status_field = group.get("status", "")
    field_status = status.parse(status_field)
    human_reason = ""
    parts = parse_with_status(text, field_status)
    if _WORD.search(text) is None:
        human_reason = human_text.reason_for(recipient, original)
        code = parse(human_reason).reply_code
        if code is not None and parts.reply_code in (None, code):
            text = human_reason
        elif parts.reply_code is None:
            text = _comment(status_field) or human_reason or text
        parts = parse_with_status(text, field_status)
    if not text and not field_status:
        return None
    if parts.reply_code is None or (parts.stage is None and human_text.names_stage):
        human_reason = human_reason or human_text.reason_for(recipient, original)
    reply_code = parts.reply_code or parse(human_reason).reply_code
    stage = parts.stage or stage_of(human_reason)
    return ReplyWithStage(Reply(reply_code, parts.status, text), Stage(stage) if stage else None)


def _diagnostic(group: dict[str, str]) -> str:
    """The text of Diagnostic-Code, without its type; else of a field of the reporter's own, such as
    X-Supplementary-Info. The number of a type that is not of SMTP is no reply code.
    """
    field = group.get("diagnostic-code", "")
    m = _DIAGNOSTIC_TYPE.match(field)
    text = field[m.end() if m else 0 :].strip()
    if m is not None and m[1].casefold() in _LOCAL_TYPES:
        text = _LOCAL_NUMBER.sub("", text)
    if _WORD.search(text) is not None:
        return text
    own = (value for name, value in group.items() if _OWN_FIELD.fullmatch(name))
    quoted = (_HOST_BEFORE.sub("", value, count=1).removesuffix(">").strip() for value in own)
    return next((value for value in quoted if _WORD.search(value)), text)


def _comment(field: str) -> str:
    """The comment in brackets after the status; '' if it has no words."""
    m = _COMMENT.search(field[:MAX_REPLY])
    return m[1].strip() if m and _WORD.search(m[1]) else ""


def _host(field: str) -> str | None:
    """``dns; mx.example.org (192.0.2.1)`` gives ``mx.example.org``."""
    kind, semicolon, rest = field.partition(";")
    words = (rest if semicolon else kind).replace("(", " ").split()
    return words[0].strip("[]<>") if words else None
