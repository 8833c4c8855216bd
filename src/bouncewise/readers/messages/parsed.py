"""One mail message laid out for those who interpret it: what it says to people, to machines, and what came back.

Reads: the bytes of a message (RFC 5322, RFC 6522 multipart/report and everything that came before it).
Gives: a Letter. The original message, however it is attached or pasted, is kept apart and never searched for recipients.
"""

from __future__ import annotations

import re
from datetime import datetime
from itertools import islice

from bouncewise.lazy import once
from bouncewise.readers.messages.wording import begins, lines_that_may_begin, spoken
from bouncewise.rfc import address, fields, mime
from bouncewise.rfc.date import parse_date

_STATUS_TYPES = {"message/delivery-status", "message/global-delivery-status"}
_ORIGINAL_TYPES = {
    "message/rfc822",
    "message/global",
    "message/partial",
    "text/rfc822-headers",
    "text/rfc822-header",
    "message/rfc822-headers",
    "message/global-headers",
    "text/rfc822",
    "message/external-body",
}

_RULES = "-=*_|#~.>+ \t"
_TRACES = (
    "received:",
    "return-path:",
    "dkim-signature:",
    "x-originating-ip:",
    "delivered-to:",
    "domainkey-signature:",
    "message-id:",
)
_TRACE = re.compile(rf"^(?:{'|'.join(_TRACES)})", re.I | re.M)
_HEADER = re.compile(r"^(?:[!-9;-~]{2,60}:|[ \t]+\S)", re.M)
_MAILER = re.compile(
    r"mailer[-_. ]?daemon|postmaster|post_master|mail delivery|maildelivery|mail[-_ ]?(?:admin|system)|delivery sub|"
    r"maildaemon|mail daemon|system administrator|ndr administrator|mdaemon|\bmta\b|undeliverable",
    re.I,
)


_RECIPIENT = re.compile(r"(?:final|original)-recipient", re.I)
_FORWARD = re.compile(r"^\s*(?:fwd?|wg|tr|rv|i|doorst|vs|vb|pd|转发|轉寄)\s*[:：]", re.I)
_QUOTE = re.compile(r"^> ?")


class Letter:
    """A message, its parts sorted by what they are for."""

    def __init__(self, raw: bytes) -> None:
        self.message = mime.parse(raw)
        self.status_text = self.feedback_text = ""
        self.disposition = False
        self._attached: mime.Part | None = None
        self._human: list[mime.Part] = []
        for part in mime.leaves(self.message):
            kind = part.content_type
            if kind in _STATUS_TYPES:
                self.status_text += part.text + "\n\n"
            elif kind == "message/feedback-report":
                self.feedback_text += part.text + "\n\n"
            elif kind == "message/disposition-notification":
                self.disposition = True
            elif kind in _ORIGINAL_TYPES:
                self._attached = self._attached or _original(part.data)
            elif kind.startswith("text/") and self._attached is None:
                self._human.append(part)

    def mentions(self, name: str) -> bool:
        """Whether a field of that *name*, in lower case, may stand in the notice's header or in that of the original. Quick."""
        original = (
            self.message_text.encode("utf-8", "replace")
            if self._attached is None
            else self._attached.head
        )
        return name.encode() in self.message.head.lower() or name.encode() in original.lower()

    # What follows is found when it is asked for: a report for machines mostly needs none of the words for people.

    @once
    def message_text(self) -> str:
        """The words for people with all that is pasted below them. HTML counts only where it stands alone."""
        plain = [
            part.text
            for part in self._human
            if part.content_type != "text/html" and part.text.strip()
        ]
        return "\n\n".join(plain or [part.text for part in self._human])

    @once
    def text(self) -> str:
        """The words for people, up to where the original begins."""
        return self.message_text[: self._pasted_at]

    @once
    def original(self) -> mime.Part | None:
        """The mail that came back: attached, or pasted below the words for people."""
        if self._attached is not None or self._pasted_at is None:
            return self._attached
        pasted = self.message_text[self._pasted_at :].partition("\n")[2]
        return _original(pasted.lstrip("\n>| \t-=").encode("utf-8", "replace"))

    @once
    def _pasted_at(self) -> int | None:
        return self._original_start(self.message_text)

    @staticmethod
    def _original_start(text: str) -> int | None:
        starts = []
        for at, line in lines_that_may_begin(text, "original", 7, 199):
            end = at + len(line)
            if _is_boundary(line.strip(), text[end : end + 300]) and begins(line, "original"):
                starts.append(at)
                break
        for m in _TRACE.finditer(text) if _may_hold_trace(text.lower()) else ():
            following = text[m.start() : m.start() + 2000].split("\n")[:6]
            if sum(bool(_HEADER.match(line)) for line in following) >= min(4, len(following)):
                starts.append(max(0, m.start() - 1))
                break
        return min(starts, default=None)

    @once
    def subject(self) -> str:
        """The decoded Subject."""
        return mime.decoded_words(self.message.get("subject"))

    @once
    def spoken(self) -> str:
        """The bare words of the Subject and of the words for people."""
        return spoken(f"{self.subject}\n{self.text}")

    @once
    def sender(self) -> str:
        """From, or what stands in for it."""
        return mime.decoded_words(
            self.message.get("from")
            or self.message.get("sender")
            or self.message.get("return-path")
        )

    @once
    def from_mailer(self) -> bool:
        """Whether a mail system rather than a person wrote it: by name, or by the null return path (RFC 3834 §3.3)."""
        path = self.message.get("return-path").strip()
        return (
            path == "<>"
            or _MAILER.search(self.sender) is not None
            or _MAILER.search(path) is not None
        )

    @once
    def inner(self) -> Letter | None:
        """The bounce inside this message: attached by a mail system that says no more, or forwarded by a person."""
        if (
            self.original is not None
            and "delivery-status" in self.original.get("content-type").casefold()
        ):
            return Letter(self.original.raw)
        lines = self.message_text.split("\n") if _FORWARD.match(self.subject) else []
        mark = next((i for i, line in enumerate(lines[:2000]) if begins(line, "forwarded")), None)
        if mark is None:
            return None
        quoted = "\n".join(_QUOTE.sub("", line, count=1) for line in lines[mark + 1 :])
        return Letter(quoted.lstrip("\n").encode("utf-8", "replace"))

    @once
    def from_mailer_by_name(self) -> bool:
        """Whether the From itself names a mail system."""
        return _MAILER.search(self.sender) is not None

    @once
    def ours(self) -> set[str]:
        """Addresses in the notice's own header: sender and recipients of the notice, not of the failed mail."""
        names = (
            "to",
            "from",
            "sender",
            "reply-to",
            "return-path",
            "delivered-to",
            "cc",
            "x-original-to",
            "envelope-to",
        )
        values = (value for name in names for value in islice(self.message.each(name), 8))
        return {address.normalise(a) for value in values for _, _, a in address.find(value[:4096])}

    @once
    def at(self) -> datetime | None:
        """The notice's own Date."""
        return parse_date(self.message.get("date"))

    @once
    def original_id(self) -> str | None:
        """Message-ID of the original, without its brackets."""
        value = self.original_field("message-id") or _id_in(self.message.get("in-reply-to"))
        return _id_in(value) or None

    @once
    def original_sender(self) -> str | None:
        """Envelope sender of the original where it is told, else its From, else to whom the notice went."""
        for value in (
            self.original_field("return-path"),
            self.original_field("from"),
            self.message.get("to"),
        ):
            if found := address.first(value):
                return found
        return None

    @once
    def original_recipients(self) -> list[str]:
        """To, Cc and envelope recipients of the original."""
        names = ("to", "x-envelope-to", "x-original-to", "cc")
        values = ",".join(self.original_field(name) for name in names)
        return list(dict.fromkeys(a for _, _, a in address.find(values[:8192])))

    def original_field(self, name: str) -> str:
        """A header field of the original message; '' where it has none."""
        return self.original.get(name) if self.original else ""

    @once
    def groups(self) -> list[dict[str, str]]:
        """Delivery-status groups, also those that stand in the text instead of in a part of their own."""
        if (
            "-recipient" not in self.status_text.casefold()
            and "-recipient" not in self.message_text.casefold()
        ):
            return []  # nor is it in ``text``, which takes longer to find
        text = (
            self.status_text
            if _RECIPIENT.search(self.status_text)
            else self.status_text + self.text
        )
        return fields.groups(text) if "-recipient" in text.casefold() else []


def _original(raw: bytes) -> mime.Part | None:
    return mime.split(raw.lstrip(b"\n")) if raw.strip() else None


def _may_hold_trace(lower: str) -> bool:
    return any(field in lower for field in _TRACES)


def _is_boundary(line: str, after: str) -> bool:
    """A separator is ruled off, or ends in a colon or stop, or a header follows: it is no phrase in a sentence."""
    if not line:
        return False
    return (
        line.endswith((":", ".", "--", "==", "**", "-|"))
        or line[:2] in {"--", "==", "**", "__", "| ", "|-", "##"}
        or "copy" in line.casefold()
        or _HEADER.match(after.lstrip("\n >|-=\t")) is not None
    )


def _id_in(value: str) -> str:
    m = re.search(r"<([^<>\s]{1,500})>", value[:2000])
    return m[1] if m else value.strip()[:500]
