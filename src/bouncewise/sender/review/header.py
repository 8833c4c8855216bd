"""Checks of a mailing's header and structure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from bouncewise.rfc import address, mime
from bouncewise.rfc.date import parse_date
from bouncewise.sender.checks import Hit
from bouncewise.sender.review.mail import Mailing

MAX_LINE = 998
"""Octets of a line without its end (RFC 5322 section 2.1.1)."""

_MESSAGE_ID = re.compile(r"<[^\s<>@]+@[^\s<>@]+>")
_REPLY = re.compile(r"\s*(?:re|aw|fwd?|wg|tr|sv)\s*:", re.I)
_UNSUBSCRIBE = re.compile(r"\s*<[^<>\s]+>(?:\s*,\s*<[^<>\s]+>)*\s*")
_SIGNED = re.compile(r"(?:^|;)\s*h\s*=([^;]*)")
_FIELD = re.compile(rb"^([!-9;-~]{1,80}):[^\n]*(?:\n[ \t][^\n]*)*", re.M)


def check(mail: Mailing, *, transactional: bool) -> Iterator[Hit]:
    """What the header and the structure show."""
    yield from _sender(mail)
    yield from _date_and_id(mail)
    yield from _subject(mail)
    if not any("@" in value for value in mail.all("to")):
        yield "to-missing", {}
    if not transactional:
        yield from _unsubscribe(mail)
        if not mail.header.get("list-id"):
            yield "list-id-missing", {}
        if (value := mail.header.get("auto-submitted")) and value.strip().lower() != "no":
            yield "auto-submitted", {"value": value}
    if not mail.header.get("dkim-signature"):
        yield "unsigned", {}
    yield from _octets(mail)
    yield from _structure(mail)


def _sender(mail: Mailing) -> Iterator[Hit]:
    values = mail.all("from")
    if len(values) != 1:
        yield "from-count", {"count": len(values)}
        return
    value = values[0][:4096]
    if not mail.domain or "." not in mail.domain:
        yield "from-syntax", {"value": value}
        return
    found = list(address.find(value))
    name = mime.decode_words(value[: found[-1][0]]).strip(' \t<"')
    for _, _, other in address.find(name):
        if other.rpartition("@")[2].lower() != mail.domain:
            yield "from-name-address", {"value": name}
            break


def _date_and_id(mail: Mailing) -> Iterator[Hit]:
    date = parse_date(mail.header.get("date"))
    if date is None:
        yield "date-missing", {}
    elif date > mail.now + timedelta(days=1):
        yield "date-future", {"value": mail.header.get("date")}
    identifier = mail.header.get("message-id").strip()
    if not identifier:
        yield "message-id-missing", {}
    elif not _MESSAGE_ID.fullmatch(identifier):
        yield "message-id-syntax", {"value": identifier[:120]}


def _subject(mail: Mailing) -> Iterator[Hit]:
    subject = mime.decode_words(mail.header.get("subject"))
    if not subject.strip():
        yield "subject-missing", {}
        return
    letters = [c for c in subject if c.isalpha()]
    if len(letters) >= 12 and sum(c.isupper() for c in letters) > 0.6 * len(letters):
        yield "subject-capitals", {"value": subject[:100]}
    is_reply = mail.header.get("in-reply-to") or mail.header.get("references")
    if _REPLY.match(subject) and not is_reply:
        yield "subject-reply", {"value": subject[:100]}


def _unsubscribe(mail: Mailing) -> Iterator[Hit]:
    value = mail.header.get("list-unsubscribe").strip()
    if not value:
        yield "unsubscribe-missing", {}
        return
    if not _UNSUBSCRIBE.fullmatch(value):
        yield "unsubscribe-syntax", {"value": value[:200]}
        return
    if "<https://" not in value.lower():
        yield "one-click-https", {"value": value[:200]}
        return
    post = mail.header.get("list-unsubscribe-post").strip()
    if post.lower() != "list-unsubscribe=one-click":
        yield "one-click-post", {"value": post[:100] or "missing"}
        return
    signatures = mail.all("dkim-signature")
    for name in ("list-unsubscribe", "list-unsubscribe-post") if signatures else ():
        if not any(name in _signed_fields(signature) for signature in signatures):
            yield "one-click-unsigned", {"value": name}


def _signed_fields(signature: str) -> set[str]:
    """The names of the fields that a DKIM signature covers (RFC 6376 section 3.5, h=)."""
    found = _SIGNED.search(signature)
    return {name.strip().lower() for name in found[1].split(":")} if found else set()


def _octets(mail: Mailing) -> Iterator[Hit]:
    """What is wrong with the octets: lines that are too long, fields beyond ASCII."""
    longest = max(map(len, mail.header.raw.split(b"\n")), default=0)
    if longest > MAX_LINE:
        yield "line-length", {"value": longest}
    for field in _FIELD.finditer(mail.header.head):
        if not field[0].isascii():
            yield "header-8bit", {"value": field[1].decode("ascii")}


def _structure(mail: Mailing) -> Iterator[Hit]:
    kinds = [part.content_type for part in mail.parts]
    is_alternative = b"multipart/alternative" in mail.raw[:65536].lower()
    before = kinds[: kinds.index("text/plain")] if "text/plain" in kinds else []
    if is_alternative and "text/html" in before:
        yield "alternative-order", {}
    for part in mail.parts:
        is_text = part.content_type.startswith("text/")
        if is_text and not part.data.isascii() and not part.parameters.get("charset"):
            yield "charset-missing", {"value": part.content_type}
