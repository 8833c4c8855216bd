"""Separates the reply of a receiver from the words of the system that reports it.

Reads: a masked text. Gives: the innermost reply that the text quotes, without the frame around it:
``host x said: …``, ``SMTP error from remote mail server after RCPT TO:<x>: …``, ``(in reply to …
command)``, ``Giving up on 192.0.2.1.``. The forms of frames are data (frames.toml). In a text that
does not begin with a reply, everything before its first reply is a frame too. Refuses: what only
looks like a frame within a reply (``heads`` decides).
"""

from __future__ import annotations

import re
from functools import lru_cache

from bouncewise.text.forms import (
    CLOSING,
    FORM_HINT,
    STATUS,
    Hit,
    find_forms,
    find_hints,
    has_bare_reply,
    simplify,
)
from bouncewise.text.heads import (
    CODE_OR_STATUS,
    REPLY_START,
    begins_reply,
    has_word,
    names_server,
)
from bouncewise.text.phrase import Span

MAX_HEADS = 64
"""The first heads of a text that are tried. The limit keeps hostile texts linear."""

_NOT_HEADS = ("tail", "ending", "boilerplate", "notice_text")

# sendmail writes such a line behind the dialogue: "550 5.1.1 <u@b.example>... User unknown".
_SUMMARY = re.compile(rf" [245]\d\d(?:[ -]{STATUS})? <?@>? ?\.\.\.")
_OPENS_QUOTATION = re.compile(r"[:=({\[<]$|\bsmtp;$|(?:^|[ =:(])['\"]$")
_WORD = re.compile(r"(?<!\w)(?!qz\b)[^\W\d_]{2,}(?!\w)")
_SIGNS = re.compile(r"[^\s_]+")
_BRACKETS = {pair[1]: re.compile(f"[{re.escape(pair)}]") for pair in ("()", "<>", "[]", "{}")}


def may_quote(text: str) -> bool:
    """False where a masked *text* certainly quotes no reply; a fast test."""
    lower = simplify(text)
    if find_hints(lower) & FORM_HINT:
        return True
    return REPLY_START.match(lower) is None and has_bare_reply(lower)


@lru_cache(maxsize=128)
def layers(text: str) -> tuple[str, ...]:
    """The innermost reply that *text* quotes, then what quotes it, and so on up to *text* itself.

    A text that quotes nothing is the only layer. The cache serves callers that ask for the same
    text one after the other, and logs, in which texts recur.
    """
    flat = _single_blanks(text)
    spans, outer = _locate(flat)
    if spans == ((0, len(flat)),):
        return (text,)
    reply = " ".join(flat[start:end].strip() for start, end in spans)
    return (reply, *(flat[start:end] for start, end in reversed(outer)))


def announces_reply(line: str) -> bool:
    """Whether a masked *line* ends with words that announce a reply on the next line."""
    lower = simplify(_single_blanks(line))
    last = [hit for hit in find_forms(lower) if hit.end == len(lower)]
    return any(
        hit.kind == "head" or (hit.kind in ("verb", "copula") and names_server(hit, lower, 0))
        for hit in last
    )


def blank_frame(masked: str, text: str) -> str:
    """*masked* with blanks for everything except the innermost reply that it quotes.

    *text* has the same characters as *masked* apart from blanks.
    """
    if not may_quote(text):
        return masked
    flat = _single_blanks(text)
    spans, _ = _locate(flat)
    if spans == ((0, len(flat)),):
        return masked
    result = " " * len(masked)
    for start, end in spans:
        number, after = _signs_before(flat, start), _signs_before(flat, end)
        if number < after:
            first, last = _place_of(masked, number), _place_of(masked, after - 1) + 1
            result = result[:first] + masked[first:last] + result[last:]
    return result


def _signs_before(flat: str, end: int) -> int:
    """How many signs but blanks and underscores there are before *end*."""
    return end - flat.count(" ", 0, end) - flat.count("_", 0, end)


def _place_of(masked: str, number: int) -> int:
    """Where the sign with this *number* is; blanks and underscores are not counted."""
    for run in _SIGNS.finditer(masked):
        if number < run.end() - run.start():
            return run.start() + number
        number -= run.end() - run.start()
    return len(masked)


def _single_blanks(text: str) -> str:
    """*text* with single blanks; qmail-send writes underscores for the blanks in its log."""
    return " ".join((text.replace("_", " ") if ":_" in text else text).split())


@lru_cache(maxsize=16)
def _locate(flat: str) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """Where the innermost reply is in *flat*, and the layers that quote it, outermost first.

    *flat* has single blanks. The reply has several spans if it is interrupted by boilerplate. The
    cache serves one text: its reply is classified, and then quoted as evidence.
    """
    lower = simplify(flat)
    hits = find_forms(lower)
    heads = [hit for hit in hits if hit.kind not in _NOT_HEADS][:MAX_HEADS]
    tails = [hit for hit in hits if hit.kind in ("tail", "ending")]
    omitted = [(hit.start, hit.end) for hit in hits if hit.kind == "boilerplate"]
    for start, end in omitted:
        lower = lower[:start] + " " * (end - start) + lower[end:]
    endings = [hit for hit in tails if hit.kind == "ending"]
    nested = _nested_replies(lower, _end_before_tails(lower, 0, len(lower), endings), heads)
    start, end = nested[-1]
    if start == 0 and REPLY_START.match(lower) is None:
        # Nothing is quoted, so these are the reporter's own words, and an ending belongs to them.
        tails, end = [hit for hit in tails if hit.kind == "tail"], len(lower)
    stop = _end_before_tails(lower, start, end, tails)
    if not has_word(lower, start, stop):  # nothing is quoted, or the reply itself is such a form
        nested = _nested_replies(lower, len(lower), heads)
        start, stop = nested[-1]
    if REPLY_START.match(lower, start) is None:
        omitted += [(hit.start, hit.end) for hit in hits if hit.kind == "notice_text"]
    if not has_word(lower, start, stop) and not omitted:
        return ((0, len(lower)),), ()
    return tuple(_subtract(start, stop, sorted(omitted))), ((0, len(lower)), *nested[1:])


def _subtract(start: int, end: int, omitted: list[Span]) -> list[Span]:
    """The spans from *start* to *end* that remain without the *omitted* spans."""
    remaining = []
    for first, last in omitted:
        if start <= first < end:
            remaining.append((start, first))
            start = min(last, end)
    return [(s, e) for s, e in [*remaining, (start, end)] if s < e] or [(0, 0)]


def _nested_replies(lower: str, end: int, heads: list[Hit]) -> list[Span]:
    """The text up to *end*, the reply quoted in it, the reply quoted in that reply, and so on."""
    nested = [(0, end)]
    reply_start = REPLY_START.match(lower)
    for head in heads:
        start, end = nested[-1]
        if head.kind == "keep":
            return nested
        if (
            start <= head.start
            and head.end <= end
            and begins_reply(head, lower, start, reply_start)
        ):
            nested.append(_reply_span(lower, head.end, end, head.closing))
            reply_start = REPLY_START.match(lower, nested[-1][0])
    return nested


def _reply_span(lower: str, start: int, end: int, closing: str) -> Span:
    """The reply that begins at *start*, up to the sign that closes it, without quotes around it."""
    end = _closing_position(lower, start, end, closing)
    while start < end and lower[start] == " ":
        start += 1
    sign = lower[start : start + 1]
    if sign in ("'", '"'):
        close = _closing_position(lower, start + 1, end, sign)
        coded = CODE_OR_STATUS.match(lower, start + 1) is not None
        if close < end and (coded or not has_word(lower, close, end)):
            return start + 1, close
    return start, end


def _closing_position(lower: str, start: int, end: int, closing: str) -> int:
    """The position of the sign that closes what was opened before *start*; *end* if there is none.

    For a bracket it is the matching one. For a quote it is the last that no letter or digit
    follows, because the others are apostrophes.
    """
    if closing in _BRACKETS:
        depth = 0
        for m in _BRACKETS[closing].finditer(lower, start, end):
            depth += 1 if CLOSING.get(m[0]) else -1
            if depth < 0:
                return m.start()
        return end
    at = lower.rfind(closing, start, end) if closing else -1
    while at > 0 and lower[at + 1 : at + 2].isalnum():
        at = lower.rfind(closing, start, at)
    return end if at < 0 else at


def _end_before_tails(lower: str, start: int, end: int, tails: list[Hit]) -> int:
    """Where the text from *start* to *end* ends without what a reporter adds behind a reply."""
    stop = end
    for tail in reversed(tails):
        # If no word precedes the tail, the reply itself has this form.
        follows_words = start <= tail.start < stop and has_word(lower, start, tail.start)
        if follows_words and (tail.kind == "tail" or _is_last(lower, tail, stop)):
            stop = tail.start
    if "<<<" in lower[:start] and (m := _SUMMARY.search(lower, start, stop)) is not None:
        stop = m.start()
    return stop if start or REPLY_START.match(lower) or _WORD.search(lower, 0, stop) else end


def _is_last(lower: str, ending: Hit, end: int) -> bool:
    """Whether *ending* is the end of the text and no quotation: not behind a colon or a quote."""
    if has_word(lower, ending.end, end):
        return False
    return _OPENS_QUOTATION.search(lower[: ending.start].rstrip()[-6:]) is None
