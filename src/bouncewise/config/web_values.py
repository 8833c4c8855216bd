"""Checks of single values about servers, web pages and how often something is done; as in
values.py.
"""

from __future__ import annotations

import re

from bouncewise.config import values


def server(text: str) -> str:
    """``HOST:PORT``."""
    name, colon, number = text.rpartition(":")
    if not colon or not number.isascii() or not number.isdigit():
        raise ValueError(f"{text!r} is no server; write smtp.example.org:587")
    values.port(int(number))
    return f"{values.host(name)}:{int(number)}"


def origin(text: str) -> str:
    """The origin of a web page (RFC 6454): scheme, host, and a port that is not the usual one."""
    found = text.strip().lower()
    if not re.fullmatch(
        r"https?://[a-z0-9.-]+(?::\d{1,5})?|https?://\[[0-9a-f:]+\](?::\d{1,5})?", found
    ):
        raise ValueError(f"{text!r} is no origin; write https://shop.example, without a path")
    return found


def rate(number: int) -> int:
    """0 to a million."""
    if not 0 <= number <= 1_000_000:
        raise ValueError(f"{number} is not within 0 and 1000000")
    return number


def seconds_between_syncs(number: int) -> int:
    """A minute to a week; 0: never."""
    if number and not 60 <= number <= 604_800:
        raise ValueError(f"{number} is not within 60 and 604800")
    return number
