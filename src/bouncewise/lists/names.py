"""What can be suppressed: an address, or all of a domain as ``@domain``.

Reads: a cell of a list, or an argument. Gives: the name in it, and what is wrong with it. Refuses:
public suffixes, whose names belong to many owners.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

from bouncewise.lists.suffixes import is_public_suffix
from bouncewise.lists.syntax import syntax_error
from bouncewise.rfc.address import normalise

_ANGLES = re.compile(r"(?:[^<>\"]|\"(?:[^\"\\\\]|\\\\.)*\")*<([^<>]*)>[\s,;]*")
_COMMENT = re.compile(r"\s*\([^()]*\)\s*")
_MAILTO = re.compile(r"mailto:", re.I)


class Name(NamedTuple):
    """What a text names: the ``key`` of an address or ``@domain``, and why it is none, or ''."""

    key: str
    error: str


def name_in(text: str) -> Name:
    """What a person means by *text*: an address alone, as ``Name <address>`` or ``mailto:address``,
    with a comment or a comma behind it; or an ``@domain``.
    """
    given = unwrapped(text)
    error = f"not a domain: {text}" if given == "@" else _error(given)
    return Name(normalise(given), error or "")


def unwrapped(text: str) -> str:
    """The address in ``Name <address>``, ``mailto:address?subject=…`` or ``address (comment),``
    (RFC 5322 section 3.4, RFC 6068); other text does not change.
    """
    text = text.strip()
    if _MAILTO.match(text):
        text = unquote(text[7:].partition("?")[0]).strip()
    if m := _ANGLES.fullmatch(text):
        return m[1].strip()
    return _COMMENT.sub("", text).lstrip(" \t,;").rstrip(" \t,;.")


def name_error(name: str) -> str | None:
    """Why neither an address nor an ``@domain`` can be suppressed under this *name*; None if it
    can. A public suffix like ``@co.uk`` cannot: its names belong to many owners.
    """
    error = _error(name)
    if error is None and name.startswith("@") and is_public_suffix(normalise(name)[1:]):
        return f"{name[1:]} is a public suffix: names below it belong to many owners"
    return error


def _error(name: str) -> str | None:
    """Why *name* is neither an address nor an ``@domain``; None if it is one."""
    if not name:
        return "no address"
    whole = name.startswith("@")
    error = syntax_error(f"x{name}" if whole else name)
    return f"not {'a domain' if whole else 'an address'}: {error}" if error else None
