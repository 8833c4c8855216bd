"""Internet messages as far as bounces need them: RFC 5322, RFC 2045, RFC 2046 and RFC 2047.

Reads: the octets of one message, well formed or not: any newline, missing or wrong boundaries,
unlabelled charsets, truncation anywhere. Gives: header fields, and leaf parts in their order; an
attached message is one leaf. Refuses nothing and never raises; what exceeds the limits is left out.
"""

from __future__ import annotations

import binascii
import codecs
import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header
from functools import lru_cache
from typing import NamedTuple

from bouncewise.lazy import lazy_property
from bouncewise.rfc.base64 import from_base64
from bouncewise.rfc.broken import mend
from bouncewise.rfc.html import strip_tags

MAX_PARTS = 64
"""Leaf parts of a message, and delimiter lines of a multipart, that are read."""

MAX_DEPTH = 8
"""Levels of nested multiparts that are opened."""

MAX_TEXT = 512 * 1024
"""Decoded octets of one part that are read. The report of a bounce is much shorter."""

# A line with a parameter of Content-Type belongs to the field before it even if not indented.
_VALUE = rb"[^\n]*(?:\n(?:[ \t]|(?:boundary|charset|report-type|type)=)[^\n]*)*+"
_SECTION = re.compile(rb"(?:[!-9;-~]{1,100}[ \t]*:" + _VALUE + rb"\n?)*+")
_AFTER_NAME = re.compile(rb"[ \t]*:(" + _VALUE + rb")")
_BLANK_START = re.compile(rb"\A\s*\n[ \t]*|\A[ \t]+(?=[A-Za-z][\w-]*:)")
_FOLD = re.compile(r"\n[ \t]*")
_PARAMETER = re.compile(r';?\s*([\w!#$%&\'*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|([^;\s]*))')
_LIKE_DELIMITER = re.compile(rb"(?:^|\n)--([^\s\n]{5,200})[ \t]*\ncontent-", re.I)

# By codec, the charset labels that occur in mail and that Python does not know, or reads more
# narrowly than they are used.
_LABELS = {
    "cp949": ("ks_c_5601-1987",),
    "cp932": ("x-sjis", "shift_jis"),
    "gb18030": ("gb2312", "gb_2312-80", "x-gbk"),
    "iso2022_jp_ext": ("iso-2022-jp",),
    "mac-roman": ("x-mac-roman",),
    "utf-8": ("unicode-1-1-utf-8", "x-unknown", "unknown-8bit", "uft-8", "utf8", "us-ascii"),
}
_CODECS = {label: codec for codec, labels in _LABELS.items() for label in labels}
# Python also has codecs that are no charsets (base64, zlib), which a hostile label may name.
_TEXT_CODEC = re.compile(
    r"(iso|cp|windows|koi8|mac|gb|big5|euc|shift|johab|tis|utf-8|utf-16|ascii|hz|latin|ptcp|kz)"
)
_NOT_ASCII_BASED = re.compile("utf-?16|hz", re.I)  # charsets in which ASCII octets are not ASCII


class Part:
    """A header section and its body; ``raw`` is both as received. Fields are decoded when read."""

    __slots__ = ("__dict__", "_names", "body", "head", "raw")

    def __init__(self, head: bytes, body: bytes, raw: bytes) -> None:
        self.head = head
        self.body = body
        self.raw = raw
        self._names = b"\n" + head.lower()

    def get(self, name: str) -> str:
        """The first field of *name* (in lower case), unfolded; '' if there is none."""
        line_start = _line_start(name)
        m = self._field(line_start, 0) if line_start in self._names else None
        return "" if m is None else self._unfolded(m[1])

    def get_all(self, name: str) -> Iterator[str]:
        """Every field of *name* (in lower case), unfolded, in order."""
        line_start = _line_start(name)
        m = self._field(line_start, 0)
        while m is not None:
            yield self._unfolded(m[1])
            m = self._field(line_start, m.end())

    def _field(self, line_start: bytes, at: int) -> re.Match[bytes] | None:
        """The colon and value of the next field from *at* on whose line begins so, or None."""
        while (at := self._names.find(line_start, at)) >= 0:
            # Positions in head are smaller by one: it has no newline before its first line.
            if (m := _AFTER_NAME.match(self.head, at + len(line_start) - 1)) is not None:
                return m
            at += 1
        return None

    def _unfolded(self, raw: bytes) -> str:
        value = raw.decode() if self._ascii_head else decode(raw, "")
        return (_FOLD.sub(" ", value) if "\n" in value else value).strip()

    @lazy_property
    def _ascii_head(self) -> bool:
        return self.head.isascii() and b"\x1b" not in self.head

    @lazy_property
    def content_type(self) -> str:
        """``type/subtype`` in lower case; text/plain if the field is missing (RFC 2045 §5.2)."""
        words = self.get("content-type").partition(";")[0].split(None, 1)
        return words[0].casefold() if words and "/" in words[0] else "text/plain"

    @lazy_property
    def parameters(self) -> dict[str, str]:
        """The parameters of Content-Type, names in lower case; semicolons may be missing."""
        _, _, rest = self.get("content-type").replace("\n", " ").partition("/")
        return {
            m[1].casefold(): (m[2] if m[2] is not None else m[3])
            for m in _PARAMETER.finditer(rest[:4096])
        }

    @lazy_property
    def data(self) -> bytes:
        """The body without its transfer encoding, at most MAX_TEXT octets."""
        encoding, body = self._encoding, self.body[: MAX_TEXT * 2]
        if encoding == "quoted-printable":
            body = binascii.a2b_qp(body)
        elif encoding == "base64":
            body = from_base64(body)
            body = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return body[:MAX_TEXT]

    @property
    def octets(self) -> bytes:
        """All of a body in base64 as it was before it was encoded; another body as it is."""
        return from_base64(self.body) if self._encoding == "base64" else self.body

    @property
    def _encoding(self) -> str:
        return self.get("content-transfer-encoding").strip().casefold()

    @lazy_property
    def text(self) -> str:
        """The body as text, HTML without its tags."""
        # ASCII octets need no label: they mean the same in every charset except these.
        ascii_only = (
            self.data.isascii()
            and b"\x1b" not in self.data
            and not _NOT_ASCII_BASED.search(self.get("content-type"))
        )
        decoded = decode(self.data, "" if ascii_only else self.parameters.get("charset", ""))
        return strip_tags(decoded) if self.content_type == "text/html" else decoded


@lru_cache(maxsize=256)
def _line_start(name: str) -> bytes:
    return f"\n{name}".encode()


def parse(raw: bytes) -> Part:
    """One message. Newlines of every kind become LF; the "From " line of an mbox is skipped."""
    raw = raw.removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if raw[:1].isspace():
        raw = _BLANK_START.sub(b"", raw)
    if raw.startswith((b"From ", b">From ")):
        raw = raw.partition(b"\n")[2]
    return split(raw.lstrip(b"\n"))


def header_block(head: bytes) -> bytes:
    """The lines up to the first empty one of *head*, the first octets of a file: newlines are LF; a
    byte order mark and blank lines before them are left out.
    """
    start = _BLANK_START.sub(b"", head.removeprefix(codecs.BOM_UTF8))
    if b"\r" in start:
        start = start.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return start.partition(b"\n\n")[0]


def split(raw: bytes) -> Part:
    """The header section and the body of *raw*, whose newlines are LF.

    A line that is no field ends the header section, unless usual fields follow.
    """
    section = _SECTION.match(raw)
    at = section.end() if section else 0
    if at and raw[at : at + 1] not in (b"\n", b"") and (mended := mend(raw, at)) is not None:
        return Part(mended.head, raw[mended.end + 1 :], raw)
    return Part(raw[:at], raw[at + 1 :] if raw[at : at + 1] == b"\n" else raw[at:], raw)


def leaves(message: Part) -> list[Part]:
    """The leaf parts in order. Multiparts are opened; an attached message is one leaf."""
    parts: list[Part] = []
    _collect(message, parts, 0)
    return parts


def _collect(part: Part, parts: list[Part], depth: int) -> None:
    if len(parts) >= MAX_PARTS:
        return
    if part.content_type.startswith("multipart/") and depth < MAX_DEPTH:
        children = list(_children(part))
        for child in children:
            _collect(child, parts, depth + 1)
        if children:
            return
    parts.append(part)


def _children(part: Part) -> Iterator[Part]:
    """The parts of a multipart that are not empty."""
    boundary = part.parameters.get("boundary", "").strip().encode("utf-8", "replace")
    delimiters = _delimiters(part.body, boundary)
    if not delimiters and (m := _LIKE_DELIMITER.search(part.body)) is not None:
        # The boundary parameter is missing or wrong.
        delimiters = _delimiters(part.body, m[1])
    for n, delimiter in enumerate(delimiters):
        if delimiter.closing:
            continue
        end = delimiters[n + 1].start if n + 1 < len(delimiters) else len(part.body)
        child = part.body[delimiter.end + 1 : end]
        if (text := child.lstrip(b"\n")).strip():
            yield split(text if text[:8].lower() == b"content-" else child)


class _Delimiter(NamedTuple):
    """A delimiter line, with the newline before it, which belongs to it."""

    start: int
    end: int
    closing: bool


def _delimiters(body: bytes, boundary: bytes) -> list[_Delimiter]:
    """The delimiter lines of RFC 2046 §5.1.1, at most MAX_PARTS of them."""
    delimiters: list[_Delimiter] = []
    if not boundary or len(boundary) > 500:
        return delimiters
    line_start = b"--" + boundary
    at = body.find(line_start)
    while at >= 0 and len(delimiters) < MAX_PARTS:
        end = body.find(b"\n", at)
        end = len(body) if end < 0 else end
        rest = body[at + len(line_start) : end].rstrip(b" \t")
        if rest in (b"", b"--") and body[at - 1 : at] in (b"", b"\n"):
            delimiters.append(_Delimiter(max(0, at - 1), end, rest != b""))
        at = body.find(line_start, end)
    return delimiters


def decode(raw: bytes, charset: str) -> str:
    """*raw* as text, by its label if that is plausible, else by its octets. Never raises."""
    if b"\x1b$" in raw or b"\x1b(" in raw:
        charset = charset if "2022" in charset else "iso-2022-jp"
    elif raw.isascii() and not charset.casefold().startswith(("utf-16", "utf16", "hz")):
        return raw.decode("ascii")
    label = charset.strip().casefold()
    for codec in (_CODECS.get(label, label), "utf-8"):
        strict = codec == "utf-8" and codec != label
        try:
            if _TEXT_CODEC.match(codecs.lookup(codec).name):
                return raw.decode(codec, "strict" if strict else "replace")
        except (LookupError, UnicodeDecodeError, ValueError):
            continue
    return _truncated_utf8(raw) or raw.decode("cp1252", "replace")


def _truncated_utf8(raw: bytes) -> str | None:
    """UTF-8 without its last character, if truncation left only a part of it; else None."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        truncated = error.start >= len(raw) - 3 and not raw[: error.start].isascii()
        return raw[: error.start].decode("utf-8") if truncated else None


def decode_words(value: str) -> str:
    """A header value with its encoded words decoded (RFC 2047)."""
    if "=?" not in value:
        return value
    try:
        pieces = decode_header(value[:4096])
    except (ValueError, HeaderParseError):
        return value
    return "".join(p if isinstance(p, str) else decode(p, label or "") for p, label in pieces)
