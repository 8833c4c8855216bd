"""One mail message of any origin: the interpreters, in the order in which they are tried.

The order goes from what a standard defines to what only people can read: feedback report, delivery
status notification, automatic reply, free form. Reads: the octets of a message. Gives: its reports;
if no interpreter recognises the message, those of a bounce that is nested in it.
"""

from __future__ import annotations

from collections.abc import Callable

from bouncewise.model import Report, Source
from bouncewise.readers.messages import arf, autoreply, dsn, freeform
from bouncewise.readers.messages.parsed import ParsedMessage
from bouncewise.readers.messages.provenance import with_provenance

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


def read(raw: bytes, path: str, index: int) -> list[Report]:
    """The reports of one message; [] if it is no bounce, feedback report or automatic reply."""
    outer = ParsedMessage(raw[:MAX_MESSAGE])
    message: ParsedMessage | None = outer
    for _ in range(MAX_NESTING):
        if message is None:
            break
        for name, interpret in INTERPRETERS:
            reports = interpret(message, Source(path, name, index))
            if reports is not None:
                return with_provenance(reports, message, outer) if reports else []
        message = message.nested
    return []
