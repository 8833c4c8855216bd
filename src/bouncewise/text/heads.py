"""Decides whether a form in a text really begins the quoted reply of another server.

Reads: a hit of ``forms`` in a simplified text with single blanks, and the layer that contains it
(the whole text, or a reply that is quoted in it). Gives: yes or no. A layer that begins with a
reply code is a reply, and only few signs in it announce another one. Refuses: what a receiver
quotes of a server that it asked about the sender (a callout), because the refusal is the receiver's
own.
"""

from __future__ import annotations

import re

from bouncewise.text.forms import STATUS, Hit, forms

REPLY_START = re.compile(
    r"[\s\"'<(\[*]*+(?:smtp;|x-\w++;)?[\s\"'<(]*+([245]\d\d)(?=[a-z]*(?:[^\w.]|$))"
)
"""A reply code at the beginning of a simplified text: such a text is itself a reply."""

CODE_OR_STATUS = re.compile(rf"[\s\"'<(\[]*(?:smtp; *)?(?:[245]\d\d(?![\w.])|{STATUS})")
"""A reply code or an enhanced status code, in quotes or not."""

ReplyStart = re.Match[str] | None
"""What REPLY_START matched at the beginning of a layer; None where the layer is no reply."""

# What makes a number a reply code: a status or a word behind it that is no unit of measure.
_AFTER_CODE = re.compile(
    r"(?:[ \-:#'\"<(\[,.]|[245]\d\d[ -])*"
    rf"(?:(?P<status>{STATUS})|(?P<word>\w*[^\W\d]\w*|\d{{10,}})|@)"
)
_ANOTHER_CODE = re.compile(r"(?: ?[:,;'\"(<]| (?:[a-z]+ ?){1,3}=) ?['\"(<]?[45]\d\d[ -]")
_CALLOUT = re.compile(r"\bsender (?:address|verif)|\bcall-?(?:out|back)\b")
_CALLOUT_IN_REPLY = re.compile(
    r"\bsenders?\b|\bcall-?(?:out|back)|\bverif(?:y|ication)\b|\bmail from\b"
)
_STATUS_BEFORE = re.compile(rf"#{STATUS} $")
# A host name, an address or an id before the verb, but neither a reply code nor a status.
_HOST = re.compile(r"(?:qz|\d{10}|[a-z]\S*[\d.]|[\d.]\S*[a-z])\S* (?:has )?[a-z]+\W*$")
_CLAUSE_SEPARATOR = re.compile(r"[:>,()@]")
_TOKEN = re.compile(r"\w+")
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")


def has_word(lower: str, start: int, end: int) -> bool:
    """Whether there is a letter or digit between *start* and *end*."""
    return _LETTER_OR_DIGIT.search(lower, start, end) is not None


def begins_reply(head: Hit, lower: str, start: int, reply_start: ReplyStart) -> bool:
    """Whether *head* begins a quoted reply in the layer that begins at *start*."""
    callout = _CALLOUT if reply_start is None else _CALLOUT_IN_REPLY
    if callout.search(lower, start, head.start):
        return False
    if head.kind in ("verb", "copula"):
        return _is_announcement(head, lower, start, reply_start)
    if head.kind == "code":
        return _is_reply_code(head, lower, reply_start)
    if head.kind == "coded":
        code = CODE_OR_STATUS.match(lower, head.end)
        code = code or _STATUS_BEFORE.search(lower[start : head.start])
        return code is not None or not has_word(lower, start, head.start)
    if head.kind == "split":
        return reply_start is None or not has_word(lower, reply_start.end(), head.start)
    return head.kind == "head" or reply_start is None


def names_server(head: Hit, lower: str, start: int, reply_start: ReplyStart = None) -> bool:
    """Whether the clause that ends with *head* names another server and something it replied."""
    clause = _clause(head, lower, start)
    clause_words, announcement = set(_TOKEN.findall(clause)), forms().announcement
    servers = announcement.server if reply_start is None else announcement.other_server
    if clause_words.isdisjoint(servers) and _HOST.search(" ".join(clause.split()[-3:])) is None:
        return False
    return head.kind == "verb" or not clause_words.isdisjoint(announcement.noun)


def _clause(head: Hit, lower: str, start: int) -> str:
    clause_starts = (lower.rfind(end, start, head.start) + 1 for end in (". ", "; ", "! ", "? "))
    return lower[max(start, *clause_starts) : head.end]


def _is_announcement(head: Hit, lower: str, start: int, reply_start: ReplyStart) -> bool:
    """Whether the clause that ends with *head* announces a reply, with a code or without."""
    named = names_server(head, lower, start, reply_start)
    coded = CODE_OR_STATUS.match(lower, head.end) is not None
    if coded and not _has_more_lines(lower, reply_start):
        if reply_start is None or head.kind == "verb" or named:
            return True
        after = _AFTER_CODE.match(lower, head.end)
        return after is not None and after["status"] is not None
    if reply_start is not None:
        return named and head.kind == "verb"
    return named or _is_label(_clause(head, lower, start))


def _is_label(clause: str) -> bool:
    """Whether *clause* ends with a label such as "Failure reason:" or "Last SMTP error:"."""
    label = _TOKEN.findall(_CLAUSE_SEPARATOR.split(clause.rstrip(": "))[-1])
    separate = len(label) > 1 or "@" in clause or len(label) == len(_TOKEN.findall(clause))
    return separate and forms().announcement.label.issuperset(label)


def _is_reply_code(head: Hit, lower: str, reply_start: ReplyStart) -> bool:
    """Whether the number at the end of *head* is the code of a reply."""
    cue, code = lower[head.start], lower[head.end : head.end + 3]
    m = _AFTER_CODE.match(lower, head.end + 3)
    if m is None or (m["word"] in forms().announcement.unit and cue not in "'\""):
        return False
    if reply_start is None:
        return _ANOTHER_CODE.match(lower, head.end + 3) is None
    if cue in "-@" or lower.startswith("...", head.start):
        return True
    if m["status"] is None or _has_more_lines(lower, reply_start):
        return False
    # A reply of several lines repeats its code, and often its status.
    first_line_start = lower[reply_start.end() : reply_start.end() + 10]
    repeated = code == reply_start[1] and m["status"] in first_line_start
    return not repeated and cue in ":<('\""


def _has_more_lines(lower: str, reply_start: ReplyStart) -> bool:
    """Whether the reply that begins with *reply_start* has several lines (``550-``)."""
    return reply_start is not None and lower[reply_start.end() : reply_start.end() + 1] == "-"
