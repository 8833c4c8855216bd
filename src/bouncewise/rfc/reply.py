"""SMTP replies as they occur in the wild (RFC 5321 §4.2, RFC 2034; see also RFC 3464 §2.3.6).

Reads: one reply in any dress: multi-line ``550-``, ``smtp; 550 …``, ``host x said: 550 …``, a reply quoted in
another, ``#5.1.1``, a code at the end, ``(in reply to RCPT TO command)``.
Gives: its parts.
Refuses nothing: what has no code yields none. Text beyond MAX_REPLY characters is not looked at.
"""

from __future__ import annotations

import re
from itertools import chain, islice
from typing import NamedTuple

from bouncewise.rfc import status as rfc3463
from bouncewise.text.forms import FORM, STAGE, glance, lowered, quotes_bare
from bouncewise.text.frames import layers, may_quote
from bouncewise.text.heads import BEGINS
from bouncewise.text.mask import MAX_REPLY, mask

_QUOTED = re.compile(
    r"(?:^|[\s:;,('\"`“‘«「『：；（<>=])([245]\d\d)(?=[ \-]'?#?[\"'<\[(]?[^\W_]|[ \-]'?<?[<@]|, ?b?['\"])"
)
_NAMED = re.compile(
    r"\b(?:error|code|status|smtp|#)\W{0,3}([245]\d\d)\b(?!\.\w)|\(([245]\d\d)\)", re.I
)

_STAGE = re.compile(
    r"(?:in reply to|in response to|after|>>>|s(?<!\ws)mtp:|\[|while (?:sending|performing the|receiving the))"
    r"[\s:]*(?:pipelined |the |sending )*"
    r"(initial |connect|banner|greeting|helo\b|ehlo\b|lhlo\b|mail from|mail[_ ]from|rcpt|"
    r"end of data|end-of-data|final dot|message body|message text|data\b)"
)
_BRACKET = re.compile(r"\[[\s:]*(?!qz)[a-z]")
_STAGES = {
    "initial": "connect",
    "connect": "connect",
    "banner": "connect",
    "greeting": "connect",
    "helo": "helo",
    "ehlo": "helo",
    "lhlo": "helo",
    "mail from": "mail",
    "mail_from": "mail",
    "rcpt": "rcpt",
    "end of data": "end-of-data",
    "end-of-data": "end-of-data",
    "final dot": "end-of-data",
    "message body": "end-of-data",
    "message text": "end-of-data",
    "data": "data",
}
_CONNECT = re.compile(
    r"\bconnect(?:ion)? to \S{1,255}?:\w+:|\bconnection (?:refused|timed out)\b", re.I
)


class ReplyParts(NamedTuple):
    """The parts of one reply; ``stage`` is a value of ``model.Stage``."""

    reply_code: int | None
    status: str | None
    stage: str | None


def parse(text: str) -> ReplyParts:
    """Code, status and stage of one reply. The innermost reply wins where one quotes another."""
    return ReplyParts(*dissect(mask(text[:MAX_REPLY]))[:3])


def dissect(text: str) -> tuple[int | None, str | None, str | None, str]:
    """``ReplyParts`` of a masked *text*, and the innermost reply that it quotes. What the reply lacks, its frame may tell."""
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
    """The innermost reply that a masked *text* quotes; the text itself where it quotes none."""
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


def stage_of(text: str) -> str | None:
    """The SMTP stage that *text* names, or None."""
    return _stage(text, lowered(text))


def _stage(text: str, lower: str) -> str | None:
    # The pattern is only tried where something stands that it cannot do without: most replies name no stage.
    hinted = (
        "in re" in lower
        or "after" in lower
        or ">>>" in lower
        or "smtp:" in lower
        or "while " in lower
    )
    if (
        (hinted or _BRACKET.search(lower))
        and _may_name_stage(lower)
        and (m := _STAGE.search(lower))
    ):
        return _STAGES[m[1].strip()]
    return "connect" if "connect" in lower and _CONNECT.search(text) else None
