"""Tells the reply that a receiver gave from the words of the system that reports it.

Reads: a shielded text. Gives: the reply that is quoted innermost, and nothing of the frame around it: ``host x said: …``,
``SMTP error from remote mail server after RCPT TO:<x>: …``, ``(in reply to … command)``, ``Giving up on 192.0.2.1.``.
The forms are data, frames.toml. In a text that does not begin with a reply, what stands before its first reply is a frame too.
Refuses: what a receiver quotes of another server about *our sender* (a callout): that is the receiver's own reason.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import lru_cache

from bouncewise.rfc.forms import CLOSING, FORM, Hit, forms, glance, hits, lowered

MAX_HEADS = 64
"""Beginnings of quoted replies that are looked at in one text, the first of them. It keeps hostile texts linear."""

BEGINS = re.compile(r"[\s\"'<(\[*]*+(?:smtp;|x-\w++;)?[\s\"'<(]*+([245]\d\d)(?=[A-Za-z]*(?:[^\w.]|$))", re.I)
"""A text that begins with a reply code is a reply."""

_CODED = re.compile(r"[\s\"'<(\[]*(?:smtp; *)?(?:[245]\d\d(?![\w.])|[245]\.\d{1,3}\.\d{1,3}(?![a-z]*\d|\.\d))")
# What makes a number a reply code: an enhanced status or a word behind it, which is no unit.
_GOES_ON = re.compile(
    r"(?:[ \-:#'\"<(\[,.]|[245]\d\d[ -])*"
    r"(?:(?P<status>[245]\.\d{1,3}\.\d{1,3})(?![a-z]*\d|\.\d)|(?P<word>\w*[^\W\d]\w*|\d{10,})|@)"
)
# What another server answered about the sender of the mail; a notice that says "but sender was rejected" speaks of no such thing.
_CALLOUT = re.compile(r"\bsender (?:address|verif)|\bcall-?(?:out|back)\b")
_CALLOUT_IN_REPLY = re.compile(r"\bsenders?\b|\bcall-?(?:out|back)|\bverif(?:y|ication)\b|\bmail from\b")
_SUMMARY = re.compile(r" [245]\d\d(?:[ -][245]\.\d{1,3}\.\d{1,3})? <?@>? ?\.\.\.")
_NUMBERED = re.compile(r"#[245]\.\d{1,3}\.\d{1,3} $")
# A host name, an address or an id before the verb; no reply code, no status.
_HOST = re.compile(r"(?:qz|\d{10}|[a-z]\S*[\d.]|[\d.]\S*[a-z])\S* (?:has )?[a-z]+\W*$")
_OPENS = re.compile(r"[:=({\[<]$|\bsmtp;$|(?:^|[ =:(])['\"]$")
_PART = re.compile(r"[:>,()@]")
_WORD = re.compile(r"(?<!\w)(?!qz\b)[^\W\d_]{2,}(?!\w)")
_SIGN = re.compile(r"[^\W_]")
_BRACKETS = {pair[1]: re.compile(f"[{re.escape(pair)}]") for pair in ("()", "<>", "[]", "{}")}

Span = tuple[int, int]


def may_quote(text: str) -> bool:
    """False where a shielded *text* is the reply itself, which is quick to see."""
    return BEGINS.match(text) is None or glance(lowered(text)) & FORM != 0


@lru_cache(maxsize=16)
def layers(text: str) -> tuple[str, ...]:
    """The innermost reply that *text* quotes, what quotes it, and so on to *text* itself, which may be the only one.

    Remembered for those who ask for the same text in turn.
    """
    flat = _flat(text)
    spans, outer = _cut(flat)
    if spans == [(0, len(flat))]:
        return (text,)
    reply = " ".join(flat[start:end].strip() for start, end in spans)
    return (reply, *(flat[start:end] for start, end in reversed(outer)))


def announces(line: str) -> bool:
    """Whether a shielded *line* ends with words that announce a reply on the next."""
    lower = lowered(_flat(line))
    kinds = ("head", "opening", "verb", "copula")
    return any(h.end == len(lower) and h.kind in kinds and _stands(h, lower, 0, None) for h in hits(lower))


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
    found = hits(lower)
    standing = [(h.at, h.end) for h in found if h.kind == "standing"]
    for start, end in standing:
        lower = lower[:start] + " " * (end - start) + lower[end:]
    heads = [h for h in found if h.kind not in ("standing", "aside", "tail", "ending")][:MAX_HEADS]
    tails = [h for h in found if h.kind in ("tail", "ending")]
    endings = [h for h in tails if h.kind == "ending"]
    nested = _nested(lower, _end(lower, 0, len(lower), endings), heads)
    start, end = nested[-1]
    if start == 0 and BEGINS.match(lower) is None:  # nothing is quoted: these are the reporter's own words
        tails, end = [h for h in tails if h.kind == "tail"], len(lower)
    stop = _end(lower, start, end, tails)
    if not _has(lower, start, stop):  # nothing is quoted, or the reply itself is such a form
        nested = _nested(lower, len(lower), heads)
        start, stop = nested[-1]
    if BEGINS.match(lower, start) is None:
        standing += [(h.at, h.end) for h in found if h.kind == "aside"]
    if not _has(lower, start, stop) and not standing:
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
        if start <= head.at and head.end <= end and _stands(head, lower, start, begun):
            found.append(_opened(lower, head.end, end, head.closing))
            begun = BEGINS.match(lower, found[-1][0])
    return found


def _stands(head: Hit, lower: str, start: int, begun: re.Match[str] | None) -> bool:
    """Whether *head* does begin a quoted reply in the layer from *start*, which *begun* with a reply code itself or not."""
    if (_CALLOUT if begun is None else _CALLOUT_IN_REPLY).search(lower, start, head.at):
        return False
    if head.kind == "head":
        return True
    if head.kind == "opening":
        return begun is None
    if head.kind == "coded":
        apart = _CODED.match(lower, head.end) or _NUMBERED.search(lower[start : head.at])
        return apart is not None or not _has(lower, start, head.at)
    if head.kind == "split":
        return begun is None or not _has(lower, begun.end(), head.at)
    if head.kind == "code":
        return _is_reply(head, lower, begun)
    return _says(head, lower, start, begun)


def _is_reply(head: Hit, lower: str, begun: re.Match[str] | None) -> bool:
    """Whether the number at the end of *head* is the code of a reply."""
    sign, code = lower[head.at], lower[head.end : head.end + 3]
    m = _GOES_ON.match(lower, head.end + 3)
    if m is None or (m["word"] in forms().saying.unit and sign not in "'\""):
        return False
    if begun is None:
        return True
    if sign in "-@" or lower.startswith("...", head.at):
        return True
    # A reply of several lines repeats its code, and often its status.
    if m["status"] is None or _goes_on(lower, begun):
        return False
    again = code == begun[1] and m["status"] in lower[begun.end() : begun.end() + 10]
    return not again and sign in ":<('\""


def _goes_on(lower: str, begun: re.Match[str] | None) -> bool:
    """Whether the reply that *begun* has several lines."""
    return begun is not None and lower[begun.end() : begun.end() + 1] == "-"


def _says(head: Hit, lower: str, start: int, begun: re.Match[str] | None) -> bool:
    """Whether the clause that ends with *head* announces what another server said."""
    clause = lower[max(start, *(lower.rfind(stop, start, head.at) + 1 for stop in (". ", "; ", "! ", "? "))) : head.end]
    words, saying = set(re.findall(r"\w+", clause)), forms().saying
    party = not words.isdisjoint(saying.party) or _HOST.search(" ".join(clause.split()[-3:])) is not None
    if _CODED.match(lower, head.end) is not None and not _goes_on(lower, begun):
        after = _GOES_ON.match(lower, head.end)
        return begun is None or head.kind == "verb" or party or (after is not None and after["status"] is not None)
    if head.kind == "verb" and party:
        return True
    if begun is not None:
        return False
    label = re.findall(r"\w+", _PART.split(clause.rstrip(": "))[-1])
    apart = len(label) > 1 or "@" in clause or saying.label.issuperset(words)
    labelled = apart and saying.label.issuperset(label)
    return labelled or (party and not words.isdisjoint(saying.noun))


def _opened(lower: str, start: int, end: int, closing: str) -> Span:
    """The reply that begins at *start*, up to the sign that closes it and without quotes around it."""
    end = _closed(lower, start, end, closing)
    while start < end and lower[start] == " ":
        start += 1
    sign = lower[start : start + 1]
    if sign in ("'", '"'):
        close = _closed(lower, start + 1, end, sign)
        if close < end and (_CODED.match(lower, start + 1) or not _has(lower, close, end)):
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
        if start <= tail.at < stop and (tail.kind == "tail" or _is_last(lower, tail, stop)):
            stop = tail.at
    if "<<<" in lower[:start] and (m := _SUMMARY.search(lower, start, stop)) is not None:
        stop = m.start()
    return stop if start or BEGINS.match(lower) or _WORD.search(lower, 0, stop) else end


def _is_last(lower: str, ending: Hit, end: int) -> bool:
    """Whether *ending* stands last, behind words: behind a colon or a quote it is what is quoted."""
    return not _has(lower, ending.end, end) and _OPENS.search(lower[: ending.at].rstrip()[-6:]) is None


def _has(lower: str, start: int, end: int) -> bool:
    """Whether any letter or digit stands there."""
    return _SIGN.search(lower, start, end) is not None
