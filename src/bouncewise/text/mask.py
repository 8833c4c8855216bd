"""The text of a reply without what differs between recipients: mail addresses and IP addresses.

Reads: any text. Gives: the text with ``@`` for each mail address and PLACEHOLDER for each IP
address. Therefore no address can imitate a code or a phrase, and replies that mean the same become
equal. IPv6 addresses are masked in the forms of RFC 4291 section 2.2 (eight groups, or ``::``), if
they are global, unique local or link-local, i.e. begin with 2, 3, fc, fd or fe and two or three
further digits.
"""

from __future__ import annotations

import re
from functools import lru_cache

MAX_REPLY = 2048
"""Characters of a reply that are read. RFC 5321 §4.5.3.1.5 allows 512 octets per line."""

PLACEHOLDER = "qz"
"""The word that replaces an IP address. A rule names it as ``192.0.2.1``, never by itself."""

_DELIMITERS = "\t\r\n<>()[]{},;:\"'`|"
_DELIMITERS_TO_BLANKS = str.maketrans(dict.fromkeys(_DELIMITERS, " "))
_ASCII_DELIMITERS_TO_BLANKS = bytes.maketrans(_DELIMITERS.encode(), b" " * len(_DELIMITERS))

# Four numbers, but not 127.x: such an address is the answer of a blocklist, and rules match it.
IPV4 = (
    r"\b(?:12[0-689]|1[013-9][0-9]|[02-9][0-9][0-9]|[0-9]{1,2})"
    r"\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\b"
)
# A prefix that ends with "::" is left: where "@" follows, masking it would lengthen the address.
# Global unicast (2000::/3), unique local (fc00::/7) or link-local (fe80::/10): RFC 4291 section
# 2.4, RFC 4193.
IPV6 = (
    r"\b(?:[23][0-9A-Fa-f]{3}|[Ff][C-Ec-e][0-9A-Fa-f]{2})"
    r"(?::(?:[0-9A-Fa-f]{1,4}:){6}[0-9A-Fa-f]{1,4}\b"
    r"|(?::[0-9A-Fa-f]{1,4}){0,5}::(?:[0-9A-Fa-f]{1,4}:){0,5}[0-9A-Fa-f]{1,4}\b)"
)
_IPV6 = re.compile(IPV6, re.ASCII)
# IPv4 addresses, searched from the first dot: every text has digits, but few texts have dots.
_FROM_DOT = re.compile(
    r"\.(?:(?<=\b([0-9])\.)|(?<=\b([0-9][0-9])\.)|(?<=\b([0-9][0-9][0-9])\.))"
    r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\b",
    re.ASCII,
)


@lru_cache(maxsize=16)
def mask(text: str) -> str:
    """*text* with ``@`` for each mail address and PLACEHOLDER for each IP address.

    The cache serves the callers that mask the same text one after the other.
    """
    return _mask_ips(_mask_addresses(text, False), False)


def mask_same_length(text: str) -> str:
    """Like ``mask``, filled with blanks so that every other character keeps its position."""
    return _mask_ips(_mask_addresses(text, True), True)


def _mask_addresses(text: str, same_length: bool) -> str:
    if "@" not in text:
        return text
    if text.isascii():
        blanked = text.encode().translate(_ASCII_DELIMITERS_TO_BLANKS).decode()
    else:
        blanked = text.translate(_DELIMITERS_TO_BLANKS)
    masked, done, at = "", 0, blanked.find("@")
    while at >= 0:
        start, end = blanked.rfind(" ", 0, at) + 1, blanked.find(" ", at)
        end = len(text) if end < 0 else end
        masked += text[done:start] + ("@".ljust(end - start) if same_length else "@")
        done, at = end, blanked.find("@", end)
    return masked + text[done:]


def _mask_ips(text: str, same_length: bool) -> str:
    if "::" in text or text.count(":") >= 7:
        text = _IPV6.sub(_filled if same_length else PLACEHOLDER, text)
    m = _FROM_DOT.search(text)
    if m is None:
        return text
    masked, done = "", 0
    while m is not None:
        first_number = m[1] or m[2] or m[3]
        start = m.start() - len(first_number)
        if start < done or first_number == "127":
            m = _FROM_DOT.search(text, m.start() + 1)
            continue
        masked += text[done:start]
        masked += PLACEHOLDER.ljust(m.end() - start) if same_length else PLACEHOLDER
        done = m.end()
        m = _FROM_DOT.search(text, done)
    return masked + text[done:]


def _filled(m: re.Match[str]) -> str:
    return PLACEHOLDER.ljust(len(m[0]))
