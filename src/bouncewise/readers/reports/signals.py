"""Figures of receivers about our mail: Microsoft SNDS data as CSV, Gmail Postmaster Tools as JSON.

Reads: the file of SNDS "automated data access" (14 columns without a header: IP address, begin and
end of the activity, RCPT commands, DATA commands, recipients, filter result, complaint rate, begin
and end of the trap messages, trap hits, HELO, sender, comments); answers of the Postmaster Tools
API, v1 (``trafficStats``) and v2 (``domainStats``). Gives: a Signal for each figure. Refuses, with
a Note: rows without an address or a day, and JSON of more than MAX_OCTETS.

SNDS writes US dates without a zone: the day is that of the end of the activity, as written.
"""

from __future__ import annotations

import csv
import ipaddress
import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, BinaryIO

import msgspec

from bouncewise.model import Source
from bouncewise.model.sender_report import Signal
from bouncewise.readers.base import Note, blocks

MAX_OCTETS = 16 << 20
"""Octets of one answer of Postmaster Tools that are read."""

FILTER_RESULTS = {"GREEN": 0.0, "YELLOW": 1.0, "RED": 2.0}
"""What SNDS calls mail of which less than 10 %, 10 to 90 %, and more than 90 % is spam."""

_COLUMNS = 14
_MAX_STATS = 100_000
_SNDS = re.compile(
    rb"\A(?:\xef\xbb\xbf)?\d{1,3}(?:\.\d{1,3}){3},(?:\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d\d [AP]M,){2}"
)
_POSTMASTER = re.compile(rb'\A(?:\xef\xbb\xbf)?\s*\{.{0,1000}?"(?:trafficStats|domainStats)"', re.S)
_DOMAIN = re.compile(r"domains/([^/]{1,255})(?:/trafficStats/(\d{8}))?")
_V1 = {
    "userReportedSpamRatio": "spam_rate",
    "domainReputation": "domain_reputation",
    "spfSuccessRatio": "spf_success_rate",
    "dkimSuccessRatio": "dkim_success_rate",
    "dmarcSuccessRatio": "dmarc_success_rate",
    "inboundEncryptionRatio": "inbound_encryption_rate",
    "outboundEncryptionRatio": "outbound_encryption_rate",
}


class SndsReader:
    """Data of Microsoft SNDS."""

    name = "snds"
    about = "Microsoft SNDS data (CSV)"

    def sniff(self, head: bytes) -> bool:
        """Whether *head* begins with an IPv4 address and two US dates."""
        return _SNDS.match(head) is not None

    def read(self, stream: BinaryIO, path: str) -> Iterator[Signal | Note]:
        """The figures of each row."""
        for block in blocks(stream, path):
            if isinstance(block, Note):
                yield block
                continue
            for number, line in enumerate(block.lines, block.number):
                yield from _row(line, path, number)


class PostmasterReader:
    """Answers of the API of Gmail Postmaster Tools."""

    name = "postmaster"
    about = "Gmail Postmaster Tools (JSON of its API, v1 and v2)"

    def sniff(self, head: bytes) -> bool:
        """Whether *head* is a JSON object with the fields of such an answer."""
        return _POSTMASTER.match(head) is not None

    def read(self, stream: BinaryIO, path: str) -> Iterator[Signal | Note]:
        """Each figure of the answer."""
        octets = stream.read(MAX_OCTETS + 1)
        value: Any = None
        if len(octets) <= MAX_OCTETS:
            try:
                value = msgspec.json.decode(octets.removeprefix(b"\xef\xbb\xbf"))
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
                value = None
        if not isinstance(value, dict):
            yield Note(path, 0, "no answer of Postmaster Tools, or cut short", ends_early=True)
            return
        for key, figures in (("trafficStats", _v1), ("domainStats", _v2)):
            stats = value.get(key)
            for index, stat in enumerate(stats[:_MAX_STATS] if isinstance(stats, list) else ()):
                found: list[Signal | Note] = list(figures(stat, Source(path, self.name, index)))
                yield from found or [Note(path, index, f"{key} without a domain, a day or a value")]


def _row(line: bytes, path: str, number: int) -> Iterator[Signal | Note]:
    text = line.decode("utf-8-sig", "replace").strip()
    if not text:
        return
    try:
        columns = next(csv.reader([text]), [])
        subject = str(ipaddress.ip_address(columns[0].strip()))
        day = datetime.strptime(columns[2].strip(), "%m/%d/%Y %I:%M %p").date()
    except (csv.Error, ValueError, IndexError):
        yield Note(path, number, "no row of SNDS: no IP address or no end of the activity")
        return
    columns += [""] * (_COLUMNS - len(columns))
    source = Source(path, SndsReader.name, number)
    result, rate = columns[6].strip().upper()[:20], columns[7].strip()[:20]
    found = (
        ("rcpt_commands", _number(columns[3]), ""),
        ("data_commands", _number(columns[4]), ""),
        ("message_recipients", _number(columns[5]), ""),
        ("filter_result", FILTER_RESULTS.get(result), result),
        ("complaint_rate", _percent(rate), rate),
        ("trap_hits", _number(columns[10]), ""),
    )
    for name, value, words in found:
        if value is not None or words:
            yield Signal(source, "snds", subject, day, name, value, words)


def _v1(stat: Any, source: Source) -> Iterator[Signal]:
    domain, day = _place(stat)
    if not domain or day is None:
        return
    for key, name in _V1.items():
        value = stat.get(key)
        if isinstance(value, str):
            yield Signal(source, "postmaster", domain, day, name, None, value[:40])
        elif (number := _finite(value)) is not None:
            yield Signal(source, "postmaster", domain, day, name, number)


def _v2(stat: Any, source: Source) -> Iterator[Signal]:
    domain, _ = _place(stat)
    parts = stat.get("date") if isinstance(stat, dict) else None
    metric, value = (stat.get("metric"), stat.get("value")) if domain else (None, None)
    if not (isinstance(parts, dict) and isinstance(metric, str) and isinstance(value, dict)):
        return
    try:
        day = date(*(int(parts[part]) for part in ("year", "month", "day")))
    except (KeyError, TypeError, ValueError, OverflowError):
        return
    for kind, content in value.items():
        number = _finite(content) if kind in ("doubleValue", "floatValue") else None
        if kind == "intValue":
            number = _number(str(content))
        listed = content.get("values") if isinstance(content, dict) else content
        words = ", ".join(map(str, listed)) if isinstance(listed, list) else listed
        text = words[:200] if isinstance(words, str) and kind.startswith("string") else ""
        if number is not None or text:
            yield Signal(source, "postmaster", domain, day, _metric(metric), number, text)


def _place(stat: Any) -> tuple[str, date | None]:
    """The domain and, of v1, the day in the name of a resource; "" and None where there is none."""
    name = stat.get("name") if isinstance(stat, dict) else None
    found = _DOMAIN.match(name) if isinstance(name, str) else None
    if found is None:
        return "", None
    try:
        day = datetime.strptime(found[2], "%Y%m%d").date() if found[2] else None
    except ValueError:
        day = None
    return found[1].rstrip(".").lower(), day


def _metric(name: str) -> str:
    """The name that the user gave a metric; one that is the metric's own, in our spelling."""
    plain = "_".join(name.split()).replace("-", "_").lower()
    return plain[:60]


def _number(text: str) -> float | None:
    digits = text.strip()
    return float(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else None


def _percent(text: str) -> float | None:
    """The share in "0.3%" or "< 0.1%", from 0 to 1."""
    found = re.fullmatch(r"<?\s*(\d{1,3}(?:\.\d{1,6})?)\s*%", text)
    return float(found[1]) / 100 if found else None


def _finite(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e15 else None
