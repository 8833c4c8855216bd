"""Questions to DNS and their answers. RFC 1034 section 3.7, RFC 2308 section 2.

Reads: nothing. Gives: nouns. A denial (the name does not exist, or has no such records) is another
answer than silence (no server gave one).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
"""An address of either version."""


class Outcome(StrEnum):
    """The outcome of a question. Only NO_NAME and NO_RECORDS deny something."""

    ANSWERED = "answered"
    NO_NAME = "nxdomain"
    NO_RECORDS = "no-data"
    SILENT = "silent"


class Question(NamedTuple):
    """A name in A-labels without the last dot, and a type: ``MX``, ``A`` or ``AAAA``."""

    name: str
    type: str


class Answer(NamedTuple):
    """``records`` as text (``10 mx.b.example``); ``ttl`` in seconds; ``reason``: why it is
    SILENT.
    """

    outcome: Outcome
    records: tuple[str, ...] = ()
    ttl: int = 0
    reason: str = ""


Lookup = Callable[[Iterable[Question]], Iterator[tuple[Question, Answer]]]
"""Answers questions, each once, in any order."""
