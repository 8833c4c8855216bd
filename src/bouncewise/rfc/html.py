"""The text of HTML, as far as bounces need it: without tags, in linear time, for any input."""

from __future__ import annotations

import html
import re

_BLOCK_TAG = re.compile(
    r"<\s{0,9}/?\s{0,9}(?:br|p|div|tr|li|h\d|table|blockquote)\b[^>]{0,500}>", re.I
)
_CELL_TAG = re.compile(r"<\s{0,9}/?\s{0,9}t[dh]\b[^>]{0,500}>", re.I)
_MAILTO = re.compile(
    r"<a\b[^<>]{0,500}?href\s{0,3}=\s{0,3}[\"']?mailto:([^\"'?<>\s]{3,320})[^<>]{0,500}>"
    r"([^<]{0,400})",
    re.I,
)
_TAG = re.compile(r"<[^<>]{0,2000}>")
_INVISIBLE = re.compile(r"<(style|script|head)\b", re.I)
_INVISIBLE_END = {name: re.compile(rf"</{name}\s*>", re.I) for name in ("style", "script", "head")}
# html.unescape raises ValueError for a number of thousands of digits.
_NO_CHARACTER = re.compile(r"&#(?:[xX][0-9A-Fa-f]{8,}|[0-9]{8,});?")


def strip_tags(text: str) -> str:
    """The text of HTML without tags, styles and scripts; each block begins a new line. The address
    of a link stands behind its words.
    """
    text = _visible(text)
    if "mailto:" in text:
        text = _MAILTO.sub(_linked, text)
    text = _TAG.sub("", _CELL_TAG.sub(" ", _BLOCK_TAG.sub("\n", text)))
    return html.unescape(_NO_CHARACTER.sub("\ufffd", text)).replace("\xa0", " ")


def _linked(m: re.Match[str]) -> str:
    return m[2] if "@" in m[2] else f"{m[2]} &lt;{m[1]}&gt;"


def _visible(text: str) -> str:
    """*text* without the content of styles, scripts and heads. Each kind's end is searched for
    once, so that the time is linear.
    """
    kept: list[str] = []
    at = 0
    ends: dict[str, tuple[int, int] | None] = {}
    for opening in _INVISIBLE.finditer(text):
        name = opening[1].lower()
        if opening.start() < at or ends.get(name, (0, 0)) is None:
            continue
        end = ends.get(name)
        if end is None or end[0] < opening.end():
            found = _INVISIBLE_END[name].search(text, opening.end())
            ends[name] = end = found.span() if found else None
        if end is not None:
            kept += (text[at : opening.start()], " ")
            at = end[1]
    return "".join((*kept, text[at:]))
