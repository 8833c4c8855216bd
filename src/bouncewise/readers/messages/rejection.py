"""Rejections in the form of a read receipt (RFC 8098): Sieve reject (RFC 5429), Dovecot, Cyrus.

Reads: a message with a message/disposition-notification part. Gives: a failure where the receiving
system has refused the mail: the disposition "denied" or "failed" (RFC 3798 section 3.2.6.2), or
"deleted" in a notice that says that it rejects. Refuses: receipts of people, who have read the
mail, or deleted it unread.
"""

from __future__ import annotations

import re

from bouncewise.model import Kind, Report, Source
from bouncewise.readers.base import reply_with_stage
from bouncewise.readers.messages.parsed import ParsedMessage
from bouncewise.readers.messages.wording import contains
from bouncewise.rfc import address, fields
from bouncewise.text.mask import MAX_REPLY

_DISPOSITION = re.compile(r"[^;]*;\s*(\w+)")
# "Your message to <a@b.example> was automatically rejected:", as Dovecot and Cyrus introduce it.
_INTRODUCTION = re.compile(
    r"^.{0,80}?(?:message|mail) (?:you sent )?to .{3,320}? (?:was|has been|is) "
    r"(?:automatically )?(?:rejected|refused)[^:]{0,80}:\s*",
    re.I | re.S,
)


def read(message: ParsedMessage, source: Source) -> list[Report]:
    """The report of a rejection; [] for a receipt, which reports no failure."""
    group = {k: v for g in fields.groups(message.disposition_text) for k, v in g.items()}
    m = _DISPOSITION.match(group.get("disposition", ""))
    if not _is_rejection(message, m[1].casefold() if m else ""):
        return []
    recipient = _recipient(message, group)
    if recipient is None:
        return []
    text = _INTRODUCTION.sub("", " ".join(message.text.split())[: MAX_REPLY * 2])[:MAX_REPLY]
    reply, stage = reply_with_stage(text)
    return [
        Report(
            source=source,
            kind=Kind.FAILED,
            recipient=recipient,
            at=message.at,
            message_id=message.original_message_id,
            sender=message.original_sender,
            reply=reply if text else None,
            stage=stage,
        )
    ]


def _is_rejection(message: ParsedMessage, disposition: str) -> bool:
    if disposition in ("denied", "failed"):
        return True
    if disposition not in ("deleted", ""):
        return False
    submitted = message.header.get("auto-submitted").casefold()
    return "reject" in submitted or (
        message.sender_names_mailer and contains(message.normalised_text, "rejected")
    )


def _recipient(message: ParsedMessage, group: dict[str, str]) -> str | None:
    """The recipient by the fields of the receipt, else by where the original was delivered."""
    for name in ("final-recipient", "original-recipient"):
        if found := address.parse_field(group.get(name, "")):
            return found
    for name in ("delivered-to", "x-original-to", "envelope-to"):
        if found := address.first(message.original_field(name)):
            return found
    recipients = message.original_recipients
    return recipients[0] if len(recipients) == 1 else None
