"""Alignment by stream: mail with the same From domain, signing domain and return address.

Reads: counts of DMARC reports. Gives: for each stream how many mails are aligned by DKIM and SPF,
by one of them, or by neither (RFC 9989 section 4.4). A stream is known by identifiers that passed;
mail for which nothing passes, or that was modified on its way, has none. Who runs it is not proven.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from bouncewise.ledger.report_records import DmarcCount
from bouncewise.model.sender_report import AuthResult
from bouncewise.rfc.suffixes import registered
from bouncewise.sender.sources import SourceClass, class_of

_WITH_IDENTIFIERS = (SourceClass.OWN, SourceClass.FORWARDED, SourceClass.UNALIGNED)


class Stream(NamedTuple):
    """What identifies a stream: the domains in From, of a signature that holds (d=), and of the
    return address for which SPF passes; '' where there is none.
    """

    header_from: str
    signed: str
    mailed: str


class StreamRow(NamedTuple):
    """The mails of a stream, in how many ways they are aligned, and of how many sources."""

    stream: Stream
    mails: int
    both: int
    dkim: int
    spf: int
    neither: int
    sources: int


def by_stream(rows: Iterable[DmarcCount]) -> list[StreamRow]:
    """The streams in *rows*, those of the most mails first."""
    found: dict[Stream, list[DmarcCount]] = defaultdict(list)
    for row in rows:
        if _class(row) in _WITH_IDENTIFIERS:
            found[_stream(row)].append(row)
    streams = [_counted(stream, of) for stream, of in found.items()]
    return sorted(streams, key=lambda row: (-row.mails, row.stream))


def _class(row: DmarcCount) -> SourceClass:
    return class_of(
        row.dkim, row.spf, row.dkim_results, row.spf_results, row.reasons, row.header_from
    )


def _stream(row: DmarcCount) -> Stream:
    return Stream(
        row.header_from,
        _passing(row.dkim_results, row.header_from),
        _passing(row.spf_results, row.header_from),
    )


def _passing(results: tuple[AuthResult, ...], header_from: str) -> str:
    """The domain for which a check passes; one of the organization of From, if there is one."""
    names = [result.domain for result in results if result.result == "pass"]
    own = (name for name in names if registered(name) == registered(header_from))
    return next(own, names[0] if names else "")


def _counted(stream: Stream, rows: list[DmarcCount]) -> StreamRow:
    counts = {(dkim, spf): 0 for dkim in (True, False) for spf in (True, False)}
    for row in rows:
        counts[row.dkim == "pass", row.spf == "pass"] += row.mails
    return StreamRow(
        stream,
        sum(counts.values()),
        counts[True, True],
        counts[True, False],
        counts[False, True],
        counts[False, False],
        len({row.source for row in rows}),
    )
