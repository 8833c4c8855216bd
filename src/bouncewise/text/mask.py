"""The text of a reply without what differs from recipient to recipient: mail addresses and IPv4 addresses are masked.

So neither an address nor an IP address can imitate a code or a phrase, and replies that mean the same look the same.
"""

from __future__ import annotations

import re
from functools import lru_cache

MAX_REPLY = 2048
"""Characters of a reply that are read. RFC 5321 §4.5.3.1.5 allows 512 octets a line."""

PLACEHOLDER = "qz"
"""The word that stands for an IP address: no rule can speak of it."""

_ENDS = "\t\r\n<>()[]{},;:\"'`|"
_ADDRESS_ENDS = str.maketrans(dict.fromkeys(_ENDS, " "))
_ASCII_ENDS = bytes.maketrans(_ENDS.encode(), b" " * len(_ENDS))
# Four numbers, but not 127.x: those are a blocklist's answers, and rules speak of them.
IPV4 = r"\b(?:12[0-689]|1[013-9][0-9]|[02-9][0-9][0-9]|[0-9]{1,2})\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\b"
# The same, from its first dot on, which is found faster than a digit: every text has digits, few have dots.
_FROM_DOT = re.compile(
    r"\.(?:(?<=\b([0-9])\.)|(?<=\b([0-9][0-9])\.)|(?<=\b([0-9][0-9][0-9])\.))[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\b",
    re.ASCII,
)


@lru_cache(maxsize=16)
def mask(text: str) -> str:
    """*text* without what differs from recipient to recipient: each mail address ``@``, each IPv4 address PLACEHOLDER.

    So neither an address nor an IP can forge a code or a phrase. Remembered for those who ask for the same text in turn.
    """
    return _without_ips(_without_addresses(text, False), False)


def mask_same_length(text: str) -> str:
    """``mask`` with blanks that keep everything at its place."""
    return _without_ips(_without_addresses(text, True), True)


def _without_addresses(text: str, in_place: bool) -> str:
    if "@" not in text:
        return text
    plain = text.isascii()
    apart = (
        text.encode().translate(_ASCII_ENDS).decode() if plain else text.translate(_ADDRESS_ENDS)
    )
    shown, done, at = "", 0, apart.find("@")
    while at >= 0:
        start, end = apart.rfind(" ", 0, at) + 1, apart.find(" ", at)
        end = len(text) if end < 0 else end
        shown += text[done:start] + ("@".ljust(end - start) if in_place else "@")
        done, at = end, apart.find("@", end)
    return shown + text[done:]


def _without_ips(text: str, in_place: bool) -> str:
    """*text* with PLACEHOLDER for what fits IPV4."""
    m = _FROM_DOT.search(text)
    if m is None:
        return text
    shown, done = "", 0
    while m is not None:
        first = m[1] or m[2] or m[3]
        start = m.start() - len(first)
        if start < done or first == "127":
            m = _FROM_DOT.search(text, m.start() + 1)
            continue
        shown += text[done:start] + (
            PLACEHOLDER.ljust(m.end() - start) if in_place else PLACEHOLDER
        )
        done = m.end()
        m = _FROM_DOT.search(text, done)
    return shown + text[done:]
