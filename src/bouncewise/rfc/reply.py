"""SMTP replies as they occur in the wild (RFC 5321 §4.2, RFC 2034; see also RFC 3464 §2.3.6).

Reads: one reply in any dress: multi-line ``550-``, ``smtp; 550 …``, ``host x said: 550 …``, a reply quoted in
another, ``#5.1.1``, a code at the end, ``(in reply to RCPT TO command)``.
Gives: its parts.
Refuses nothing: what has no code yields none. Text beyond MAX_REPLY characters is not looked at.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import chain, islice
from typing import NamedTuple

from bouncewise.rfc import status as rfc3463
from bouncewise.rfc.forms import FORM, STAGE, glance, lowered, quotes_bare
from bouncewise.rfc.frames import layers, may_quote
from bouncewise.rfc.heads import BEGINS

MAX_REPLY = 2048
"""Characters of a reply that are read. RFC 5321 §4.5.3.1.5 allows 512 octets a line."""

_QUOTED = re.compile(
    r"(?:^|[\s:;,('\"`“‘«「『：；（<>=])([245]\d\d)(?=[ \-]'?#?[\"'<\[(]?[^\W_]|[ \-]'?<?[<@]|, ?b?['\"])"
)
_NAMED = re.compile(r"\b(?:error|code|status|smtp|#)\W{0,3}([245]\d\d)\b(?!\.\w)|\(([245]\d\d)\)", re.I)

_STAGE = re.compile(
    r"(?:in reply to|in response to|after|>>>|s(?<!\ws)mtp:|\[|while (?:sending|performing the|receiving the))"
    r"[\s:]*(?:pipelined |the |sending )*"
    r"(initial |connect|banner|greeting|helo\b|ehlo\b|lhlo\b|mail from|mail[_ ]from|rcpt|"
    r"end of data|end-of-data|final dot|message body|message text|data\b)"
)
_BRACKET = re.compile(r"\[[\s:]*(?!qz)[a-z]")
_STAGES = {
    "initial": "connect", "connect": "connect", "banner": "connect", "greeting": "connect",
    "helo": "helo", "ehlo": "helo", "lhlo": "helo", "mail from": "mail", "mail_from": "mail", "rcpt": "rcpt",
    "end of data": "end-of-data", "end-of-data": "end-of-data", "final dot": "end-of-data",
    "message body": "end-of-data", "message text": "end-of-data", "data": "data",
}  # fmt: skip
_CONNECT = re.compile(r"\bconnect(?:ion)? to \S{1,255}?:\w+:|\bconnection (?:refused|timed out)\b", re.I)


HIDDEN = "qz"
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
def shield(text: str) -> str:
    """*text* without what differs from recipient to recipient: each mail address ``@``, each IPv4 address HIDDEN.

    So neither an address nor an IP can forge a code or a phrase. Remembered for those who ask for the same text in turn.
    """
    return _without_ips(_without_addresses(text, False), False)


def shield_in_place(text: str) -> str:
    """``shield`` with blanks that keep everything at its place."""
    return _without_ips(_without_addresses(text, True), True)


def _without_addresses(text: str, in_place: bool) -> str:
    if "@" not in text:
        return text
    plain = text.isascii()
    apart = text.encode().translate(_ASCII_ENDS).decode() if plain else text.translate(_ADDRESS_ENDS)
    shown, done, at = "", 0, apart.find("@")
    while at >= 0:
        start, end = apart.rfind(" ", 0, at) + 1, apart.find(" ", at)
        end = len(text) if end < 0 else end
        shown += text[done:start] + ("@".ljust(end - start) if in_place else "@")
        done, at = end, apart.find("@", end)
    return shown + text[done:]


def _without_ips(text: str, in_place: bool) -> str:
    """*text* with HIDDEN for what fits IPV4."""
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
        shown += text[done:start] + (HIDDEN.ljust(m.end() - start) if in_place else HIDDEN)
        done = m.end()
        m = _FROM_DOT.search(text, done)
    return shown + text[done:]


class ReplyParts(NamedTuple):
    """The parts of one reply; ``stage`` is a value of ``model.Stage``."""

    reply_code: int | None
    status: str | None
    stage: str | None


def parse(text: str) -> ReplyParts:
    """Code, status and stage of one reply. The innermost reply wins where one quotes another."""
    return ReplyParts(*dissect(shield(text[:MAX_REPLY]))[:3])


def dissect(text: str) -> tuple[int | None, str | None, str | None, str]:
    """``ReplyParts`` of a shielded *text*, and the innermost reply that it quotes. What the reply lacks, its frame may tell."""
    lower = lowered(text)
    seen = glance(lower)
    stage = _stage(text, lower) if seen & STAGE else None
    if not seen & FORM and (begun := BEGINS.match(lower)) is not None:
        code = int(begun[1])
        return code, rfc3463.choose(text, 0, code), stage, text
    reply, *outer = layers(text) if seen & FORM or quotes_bare(lower) else (text,)
    at, found = _find_code(reply)
    status = rfc3463.choose(reply, at, found)
    for layer in outer:
        if found is not None and status is not None:
            break
        at, named = _find_code(layer) if found is None else (0, None)
        found = found or named
        status = status or rfc3463.choose(layer, at, found, only=True)
    return found, status, stage, reply


def innermost(text: str) -> str:
    """The innermost reply that a shielded *text* quotes; the text itself where it quotes none."""
    return layers(text)[0] if may_quote(text) else text


def _find_code(text: str) -> tuple[int, int | None]:
    """Where the reply code stands, and which it is. Of several that are only named, a refusal goes before an acceptance."""
    if (m := BEGINS.match(lowered(text))) is not None:
        return 0, int(m[1])
    accepted: tuple[int, int | None] = (0, None)
    for m in chain(islice(_QUOTED.finditer(text), 8), islice(_NAMED.finditer(text), 8)):
        code = int(m[m.lastindex or 0])
        if code >= 400:
            return m.start(), code
        accepted = accepted if accepted[1] else (m.start(), code)
    return accepted


def _may_name_stage(lower: str) -> bool:
    """Whether one of _STAGES stands anywhere, written out for speed."""
    return (
        "rcpt" in lower or "data" in lower or "mail f" in lower or "mail_f" in lower or "elo" in lower or "hlo" in lower
        or "connect" in lower or "message b" in lower or "message t" in lower or "final dot" in lower
        or "initial " in lower or "banner" in lower or "greeting" in lower
    )  # fmt: skip


def stage_of(text: str) -> str | None:
    """The SMTP stage that *text* names, or None."""
    return _stage(text, lowered(text))


def _stage(text: str, lower: str) -> str | None:
    # The pattern is only tried where something stands that it cannot do without: most replies name no stage.
    hinted = "in re" in lower or "after" in lower or ">>>" in lower or "smtp:" in lower or "while " in lower
    if (hinted or _BRACKET.search(lower)) and _may_name_stage(lower) and (m := _STAGE.search(lower)):
        return _STAGES[m[1].strip()]
    return "connect" if "connect" in lower and _CONNECT.search(text) else None
