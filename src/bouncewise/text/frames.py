"""Tells the reply that a receiver gave from the words of the system that reports it.

Reads: a masked text. Gives: the reply that is quoted innermost, and nothing of the frame around it: ``host x said: …``,
``SMTP error from remote mail server after RCPT TO:<x>: …``, ``(in reply to … command)``, ``Giving up on 192.0.2.1.``.
The forms are data, frames.toml. In a text that does not begin with a reply, what stands before its first reply is a frame too.
Refuses: what only looks like a frame within a reply; ``heads`` tells.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import lru_cache

from bouncewise.text.forms import CLOSING, FORM, STATUS, Hit, glance, hits, lowered, quotes_bare
from bouncewise.text.heads import BEGINS, CODED, has, says, stands

MAX_HEADS = 64
"""Beginnings of quoted replies that are looked at in one text, the first of them. It keeps hostile texts linear."""

_SUMMARY = re.compile(rf" [245]\d\d(?:[ -]{STATUS})? <?@>? ?\.\.\.")
_OPENS = re.compile(r"[:=({\[<]$|\bsmtp;$|(?:^|[ =:(])['\"]$")
_WORD = re.compile(r"(?<!\w)(?!qz\b)[^\W\d_]{2,}(?!\w)")
_BRACKETS = {pair[1]: re.compile(f"[{re.escape(pair)}]") for pair in ("()", "<>", "[]", "{}")}

_ROLES = {"tail": "tails", "ending": "tails", "standing": "standing", "aside": "aside"}

Span = tuple[int, int]


def may_quote(text: str) -> bool:
    """False where a masked *text* is the reply itself, which is quick to see."""
    lower = lowered(text)
    return glance(lower) & FORM != 0 or (BEGINS.match(lower) is None and quotes_bare(lower))


@lru_cache(maxsize=128)
def layers(text: str) -> tuple[str, ...]:
    """The innermost reply that *text* quotes, what quotes it, and so on to *text* itself, which may be the only one.

    Remembered for those who ask for the same text in turn, and for logs, where texts recur.
    """
    flat = _flat(text)
    spans, outer = _cut(flat)
    if spans == [(0, len(flat))]:
        return (text,)
    reply = " ".join(flat[start:end].strip() for start, end in spans)
    return (reply, *(flat[start:end] for start, end in reversed(outer)))


def announces(line: str) -> bool:
    """Whether a masked *line* ends with words that announce what another server replied, on the next line."""
    lower = lowered(_flat(line))
    last = [h for h in hits(lower) if h.end == len(lower)]
    return any(
        h.kind == "head" or (h.kind in ("verb", "copula") and says(h, lower, 0)) for h in last
    )


def blanked(masked: str, text: str) -> str:
    """*masked* with blanks for all that is not the innermost of its ``layers``; *text* has the same signs but for blanks."""
    if not may_quote(text):
        return masked
    flat = _flat(text)
    spans, _ = _cut(flat)
    if spans == [(0, len(flat))]:
        return masked
    places = [i for i, sign in enumerate(masked) if sign != "_" and not sign.isspace()]
    signs = [i for i, sign in enumerate(flat) if sign not in "_ "]
    shown = " " * len(masked)
    for start, end in spans:
        if inside := places[bisect_left(signs, start) : bisect_left(signs, end)]:
            first, last = inside[0], inside[-1] + 1
            shown = shown[:first] + masked[first:last] + shown[last:]
    return shown


def _flat(text: str) -> str:
    """*text* with single blanks, which are underscores in the log of qmail-send."""
    return " ".join((text.replace("_", " ") if ":_" in text else text).split())


def _cut(flat: str) -> tuple[list[Span], list[Span]]:
    """Where the innermost reply stands in *flat*, which has single blanks, and where what quotes it, outermost first."""
    lower = lowered(flat)
    by_kind: dict[str, list[Hit]] = {"heads": [], "tails": [], "standing": [], "aside": []}
    for hit in hits(lower):
        by_kind[_ROLES.get(hit.kind, "heads")].append(hit)
    heads, tails = by_kind["heads"][:MAX_HEADS], by_kind["tails"]
    standing = [(h.at, h.end) for h in by_kind["standing"]]
    for start, end in standing:
        lower = lower[:start] + " " * (end - start) + lower[end:]
    endings = [h for h in tails if h.kind == "ending"]
    nested = _nested(lower, _end(lower, 0, len(lower), endings), heads)
    start, end = nested[-1]
    if (
        start == 0 and BEGINS.match(lower) is None
    ):  # nothing is quoted: these are the reporter's own words
        tails, end = [h for h in tails if h.kind == "tail"], len(lower)
    stop = _end(lower, start, end, tails)
    if not has(lower, start, stop):  # nothing is quoted, or the reply itself is such a form
        nested = _nested(lower, len(lower), heads)
        start, stop = nested[-1]
    if BEGINS.match(lower, start) is None:
        standing += [(h.at, h.end) for h in by_kind["aside"]]
    if not has(lower, start, stop) and not standing:
        return [(0, len(lower))], []
    return _without(start, stop, sorted(standing)), [(0, len(lower)), *nested[1:]]


def _without(start: int, end: int, holes: list[Span]) -> list[Span]:
    """What is left between *start* and *end* of a text with *holes*."""
    spans = []
    for first, last in holes:
        if start <= first < end:
            spans.append((start, first))
            start = min(last, end)
    return [(s, e) for s, e in [*spans, (start, end)] if s < e] or [(0, 0)]


def _nested(lower: str, end: int, heads: list[Hit]) -> list[Span]:
    """The text up to *end*, the reply that is quoted in it, the reply quoted in that …: where each starts and ends."""
    found = [(0, end)]
    begun = BEGINS.match(lower)
    for head in heads:
        start, end = found[-1]
        if head.kind == "keep":
            return found
        if start <= head.at and head.end <= end and stands(head, lower, start, begun):
            found.append(_opened(lower, head.end, end, head.closing))
            begun = BEGINS.match(lower, found[-1][0])
    return found


def _opened(lower: str, start: int, end: int, closing: str) -> Span:
    """The reply that begins at *start*, up to the sign that closes it and without quotes around it."""
    end = _closed(lower, start, end, closing)
    while start < end and lower[start] == " ":
        start += 1
    sign = lower[start : start + 1]
    if sign in ("'", '"'):
        close = _closed(lower, start + 1, end, sign)
        if close < end and (CODED.match(lower, start + 1) or not has(lower, close, end)):
            return start + 1, close
    return start, end


def _closed(lower: str, start: int, end: int, closing: str) -> int:
    """Where the sign stands that ends what was opened before *start*; *end* where there is none.

    For a bracket it is the one that matches, for a quote the last that no letter follows: others are apostrophes.
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


def _end(lower: str, start: int, end: int, tails: list[Hit]) -> int:
    """Where what stands from *start* to *end* ends without that which a reporter adds behind a reply."""
    stop = end
    for tail in reversed(tails):
        # Where nothing stands before it, the reply itself is such a form.
        ends = start <= tail.at < stop and has(lower, start, tail.at)
        if ends and (tail.kind == "tail" or _is_last(lower, tail, stop)):
            stop = tail.at
    if "<<<" in lower[:start] and (m := _SUMMARY.search(lower, start, stop)) is not None:
        stop = m.start()
    return stop if start or BEGINS.match(lower) or _WORD.search(lower, 0, stop) else end


def _is_last(lower: str, ending: Hit, end: int) -> bool:
    """Whether *ending* stands last, behind words: behind a colon or a quote it is what is quoted."""
    return (
        not has(lower, ending.end, end) and _OPENS.search(lower[: ending.at].rstrip()[-6:]) is None
    )
