"""Feedback reports: RFC 5965 (ARF), RFC 6591 (auth-failure), RFC 6430 (not-spam), and mail that unsubscribes (RFC 2369).

Reads: a message/feedback-report part; Microsoft's JMRP form, which returns the mail with a header that names the recipient;
or a mail that a mail program wrote to an unsubscribe address. Providers redact the recipient: the envelope sender's VERP
and the List-Unsubscribe link, which are the mailer's own, then tell it.
Gives: a complaint or unsubscribe per recipient; for a failed authentication what became of the mail.
Refuses: not-spam and virus reports, which say neither that mail failed nor that somebody objects.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from bouncewise.model import Kind, Reply, Report, Source
from bouncewise.readers.messages.parsed import Letter
from bouncewise.rfc import address, fields
from bouncewise.rfc.date import parse_date

# RFC 5965 §7.3; opt-out forms are older drafts' that providers still send.
_KINDS = {
    "abuse": Kind.COMPLAINT,
    "fraud": Kind.COMPLAINT,
    "other": Kind.COMPLAINT,
    "": Kind.COMPLAINT,
    "opt-out": Kind.UNSUBSCRIBE,
    "opt-out-list": Kind.UNSUBSCRIBE,
    "miscategorized": Kind.COMPLAINT,
}
_MICROSOFT = "x-hmxmroriginalrecipient"
_MAILTO = re.compile(r"mailto:[^?>]*", re.I)
_REDACTED = {
    "redacted",
    "redact",
    "hidden",
    "removed",
    "undisclosed",
    "recipient",
    "xxx",
    "x",
    "anonymous",
}
_UNSUBSCRIBE = re.compile(r"^\s*(?:unsubscribe|opt[- ]?out|remove me)\b", re.I)


def read(letter: Letter, source: Source) -> list[Report] | None:
    """The reports of a feedback message; None where it is none."""
    if not letter.feedback_text:
        return _junk_mail_report(letter, source) or _unsubscribe_mail(letter, source)
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
            sender=address.parse_field(group.get("original-mail-from", ""))
            or letter.original_sender,
            remote_mta=group.get("reporting-mta", "").partition(";")[2].strip() or None,
            reply=Reply(None, None, failed.strip()) if kind is Kind.FAILED else None,
        )
        for recipient in _recipients(letter)
    ]


def _of_authentication(group: dict[str, str]) -> Kind:
    """RFC 6591 §3.2.2: only Delivery-Result tells whether the mail arrived; without it nothing says that it did not."""
    return (
        Kind.FAILED
        if group.get("delivery-result", "").strip().casefold() in ("reject", "policy")
        else Kind.DELIVERED
    )


def _recipients(letter: Letter) -> list[str]:
    told = re.findall(
        r"^(?:original-rcpt-to|removal-recipient|original-recipient|redacted-address)\s*:\s*(.{3,400})$",
        letter.feedback_text,
        re.I | re.M,
    )
    named = [a for value in told if (a := address.parse_field(value))]
    found = [a for a in dict.fromkeys(named) if not _is_redacted(a)]
    others = [*_from_our_own(letter), *letter.original_recipients, *named]
    return found or sorted(others, key=_is_redacted)[:1]


def _from_our_own(letter: Letter) -> list[str]:
    """The recipient as our own mail carries it: the header Microsoft adds, VERP, the unsubscribe link."""
    envelope = re.search(
        r"^original-mail-from\s*:\s*(.{3,400})$", letter.feedback_text, re.I | re.M
    )
    senders = [
        envelope[1] if envelope else "",
        letter.original_field("return-path"),
        letter.original_field("sender"),
    ]
    verp = [v for s in senders if (a := address.parse_field(s)) and (v := address.from_verp(a))]
    link = unquote(letter.original_field("list-unsubscribe")[:4096])
    linked = [a for _, _, a in address.find(_MAILTO.sub(" ", link).replace("=", " "))]
    return [a for a in [address.first(letter.original_field(_MICROSOFT)), *verp, *linked] if a]


def _is_redacted(name: str) -> bool:
    local, _, domain = name.casefold().rpartition("@")
    return (
        local.strip('"') in _REDACTED
        or domain in ("redacted", "redacted.invalid")
        or domain.endswith(".invalid")
    )


def _junk_mail_report(letter: Letter, source: Source) -> list[Report] | None:
    """Microsoft's JMRP: the mail itself comes back from staff@hotmail.com with the recipient in a header."""
    if not letter.mentions(_MICROSOFT):
        return None
    person = address.first(letter.original_field(_MICROSOFT) or letter.message.get(_MICROSOFT))
    if person is None:
        return None
    return [
        Report(
            source=source,
            kind=Kind.COMPLAINT,
            recipient=person,
            at=letter.at,
            message_id=letter.original_id,
            sender=letter.original_sender,
        )
    ]


def _unsubscribe_mail(letter: Letter, source: Source) -> list[Report] | None:
    machine = letter.message.get("auto-submitted").strip().casefold().startswith("auto-")
    if not (machine and _UNSUBSCRIBE.match(letter.subject) and _UNSUBSCRIBE.search(letter.subject)):
        return None
    person = address.first(letter.message.get("from"))
    if person is None or letter.from_mailer:
        return None
    return [
        Report(
            source=source,
            kind=Kind.UNSUBSCRIBE,
            recipient=person,
            at=letter.at,
            message_id=letter.original_id,
        )
    ]
