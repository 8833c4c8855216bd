"""Lookup tables over a socket, for servers that ask about a recipient and say nothing else.

Reads: requests of socketmap_table(5) and tcp_table(5) of Postfix
(https://www.postfix.org/socketmap_table.5.html, https://www.postfix.org/tcp_table.5.html), and
plain lines as Exim's ``${readsocket`` sends them. Gives: the configured action for an address that
must not be mailed, and "not found" for every other. A fault here is a temporary one of the table,
for which Postfix defers mail; Exim's recipe lets it pass. Refuses what is none of these.

A socketmap is called ``transactional`` or ``marketing``, by the mail that is to be sent; a line
begins with the same words. tcp_table has no names, and is about transactional mail.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from bouncewise.model import Mail
from bouncewise.service.conversation import Protocol, ended_by
from bouncewise.service.policy import PolicyAnswers

KINDS = {b"transactional": Mail(transactional=True), b"marketing": Mail()}
"""Names of socketmaps, and first words of plain lines."""

MAX_REPLY = 4000
"""Octets of a reply of tcp_table, which allows 4096 with its code and its end."""

_NETSTRING = re.compile(rb"(0|[1-9][0-9]{0,4}):")
_BEGINNING = re.compile(rb"(?:0|[1-9][0-9]{0,4})?\Z")
_FAULT = "the ledger cannot be read"
_ENCODED = re.compile(rb"[^!-$&-~]")


def socketmap(answers: PolicyAnswers) -> Protocol:
    """Netstrings of a name and a key, answered by ``OK``, ``NOTFOUND``, ``TEMP`` or ``PERM``."""

    def answer(request: bytes) -> bytes:
        name, space, key = request.partition(b" ")
        kind = KINDS.get(name)
        if kind is None or not space:
            reply = b"PERM no such map; they are called transactional and marketing"
        else:
            reply = _socketmap_reply(answers, key, kind)
        return b"%d:%s," % (len(reply), reply)

    return Protocol(netstrings, answer)


def _socketmap_reply(answers: PolicyAnswers, key: bytes, kind: Mail) -> bytes:
    try:
        found = answers.refusal(_text(key), kind)
    except Exception:  # counted by refusal
        return b"TEMP " + _FAULT.encode()
    return b"OK " + _ascii(found) if found else b"NOTFOUND "


def netstrings(data: bytes) -> tuple[list[bytes], bytes]:
    """The whole netstrings at the beginning of *data*, and the rest. Raises ValueError."""
    found: list[bytes] = []
    at = 0
    while head := _NETSTRING.match(data, at):
        end = head.end() + int(head[1])
        if len(data) <= end:
            return found, data[at:]
        if data[end : end + 1] != b",":
            raise ValueError("a netstring without its comma")
        found.append(data[head.end() : end])
        at = end + 1
    if not _BEGINNING.match(data, at):
        raise ValueError("no netstring")
    return found, data[at:]


def tcp_table(answers: PolicyAnswers) -> Protocol:
    """Lines: ``get KEY`` as Postfix sends it, or ``transactional ADDRESS`` and ``marketing
    ADDRESS``, answered by ``ok``, ``no`` and the action, or ``unknown`` and the fault.
    """

    def answer(request: bytes) -> bytes:
        verb, _, key = request.rstrip(b"\r").partition(b" ")
        if verb == b"get":
            return _tcp_reply(answers, unquote_to_bytes(key))
        if (kind := KINDS.get(verb)) is not None:
            return _plain_reply(answers, key, kind)
        return b"400 " + _encoded("write: get, transactional or marketing, and an address") + b"\n"

    return Protocol(ended_by(b"\n"), answer)


def _tcp_reply(answers: PolicyAnswers, key: bytes) -> bytes:
    try:
        found = answers.refusal(_text(key), KINDS[b"transactional"])
    except Exception:  # counted by refusal
        return b"400 " + _encoded(_FAULT) + b"\n"
    return b"200 " + _encoded(found) + b"\n" if found else b"500 " + _encoded("not found") + b"\n"


def _plain_reply(answers: PolicyAnswers, key: bytes, kind: Mail) -> bytes:
    try:
        found = answers.refusal(_text(key), kind)
    except Exception:  # counted by refusal
        return b"unknown " + _FAULT.encode() + b"\n"
    return b"no " + _ascii(found) + b"\n" if found else b"ok\n"


def _text(key: bytes) -> str:
    return key.decode("utf-8", "replace")


def _ascii(text: str) -> bytes:
    return text.encode("ascii", "replace")


def _encoded(text: str) -> bytes:
    """*text* with ``%`` and all that is not printable as ``%XX``, as tcp_table(5) asks for."""
    return _ENCODED.sub(lambda found: b"%%%02X" % found[0][0], _ascii(text)[: MAX_REPLY // 3])
