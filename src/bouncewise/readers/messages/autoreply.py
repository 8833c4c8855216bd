"""Automatic replies: out of office, vacation(1), ticket systems (RFC 3834); and read receipts (RFC
8098).

Reads: header fields that mark automatic replies, the Subject, and the text. Gives: one report of
the kind auto-reply, whose recipient is the sender of the reply, with what the text states about the
person; no report for a read receipt, which reports no failure.
"""

from __future__ import annotations

import re

from bouncewise.model import Kind, Reply, Report, Source
from bouncewise.readers.messages import gate, rejection
from bouncewise.readers.messages.absence import read_absence
from bouncewise.readers.messages.parsed import ParsedMessage
from bouncewise.readers.messages.wording import begins_with, contains, normalised_text
from bouncewise.rfc import address
from bouncewise.rfc.mime import Part

_AGGREGATE_SUBJECT = re.compile(r"\s*report domain:.*\bsubmitter:", re.I)
_DISPOSITION = re.compile(r"^disposition:[^;\n]{1,200};[ \t]*\w", re.I | re.M)
_HEADER_FIELDS = (
    "x-autoreply x-autorespond x-autoresponder x-auto-reply x-vacation x-mail-autoreply".split()
)


def read(message: ParsedMessage, source: Source) -> list[Report] | None:
    """The report of an automatic reply; [] for a read receipt; None for any other message."""
    if not message.status_text and message.has_disposition:
        return rejection.read(message, source)
    if not message.status_text and reports_no_mail(message):
        return []
    if message.status_text or message.header.get("x-failed-recipients"):
        return None
    recipient = address.first(message.sender)
    if recipient is None or not is_automatic(message):
        return None
    text = " ".join(message.text.split())[:500]
    own = (recipient, message.original_sender or recipient)
    ours = message.notice_addresses.union(map(address.normalise, own))
    return [
        Report(
            source=source,
            kind=Kind.AUTO_REPLY,
            recipient=recipient,
            at=message.at,
            message_id=message.original_message_id,
            sender=message.original_sender,
            reply=Reply(None, None, text) if text else None,
            absence=read_absence(message.subject, message.text, message.at, ours),
        )
    ]


def reports_no_mail(message: ParsedMessage) -> bool:
    """Whether it is an aggregate report (RFC 7489 section 7.2.1.1, RFC 8460 section 5.3), or a read
    receipt whose fields stand in the text.
    """
    return (
        _AGGREGATE_SUBJECT.match(message.subject) is not None
        or _DISPOSITION.search(message.full_text) is not None
    )


def is_automatic(message: ParsedMessage) -> bool:
    """Whether a person's mailbox, and no mail system, answered by itself."""
    if begins_with(message.subject, "auto_reply"):
        return True
    if message.sender_names_mailer or message.header.content_type == "multipart/report":
        return False
    submitted = message.header.get("auto-submitted").strip().casefold()
    is_marked = _is_marked(message.header) or (
        submitted.startswith("auto-") and contains(normalised_text(message.subject), "absent")
    )
    return is_marked and not gate.is_plainly_bounce(message)


def _is_marked(header: Part) -> bool:
    """Whether a header field marks the message as an automatic reply."""
    submitted = header.get("auto-submitted").strip().casefold()
    return (
        submitted.startswith(("auto-replied", "auto-notified"))
        or any(header.get(name) for name in _HEADER_FIELDS)
        or header.get("precedence").casefold() in ("auto_reply", "auto-reply")
        or header.get("x-precedence").casefold() == "auto_reply"
        or header.get("delivered-to").casefold() == "autoresponder"
    )
