"""Automatic answers: out of office, vacation(1), tickets (RFC 3834); and read receipts (RFC 8098), which tell no failure.

Gives: one auto-reply report, its recipient the person who is away; nothing for a receipt.
"""

from __future__ import annotations

from bouncewise.model import Kind, Reply, Report, Source
from bouncewise.readers.messages.parsed import Letter
from bouncewise.readers.messages.wording import begins
from bouncewise.rfc import address

_HEADERS = (
    "x-autoreply",
    "x-autorespond",
    "x-autoresponder",
    "x-auto-reply",
    "x-vacation",
    "x-mail-autoreply",
)


def read(letter: Letter, source: Source) -> list[Report] | None:
    """The report of an automatic answer, [] for a receipt; None where it is neither."""
    if letter.disposition and not letter.status_text:
        return []
    message = letter.message
    submitted = message.get("auto-submitted").strip().casefold()
    marked = (
        submitted.startswith(("auto-replied", "auto-notified"))
        or any(message.get(name) for name in _HEADERS)
        or message.get("precedence").casefold() in ("auto_reply", "auto-reply")
        or message.get("x-precedence").casefold() == "auto_reply"
        or message.get("delivered-to").casefold() == "autoresponder"
    )
    if letter.status_text or message.get("x-failed-recipients"):
        return None
    person = address.first(letter.sender)
    if person is None or not (
        begins(letter.subject, "auto_reply") or (marked and not letter.from_mailer_by_name)
    ):
        return None
    text = " ".join(letter.text.split())[:500]
    return [
        Report(
            source=source,
            kind=Kind.AUTO_REPLY,
            recipient=person,
            at=letter.at,
            message_id=letter.original_id,
            sender=letter.original_sender,
            reply=Reply(None, None, text) if text else None,
        )
    ]
