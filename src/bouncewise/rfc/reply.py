"""SMTP replies as they occur in mail and logs: RFC 5321 §4.2, RFC 2034, RFC 3464 §2.3.6.

Reads: one reply in any form: several lines ``550-``, ``smtp; 550 …``, ``host x said: 550 …``, a
reply quoted in another, ``#5.1.1``, a code at the end, ``(in reply to RCPT TO command)``. Gives:
its reply code, its status and its SMTP stage, each None if the reply has none. Refuses nothing. At
most MAX_REPLY characters are read.
"""

from __future__ import annotations

import re
from itertools import chain, islice
from typing import NamedTuple

import msgspec

from bouncewise.rfc import status as rfc3463
from bouncewise.text.forms import FORM_HINT, STAGE_HINT, find_hints, has_bare_reply, simplify
from bouncewise.text.frames import layers, may_quote
from bouncewise.text.heads import REPLY_START
from bouncewise.text.mask import MAX_REPLY, mask

_MAX_CODES = 8  # candidates of each kind that are tried in one text

_CODE = re.compile(
    r"(?:^|[\s:;,('\"`“‘«「『：；（<>=])([245]\d\d)(?!-\d{3}-\d{4}\b)"
    r"(?=[ \-]'?#?[\"'<\[(]?[^\W_]|[ \-]'?<?[<@]|, ?b?['\"])"
)
_NAMED_CODE = re.compile(
    r"(?:\b|_)(?:error|code|status|smtp|#)\W{0,3}([245]\d\d)\b(?!\.\w)|\(([245]\d\d)\)", re.I
)

_STAGE = re.compile(
    r"(?:in reply to|in response to|after|>>>|s(?<!\ws)mtp:|\["
    r"|while (?:sending|performing the|receiving the))"
    r"[\s:]*(?:pipelined |the |sending )*"
    r"(initial |connect|banner|greeting|helo\b|ehlo\b|lhlo\b|mail from|mail[_ ]from|rcpt|"
    r"end of data|end-of-data|final dot|message body|message text|data\b)"
)
# A bracket with a word in it, but not the placeholder of an IP address: "[qz]" names no stage.
_BRACKET = re.compile(r"\[[\s:]*(?!qz)[a-z]")
_STAGES = {
    **dict.fromkeys(("initial", "connect", "banner", "greeting"), "connect"),
    **dict.fromkeys(("helo", "ehlo", "lhlo"), "helo"),
    **dict.fromkeys(("mail from", "mail_from"), "mail"),
    "rcpt": "rcpt",
    **dict.fromkeys(("end of data", "end-of-data", "final dot"), "end-of-data"),
    **dict.fromkeys(("message body", "message text"), "end-of-data"),
    "data": "data",
}
_CONNECT = re.compile(
    r"\bconnect(?:ion)? to \S{1,255}?:\w+:|\bconnection (?:refused|timed out)\b", re.I
)


class ReplyParts(NamedTuple):
    """The parts of one reply."""

    reply_code: int | None
    status: str | None
    stage: str | None
    """A value of ``model.Stage``."""


class QuotedReply(msgspec.Struct, frozen=True):
    """The parts of a text, and the innermost reply that it quotes, or the text itself."""

    reply_code: int | None
    status: str | None
    stage: str | None
    text: str


def parse(text: str) -> ReplyParts:
    """Code, status and stage of one reply, of the innermost one if *text* quotes a reply."""
    quoted = dissect(mask(text[:MAX_REPLY]))
    return ReplyParts(quoted.reply_code, quoted.status, quoted.stage)


def parse_with_status(text: str, field_status: str | None) -> ReplyParts:
    """``parse``, with *field_status* where *text* has no status or only a generic one (x.0.0).

    *field_status* is the status that a log, a DSN or an event states in a field beside the reply.
    The receiver's own words are preferred: the field may hold what the sending server made of them.
    """
    parts = parse(text)
    if field_status and (parts.status is None or rfc3463.is_generic(parts.status)):
        return ReplyParts(parts.reply_code, field_status, parts.stage)
    return parts


def dissect(text: str) -> QuotedReply:
    """The parts of a masked *text*. A code or status that the quoted reply lacks is its frame's."""
    lower = simplify(text)
    hints = find_hints(lower)
    stage = _stage(text, lower) if hints & STAGE_HINT else None
    if not hints & FORM_HINT and (reply_start := REPLY_START.match(lower)) is not None:
        code = int(reply_start[1])
        return QuotedReply(code, rfc3463.choose(text, 0, code), stage, text)
    reply, *outer = layers(text) if hints & FORM_HINT or has_bare_reply(lower) else (text,)
    at, reply_code = _find_code(reply)
    status = rfc3463.choose(reply, at, reply_code)
    for layer in outer:
        if reply_code is not None and status is not None:
            break
        at, frame_code = _find_code(layer) if reply_code is None else (0, None)
        reply_code = reply_code or frame_code
        status = status or rfc3463.choose(layer, at, reply_code, same_class=True)
    return QuotedReply(reply_code, status, stage, reply)


def innermost(text: str) -> str:
    """The innermost reply that a masked *text* quotes; the text itself if it quotes none."""
    return layers(text)[0] if may_quote(text) else text


def _find_code(text: str) -> tuple[int, int | None]:
    """The position and the value of the reply code; a 4xx or 5xx is preferred to a 2xx."""
    if (m := REPLY_START.match(simplify(text))) is not None:
        return 0, int(m[1])
    accepted: tuple[int, int | None] = (0, None)
    candidates = (islice(pattern.finditer(text), _MAX_CODES) for pattern in (_CODE, _NAMED_CODE))
    for m in chain.from_iterable(candidates):
        code = int(m[m.lastindex or 0])
        if code >= 400:
            return m.start(), code
        accepted = accepted if accepted[1] else (m.start(), code)
    return accepted


def stage_of(text: str) -> str | None:
    """The SMTP stage that *text* names (a value of ``model.Stage``), or None."""
    return _stage(text, simplify(text))


def _stage(text: str, lower: str) -> str | None:
    # The pattern is slow, and most replies name no stage: it is tried only if both its halves may
    # match. The comparisons are written out for speed.
    introduced = (
        "in re" in lower
        or "after" in lower
        or ">>>" in lower
        or "smtp:" in lower
        or "while " in lower
        or _BRACKET.search(lower) is not None
    )
    if introduced and _may_name_stage(lower) and (m := _STAGE.search(lower)):
        return _STAGES[m[1].strip()]
    return "connect" if "connect" in lower and _CONNECT.search(text) else None


def _may_name_stage(lower: str) -> bool:
    """Whether a part of one of _STAGES is anywhere in *lower*."""
    return (
        "rcpt" in lower
        or "data" in lower
        or "mail f" in lower
        or "mail_f" in lower
        or "elo" in lower
        or "hlo" in lower
        or "connect" in lower
        or "message b" in lower
        or "message t" in lower
        or "final dot" in lower
        or "initial " in lower
        or "banner" in lower
        or "greeting" in lower
    )
