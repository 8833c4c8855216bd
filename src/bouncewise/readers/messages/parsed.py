"""One mail message, its parts separated by purpose: for people, for machines, and the returned
original.

Reads: the octets of a message (RFC 5322; RFC 6522 multipart/report and the forms before it). Gives:
a ParsedMessage. The returned original, attached or pasted, is kept apart, so that no interpreter
searches it for failed recipients. Refuses nothing: what is missing is empty.
"""

from __future__ import annotations

import re
from datetime import datetime
from itertools import islice

from bouncewise.lazy import lazy_property
from bouncewise.readers.messages.wording import (
    alternatives,
    begins_with,
    candidate_lines,
    contains,
    normalised_text,
)
from bouncewise.rfc import address, fields, mime
from bouncewise.rfc.date import parse_date

_STATUS_TYPES = {"message/delivery-status", "message/global-delivery-status"}
_ORIGINAL_TYPES = frozenset(
    "message/rfc822 message/global message/partial message/external-body message/rfc822-headers "
    "message/global-headers text/rfc822 text/rfc822-header text/rfc822-headers".split()
)
_NOTICE_ADDRESS_FIELDS = (
    "to from sender reply-to return-path delivered-to cc x-original-to envelope-to".split()
)
# Fields that begin the header of a pasted original.
_TRACE_FIELDS = (
    "received: return-path: dkim-signature: x-originating-ip: delivered-to: domainkey-signature: "
    "message-id:".split()
)
_TRACE = re.compile(rf"^(?:{'|'.join(_TRACE_FIELDS)})", re.I | re.M)
_HEADER_LINE = re.compile(r"^(?:[!-9;-~]{2,60}:|[ \t]+\S)", re.M)
MAILER = re.compile(
    r"mailer[-_. ]?daemon|postmaster|post_master|mail delivery|maildelivery|"
    r"mail[-_ ]?(?:admin|system)|delivery sub|maildaemon|mail daemon|system administrator|"
    r"ndr administrator|mdaemon|\bmta\b|undeliverable",
    re.I,
)
_RECIPIENT_FIELD = re.compile(r"(?:final|original)-recipient", re.I)
_FORWARDED_SUBJECT = re.compile(rf"^\s*{alternatives('forward_prefix')}\s*[:：]", re.I)
_QUOTE_MARK = re.compile(r"^> ?")


class ParsedMessage:
    """A message with its parts. What few messages need is computed at first use."""

    def __init__(self, raw: bytes) -> None:
        self.header = mime.parse(raw)
        self.status_text = self.feedback_text = self.disposition_text = ""
        self.has_disposition = False
        self.has_data = False  # a part that people do not read
        self._attached: mime.Part | None = None
        self._human_parts: list[mime.Part] = []
        for part in mime.leaves(self.header):
            kind = part.content_type
            self.has_data |= kind.startswith("application/") or kind == "text/xml"
            if kind in _STATUS_TYPES:
                self.status_text += part.text + "\n\n"
            elif kind == "message/feedback-report":
                self.feedback_text += part.text + "\n\n"
            elif kind == "message/disposition-notification":
                self.has_disposition = True
                self.disposition_text += part.text + "\n\n"
            elif kind in _ORIGINAL_TYPES:
                self._attached = self._attached or _parse_original(part.data)
            elif kind.startswith(("text/", "multipart/")) and self._attached is None:
                self._human_parts.append(part)  # a multipart without its boundary is text

    def may_have_field(self, name: str) -> bool:
        """False if neither the header nor the original has a field *name* (lower case); quick."""
        original = (
            self.full_text.encode("utf-8", "replace")
            if self._attached is None
            else self._attached.head
        )
        return name.encode() in self.header.head.lower() or name.encode() in original.lower()

    @lazy_property
    def full_text(self) -> str:
        """The human-readable text with all that is pasted below it; HTML if it is the only form."""
        plain = [
            part.text
            for part in self._human_parts
            if part.content_type != "text/html" and part.text.strip()
        ]
        return "\n\n".join(plain or [part.text for part in self._human_parts])

    @lazy_property
    def text(self) -> str:
        """The human-readable text, up to the beginning of the returned original."""
        return self.full_text[: self._original_start]

    @lazy_property
    def normalised_text(self) -> str:
        """The normalised words of the Subject and of the human-readable text."""
        return normalised_text(f"{self.subject}\n{self.text}")

    @lazy_property
    def subject(self) -> str:
        """The decoded Subject."""
        return mime.decode_words(self.header.get("subject"))

    @lazy_property
    def names_failure(self) -> bool:
        """Whether the Subject is about undelivered mail."""
        return contains(normalised_text(self.subject), "failed")

    @lazy_property
    def sender(self) -> str:
        """The decoded From, else Sender, else Return-Path."""
        return mime.decode_words(
            self.header.get("from") or self.header.get("sender") or self.header.get("return-path")
        )

    @lazy_property
    def at(self) -> datetime | None:
        """The Date of the notice, in UTC."""
        return parse_date(self.header.get("date"))

    @lazy_property
    def is_from_mailer(self) -> bool:
        """Whether a mail system wrote it, by its name or the null return path (RFC 3834 §3.3)."""
        path = self.header.get("return-path").strip()
        return path == "<>" or self.sender_names_mailer or MAILER.search(path) is not None

    @lazy_property
    def sender_names_mailer(self) -> bool:
        """Whether the sender's address or name is that of a mail system."""
        return MAILER.search(self.sender) is not None

    @lazy_property
    def notice_addresses(self) -> set[str]:
        """Addresses in the notice's own header. They are not those of failed recipients."""
        values = (
            value
            for name in _NOTICE_ADDRESS_FIELDS
            for value in islice(self.header.get_all(name), 8)
        )
        return {address.normalise(a) for value in values for _, _, a in address.find(value[:4096])}

    @lazy_property
    def groups(self) -> list[dict[str, str]]:
        """The groups of delivery-status fields, in a part of their own or in the text."""
        if (
            "-recipient" not in self.status_text.casefold()
            and "-recipient" not in self.full_text.casefold()
        ):
            return []  # nor does ``text`` contain it, which takes longer to compute
        text = (
            self.status_text
            if _RECIPIENT_FIELD.search(self.status_text)
            else self.status_text + self.text
        )
        return fields.groups(text) if "-recipient" in text.casefold() else []

    @lazy_property
    def nested(self) -> ParsedMessage | None:
        """The bounce inside this message: attached by a gateway, or forwarded by a person."""
        if (
            self.original is not None
            and "delivery-status" in self.original.get("content-type").casefold()
        ):
            return ParsedMessage(self.original.raw)
        lines = self.full_text.split("\n") if _FORWARDED_SUBJECT.match(self.subject) else []
        mark = next(
            (i for i, line in enumerate(lines[:2000]) if begins_with(line, "forwarded")), None
        )
        if mark is None:
            return None
        forwarded = "\n".join(_QUOTE_MARK.sub("", line, count=1) for line in lines[mark + 1 :])
        return ParsedMessage(forwarded.lstrip("\n").encode("utf-8", "replace"))

    # ── the returned original ──────────────────────────────────────────────────────────────────

    @lazy_property
    def original(self) -> mime.Part | None:
        """The returned message: attached, or pasted below the human-readable text."""
        if self._attached is not None or self._original_start is None:
            return self._attached
        pasted = self.full_text[self._original_start :].partition("\n")[2]
        return _parse_original(pasted.lstrip("\n>| \t-=").encode("utf-8", "replace"))

    @lazy_property
    def _original_start(self) -> int | None:
        return _find_original(self.full_text)

    @lazy_property
    def original_message_id(self) -> str | None:
        """The Message-ID of the original without its brackets, else the notice's In-Reply-To."""
        value = self.original_field("message-id") or _message_id(self.header.get("in-reply-to"))
        return _message_id(value) or None

    @lazy_property
    def original_sender(self) -> str | None:
        """The envelope sender of the original, else its From, else the notice's To."""
        for value in (
            self.original_field("return-path"),
            self.original_field("from"),
            self.header.get("to"),
        ):
            if found := address.first(value):
                return found
        return None

    @lazy_property
    def original_recipients(self) -> list[str]:
        """The addresses in To, Cc and the envelope recipient fields of the original."""
        names = ("to", "x-envelope-to", "x-original-to", "cc")
        values = ",".join(self.original_field(name) for name in names)
        return list(dict.fromkeys(a for _, _, a in address.find(values[:8192])))

    def original_field(self, name: str) -> str:
        """A header field of the original; '' if it has no such field."""
        return self.original.get(name) if self.original else ""


def _parse_original(raw: bytes) -> mime.Part | None:
    raw = raw.lstrip(b"\n")
    if raw.startswith((b"From ", b">From ")):
        raw = raw.partition(b"\n")[2]  # of an mbox
    return mime.split(raw) if raw.strip() else None


def _find_original(text: str) -> int | None:
    """The position at which a pasted original begins: a separator in words, or trace fields."""
    starts = []
    for position, line in candidate_lines(text, "original", 7, 199):
        end = position + len(line)
        if _is_separator(line.strip(), text[end : end + 300]) and begins_with(line, "original"):
            starts.append(position)
            break
    for m in _TRACE.finditer(text) if _may_contain_trace(text.lower()) else ():
        following = text[m.start() : m.start() + 2000].split("\n")[:6]
        header_lines = sum(bool(_HEADER_LINE.match(line)) for line in following)
        if header_lines >= min(4, len(following)):
            starts.append(max(0, m.start() - 1))
            break
    return min(starts, default=None)


def _may_contain_trace(lower: str) -> bool:
    return any(field in lower for field in _TRACE_FIELDS)


def _is_separator(line: str, following: str) -> bool:
    """Whether *line* is a separator rather than part of a sentence.

    A separator is ruled off, or ends with a colon or full stop, or a header field follows it.
    """
    if not line:
        return False
    return (
        line.endswith((":", ".", "--", "==", "**", "-|"))
        or line[:2] in {"--", "==", "**", "__", "| ", "|-", "##"}
        or "copy" in line.casefold()
        or _HEADER_LINE.match(following.lstrip("\n >|-=\t")) is not None
    )


def _message_id(value: str) -> str:
    m = re.search(r"<([^<>\s]{1,500})>", value[:2000])
    return m[1] if m else "".join(value[:500].split()).strip("<>")
