"""SMTP TLS reports (RFC 8460): how sessions of other systems to a domain's servers were encrypted.

Reads: one JSON document. Gives: a TlsReport for each policy in it. Refuses, with a Note: what is no
such report, and a report of more than MAX_OCTETS.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, BinaryIO

import msgspec

from bouncewise.model import Source
from bouncewise.model.sender_report import TlsFailure, TlsReport
from bouncewise.readers.base import Note

MAX_OCTETS = 16 << 20
"""Octets of one report that are read."""

_MAX_POLICIES = 1000
_MAX_FAILURES = 1000
_MAX_COUNT = 10**12
_REPORT = re.compile(
    rb'\A(?:\xef\xbb\xbf)?\s*\{.{0,4000}?"(?:organization-name|report-id)"\s*:', re.S
)


class TlsReader:
    """SMTP TLS reports, as files or attached to mail; also in gzip and zip."""

    name = "tls-report"
    about = "SMTP TLS reports (RFC 8460): JSON, .gz, .zip, or attached to mail"

    def sniff(self, head: bytes) -> bool:
        """Whether *head* is a JSON object with the fields of such a report."""
        return _REPORT.match(head) is not None and b'"policies"' in head and b"date-range" in head

    def read(self, stream: BinaryIO, path: str) -> Iterator[TlsReport | Note]:
        """The report of each policy."""
        yield from read(stream, path, 0)


def read(stream: BinaryIO, path: str, index: int) -> Iterator[TlsReport | Note]:
    """The reports in *stream*, which is number *index* of the file at *path*."""
    octets = stream.read(MAX_OCTETS + 1)
    value: Any = None
    if len(octets) <= MAX_OCTETS:
        try:
            value = msgspec.json.decode(octets.removeprefix(b"\xef\xbb\xbf"))
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            value = None
    period = value.get("date-range") if isinstance(value, dict) else None
    policies = value.get("policies") if isinstance(value, dict) else None
    begin, end = (
        _time(period.get(name)) if isinstance(period, dict) else None
        for name in ("start-datetime", "end-datetime")
    )
    if begin is None or not isinstance(policies, list):
        yield Note(path, index, "no SMTP TLS report, or cut short", ends_early=True)
        return
    for entry in policies[:_MAX_POLICIES]:
        if isinstance(entry, dict) and (domain := _text(_object(entry, "policy"), "policy-domain")):
            yield TlsReport(
                source=Source(path, TlsReader.name, index),
                reporter=_text(value, "organization-name") or _text(value, "contact-info"),
                report_id=_text(value, "report-id"),
                domain=domain.rstrip(".").lower(),
                begin=begin,
                end=end or begin,
                policy=_text(_object(entry, "policy"), "policy-type").lower(),
                sessions=_total(entry, "successful") + _total(entry, "failure"),
                failed=_total(entry, "failure"),
                failures=tuple(_failures(entry)),
            )


def _failures(entry: dict[str, Any]) -> Iterator[TlsFailure]:
    details = entry.get("failure-details")
    for detail in details[:_MAX_FAILURES] if isinstance(details, list) else ():
        if isinstance(detail, dict) and (result := _text(detail, "result-type")):
            mx = _text(detail, "receiving-mx-hostname").rstrip(".").lower()
            yield TlsFailure(result.lower(), mx, _count(detail.get("failed-session-count")))


def _total(entry: dict[str, Any], kind: str) -> int:
    return _count(_object(entry, "summary").get(f"total-{kind}-session-count"))


def _object(value: dict[str, Any], name: str) -> dict[str, Any]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _text(value: dict[str, Any], name: str) -> str:
    found = value.get(name)
    return " ".join(found.split())[:255] if isinstance(found, str) else ""


def _count(value: Any) -> int:
    """A number of sessions; 0 for what is none."""
    return value if type(value) is int and 0 <= value <= _MAX_COUNT else 0


def _time(value: Any) -> datetime | None:
    """A moment of the period (RFC 3339) in UTC; None if it is none."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if found is None:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
