"""Delivery status notifications: RFC 3464 and RFC 6533, in a part of their own or, malformed, in the text.

Gives: a report per recipient, with the words of the human part where the diagnostic says little.
Refuses: groups without a recipient.
"""

from __future__ import annotations

import re

from bouncewise.lazy import once
from bouncewise.model import Kind, Reply, Report, Source, Stage
from bouncewise.readers.messages import freeform
from bouncewise.readers.messages.parsed import Letter
from bouncewise.rfc import address, status
from bouncewise.rfc.date import parse_date
from bouncewise.rfc.reply import parse, stage_of
from bouncewise.text.mask import MAX_REPLY

# RFC 3464 §2.3.3; "relayed" left for a system without DSN, which is as delivered as can be known.
_KINDS = {
    "failed": Kind.FAILED,
    "delayed": Kind.DELAYED,
    "delivered": Kind.DELIVERED,
    "relayed": Kind.DELIVERED,
    "expanded": Kind.DELIVERED,
}
_DIAGNOSTIC_TYPE = re.compile(r"^\s*[\w-]{2,40}\s*;\s*")
_COMMENT = re.compile(r"\((.*)\)")
_WORD = re.compile(r"[^\W\d_]{2,}")


def read(letter: Letter, source: Source) -> list[Report] | None:
    """The reports of a DSN; None where the message is none."""
    found: dict[tuple[str, Kind], Report] = {}
    told = _Told(letter)
    for group in letter.groups:
        report = _report(group, letter, told, source)
        if report is not None:
            found.setdefault((address.normalise(report.recipient), report.kind), report)
    return list(found.values()) or None


class _Told:
    """The words for people, read only where the machine's are not enough."""

    def __init__(self, letter: Letter) -> None:
        self._letter = letter

    def of(self, recipient: str, original: str | None) -> str:
        """The reason that the text gives for either name; '' where it gives none."""
        return self._reasons.of(recipient) or (self._reasons.of(original) if original else "")

    @once
    def names_stages(self) -> bool:
        """Whether the text could name a stage of the dialogue at all: it, or the mail pasted below it."""
        return stage_of(" ".join(self._letter.message_text[:8000].split())) is not None

    @once
    def _reasons(self) -> freeform.Reasons:
        return freeform.Reasons(self._letter)


def _report(group: dict[str, str], letter: Letter, told: _Told, source: Source) -> Report | None:
    original = address.parse_field(address.from_xtext(group.get("original-recipient", "")))
    final = address.parse_field(group.get("final-recipient", "")) or address.parse_field(
        group.get("x-actual-recipient", "")
    )
    recipient = final or original
    if recipient is None:
        return None
    action = group.get("action", "").strip().casefold().split(" ", 1)[0].strip("();,")
    field_status = status.parse(group.get("status", ""))
    kind = _KINDS.get(action) or _kind_without_action(field_status)
    if kind is None:
        return None
    reply, stage = _reply(
        group.get("diagnostic-code", ""), group.get("status", ""), told, recipient, original
    )
    return Report(
        source=source,
        kind=kind,
        recipient=recipient,
        original_recipient=original
        if original and address.normalise(original) != address.normalise(recipient)
        else None,
        at=parse_date(group.get("last-attempt-date", "")) or letter.at,
        message_id=letter.original_id,
        sender=letter.original_sender,
        remote_mta=_host(group.get("remote-mta", "")),
        reply=reply if kind is not Kind.DELIVERED else None,
        stage=stage,
    )


def _kind_without_action(field_status: str | None) -> Kind | None:
    """A group that misses its Action is told by the class of its Status; one with neither is a failure."""
    return {"2": Kind.DELIVERED, "4": Kind.DELAYED}.get(
        field_status[0] if field_status else "", Kind.FAILED
    )


def _reply(
    diagnostic: str, field: str, told: _Told, recipient: str, original: str | None
) -> tuple[Reply | None, Stage | None]:
    """The reply that the Diagnostic-Code quotes, however short, with the status of the Status *field* where it has no better.

    Where it has no words, the words for people may quote the same reply. Where there is none, a comment in the Status field
    (RFC 3464 §2.3.4) speaks, and last of all the words for people.
    """
    text = _DIAGNOSTIC_TYPE.sub("", diagnostic, count=1).strip()
    field_status = status.parse(field)
    human = ""
    parts = parse(text)
    if _WORD.search(text) is None:
        human = told.of(recipient, original)
        code = parse(human).reply_code
        if code is not None and parts.reply_code in (None, code):
            text = human
        elif parts.reply_code is None:
            text = _comment(field) or human or text
        parts = parse(text)
    if not text and not field_status:
        return None, None
    # The receiver's own status, in its words, is nearer to the truth than what the reporting MTA made of it.
    best = (
        parts.status
        if parts.status and not status.is_generic(parts.status)
        else field_status or parts.status
    )
    if parts.reply_code is None or (parts.stage is None and told.names_stages):
        human = human or told.of(recipient, original)
    stage = parts.stage or stage_of(human)
    return Reply(parts.reply_code or parse(human).reply_code, best, text), Stage(
        stage
    ) if stage else None


def _comment(field: str) -> str:
    """The words in brackets behind the status, '' where there are none."""
    m = _COMMENT.search(field[:MAX_REPLY])
    return m[1].strip() if m and _WORD.search(m[1]) else ""


def _host(field: str) -> str | None:
    """``dns; mx.example.org (192.0.2.1)`` gives ``mx.example.org``."""
    kind, semicolon, rest = field.partition(";")
    words = (rest if semicolon else kind).replace("(", " ").split()
    return words[0].strip("[]<>") if words else None
