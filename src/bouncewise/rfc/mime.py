"""Internet messages as far as bounces need them: RFC 5322 headers, RFC 2045/2046 parts, RFC 2047 words.

Reads: the bytes of one message, well formed or not: any newline, missing or wrong boundaries, unlabelled
charsets, truncation anywhere. Gives: headers and leaf parts in their order; an attached message stays one leaf.
Refuses nothing and never raises; what goes beyond the limits is left out.
"""

from __future__ import annotations

import binascii
import codecs
import html
import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header
from functools import lru_cache
from typing import NamedTuple

from bouncewise.lazy import once

MAX_PARTS = 64
MAX_DEPTH = 8
MAX_TEXT = 512 * 1024
"""Decoded bytes of one part that are looked at; a bounce says what it has to say long before."""

# A parameter of Content-Type that lost its indent still belongs to the field before it.
_VALUE = rb"[^\n]*(?:\n(?:[ \t]|(?:boundary|charset|report-type|type)=)[^\n]*)*+"
_SECTION = re.compile(rb"(?:[!-9;-~]{1,100}[ \t]*:" + _VALUE + rb"\n?)*+")
_AFTER_NAME = re.compile(rb"[ \t]*:(" + _VALUE + rb")")
_FOLD = re.compile(r"\n[ \t]*")
_PARAMETER = re.compile(r';?\s*([\w!#$%&\'*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|([^;\s]*))')
_BREAKING = re.compile(r"<\s*/?\s*(?:br|p|div|tr|li|h\d|table|blockquote)\b[^>]{0,500}>", re.I)
_TAG = re.compile(r"<[^<>]{0,2000}>")
_UNSEEN = re.compile(r"<(style|script|head)\b.*?</\1\s*>", re.I | re.S)

_NO_SIGN = re.compile(rb"[^A-Za-z0-9+/]+")
# A line that cannot be base64: words with blanks between, or a rule such as "____" and "-- ".
_NOT_BASE64 = re.compile(
    rb"^(?=.)(?:[^\s\n]+[ \t]+[^\s\n]|(?:[-_*~#]{2,}|={3,})[ \t]*$|.{0,80}[^A-Za-z0-9+/=\s][^A-Za-z0-9+/=\s]).*",
    re.M,
)

# Labels seen in mail beside the names Python knows. Only codecs listed here or found to be plain text are used.
_ALIASES = {
    "ks_c_5601-1987": "cp949",
    "gb2312": "gb18030",
    "gb_2312-80": "gb18030",
    "x-sjis": "cp932",
    "shift_jis": "cp932",
    "iso-2022-jp": "iso2022_jp_ext",
    "unicode-1-1-utf-8": "utf-8",
    "x-unknown": "utf-8",
    "unknown-8bit": "utf-8",
    "x-gbk": "gb18030",
    "uft-8": "utf-8",
    "utf8": "utf-8",
    "ascii": "ascii",
    "us-ascii": "utf-8",
    "x-mac-roman": "mac-roman",
}
_SHIFTING = re.compile("utf-?16|hz", re.I)  # charsets in which ASCII octets are not ASCII
_PLAIN = re.compile(
    r"(iso|cp|windows|koi8|mac|gb|big5|euc|shift|johab|tis|utf-8|utf-16|ascii|hz|latin|ptcp|kz)"
)


class Part:
    """A header section and what follows it; ``raw`` is both as they stood. A field is read when it is asked for: few are."""

    __slots__ = ("__dict__", "_names", "body", "head", "raw")

    def __init__(self, head: bytes, body: bytes, raw: bytes) -> None:
        self.head = head
        self.body = body
        self.raw = raw
        self._names = b"\n" + head.lower()

    def get(self, name: str) -> str:
        """The first field of that name (lower case), unfolded; '' where there is none."""
        wanted = _line_begin(name)
        m = self._field(wanted, 0) if wanted in self._names else None
        return "" if m is None else self._unfolded(m[1])

    def each(self, name: str) -> Iterator[str]:
        """Every field of that name, unfolded, in order."""
        wanted = _line_begin(name)
        m = self._field(wanted, 0)
        while m is not None:
            yield self._unfolded(m[1])
            m = self._field(wanted, m.end())

    def _field(self, wanted: bytes, at: int) -> re.Match[bytes] | None:
        """What follows the next *wanted* name from *at* on, if that is a field."""
        while (at := self._names.find(wanted, at)) >= 0:
            # In the head itself everything stands one octet earlier: it has no newline in front.
            if (m := _AFTER_NAME.match(self.head, at + len(wanted) - 1)) is not None:
                return m
            at += 1
        return None

    def _unfolded(self, raw: bytes) -> str:
        value = raw.decode() if self._plain else decode(raw, "")
        return (_FOLD.sub(" ", value) if "\n" in value else value).strip()

    @once
    def _plain(self) -> bool:
        return self.head.isascii() and b"\x1b" not in self.head

    @once
    def content_type(self) -> str:
        """``type/subtype`` in lower case; text/plain where none is given (RFC 2045 §5.2)."""
        words = self.get("content-type").partition(";")[0].split(None, 1)
        return words[0].casefold() if words and "/" in words[0] else "text/plain"

    @once
    def parameters(self) -> dict[str, str]:
        """The parameters of Content-Type, names in lower case; a missing semicolon is forgiven."""
        _, _, rest = self.get("content-type").replace("\n", " ").partition("/")
        return {
            m[1].casefold(): (m[2] if m[2] is not None else m[3])
            for m in _PARAMETER.finditer(rest[:4096])
        }

    @once
    def data(self) -> bytes:
        """The body without its transfer encoding, at most MAX_TEXT octets."""
        encoding = self.get("content-transfer-encoding").strip().casefold()
        body = self.body[: MAX_TEXT * 2]
        if encoding == "quoted-printable":
            body = binascii.a2b_qp(body)
        elif encoding == "base64":
            body = _from_base64(body)
            body = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return body[:MAX_TEXT]

    @once
    def text(self) -> str:
        """The body as text; HTML loses its tags."""
        # The label counts for nothing where every label says the same.
        plain = (
            self.data.isascii()
            and b"\x1b" not in self.data
            and not _SHIFTING.search(self.get("content-type"))
        )
        decoded = decode(self.data, "" if plain else self.parameters.get("charset", ""))
        return strip_html(decoded) if self.content_type == "text/html" else decoded


def _from_base64(body: bytes) -> bytes:
    """What *body* encodes (RFC 2045 §6.8), to the last octet, however its padding is.

    Text that begins at a line which cannot be base64 is kept as it stands: a footer that a mailing list added, or all of a
    part that only says that it is encoded.
    """
    m = _NOT_BASE64.search(body)
    encoded, plain = (body, b"") if m is None else (body[: m.start()], body[m.start() :])
    # Padding ends a group, not the body: encoded pieces are joined now and then (RFC 2045 does not allow it).
    groups = (_NO_SIGN.sub(b"", piece) for piece in encoded.split(b"="))
    decoded = b"".join(map(_from_group, groups))
    return decoded if not plain else b"\n".join(filter(None, (decoded, plain)))


def _from_group(signs: bytes) -> bytes:
    """The octets of a run of base64 signs; a single sign behind the last four holds six bits, which are no octet."""
    return binascii.a2b_base64(
        signs[: len(signs) - (len(signs) % 4 == 1)] + b"=" * (-len(signs) % 4)
    )


@lru_cache(maxsize=256)
def _line_begin(name: str) -> bytes:
    return f"\n{name}".encode()


def parse(raw: bytes) -> Part:
    """One message. Newlines of every kind become LF; an mbox "From " line in front is passed over."""
    raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if raw.startswith((b"From ", b">From ")):
        raw = raw.partition(b"\n")[2]
    return split(raw.lstrip(b"\n"))


def split(raw: bytes) -> Part:
    """Header section and body of *raw*, whose newlines are LF. A line that is no field ends the header."""
    section = _SECTION.match(raw)
    at = section.end() if section else 0
    return Part(raw[:at], raw[at + 1 :] if raw[at : at + 1] == b"\n" else raw[at:], raw)


def leaves(message: Part) -> list[Part]:
    """The parts that hold something, in order: multiparts opened, attached messages not."""
    found: list[Part] = []
    _collect(message, found, 0)
    return found


def _collect(part: Part, found: list[Part], depth: int) -> None:
    if len(found) >= MAX_PARTS:
        return
    if part.content_type.startswith("multipart/") and depth < MAX_DEPTH:
        pieces = list(_pieces(part))
        for piece in pieces:
            _collect(piece, found, depth + 1)
        if pieces:
            return
    found.append(part)


def _pieces(part: Part) -> Iterator[Part]:
    marks = _marks(
        part.body, part.parameters.get("boundary", "").strip().encode("utf-8", "replace")
    )
    if (
        not marks
        and (m := re.search(rb"(?:^|\n)--([^\s\n]{5,200})[ \t]*\ncontent-", part.body, re.I))
        is not None
    ):
        # The label is lost or wrong; the first line that looks like a delimiter tells it.
        marks = _marks(part.body, m[1])
    for n, mark in enumerate(marks):
        if mark.closing:
            continue
        end = marks[n + 1].start if n + 1 < len(marks) else len(part.body)
        piece = part.body[mark.end + 1 : end]
        if piece.strip():
            yield split(piece)


class _Mark(NamedTuple):
    """A delimiter line, with the newline before it that belongs to it."""

    start: int
    end: int
    closing: bool


def _marks(body: bytes, boundary: bytes) -> list[_Mark]:
    """The delimiter lines of RFC 2046 §5.1.1, at most MAX_PARTS of them."""
    found: list[_Mark] = []
    if not boundary or len(boundary) > 500:
        return found
    delimiter = b"--" + boundary
    at = body.find(delimiter)
    while at >= 0 and len(found) < MAX_PARTS:
        end = body.find(b"\n", at)
        end = len(body) if end < 0 else end
        rest = body[at + len(delimiter) : end].rstrip(b" \t")
        if rest in (b"", b"--") and body[at - 1 : at] in (b"", b"\n"):
            found.append(_Mark(max(0, at - 1), end, rest != b""))
        at = body.find(delimiter, end)
    return found


def decode(raw: bytes, charset: str) -> str:
    """*raw* as text by its label where that is believable, else by what it looks like; never raises."""
    if b"\x1b$" in raw or b"\x1b(" in raw:
        charset = charset if "2022" in charset else "iso-2022-jp"
    elif raw.isascii() and not charset.casefold().startswith(("utf-16", "utf16", "hz")):
        return raw.decode("ascii")
    label = charset.strip().casefold()
    for name in (_ALIASES.get(label, label), "utf-8"):
        try:
            if _PLAIN.match(codecs.lookup(name).name):
                return raw.decode(
                    name, "strict" if name == "utf-8" and name != label else "replace"
                )
        except (LookupError, UnicodeDecodeError, ValueError):
            continue
    return _cut_utf8(raw) or raw.decode("cp1252", "replace")


def _cut_utf8(raw: bytes) -> str | None:
    """UTF-8 whose last sign was cut in two, without that sign."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as bad:
        cut = bad.start >= len(raw) - 3 and not raw[: bad.start].isascii()
        return raw[: bad.start].decode("utf-8") if cut else None


def decoded_words(value: str) -> str:
    """A header value with its RFC 2047 words decoded."""
    if "=?" not in value:
        return value
    try:
        pieces = decode_header(value[:4096])
    except (ValueError, HeaderParseError):
        return value
    return "".join(p if isinstance(p, str) else decode(p, label or "") for p, label in pieces)


def strip_html(text: str) -> str:
    """The words of an HTML text, a line for each block."""
    text = _BREAKING.sub("\n", _UNSEEN.sub(" ", text))
    return html.unescape(_TAG.sub("", text)).replace("\xa0", " ")
