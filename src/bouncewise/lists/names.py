"""What can be suppressed: an address, or all of a domain as ``@domain``.

Reads: a cell of a list, or an argument. Gives: the name in it, and what is wrong with it. Refuses:
public suffixes, whose names belong to many owners.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote

from bouncewise.lists.syntax import is_plain, syntax_error
from bouncewise.rfc.address import normalise
from bouncewise.rfc.suffixes import is_public_suffix

_EDGES = " \t\r\n\v\f\xa0\u3000\ufeff\u200b\u200c\u200d\u200e\u200f\u2060"
"""White space and invisible characters, which are copied along with an address."""

_LAYERS = 4
"""Wrappings that are taken off, one after the other: ``"Jo" <mailto:jo@b.example>,``."""

# (not ``to=<address>``, which stands in logs)
_ANGLES = re.compile(r'(?:[^<>"]|"(?:[^"\\]|\\.)*")*(?<!=)<([^<>]*)>')
_ROUTE = re.compile(r"@[\w.,@-]+:(?=.)")
_COMMENT = re.compile(r"\s*\([^()]*\)\s*")
_SCHEME = re.compile(r"(?:smtp|rfc822)\s*[:;]\s*", re.I)
_MAILTO = re.compile(r"mailto:(?://)?([^?]*)\??(.*)", re.I | re.S)
_RECIPIENTS = ("to", "cc", "bcc")
_PAIRS = ('""', "''", "“”", "„“", "‘’", "«»", "»«", "[]", "()", "``")


class Name(NamedTuple):
    """What a text names: the ``key`` of an address or ``@domain``, and why it is none, or ''."""

    key: str
    error: str


def name_in(text: str) -> Name:
    """What a person means by *text*: an address alone, as ``Name <address>`` or ``mailto:address``,
    with a comment or a comma behind it; or an ``@domain``.
    """
    if is_plain(text):
        return Name(text.lower(), "")
    given = unwrapped(text)
    error = f"not a domain: {text}" if given == "@" else _error(given)
    return Name(normalise(given), error or "")


def unwrapped(text: str) -> str:
    """The address in ``Name <address>``, ``mailto:address?subject=…``, ``"address"`` or ``address
    (comment),`` (RFC 5322 section 3.4, RFC 6068); other text does not change. Where several
    recipients are named, all of them, so that the result is no address.
    """
    for _ in range(_LAYERS):
        before, text = text, _peeled(text.strip(_EDGES).strip(_EDGES + ",;"))
        if text == before:
            break
    return text.rstrip(_EDGES + ",;:.")


def _peeled(text: str) -> str:
    """*text* without its outermost wrapping."""
    if m := _MAILTO.fullmatch(text):
        return ",".join([*filter(None, [unquote(m[1])]), *_more_recipients(m[2])])
    if m := _ANGLES.fullmatch(text):
        return _ROUTE.sub("", m[1].strip(_EDGES), count=1)
    pair = text[:1] + text[-1:]
    if len(text) > 2 and pair in _PAIRS and not set(pair) & set(text[1:-1]):
        return text[1:-1]
    if m := _SCHEME.match(text):
        return text[m.end() :]
    return text if '"' in text else _COMMENT.sub("", text)


def _more_recipients(query: str) -> Iterator[str]:
    """The recipients in the header fields of a mailto URL."""
    for field in query.split("&"):
        name, _, value = field.partition("=")
        if value and unquote(name).casefold() in _RECIPIENTS:
            yield unquote(value)


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
    if error and "@" not in name and "." in name and not syntax_error(f"x@{name}"):
        return f"not an address; the domain is written @{name}"
    return f"not {'a domain' if whole else 'an address'}: {error}" if error else None
