"""Feedback reports: RFC 5965 (ARF), RFC 6591 (auth-failure), RFC 6430 (not-spam), and mail that unsubscribes (RFC 2369).

Reads: a message/feedback-report part, or a mail that a mail program wrote to an unsubscribe address.
Gives: a complaint or unsubscribe per recipient; for a failed authentication what became of the mail.
Refuses: not-spam and virus reports, which say neither that mail failed nor that somebody objects.
"""

from __future__ import annotations

import re

from bouncewise.model import Kind, Reply, Report, Source
from bouncewise.readers.letter import Letter, parse_date
from bouncewise.rfc import address, fields

# RFC 5965 §7.3; opt-out forms are older drafts' that providers still send.
_KINDS = {
    "abuse": Kind.COMPLAINT, "fraud": Kind.COMPLAINT, "other": Kind.COMPLAINT, "": Kind.COMPLAINT,
    "opt-out": Kind.UNSUBSCRIBE, "opt-out-list": Kind.UNSUBSCRIBE, "miscategorized": Kind.COMPLAINT,
}  # fmt: skip
_UNSUBSCRIBE = re.compile(r"^\s*(?:unsubscribe|opt[- ]?out|remove me)\b", re.I)


def read(letter: Letter, source: Source) -> list[Report] | None:
    """The reports of a feedback message; None where it is none."""
    if not letter.feedback_text:
        return _unsubscribe_mail(letter, source)
    group = {name: value for g in fields.groups(letter.feedback_text) for name, value in g.items()}
    feedback = group.get("feedback-type", "").strip().casefold()
    kind = _of_authentication(group) if feedback == "auth-failure" else _KINDS.get(feedback)
    if kind is None:
        return []
    failed = f"authentication failure: {group.get('auth-failure', '')} {group.get('authentication-results', '')}"
    when = parse_date(group.get("arrival-date") or group.get("received-date", "")) or letter.at
    return [
        Report(
            source=source,
            kind=kind,
            recipient=recipient,
            at=when,
            message_id=letter.original_id,
            sender=address.parse_field(group.get("original-mail-from", "")) or letter.original_sender,
            remote_mta=group.get("reporting-mta", "").partition(";")[2].strip() or None,
            reply=Reply(None, None, failed.strip()) if kind is Kind.FAILED else None,
        )
        for recipient in _recipients(letter)
    ]


def _of_authentication(group: dict[str, str]) -> Kind:
    """RFC 6591 §3.2.2: only Delivery-Result tells whether the mail arrived; without it nothing says that it did not."""
    return (
        Kind.FAILED if group.get("delivery-result", "").strip().casefold() in ("reject", "policy") else Kind.DELIVERED
    )


def _recipients(letter: Letter) -> list[str]:
    told = re.findall(
        r"^(?:original-rcpt-to|removal-recipient|original-recipient|redacted-address)\s*:\s*(.{3,400})$",
        letter.feedback_text, re.I | re.M,
    )  # fmt: skip
    found = [a for value in told if (a := address.parse_field(value))]
    return list(dict.fromkeys(found)) or letter.original_recipients[:1]


def _unsubscribe_mail(letter: Letter, source: Source) -> list[Report] | None:
    machine = letter.message.get("auto-submitted").strip().casefold().startswith("auto-")
    if not (machine and _UNSUBSCRIBE.match(letter.subject) and _UNSUBSCRIBE.search(letter.subject)):
        return None
    person = address.first(letter.message.get("from"))
    if person is None or letter.from_mailer:
        return None
    return [Report(source=source, kind=Kind.UNSUBSCRIBE, recipient=person, at=letter.at, message_id=letter.original_id)]
