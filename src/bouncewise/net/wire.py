"""DNS messages: a question in octets, and what a reply to it answers. RFC 1035 section 4, RFC 6891
(EDNS), RFC 3596 (AAAA).

Reads: octets of strangers. Gives: the response code, and the records of the question's type at the
end of its chain of aliases. Refuses, with MalformedError: lengths that do not fit, names over 255
octets, compression pointers that do not point backwards, aliases without an end, records of a name
that does not exist. A reply to another question is None. The authority and additional sections are
not read.
"""

from __future__ import annotations

import re
import socket
import struct
from typing import NamedTuple

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "MX": 15, "AAAA": 28}
"""The types that can be queried. Of the records of NS and CNAME only the number is
read."""

NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)
"""Response codes, RFC 1035 section 4.1.1."""

RCODES = {
    FORMERR: "FORMERR",
    SERVFAIL: "SERVFAIL",
    NOTIMP: "NOTIMP",
    REFUSED: "REFUSED",
}
PAYLOAD = 1232
"""Octets of a datagram that are not fragmented anywhere (DNS flag day 2020)."""

MOST_RECORDS = 512
"""Records of a reply that are read."""

_MOST_ALIASES = 16
_HEAD = struct.Struct(">HHHHHH")
_FIXED = struct.Struct(">HHIH")  # type, class, time to live, length
_RECURSIVE_QUERY = 0x0100
_RESPONSE, _OPCODE, _AUTHORITATIVE, _TRUNCATED, _RECURSIVE = 0x8000, 0x7800, 0x0400, 0x0200, 0x0080
_EDNS = b"\0" + struct.pack(">HHIH", 41, PAYLOAD, 0, 0)
_IN = 1
_PLAIN = re.compile(rb"[!#%&'*+,\-./0-9:<=>?A-Z\[\]^_`a-z{|}~]*")
_SPECIAL = b'"().;\\@$'


class MalformedError(ValueError):
    """Octets that are no reply."""


class Reply(NamedTuple):
    """``complete``: False where the question must be sent again by TCP; ``final``: whether the
    server answers for the whole DNS, or is responsible for the name; a referral is neither.
    ``ttl``: of the record that expires first, in seconds.
    """

    rcode: int
    complete: bool = True
    final: bool = True
    records: tuple[str, ...] = ()
    ttl: int = 0


def question_for(name: str, record_type: str) -> bytes:
    """The question section for *name* (A-labels, without the last dot). Raises ValueError for what
    is no name in DNS.
    """
    labels = name.lower().encode("ascii").split(b".") if name else []
    if any(not 0 < len(label) < 64 for label in labels):
        raise ValueError(f"{name[:80]!r} is not a name in DNS")
    octets = b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
    if len(octets) > 255:
        raise ValueError(f"{name[:80]!r} is longer than 255 octets")
    return octets + struct.pack(">HH", TYPES[record_type], _IN)


def query(number: int, question: bytes, *, edns: bool = True) -> bytes:
    """A query with this id. Recursion is desired."""
    head = _HEAD.pack(number, _RECURSIVE_QUERY, 1, 0, 0, int(edns))
    return head + question + _EDNS if edns else head + question


def read_reply(data: bytes, question: bytes) -> Reply | None:
    """What *data*, whose id is known to be right, answers to *question*; None where it is a reply
    to another question, or none. Raises MalformedError.
    """
    if len(data) < _HEAD.size:
        return None
    _, flags, questions, answers, _, _ = _HEAD.unpack_from(data)
    rcode, end = flags & 15, _HEAD.size + len(question)
    if not flags & _RESPONSE or flags & _OPCODE:
        return None
    if not questions and rcode in RCODES:
        return Reply(rcode)  # (servers older than EDNS return FORMERR without the question)
    if questions != 1 or data[_HEAD.size : end].lower() != question:
        return None
    if rcode not in (NOERROR, NXDOMAIN):
        return Reply(rcode)
    if flags & _TRUNCATED:
        return Reply(rcode, complete=False)
    final = bool(flags & (_RECURSIVE | _AUTHORITATIVE))
    if not answers:
        return Reply(rcode, final=final)
    try:
        records, ttl = _answers(data, end, min(answers, MOST_RECORDS), question)
    except (IndexError, struct.error):
        raise MalformedError("it ends within a record") from None
    if records and rcode == NXDOMAIN:
        raise MalformedError("records of a name that does not exist")
    return Reply(rcode, True, final or bool(records), records, ttl)


def _answers(data: bytes, at: int, count: int, question: bytes) -> tuple[tuple[str, ...], int]:
    """The records of the question's type, and in how many seconds the first of them or of the
    aliases before them expires.
    """
    wanted = int.from_bytes(question[-4:-2])
    name = ""  # stands for the question's own name
    own: str | None = None
    aliases: dict[str, tuple[str, int]] = {}
    found: dict[str, list[tuple[int, int, int]]] = {}
    for _ in range(count):
        if data[at] == 0xC0 and data[at + 1] == _HEAD.size:
            owner, at = "", at + 2
        else:
            owner, at = name_at(data, at)
            own = name_at(question, 0)[0] if own is None else own
            owner = "" if owner == own else owner
        kind, network, ttl, length = _FIXED.unpack_from(data, at)
        at += _FIXED.size
        if at + length > len(data):
            raise MalformedError("a record is longer than the message")
        if network == _IN and kind == wanted:
            found.setdefault(owner, []).append((at, at + length, ttl))
        elif network == _IN and kind == TYPES["CNAME"]:
            target, end = name_at(data, at)
            own = name_at(question, 0)[0] if own is None else own
            if end != at + length:
                raise MalformedError("an alias has another length than its name")
            aliases.setdefault(owner, ("" if target == own else target, ttl))
        at += length
    longest = 0x7FFFFFFF
    for _ in range(_MOST_ALIASES):
        if name in found or name not in aliases:
            break
        name, ttl = aliases[name]
        longest = min(longest, ttl)
    else:
        raise MalformedError("aliases that do not end")
    rows = found.get(name, [])
    records = tuple(_record(data, start, end, wanted) for start, end, _ in rows)
    return records, min([longest, *(ttl for _, _, ttl in rows)])


def _record(data: bytes, at: int, end: int, kind: int) -> str:
    if kind == TYPES["MX"]:
        host, after = name_at(data, at + 2)
        if after != end:
            raise MalformedError("an MX record has another length than its name")
        return f"{int.from_bytes(data[at : at + 2])} {host}"
    if kind in (TYPES["A"], TYPES["AAAA"]):
        family = socket.AF_INET if kind == TYPES["A"] else socket.AF_INET6
        if end - at != (4 if kind == TYPES["A"] else 16):
            raise MalformedError("an address of another length")
        return socket.inet_ntop(family, data[at:end])
    return ""


def name_at(data: bytes, at: int) -> tuple[str, int]:
    """The name that begins at octet *at*, in lower case and without the last dot, and the octet
    behind it. A pointer leads to an earlier octet than the one before (RFC 1035 section 4.1.4).
    """
    labels: list[bytes] = []
    end, limit, size = 0, at, 0
    while (length := data[at]) != 0:
        if length < 64:
            size += length + 1
            label = data[at + 1 : at + 1 + length]
            if size > 254 or len(label) != length:
                raise MalformedError("a name over 255 octets, or cut short")
            labels.append(label)
            at += length + 1
        elif length >= 0xC0:
            target = (length & 0x3F) << 8 | data[at + 1]
            if target >= limit:
                raise MalformedError("a compression pointer that does not point backwards")
            end = end or at + 2
            at = limit = target
        else:
            raise MalformedError("an unknown kind of label")
    text = b".".join(labels)
    if text.count(b".") == len(labels) - 1 and _PLAIN.fullmatch(text):
        return text.decode("ascii").lower(), end or at + 1
    escaped = ("".join(map(_escaped, label.lower())) for label in labels)
    return ".".join(escaped), end or at + 1


def _escaped(octet: int) -> str:
    """An octet as a master file has it (RFC 1035 section 5.1)."""
    if octet in _SPECIAL:
        return f"\\{octet:c}"
    return chr(octet) if 0x20 < octet < 0x7F else f"\\{octet:03d}"
