"""Checks of what a mailing shows: text, images, size, attachments, what a template left."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from bouncewise.sender.checks import Hit
from bouncewise.sender.review.links import unsubscribe_place
from bouncewise.sender.review.mail import Mailing

CLIPPED = 102_400
"""Octets of HTML from which on Gmail shows only the beginning, as senders have measured."""

_NEARLY = 0.9
_LARGE_ATTACHMENTS = 10 << 20
_LARGE_MAIL = 25 << 20
_FEW_WORDS = 20
_IMAGE_WORDS = 15
_STUB_WORDS = 25
_MIN_OVERLAP = 0.3
_MANY_HIDDEN = 30
_WORD = re.compile(r"\w{2,40}")
_STUB = re.compile(r"view|browser|html|online|display|ansehen|anzeigen|navigateur|navegador", re.I)
_PROGRAMS = frozenset(
    "ade adp apk appx bat cab chm cmd com cpl dll dmg exe hta ins iso jar js jse lib lnk mde msc"
    " msi msix msp mst nsh pif ps1 scr sct shb sys vb vbe vbs vhd vxd wsc wsf wsh".split()
)
_DOCUMENTS = frozenset("pdf doc docx xls xlsx ppt pptx txt jpg jpeg png gif zip".split())
_MERGE_FIELD = re.compile(
    r"\{\{[^{}\n]{1,80}\}\}|\{%[^%\n]{1,80}%\}|\*\|[\w:. -]{1,60}\|\*|%%[\w. -]{2,40}%%"
    r"|\$\{[\w.]{1,60}\}|<<[\w .-]{2,40}>>|<%=?[^%\n]{1,80}%>|-%[\w. ]{2,40}%-"
    r"|\[(?:FIRST|LAST|FULL|USER)?[ _-]?NAME\]|\[(?:EMAIL|COMPANY|UNSUBSCRIBE)[\w _-]{0,20}\]"
    r"|%(?:FIRST|LAST|USER)?_?NAME%|\bundefined\b(?=[,!.])|\bNaN\b|\[object Object\]"
)
_GREETING = re.compile(
    r"\b(?:dear|liebe[r]?|beste[r]?|sehr geehrte[r]?|cher|ch[eè]re|querid[oa]|car[oa])\s{0,3}[,!]"
    r"|\b(?:hello|hi|hallo|bonjour|hola|ciao|hej|hey)\s{1,3}[,!]"
    r"|\b(?:dear|hello|hi|hallo|bonjour|hola|ciao|hej)\s{1,3}(?:null|none|undefined|nan)\b",
    re.I,
)
_PLACEHOLDER = re.compile(
    r"lorem ipsum|your (?:text|headline|company name) here|\btbd\b|\bxxx+\b"
    r"|insert (?:text|link) here",
    re.I,
)
_GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"


def check(mail: Mailing, *, transactional: bool) -> Iterator[Hit]:
    """What the content shows; *transactional* changes nothing here."""
    del transactional
    yield from _texts(mail)
    yield from _size(mail)
    yield from _images(mail)
    yield from _elements(mail)
    yield from _attachments(mail)
    yield from _template(mail)


def _texts(mail: Mailing) -> Iterator[Hit]:
    if not mail.html:
        return
    if mail.plain is None:
        yield "plain-missing", {}
        return
    plain = {word.casefold() for word in _WORD.findall(mail.plain[:100_000])}
    page = {word.casefold() for word in _WORD.findall(mail.page.text[:100_000])}
    if len(plain) <= _STUB_WORDS and len(page) > 2 * len(plain) and _STUB.search(mail.plain[:500]):
        yield "plain-stub", {"value": " ".join(mail.plain.split())[:100]}
    elif len(page) >= _FEW_WORDS and len(plain & page) < _MIN_OVERLAP * len(page):
        share = len(plain & page) / len(page)
        yield "plain-differs", {"value": f"{share:.0%}"}


def _size(mail: Mailing) -> Iterator[Hit]:
    part = mail.html_part
    octets = len(part.octets) if part is not None else 0
    if octets > CLIPPED:
        place = unsubscribe_place(mail)
        where = ""
        if place is not None:
            share = len(mail.html[:place].encode("utf-8", "replace")) / CLIPPED
            hides = "is hidden" if share > 1 else "is seen"
            where = f"; the link to unsubscribe stands at {share:.0%} of that and {hides}"
        yield "clipped", {"count": f"{octets:,}", "value": where}
    elif octets > CLIPPED * _NEARLY:
        yield "nearly-clipped", {"count": f"{octets:,}"}
    if len(mail.raw) > _LARGE_MAIL:
        yield "too-large", {"count": f"{len(mail.raw):,}"}


def _images(mail: Mailing) -> Iterator[Hit]:
    images = mail.page.images
    if not images:
        return
    words = len(_WORD.findall(mail.page.text))
    if words < _IMAGE_WORDS and not mail.attachments:
        yield "image-only", {"images": len(images), "count": words}
    if lacking := sum(image.alt is None for image in images):
        yield "image-alt", {"count": lacking, "images": len(images)}
    if embedded := sum(image.source.lower().startswith("data:") for image in images):
        yield "image-data", {"count": embedded}
    if plain := [i.source for i in images if i.source.lower().startswith("http://")]:
        yield "image-http", {"count": len(plain), "value": plain[0][:120]}


def _elements(mail: Mailing) -> Iterator[Hit]:
    page = mail.page
    for tag in ("script", "iframe", "object", "embed", "applet"):
        if page.tags[tag]:
            yield "script", {"value": f"<{tag}>"}
    if page.handlers:
        yield "script", {"value": f"the event handler {page.handlers[0]}"}
    if page.tags["form"]:
        yield "form", {}
    if page.stylesheets:
        yield "stylesheet", {}
    if page.hidden > _MANY_HIDDEN:
        yield "hidden-text", {"count": page.hidden}


def _attachments(mail: Mailing) -> Iterator[Hit]:
    total = 0
    for name, part in mail.attachments:
        total += len(part.octets)
        endings = [ending.lower().lstrip(".") for ending in PurePosixPath(name).suffixes]
        if endings and endings[-1] in _PROGRAMS:
            is_double = len(endings) > 1 and endings[-2] in _DOCUMENTS
            yield ("attachment-double" if is_double else "attachment-executable"), {"value": name}
    if total > _LARGE_ATTACHMENTS:
        yield "attachment-large", {"count": f"{total:,}"}


def _template(mail: Mailing) -> Iterator[Hit]:
    subject = mail.header.get("subject")
    shown = f"{subject}\n{mail.words}\n{mail.plain or ''}"[:400_000]
    targets = "\n".join(link.target for link in mail.page.links)[:200_000]
    if (field := _MERGE_FIELD.search(shown) or _MERGE_FIELD.search(targets)) is not None:
        yield "merge-field", {"value": field[0]}
    beginning = f"{mail.words[:2000]}\n{(mail.plain or '')[:500]}"
    if (greeting := _GREETING.search(beginning)) is not None:
        yield "empty-greeting", {"value": " ".join(greeting[0].split())}
    if (placeholder := _PLACEHOLDER.search(shown)) is not None:
        yield "placeholder", {"value": placeholder[0]}
    if _GTUBE in shown:
        yield "gtube", {}
