"""Whether a message in free form reports undelivered mail, by the evidence in it.

Reads: the header, the human-readable text and the returned original. Gives: yes or no. A mail
system that is known by its name, or by the header fields of a report, is believed if its words are
those of a failure. Any other sender must bring evidence of several kinds: the null return path or
another mark of automatic mail, a Subject and a text about a failure, a server's reply, a returned
mail of the one who got the notice. Refuses: mail of lists and newsletters, and what people write
about bounces.
"""

from __future__ import annotations

import re

from bouncewise.readers.messages import candidates
from bouncewise.readers.messages.parsed import ParsedMessage
from bouncewise.readers.messages.wording import contains, normalised_text
from bouncewise.rfc import address

NEEDED = 6
"""The evidence that a sender must bring who is not known as a mail system."""

_CLEAR = 5  # of a candidate
_OPENING = 2000  # characters of the text in which a notice states what it is about
_FIRST_WORDS = 600  # characters in which it names the mail
_MAIL_WORD = re.compile(
    r"\b(?:e-?mail|mail|message|nachricht|courriel|correo|mensaje|mensagem|messaggio|bericht|"
    r"wiadomo\w+|сообщени\w+|письм\w+)\b|[邮郵]件|メール|메일",
    re.I,
)
_LIST_FIELDS = ("list-id", "list-post", "list-unsubscribe", "mailing-list", "x-campaign")
_REPLY_SUBJECT = re.compile(r"^\s*(?:re|aw|antw|sv|vs|rif|res|odp)\s*(?:\[\d+\])?\s*[:：]", re.I)
_MAIL_PROGRAM = re.compile(
    r"outlook|thunderbird|apple mail|iphone mail|ipad mail|android|webmail|roundcube|mutt|gnus|"
    r"evolution|claws|kmail|alpine|squirrelmail|mailchimp|sendgrid|brevo|phpmailer",
    re.I,
)
# A reply code with a status or words, where replies stand; "550 EUR" in a sentence is none.
_SERVER_REPLY = re.compile(
    r"(?:^[\s>*|-]*|[:;,(\"'\[|]\s{0,3}|\b(?:said|says|error|code|reply|response|returned|status)\s{1,3})"
    r"[45][0-5]\d(?:[ -]#?[45]\.\d{1,3}\.\d{1,3}\b|[ -]<?[A-Za-z]|\s*$)|"
    r"(?:^|[\s(\[#])[45]\.\d{1,3}\.\d{1,3}\b",
    re.M,
)
_QUOTED_LINE = re.compile(r"^\s*>", re.M)


def is_bounce(message: ParsedMessage) -> bool:
    """Whether the message reports undelivered mail."""
    header = message.header
    if (
        header.get("x-failed-recipients") != ""
        or "delivery-status" in header.get("content-type").casefold()
        or message.status_text != ""
    ):
        return True
    names_failure = contains(message.normalised_text, "failed")
    if message.sender_names_mailer and names_failure:
        return not is_of_people(message)
    return (
        _may_be_bounce(message)
        and (names_failure or _names_rejection(message))
        and evidence(message) >= NEEDED
    )


def _names_rejection(message: ParsedMessage) -> bool:
    """Whether the words are those of a rejection, with a quoted reply or an address beside them."""
    return contains(message.normalised_text, "rejected") and (
        quotes_reply(message) or _names_failed_address(message)
    )


def is_of_people(message: ParsedMessage) -> bool:
    """Whether a list or a person sent it: neither marks its mail as automatic."""
    header = message.header
    path = header.get("return-path").strip()
    if path == "<>" or header.get("auto-submitted").strip().casefold().startswith("auto-"):
        return False
    is_posting = _is_of_list(message) and message.original is None and not quotes_reply(message)
    return (
        is_posting
        or (_REPLY_SUBJECT.match(message.subject) is not None and _quotes_much(message))
        or _MAIL_PROGRAM.search(header.get("user-agent") or header.get("x-mailer")) is not None
    )


def _is_of_list(message: ParsedMessage) -> bool:
    header = message.header
    return any(header.get(name) for name in _LIST_FIELDS) or header.get(
        "precedence"
    ).strip().casefold() in ("list", "bulk-newsletter")


def _quotes_much(message: ParsedMessage) -> bool:
    """Whether a good part of the text is quoted, as in answers of people."""
    text = message.full_text[:_OPENING]
    return len(_QUOTED_LINE.findall(text)) * 4 > text.count("\n")


def quotes_reply(message: ParsedMessage) -> bool:
    """Whether the text quotes what may be the reply of a server."""
    return _SERVER_REPLY.search(message.text[: 2 * _OPENING]) is not None


def is_plainly_bounce(message: ParsedMessage) -> bool:
    """Whether the Subject is about a failure, and there is more evidence than needed."""
    return message.names_failure and evidence(message) > NEEDED


def _may_be_bounce(message: ParsedMessage) -> bool:
    """Whether there is a fact that other mail hardly has: the null return path; or, with a Subject
    about a failure or another mark of automatic mail, a server's reply, a returned mail of ours, or
    an address beside words of failure.
    """
    header = message.header
    if header.get("return-path").strip() == "<>":
        return True
    is_automatic = header.get("auto-submitted").strip().casefold().startswith("auto-")
    if message.names_failure:
        return (
            quotes_reply(message)
            or _returns_our_mail(message)
            or (is_automatic and _names_failed_address(message))
        )
    return is_automatic and _returns_our_mail(message)


def _names_failed_address(message: ParsedMessage) -> bool:
    """Whether the text names an address beside words of failure, with no reason against it."""
    return any(
        candidates.BESIDE_FAILURE in found.reasons and found.score >= _CLEAR
        for found in candidates.candidates(message)
    )


def evidence(message: ParsedMessage) -> int:
    """How much speaks for a report of undelivered mail; what speaks against it is subtracted."""
    header = message.header
    submitted = header.get("auto-submitted").strip().casefold()
    speaks = (
        (3, header.get("return-path").strip() == "<>"),
        (2, submitted.startswith("auto-")),
        (3, message.sender_names_mailer),
        (2, message.names_failure),
        (2, contains(normalised_text(message.text[:_OPENING]), "failed")),
        (1, _MAIL_WORD.search(message.text[:_FIRST_WORDS]) is not None),
        (2, quotes_reply(message)),
        (1, contains(normalised_text(message.subject), "rejected")),
        (1, contains(normalised_text(message.text[:_OPENING]), "rejected")),
        (2, _returns_our_mail(message)),
        (-5, _is_of_list(message)),
        (-3, _REPLY_SUBJECT.match(message.subject) is not None),
        (-4, _MAIL_PROGRAM.search(header.get("user-agent") or header.get("x-mailer")) is not None),
        (-3, _quotes_much(message)),
    )
    return sum(weight for weight, is_so in speaks if is_so)


def _returns_our_mail(message: ParsedMessage) -> bool:
    """Whether the message returns a mail whose sender is the one that the message was sent to."""
    if message.original is None:
        return False
    senders = {
        address.normalise(found)
        for name in ("return-path", "from", "sender", "reply-to")
        if (found := address.first(message.original_field(name)[:4096]))
    }
    return not senders.isdisjoint(message.notice_addresses)
