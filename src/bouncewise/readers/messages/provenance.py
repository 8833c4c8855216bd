"""Where a notice comes from and which mail it returns, as far as the message itself states it.

Reads: the reports of a message and the message. Gives: the same reports with their Provenance, the
other names of the recipient, and a time that is not later than the notice's arrival. Whether a
signature or our own mail exchanger confirms any of it is examined later (intake/provenance.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import islice

import msgspec

from bouncewise.config.streams import MAX_NAME, list_identifier
from bouncewise.model import Channel, Kind, Proof, Provenance, Report
from bouncewise.readers.messages.parsed import MAILER, ParsedMessage
from bouncewise.rfc import address
from bouncewise.rfc.date import parse_date

# Fields that name the address to which the notice was delivered; the last is RFC 5321's reverse
# path of the returned mail, which is the address that its notice is sent to.
_DELIVERED_TO = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to")
_MAX_FIELDS = 4
_QUEUE_ID = re.compile(r"^x-postfix-queue-id:[ \t]*([0-9A-Za-z]{5,25})[ \t\r]*$", re.I | re.M)
_TOP_LEVEL = re.compile(r"\.(?:[^\W\d_]{2,63}|xn--[\w-]{1,59})\Z")
_NOTICES = (Kind.FAILED, Kind.DELAYED, Kind.DELIVERED, Kind.RELAYED)


def with_provenance(
    reports: list[Report], message: ParsedMessage, outer: ParsedMessage
) -> list[Report]:
    """*reports* of *message*, which may be nested in the *outer* message that was received."""
    arrived = _arrival(outer)
    sent = parse_date(message.original_field("date"))
    m = _QUEUE_ID.search(message.status_text)
    verp = next(_verp_recipients(message, outer), None)
    header = tuple(message.original_recipients[:_MAX_FIELDS])
    stream = list_identifier(message.original_field("list-id"))[:MAX_NAME] or None
    provenances = {
        plausible: Provenance(
            channel=Channel.MAIL,
            proof=Proof.NONE if plausible else Proof.IMPLAUSIBLE,
            queue_id=m[1] if m else None,
            arrived=arrived,
            sent=sent,
        )
        for plausible in (True, False)
    }
    return [
        msgspec.structs.replace(
            report,
            at=min((at for at in (report.at, arrived) if at is not None), default=None),
            verp_recipient=verp,
            header_recipients=header,
            stream=stream,
            provenance=provenances[_is_plausible(report, message, outer)],
        )
        for report in reports
    ]


def _arrival(message: ParsedMessage) -> datetime | None:
    """When our own mail exchanger received the message: the date of the topmost Received field
    (RFC 5321 section 4.4), which is behind its last semicolon.
    """
    received = message.header.get("received")
    return parse_date(received.rpartition(";")[2].strip()) if ";" in received else None


def _verp_recipients(message: ParsedMessage, outer: ParsedMessage) -> Iterator[str]:
    """The recipients that return addresses carry: that to which the notice came, first."""
    for name in _DELIVERED_TO:
        for value in islice(outer.header.get_all(name), _MAX_FIELDS):
            for _, _, found in islice(address.find(value[:1024]), _MAX_FIELDS):
                yield from _recipient_in(found)
    yield from _recipient_in(address.first(message.original_field("return-path")) or "")


def _recipient_in(return_address: str) -> Iterator[str]:
    """The recipient that *return_address* carries, if its domain can be one of mail."""
    recipient = address.from_verp(return_address)
    if recipient and _TOP_LEVEL.search(recipient):
        yield recipient


def _is_plausible(report: Report, message: ParsedMessage, outer: ParsedMessage) -> bool:
    """Whether a mail system wrote the notice. People who forward a bounce, or quote one, prove
    nothing by it.
    """
    if report.kind not in _NOTICES:
        return True
    path = outer.header.get("return-path").strip()
    if path:
        return path == "<>" or _names_system(path)
    return (message is outer and bool(message.status_text)) or _names_system(
        address.first(outer.sender) or outer.sender
    )


def _names_system(sender: str) -> bool:
    """Whether an address is that of a mail system; what a display name says is anybody's."""
    return MAILER.search(sender.rpartition("@")[0] or sender) is not None
