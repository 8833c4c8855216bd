"""Whether a form that stands in a text does begin the reply of another server there.

Reads: a hit of ``forms`` in a lowered text with single blanks, and the layer where it stands: the text, or a reply quoted in it.
Gives: yes or no. A layer that *begun* with a reply code is a reply: only few signs in it announce another. Refuses: what a
receiver quotes of a server that it asked about our sender (a callout); that is the receiver's own reason.
"""

from __future__ import annotations

import re

from bouncewise.text.forms import STATUS, Hit, forms

BEGINS = re.compile(r"[\s\"'<(\[*]*+(?:smtp;|x-\w++;)?[\s\"'<(]*+([245]\d\d)(?=[a-z]*(?:[^\w.]|$))")
"""A text that begins with a reply code is a reply. To be matched against the ``lowered`` text."""

CODED = re.compile(rf"[\s\"'<(\[]*(?:smtp; *)?(?:[245]\d\d(?![\w.])|{STATUS})")
"""A reply code or a status, in quotes or not."""

Begun = re.Match[str] | None
"""How a layer begins: what BEGINS matched, or None."""

# What makes a number a reply code: an enhanced status or a word behind it, which is no unit.
_GOES_ON = re.compile(
    r"(?:[ \-:#'\"<(\[,.]|[245]\d\d[ -])*"
    rf"(?:(?P<status>{STATUS})|(?P<word>\w*[^\W\d]\w*|\d{{10,}})|@)"
)
_ANOTHER = re.compile(r"(?: ?[:,;'\"(<]| (?:[a-z]+ ?){1,3}=) ?['\"(<]?[45]\d\d[ -]")
_CALLOUT = re.compile(r"\bsender (?:address|verif)|\bcall-?(?:out|back)\b")
_CALLOUT_IN_REPLY = re.compile(
    r"\bsenders?\b|\bcall-?(?:out|back)|\bverif(?:y|ication)\b|\bmail from\b"
)
_NUMBERED = re.compile(rf"#{STATUS} $")
# A host name, an address or an id before the verb; no reply code, no status.
_HOST = re.compile(r"(?:qz|\d{10}|[a-z]\S*[\d.]|[\d.]\S*[a-z])\S* (?:has )?[a-z]+\W*$")
_PART = re.compile(r"[:>,()@]")
_TOKEN = re.compile(r"\w+")
_SIGN = re.compile(r"[^\W_]")


def has(lower: str, start: int, end: int) -> bool:
    """Whether any letter or digit stands there."""
    return _SIGN.search(lower, start, end) is not None


def stands(head: Hit, lower: str, start: int, begun: Begun) -> bool:
    """Whether *head* begins a quoted reply in the layer from *start*."""
    if (_CALLOUT if begun is None else _CALLOUT_IN_REPLY).search(lower, start, head.at):
        return False
    if head.kind in ("verb", "copula"):
        return _is_announced(head, lower, start, begun)
    if head.kind == "code":
        return _is_reply(head, lower, begun)
    if head.kind == "coded":
        coded = CODED.match(lower, head.end) or _NUMBERED.search(lower[start : head.at])
        return coded is not None or not has(lower, start, head.at)
    if head.kind == "split":
        return begun is None or not has(lower, begun.end(), head.at)
    return head.kind == "head" or begun is None


def says(head: Hit, lower: str, start: int, begun: Begun = None) -> bool:
    """Whether the clause that ends with *head* names another server that said something."""
    words, saying = set(_TOKEN.findall(clause := _clause(head, lower, start))), forms().saying
    known = saying.party if begun is None else saying.peer
    party = not words.isdisjoint(known) or _HOST.search(" ".join(clause.split()[-3:])) is not None
    return party and (head.kind == "verb" or not words.isdisjoint(saying.noun))


def _clause(head: Hit, lower: str, start: int) -> str:
    stops = (lower.rfind(stop, start, head.at) + 1 for stop in (". ", "; ", "! ", "? "))
    return lower[max(start, *stops) : head.end]


def _is_announced(head: Hit, lower: str, start: int, begun: Begun) -> bool:
    """Whether the clause that ends with *head* announces a reply, with code or without."""
    said = says(head, lower, start, begun)
    if CODED.match(lower, head.end) is not None and not _goes_on(lower, begun):
        after = _GOES_ON.match(lower, head.end)
        return (
            begun is None
            or head.kind == "verb"
            or said
            or (after is not None and after["status"] is not None)
        )
    if begun is not None:
        return said and head.kind == "verb"
    return said or _is_label(_clause(head, lower, start))


def _is_label(clause: str) -> bool:
    """Whether *clause*, or its last part, is a label such as "Failure reason:" or "Last SMTP error:"."""
    label = _TOKEN.findall(_PART.split(clause.rstrip(": "))[-1])
    apart = len(label) > 1 or "@" in clause or len(label) == len(_TOKEN.findall(clause))
    return apart and forms().saying.label.issuperset(label)


def _is_reply(head: Hit, lower: str, begun: Begun) -> bool:
    """Whether the number at the end of *head* is the code of a reply."""
    sign, code = lower[head.at], lower[head.end : head.end + 3]
    m = _GOES_ON.match(lower, head.end + 3)
    if m is None or (m["word"] in forms().saying.unit and sign not in "'\""):
        return False
    if begun is None:
        return _ANOTHER.match(lower, head.end + 3) is None
    if sign in "-@" or lower.startswith("...", head.at):
        return True
    if m["status"] is None or _goes_on(lower, begun):
        return False
    # A reply of several lines repeats its code, and often its status.
    again = code == begun[1] and m["status"] in lower[begun.end() : begun.end() + 10]
    return not again and sign in ":<('\""


def _goes_on(lower: str, begun: Begun) -> bool:
    """Whether the reply that *begun* has several lines."""
    return begun is not None and lower[begun.end() : begun.end() + 1] == "-"
