"""One mail message, whoever wrote it: the interpreters in the order in which they are asked.

From what a standard defines to what only people can read: feedback report, delivery status, automatic answer, free form.
"""

from __future__ import annotations

from collections.abc import Callable

from bouncewise.model import Report, Source
from bouncewise.readers.messages import arf, autoreply, dsn, freeform
from bouncewise.readers.messages.parsed import Letter

MAX_MESSAGE = 16 * 1024 * 1024
"""Octets of one message that are read. A bounce tells its story in the first few thousand."""

MAX_NESTING = 3
"""A bounce may be forwarded, by a person or by a gateway that wraps it in a notice of its own."""

INTERPRETERS: tuple[tuple[str, Callable[[Letter, Source], list[Report] | None]], ...] = (
    ("arf", arf.read),
    ("dsn", dsn.read),
    ("autoreply", autoreply.read),
    ("freeform", freeform.read),
)


def read(raw: bytes, path: str, index: int) -> list[Report]:
    """The reports of one message; [] where it is no bounce, complaint or automatic answer."""
    letter: Letter | None = Letter(raw[:MAX_MESSAGE])
    for _ in range(MAX_NESTING):
        if letter is None:
            break
        for name, interpret in INTERPRETERS:
            reports = interpret(letter, Source(path, name, index))
            if reports is not None:
                return reports
        letter = letter.inner
    return []
