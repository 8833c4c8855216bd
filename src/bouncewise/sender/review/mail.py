"""A mailing as the checks need it: header, parts, the HTML page and the plain text.

Reads: the octets of a message. Gives: a Mailing. What it cannot decode is left out.
"""

from __future__ import annotations

from datetime import datetime

from bouncewise.lazy import lazy_property
from bouncewise.rfc import address, mime
from bouncewise.rfc.suffixes import registered
from bouncewise.sender.review.page import Page

MAX_MAIL = 64 << 20
"""Octets of a message that are read."""


class Mailing:
    """One message; *now*: when it is reviewed."""

    def __init__(self, raw: bytes, now: datetime) -> None:
        self.raw, self.now = raw[:MAX_MAIL], now
        self.header = mime.parse(self.raw)
        self.parts = mime.leaves(self.header)

    def all(self, name: str) -> list[str]:
        """Every field of that name (in lower case)."""
        return list(self.header.get_all(name))

    @lazy_property
    def domain(self) -> str:
        """The domain in From, whose address stands behind the name; '' if there is none."""
        found = list(address.find(self.header.get("from")[:4096]))
        return found[-1][2].rpartition("@")[2].lower() if found else ""

    @lazy_property
    def owner(self) -> str:
        """The registered domain of the sender."""
        return registered(self.domain)

    @lazy_property
    def plain(self) -> str | None:
        """The text of the first text/plain part that is no attachment; None if there is none."""
        part = self._first("text/plain")
        return part.text if part is not None else None

    @lazy_property
    def html_part(self) -> mime.Part | None:
        """The first text/html part that is no attachment."""
        return self._first("text/html")

    @lazy_property
    def html(self) -> str:
        """The HTML; '' if there is none."""
        if self.html_part is None:
            return ""
        part = self.html_part
        return mime.decode(part.data, part.parameters.get("charset", ""))

    @lazy_property
    def page(self) -> Page:
        """The HTML, read."""
        return Page(self.html)

    @lazy_property
    def words(self) -> str:
        """All words that a reader sees: those of the page, or else of the text."""
        return self.page.text if self.html else (self.plain or "")

    @lazy_property
    def attachments(self) -> list[tuple[str, mime.Part]]:
        """The parts with a file name, and their names."""
        named = ((file_name(part), part) for part in self.parts)
        return [(name, part) for name, part in named if name]

    def _first(self, kind: str) -> mime.Part | None:
        for part in self.parts:
            disposition = part.get("content-disposition").casefold()
            if part.content_type == kind and not disposition.startswith("attachment"):
                return part
        return None


def file_name(part: mime.Part) -> str:
    """The name of an attached file, decoded; '' if it has none."""
    _, found, rest = part.get("content-disposition").partition("filename")
    name = rest.partition("=")[2].split(";")[0].strip().strip('"') if found else ""
    return mime.decode_words(name or part.parameters.get("name", ""))[:255]
