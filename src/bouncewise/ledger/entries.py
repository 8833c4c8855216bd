"""Findings as they enter the ledger: a delivery is three values, everything else carries its
evidence.

Pure: an entry may be made in another process than the one that writes it.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from bouncewise.model import Kind, Report, Verdict
from bouncewise.model.bearing import bearing, directory
from bouncewise.rfc import address
from bouncewise.times import Micros, micros

MAX_EVIDENCE = 256 * 1024
"""Octets of raw evidence kept of one message: the bounce and the head of what it returned."""

MAX_WORDS = 200
"""Characters kept of the words that decided, with the codes before them."""


class DeliveryEntry(NamedTuple):
    """Mail was delivered to a normalised address by a receiver ('' where it is not known)."""

    name: str
    at: Micros
    receiver: str


class EventColumns(NamedTuple):
    """What the ledger's columns say of an event, by the rules that judged it."""

    kind: str
    cause: str | None
    advice: str | None
    rule: str
    words: str
    receiver: str
    bearing: str
    directory: str


class EventEntry(NamedTuple):
    """What is no delivery. ``name`` is normalised; ``undated``: the report has no time, and
    ``at`` is when it was read; ``digest`` identifies its content; ``packed`` is msgpack of
    [report, raw, verdict].
    """

    name: str
    at: Micros
    undated: bool
    digest: int
    columns: EventColumns
    packed: bytes


Entry = DeliveryEntry | EventEntry


def entry(
    report: Report, verdict: Verdict | None, raw: bytes, key: bytes, receiver: str, began: Micros
) -> Entry:
    """The entry of a report, of which *raw* are the octets that it was made of, and *key* the
    same wherever it is read.

    *began*: when reading began, the time of a report that has none of its own.
    """
    name = address.normalise(report.recipient)
    at = micros(report.at) if report.at else began
    if report.kind is Kind.DELIVERED:
        return DeliveryEntry(name, at, receiver)
    # A rule may have hundreds of phrases; the one that decided is among the words of the
    # columns.
    judged = msgspec.structs.replace(verdict, phrases=()) if verdict else None
    packed = msgspec.msgpack.encode([report, raw[:MAX_EVIDENCE], judged])
    digest = int.from_bytes(key[:8], signed=True)
    return EventEntry(name, at, report.at is None, digest, event_columns(report, verdict), packed)


def event_columns(report: Report, v: Verdict | None) -> EventColumns:
    """The columns of a report with this verdict."""
    kind = report.kind.value
    if v is None:
        return EventColumns(kind, None, None, "", kind, "", "", "")
    codes = " ".join(str(c) for c in (v.reply_code, v.status) if c)
    words = f"{codes} {v.evidence}".strip()[:MAX_WORDS]
    receiver = v.receiver or ""
    about = bearing(kind, v.advice).value
    return EventColumns(
        kind,
        v.cause.value,
        v.advice.value,
        v.rule,
        words,
        receiver,
        about,
        directory(v.cause, receiver),
    )
