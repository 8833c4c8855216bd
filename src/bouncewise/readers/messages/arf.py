"""Feedback reports: RFC 5965 (ARF), RFC 6591 (auth-failure), RFC 6430 (not-spam); unsubscribe mail
(RFC 2369).

Reads: a message/feedback-report part; Microsoft's JMRP form, which returns the mail with a header
field that names the recipient; mail that a mail program sent to an unsubscribe address. Mailbox
providers redact the recipient. Then the VERP address of the envelope sender and the
List-Unsubscribe link, which the sender of the mail wrote, name the recipient. Gives: a complaint or
unsubscribe per recipient; for an authentication failure, the outcome of the mail. Refuses: not-spam
and virus reports, because they report neither a failure nor an objection.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from bouncewise.model import Kind, Reply, Report, Source
from bouncewise.readers.messages.parsed import ParsedMessage
from bouncewise.readers.messages.wording import alternatives
from bouncewise.rfc import address, fields
from bouncewise.rfc.date import parse_date

# Feedback-Type (RFC 5965 §7.3). The opt-out types come from earlier drafts; some providers still
# send them.
_KINDS = {
    "abuse": Kind.COMPLAINT,
    "fraud": Kind.COMPLAINT,
    "other": Kind.COMPLAINT,
    "": Kind.COMPLAINT,
    "opt-out": Kind.UNSUBSCRIBE,
    "opt-out-list": Kind.UNSUBSCRIBE,
    "miscategorized": Kind.COMPLAINT,
}
_MICROSOFT_FIELD = "x-hmxmroriginalrecipient"
_RECIPIENT_FIELD = re.compile(
    r"^(?:original-rcpt-to|removal-recipient|original-recipient|redacted-address)\s*:\s*(.{3,400})$",
    re.I | re.M,
)
_TYPE_FIELD = re.compile(r"^feedback-type\s*:\s*([\w-]{1,40})", re.I | re.M)
_ENVELOPE_SENDER_FIELD = re.compile(r"^original-mail-from\s*:\s*(.{3,400})$", re.I | re.M)
_MAILTO = re.compile(r"mailto:[^?>]*", re.I)
_REDACTED_NAMES = frozenset(
    "redacted redact hidden removed undisclosed recipient xxx x anonymous".split()
)
_UNSUBSCRIBE = re.compile(rf"^\s*{alternatives('unsubscribe')}\b", re.I)


def read(message: ParsedMessage, source: Source) -> list[Report] | None:
    """The reports of a feedback message; None if *message* is not one."""
    if not message.feedback_text:
        return _junk_mail_report(message, source) or _unsubscribe_mail(message, source)
    group = {name: value for g in fields.groups(message.feedback_text) for name, value in g.items()}
    feedback_type = group.get("feedback-type", "").strip().casefold()
    is_authentication = feedback_type == "auth-failure"
    kind = _authentication_outcome(group) if is_authentication else _KINDS.get(feedback_type)
    if kind is None:
        return []
    reason = (
        f"authentication failure: {group.get('auth-failure', '')} "
        f"{group.get('authentication-results', '')}"
    ).strip()
    arrival = group.get("arrival-date") or group.get("received-date", "")
    envelope_sender = address.parse_field(group.get("original-mail-from", ""))
    return [
        Report(
            source=source,
            kind=kind,
            recipient=recipient,
            at=parse_date(arrival) or message.at,
            message_id=message.original_message_id,
            sender=envelope_sender or message.original_sender,
            remote_mta=group.get("reporting-mta", "").partition(";")[2].strip() or None,
            reply=Reply(None, None, reason) if kind is Kind.FAILED else None,
        )
        for recipient in _recipients(message)
    ]


def _authentication_outcome(group: dict[str, str]) -> Kind:
    """FAILED only if Delivery-Result (RFC 6591 §3.2.2) says so. Otherwise it states nothing about
    the mailbox: such reports are sent about mail that others forge, too.
    """
    result = group.get("delivery-result", "").strip().casefold()
    return Kind.FAILED if result in ("reject", "policy") else Kind.RELAYED


def names_nobody(message: ParsedMessage) -> bool:
    """Whether it is a report of an objection that names no recipient."""
    m = _TYPE_FIELD.search(message.feedback_text)
    kind = _KINDS.get(m[1].casefold() if m else "")
    return message.feedback_text != "" and kind is not None and not _recipients(message)


def _recipients(message: ParsedMessage) -> list[str]:
    """The addresses in the report; if all are redacted, the best address from elsewhere."""
    if ours := _recipients_by_sender(message):
        return ours[:1]
    values = _RECIPIENT_FIELD.findall(message.feedback_text)
    reported = [a for value in values if (a := address.parse_field(value))]
    found = [a for a in dict.fromkeys(reported) if not _is_redacted(a)]
    others = [*_linked_recipients(message), *message.original_recipients, *reported]
    return found or sorted(others, key=_is_redacted)[:1]


def _recipients_by_sender(message: ParsedMessage) -> list[str]:
    """Recipients that the mailer itself names: Microsoft's field, and our own return address."""
    envelope = _ENVELOPE_SENDER_FIELD.search(message.feedback_text)
    senders = [
        envelope[1] if envelope else "",
        message.original_field("return-path"),
        message.original_field("sender"),
    ]
    verp = [v for s in senders if (a := address.parse_field(s)) and (v := address.from_verp(a))]
    microsoft = address.first(message.original_field(_MICROSOFT_FIELD))
    return [a for a in [*verp, microsoft] if a]


def _linked_recipients(message: ParsedMessage) -> list[str]:
    """Addresses in the unsubscribe link, without those at the sender's own domain: lists."""
    link = unquote(message.original_field("list-unsubscribe")[:4096])
    own = (message.original_sender or "").rpartition("@")[2].casefold()
    linked = [a for _, _, a in address.find(_MAILTO.sub(" ", link).replace("=", " "))]
    return [a for a in linked if a.rpartition("@")[2].casefold() != own]


def _is_redacted(name: str) -> bool:
    local, _, domain = name.casefold().rpartition("@")
    return (
        local.strip('"') in _REDACTED_NAMES
        or domain in ("redacted", "redacted.invalid")
        or domain.endswith(".invalid")
    )


def _junk_mail_report(message: ParsedMessage, source: Source) -> list[Report] | None:
    """Microsoft's JMRP: staff@hotmail.com returns the mail with the recipient in a header field."""
    if not message.may_have_field(_MICROSOFT_FIELD):
        return None
    recipient = address.first(
        message.original_field(_MICROSOFT_FIELD) or message.header.get(_MICROSOFT_FIELD)
    )
    if recipient is None:
        return None
    return [
        Report(
            source=source,
            kind=Kind.COMPLAINT,
            recipient=recipient,
            at=message.at,
            message_id=message.original_message_id,
            sender=message.original_sender,
        )
    ]


def _unsubscribe_mail(message: ParsedMessage, source: Source) -> list[Report] | None:
    """Mail that a mail program sent to the mailto address of List-Unsubscribe (RFC 2369)."""
    is_automatic = message.header.get("auto-submitted").strip().casefold().startswith("auto-")
    if not (is_automatic and _UNSUBSCRIBE.match(message.subject)):
        return None
    recipient = address.first(message.header.get("from"))
    if recipient is None or message.is_from_mailer:
        return None
    return [
        Report(
            source=source,
            kind=Kind.UNSUBSCRIBE,
            recipient=recipient,
            at=message.at,
            message_id=message.original_message_id,
        )
    ]
