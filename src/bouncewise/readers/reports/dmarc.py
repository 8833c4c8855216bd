"""DMARC aggregate reports: XML after RFC 9990 and RFC 7489 appendix C, and what is sent as such.

Reads: an XML document with a ``feedback``, in any namespace, with or without a byte order mark; of
one that is not well formed what stands before the fault, and what a repair of bare "&", control
characters and tags that are none makes readable. Gives: a DmarcReport. Refuses, with a Note:
document types (and with them entities), more than MAX_DEPTH levels, and records without a source
address or with a count that is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO

from bouncewise.model import Source
from bouncewise.model.sender_report import DmarcPolicy, DmarcReport
from bouncewise.readers.base import Note
from bouncewise.readers.reports.dmarc_xml import Document, name_of, word

MAX_OCTETS = 100 << 20
"""Octets of one document that are read."""

_CHUNK = 1 << 16
_REPAIRABLE = 16 << 20  # octets of a document that is read again after a repair
_FEEDBACK = re.compile(rb"<(?:[\w.-]{1,40}:)?feedback[\s>]")
_START = re.compile(rb"\A(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?\s*<")
# The declaration of a document that was in UTF-16 before it was read.
_NOT_UTF16 = re.compile(rb"<\?xml[^>]{0,100}encoding=.utf-?16", re.I)
_BARE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});)")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_NO_TAG = re.compile(r"<(?!/?[A-Za-z_][\w.:-]*[\s/>]|[?!])")
_NO_TAG_NAME = re.compile(r"<(/?[A-Za-z_][\w.:-]*@[^<>]*)>")
_TAGS = ("p", "sp", "np", "adkim", "aspf", "pct", "testing")


class DmarcReader:
    """DMARC aggregate reports, as files or attached to mail; also in gzip and zip."""

    name = "dmarc-report"
    about = "DMARC aggregate reports: XML, .gz, .zip, or attached to mail"

    def sniff(self, head: bytes) -> bool:
        """Whether *head* is XML with a ``feedback`` element."""
        if _START.match(head) is None:
            return False
        return _FEEDBACK.search(head.replace(b"\0", b"")) is not None

    def read(self, stream: BinaryIO, path: str) -> Iterator[DmarcReport | Note]:
        """The report of the document, and notes on what of it is not read."""
        yield from read(stream, path, 0)


def read(stream: BinaryIO, path: str, index: int) -> Iterator[DmarcReport | Note]:
    """The report in *stream*, which is number *index* of the file at *path*."""
    first = stream.read(_CHUNK).lstrip(b" \t\r\n")
    document = Document("utf-8" if _NOT_UTF16.match(first) else None)
    kept, fault = _feed(document, first, stream)
    if fault and not document.is_refused and kept is not None:
        repaired = Document("utf-8")
        rest = stream.read(_REPAIRABLE - len(kept)) if len(kept) < _REPAIRABLE else b""
        if _finish(repaired, _repaired(kept + rest)) is None or len(repaired) > len(document):
            document = repaired
            fault = f"{fault}; it was repaired" if document.is_complete else fault
    yield from _report(document, fault, Source(path, DmarcReader.name, index))


def _feed(document: Document, first: bytes, stream: BinaryIO) -> tuple[bytes | None, str]:
    """Parse *first* and the rest of *stream*: its first octets, None if they are too many for a
    repair; and what is wrong with it, '' if nothing is.
    """
    kept: list[bytes] = []
    size = 0
    chunk = first
    while chunk:
        size += len(chunk)
        if size <= _REPAIRABLE:
            kept.append(chunk)
        if size > MAX_OCTETS:
            return None, f"longer than {MAX_OCTETS >> 20} MiB; the rest was not read"
        if (fault := document.feed(chunk)) is not None:
            return (b"".join(kept) if size <= _REPAIRABLE else None), fault
        chunk = stream.read(_CHUNK)
    fault = document.feed(b"", is_final=True)
    return (b"".join(kept) if size <= _REPAIRABLE else None), fault or ""


def _finish(document: Document, octets: bytes) -> str | None:
    return document.feed(octets) or document.feed(b"", is_final=True)


def _repaired(octets: bytes) -> bytes:
    """*octets* as UTF-8 with what is no XML escaped or left out."""
    codec = "utf-16" if octets[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    text = octets.decode(codec, "replace").lstrip("\ufeff \t\r\n")
    text = _NO_TAG_NAME.sub(r"&lt;\1&gt;", _NO_TAG.sub("&lt;", _CONTROL.sub(" ", text)))
    return _BARE_AMPERSAND.sub("&amp;", text).encode()


def _report(document: Document, fault: str, source: Source) -> Iterator[DmarcReport | Note]:
    """What *document* reports."""
    begin, end = (_time(document.metadata, name) for name in ("begin", "end"))
    domain = name_of(document.policy, "domain")
    domain = domain or (document.rows[0].header_from if document.rows else "")
    if document.refused_rows:
        yield Note(
            source.path,
            source.index,
            f"DMARC report: records without a source address or a possible count:"
            f" {document.refused_rows}",
        )
    if fault:
        kept = f"; records read: {len(document.rows)}"
        ends_early = not document.is_complete and not document.is_refused
        yield Note(source.path, source.index, f"DMARC report: {fault}{kept}", ends_early=ends_early)
    if begin is None or not domain:
        if not fault:
            yield Note(source.path, source.index, "a DMARC report without a period or a domain")
        return
    yield DmarcReport(
        source=source,
        reporter=document.metadata.get("org_name") or document.metadata.get("email", ""),
        report_id=document.metadata.get("report_id", ""),
        domain=domain,
        begin=begin,
        end=end or begin,
        policy=DmarcPolicy(**{tag: word(document.policy, tag) for tag in _TAGS}),
        rows=tuple(document.rows),
    )


def _time(metadata: dict[str, str], name: str) -> datetime | None:
    """A moment of the period (Unix time), in UTC; None if it is none."""
    text = metadata.get(name, "").partition(".")[0]
    if not text.isascii() or not text.isdigit() or not 10**8 < int(text[:12]) < 10**11:
        return None
    return datetime.fromtimestamp(int(text[:12]), UTC)
