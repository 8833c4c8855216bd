"""One mail message of any origin: the interpreters, in the order in which they are tried.

The order goes from what a standard defines to what only people can read: feedback report, delivery
status notification, automatic reply, free form. Reads: the octets of a message. Gives: its reports;
if no interpreter recognises the message, those of a bounce that is nested in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from bouncewise.model import Report, Source
from bouncewise.readers.messages import arf, autoreply, dsn, freeform, gate
from bouncewise.readers.messages.parsed import ParsedMessage
from bouncewise.readers.messages.provenance import with_provenance
from bouncewise.rfc import address

MAX_MESSAGE = 16 * 1024 * 1024
"""Octets of one message that are read."""

MAX_NESTING = 3
"""Messages that are tried, from the outer one inwards: people and gateways forward bounces."""

INTERPRETERS: tuple[tuple[str, Callable[[ParsedMessage, Source], list[Report] | None]], ...] = (
    ("arf", arf.read),
    ("dsn", dsn.read),
    ("autoreply", autoreply.read),
    ("freeform", freeform.read),
)


_DAEMON = re.compile(r"mailer[-_.]?daemon@", re.I)

NAMES_NOBODY = "it declares itself a report of undelivered mail, but no recipient was found in it"


def read(raw: bytes, path: str, index: int) -> list[Report]:
    """The reports of one message; [] if it is no bounce, feedback report or automatic reply."""
    return read_message(ParsedMessage(raw[:MAX_MESSAGE]), path, index) or []


def read_message(outer: ParsedMessage, path: str, index: int) -> list[Report] | None:
    """The reports of one message; [] if it is of a kind that reports none; None if it is of no
    known kind.
    """
    message: ParsedMessage | None = outer
    for _ in range(MAX_NESTING):
        if message is None:
            break
        for name, interpret in INTERPRETERS:
            reports = interpret(message, Source(path, name, index))
            if reports is not None:
                return with_provenance(reports, message, outer) if reports else []
        message = message.nested
    return None


def declares_report(message: ParsedMessage, reports: list[Report] | None) -> bool:
    """Whether a *message* without *reports* says that it reports a failure or complaint."""
    if reports is not None:
        return arf.names_nobody(message)
    kind = message.header.parameters.get("report-type", "").casefold()
    return (
        message.status_text != ""
        or message.header.get("x-failed-recipients") != ""
        or kind in ("delivery-status", "feedback-report")
        or (message.is_from_mailer and gate.is_bounce(message))
    )


def is_itself_report(raw: bytes) -> bool:
    """Whether a message with reports is nothing but a report of a mail system, so that nobody would
    miss it: a multipart/report (RFC 6522), or a notice of undelivered mail from a mailer daemon, or
    from the null return path with a Subject about a failure. Letters with a report in them, and
    automatic replies, are none.
    """
    message = ParsedMessage(raw[:MAX_MESSAGE])
    if autoreply.is_automatic(message) or gate.is_of_people(message):
        return False
    if message.header.content_type == "multipart/report":
        return True
    sender = address.first(message.header.get("from")) or ""
    is_of_system = _DAEMON.match(sender) is not None or (
        message.header.get("return-path").strip() == "<>" and message.names_failure
    )
    return is_of_system and any(
        read_notice(message, Source("", "", 0)) for read_notice in (dsn.read, freeform.read)
    )
