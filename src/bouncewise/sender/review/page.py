"""The HTML of a mail as a reviewer needs it: links, images, hidden words, elements.

Reads: HTML of any quality; MAX_HTML characters of it. Gives: a Page. Linear in the length: the time
for a tag is limited, a comment's end is looked for once, and nesting is followed to MAX_NESTING.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from typing import NamedTuple

MAX_HTML = 1 << 20
"""Characters that are read."""

MAX_NESTING = 500
"""Open elements that are remembered."""

_TOKEN = re.compile(
    r"<(?P<end>/?)(?P<tag>[A-Za-z][\w:-]{0,40})"
    r"(?P<attributes>(?:[^<>\"']++|\"[^\"]{0,8000}+\"|'[^']{0,8000}+'){0,300}+)>|<!--"
)
_ATTRIBUTE = re.compile(
    r"([\w:@-]{1,60})(?:\s{0,20}=\s{0,20}(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'<>]+)))?"
)
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
_UNSEEN = frozenset(("style", "script", "head", "title", "noscript", "template"))
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?:px|pt|em|%)?\s*(?:;|!|$)"
    r"|max-height\s*:\s*0(?:px)?\s*(?:;|!|$)|opacity\s*:\s*0\s*(?:;|!|$)",
    re.I,
)
# html.unescape raises ValueError for a number of thousands of digits.
_NO_CHARACTER = re.compile(r"&#(?:[xX][0-9A-Fa-f]{8,}|[0-9]{8,});?")
_WORD = re.compile(r"\w+")


class Link(NamedTuple):
    """A link: its target, its words, and the character at which it begins."""

    target: str
    text: str
    at: int


class Image(NamedTuple):
    """An image; ``alt`` is None where the attribute is missing."""

    source: str
    alt: str | None
    has_size: bool


class Page:
    """What a page contains. ``text``: the words that are seen; ``hidden``: how many are not, beside
    the first hidden element, which is the preheader.
    """

    def __init__(self, source: str) -> None:
        self.links: list[Link] = []
        self.images: list[Image] = []
        self.tags: Counter[str] = Counter()
        self.handlers: list[str] = []
        self.stylesheets = 0
        self.background_images = 0
        self._seen: list[str] = []
        self._hidden: list[int] = []  # words of each hidden element
        self._open: list[tuple[str, bool]] = []  # elements, and whether what is in them is unseen
        self._link: tuple[str, int, int] | None = None  # target, place, and words before it
        self._read(source[:MAX_HTML])
        self.text = " ".join("".join(self._seen).split())
        self.hidden = sum(self._hidden[1:]) + max(0, sum(self._hidden[:1]) - 50)

    def _read(self, source: str) -> None:
        at = 0
        while (token := _TOKEN.search(source, at)) is not None:
            self._words(source[at : token.start()])
            at = token.end()
            if token["tag"] is None:
                end = source.find("-->", at)
                if end < 0:
                    return
                at = end + 3
            elif token["end"]:
                self._close(token["tag"].lower())
            else:
                self._begin(token["tag"].lower(), token["attributes"], token.start())
        self._words(source[at:])

    def _words(self, text: str) -> None:
        if not text:
            return
        words = html.unescape(_NO_CHARACTER.sub("\ufffd", text))
        if not self._open or not self._open[-1][1]:
            self._seen.append(words)
        elif not any(tag in _UNSEEN for tag, _ in self._open[-3:]) and self._hidden:
            self._hidden[-1] += len(_WORD.findall(words))

    def _begin(self, tag: str, text: str, at: int) -> None:
        self.tags[tag] += 1
        attributes = _attributes(text)
        self.handlers += [name for name in attributes if name.startswith("on")]
        is_unseen = bool(self._open and self._open[-1][1])
        if not is_unseen and (tag in _UNSEEN or _HIDDEN.search(attributes.get("style", ""))):
            is_unseen = True
            self._hidden += [] if tag in _UNSEEN else [0]
        if tag == "a" and "href" in attributes:
            self._end_link()
            self._link = attributes["href"].strip(), at, len(self._seen)
        elif tag == "img":
            self._image(attributes)
        elif tag == "link" and "stylesheet" in attributes.get("rel", "").lower():
            self.stylesheets += 1
        self.background_images += "background" in attributes
        if tag not in _VOID and not text.endswith("/") and len(self._open) < MAX_NESTING:
            self._open.append((tag, is_unseen))
        self._seen.append(" ")

    def _image(self, attributes: dict[str, str]) -> None:
        has_size = "width" in attributes or "width" in attributes.get("style", "")
        alt = attributes.get("alt")
        self.images.append(Image(attributes.get("src", "").strip(), alt, has_size))
        if self._link is not None and alt:
            self._seen.append(f" {alt} ")

    def _close(self, tag: str) -> None:
        if tag == "a":
            self._end_link()
        for index in range(len(self._open) - 1, max(-1, len(self._open) - 60), -1):
            if self._open[index][0] == tag:
                del self._open[index:]
                break
        self._seen.append(" ")

    def _end_link(self) -> None:
        if self._link is not None:
            target, at, first = self._link
            text = " ".join("".join(self._seen[first:])[:1000].split())
            self.links.append(Link(target, text, at))
            self._link = None


def _attributes(text: str) -> dict[str, str]:
    """The first value of each attribute, by its name in lower case."""
    found: dict[str, str] = {}
    for m in _ATTRIBUTE.finditer(text[:20_000]):
        value = next((v for v in (m[2], m[3], m[4]) if v is not None), "")
        value = html.unescape(_NO_CHARACTER.sub("\ufffd", value)) if "&" in value else value
        found.setdefault(m[1].lower(), value)
    return found
