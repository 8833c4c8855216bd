"""Authentication-Results: what a mail server found out about a message's sender (RFC 8601).

Reads: field values, and the header fields of a message in their order. Gives: the results of one
field; those of our own mail exchanger; whether a DKIM signature (RFC 6376) of given domains passed.
Refuses: fields of other servers, and fields below the place where the message entered from outside,
which its author may have written. Linear; never raises. RFC 8601 section 5 obliges the mail
exchanger to remove fields from outside that bear its own name; where several fields state a method,
the topmost counts.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from ipaddress import ip_address
from itertools import pairwise
from typing import NamedTuple

MAX_VALUE = 16384
"""Characters of one field that are read."""

MAX_WORD = 1024
"""Characters of one word that are read."""

MAX_RESULTS = 64
"""Results of one field that are read."""

MAX_FIELDS = 200
"""Header fields of a message that are looked at, from its top."""

_PIECE = re.compile(r'[ \t\r\n]++|;|\(|"(?:[^"\\]|\\.)*+"|[^\s;()"]++', re.S)
_PARENTHESIS = re.compile(r"\\.|[()]", re.S)
_ESCAPED = re.compile(r"\\(.)", re.S)
_FIELD = re.compile(rb"([!-9;-~]{1,100})[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*+)\n?")
_CLIENT = re.compile(r"from\s+\S{1,255}\s+\(([^()]{0,300})")
_CONFIRMED = re.compile(r"([a-z0-9.-]{1,255}) \[[0-9a-f.:ipv]{2,45}\]")
_CLIENT_IP = re.compile(r"(?<!=)\[(?:IPv6:)?([0-9A-Fa-f.:]{2,45})\]")

# Fields that our own servers add above and below their Received field.
_TRACE = frozenset(
    "received authentication-results received-spf return-path delivered-to envelope-to "
    "delivery-date dkim-filter".split()
)
_TRACE_PREFIXES = ("x-", "arc-")


class Property(NamedTuple):
    """What a result is about: ``header.d=b.example`` has the type "header" and the name "d"."""

    type: str
    name: str
    value: str


class Result(NamedTuple):
    """One method and its result, both in lower case: "dkim" and "pass"."""

    method: str
    result: str
    properties: tuple[Property, ...] = ()


class AuthResults(NamedTuple):
    """The results of one field, and the server that states them; '' where the field names none."""

    authserv_id: str
    results: tuple[Result, ...] = ()


def parse(value: str) -> AuthResults:
    """The results in the value of an Authentication-Results field."""
    first, *rest = _sections(value[:MAX_VALUE])
    results = (_result(items) for items in rest[:MAX_RESULTS])
    return AuthResults(
        first[0].text.lower() if first else "", tuple(r for r in results if r is not None)
    )


def top_fields(head: bytes) -> Iterator[tuple[str, str]]:
    """The first MAX_FIELDS fields of a header section with LF: names in lower case, values
    unfolded. Ends at what is no field.
    """
    at = 0
    for _ in range(MAX_FIELDS):
        m = _FIELD.match(head, at)
        if m is None:
            return
        at = m.end()
        value = m[2][:MAX_VALUE].decode("utf-8", "replace").replace("\n", " ")
        yield m[1].decode("ascii").lower(), value.strip()


def own_results(
    fields: Iterable[tuple[str, str]], authserv_id: str, mx: Collection[str] = ()
) -> tuple[Result, ...]:
    """The results that our own mail exchanger states, which calls itself *authserv_id*.

    *fields*: the message's, from its top, names in lower case; *mx*: names of our mail exchangers
    in lower case; where they are given, fields count only up to a Received field by which another
    server took the message from outside. Of each method only the topmost field that states it
    counts.
    """
    found: list[Result] = []
    entered = False
    for name, value in fields:
        if name not in _TRACE and not name.startswith(_TRACE_PREFIXES):
            break
        if name == "received":
            if entered:
                break
            entered = not _is_internal(value, mx)
            if entered and mx and _server(value) not in mx:
                break
        elif name == "authentication-results":
            parsed = parse(value)
            if authserv_id and parsed.authserv_id == authserv_id.lower():
                stated = {result.method for result in found}
                found += (result for result in parsed.results if result.method not in stated)
    return tuple(found)


def aligned_dkim(results: Iterable[Result], domains: Collection[str]) -> str | None:
    """The signing domain of a DKIM signature that passed, if it is one of *domains* (lower
    case); else None.
    """
    for result in results:
        if result.method == "dkim" and result.result == "pass":
            for kind, name, value in result.properties:
                if (kind, name) == ("header", "d") and value.lower() in domains:
                    return value.lower()
    return None


class _Item(NamedTuple):
    """Text between blanks and semicolons, without comments; whether it began with a quote."""

    text: str
    is_quoted: bool


def _sections(value: str) -> list[list[_Item]]:
    """The items of *value* between its semicolons. Reading ends at a comment or a quoted string
    that does not end.
    """
    sections: list[list[_Item]] = [[]]
    at, adjoins = 0, False
    while (m := _PIECE.match(value, at)) is not None:
        at, piece = m.end(), m[0]
        if piece == "(":
            at = _after_comment(value, at)
            adjoins = False
        elif piece == ";":
            sections.append([])
            adjoins = False
        elif piece.isspace():
            adjoins = False
        else:
            is_quoted = piece[0] == '"'
            text = _ESCAPED.sub(r"\1", piece[1:-1]) if is_quoted else piece
            items = sections[-1]
            if items and (adjoins or _continues(items, text)):
                before = items[-1]
                items[-1] = _Item(
                    before.text + text[: MAX_WORD - len(before.text)], before.is_quoted
                )
            else:
                items.append(_Item(text[:MAX_WORD], is_quoted))
            adjoins = True
    return sections


def _continues(items: list[_Item], text: str) -> bool:
    """Whether blanks stand around an equals sign: ``dkim = pass``."""
    before = items[-1].text
    is_key = before.find("=") == len(before) - 1 and before != ""
    return is_key or (text[:1] == "=" and "=" not in before)


def _after_comment(value: str, at: int) -> int:
    """Where the comment ends whose parenthesis is before *at*; comments may be nested."""
    depth = 1
    for m in _PARENTHESIS.finditer(value, at):
        depth += {"(": 1, ")": -1}.get(m[0], 0)
        if not depth:
            return m.end()
    return len(value)


def _result(items: list[_Item]) -> Result | None:
    """The result in a section; None where it has none ("none", or not well formed)."""
    pairs = [
        (key.lower(), value)
        for text, is_quoted in items
        if not is_quoted and (key := text.partition("=")[0])
        for value in [text.partition("=")[2]]
    ]
    if not pairs or not pairs[0][1]:
        return None
    method, result = pairs[0][0].partition("/")[0], pairs[0][1].lower()
    properties = (
        Property(*key.partition(".")[::2], value)
        for key, value in pairs[1 : MAX_RESULTS + 1]
        if "." in key
    )
    return Result(method, result, tuple(properties))


def _server(received: str) -> str:
    """The server that wrote a Received field (RFC 5321 section 4.4), in lower case; '' if
    unknown.
    """
    words = [item.text.lower() for items in _sections(received[:MAX_VALUE]) for item in items]
    return words[words.index("by") + 1] if "by" in words[:-1] else ""


def _is_internal(received: str, mx: Collection[str]) -> bool:
    """Whether the mail came from this host, this network or one of *mx*. The name that a client
    gives itself proves nothing; what our server found out stands in the comment behind it: the
    address, and a name that DNS confirms.
    """
    words = [item.text.lower() for items in _sections(received[:MAX_VALUE]) for item in items]
    if words[:1] != ["from"]:
        return True  # written when the mail was made on this host
    behind = words[words.index("by") :] if "by" in words else []
    if any(a == "with" and b.startswith("lmtp") for a, b in pairwise(behind)):
        return True
    client = _CLIENT.match(received[:MAX_VALUE].strip())
    confirmed = _CONFIRMED.match(client[1].lower()) if client else None
    if confirmed and confirmed[1] in mx and "forged" not in received:
        return True
    found = _CLIENT_IP.search(client[1]) if client else None
    try:
        ip = ip_address(found[1]) if found else None
    except ValueError:
        return False
    return ip is not None and (ip.is_loopback or ip.is_link_local or _is_private(found))


def _is_private(found: re.Match[str] | None) -> bool:
    """RFC 1918, RFC 4193; not the other blocks that Python counts as private."""
    text = found[1].lower() if found else ""
    return text.startswith(("10.", "192.168.", "fc", "fd")) or bool(
        re.match(r"172\.(?:1[6-9]|2\d|3[01])\.", text)
    )
