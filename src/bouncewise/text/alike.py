"""Replies that differ only in what differs between mails become one text.

Reads: words of a reply. Gives: the text with ``@`` for mail addresses, ``…`` for IP addresses, for
what stands in angle brackets, and for ids: words of letters and digits of six characters and more,
and numbers of more than three digits. Codes such as 550, 5.7.1 and S3140 stay. Linear.
"""

from __future__ import annotations

import re

from bouncewise.text.mask import PLACEHOLDER, mask

DIFFERS = "…"
"""What stands for the part that differs."""

_IN_BRACKETS = re.compile(r"<[^<>]{0,400}>")
_WORD = re.compile(r"[A-Za-z0-9][\w-]*", re.ASCII)
_LONG_NUMBER = re.compile(r"[0-9]{4,}")


def alike(text: str) -> str:
    """*text* without what differs between mails."""
    shown = _IN_BRACKETS.sub(f"<{DIFFERS}>", mask(text))
    return " ".join(_WORD.sub(_kept, shown).split())


def _kept(found: re.Match[str]) -> str:
    word = found[0]
    if word == PLACEHOLDER:
        return DIFFERS
    has_digit = any(c.isdigit() for c in word)
    is_id = has_digit and len(word) >= 6 and not word.isdigit()
    return DIFFERS if is_id or (word.isdigit() and _LONG_NUMBER.fullmatch(word)) else word
