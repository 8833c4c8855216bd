"""Bare SMTP replies, one per line, as people paste them from consoles, tickets and spreadsheets.

Reads: lines that *are* a reply (RFC 5321 §4.2): they begin with a reply code or an enhanced status, or with the words by
which a mail server quotes one ("host mx.example said: 550 ..."). Gives: a report per line. Its recipient is the address that
stands where the grammar of replies names one ("550 5.1.1 <a@b.example>: ..."), never another address in the line: that is
often the sender's, or a help desk's. Refuses, with a Note: every other line (JSON, CSV, the log of some server).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from bouncewise.model import Kind, Reply, Report, Source, Stage
from bouncewise.readers.base import Finding, Note, key_of, lines
from bouncewise.rfc import address
from bouncewise.rfc.reply import parse
from bouncewise.text.mask import MAX_REPLY

_CODES = r"(?:[45]\d\d(?=[ \-]|$)[ \-]?\s*)?(?:#?[45]\.\d{1,3}\.\d{1,3}(?=[ :;,]|$)\s*)?"
_BEGINS = re.compile(
    r"[^\w{\[]{0,3}(?:smtp;\s*)?(?=[45]\d\d(?:[ \-]|$)|#?[45]\.\d{1,3}\.\d{1,3}(?:[ :;,]|$))"
    + _CODES,
    re.I,
)
# The words by which servers and libraries quote a reply, at the head of the line.
_QUOTES = re.compile(
    r"[^\w{\[]{0,3}(?:<?\S{1,250}@\S{1,250}?>?: )?(?:(?:delivery temporarily suspended|conversation with \S+[^:]{0,80}): )?"
    r"(?:(?:remote )?(?:host|server|mta|smtp|mail server) (?:\S+ ){0,2}(?:said|returned|responded|replied|error|response)|"
    r"smtp error|expected response code|failed to (?:add|send)|connected to \S+ but|error transferring to|"
    r"the (?:mail |remote )?server (?:\S+ )?(?:responded|responsed|response was|said|replied))\b"
    r".{0,300}?[\W_](?=[45]\d\d(?:[ \-'\"]|$))" + _CODES,
    re.I,
)
# "<a@b.example>: Recipient address rejected", "a@b.example... User unknown", "[a@b.example]: Recipient address rejected".
_NAMED = re.compile(r"<([^<>\s]{3,320})>|\[([^\[\]\s]{3,320})\]|([^<>\[\]\s:]{3,320}?)(?::|\.\.\.)")
_OF_THE_SENDER = re.compile(
    r"[\s:.]*(?:sender|from|mail from|return[ -]?path|envelope[ -]from|reverse[ -]path|originator)\b",
    re.I,
)


class RepliesReader:
    """A list of replies."""

    name = "replies"
    about = "bare SMTP replies, one per line"

    def sniff(self, head: bytes) -> bool:
        """Most of the lines are replies."""
        found = [
            _begin_of_text(_text(line)) is not None
            for line in head.splitlines()[:50]
            if line.strip()
        ]
        return sum(found) * 2 > len(found)

    def read(self, stream: BinaryIO, path: str) -> Iterator[Finding | Note]:
        """A report per line that is a reply; a note for any other that is not blank."""
        for item in lines(stream, path):
            if isinstance(item, Note):
                yield item
            elif item[1].strip():
                yield self._finding(item[1], Source(path, self.name, item[0]))

    def _finding(self, line: bytes, source: Source) -> Finding | Note:
        text = _text(line)
        begin = _begin_of_text(text)
        if begin is None:
            return Note(
                source.path, source.index, "not an SMTP reply: it begins with no reply code"
            )
        parts = parse(text)
        delayed = parts.reply_code is not None and parts.reply_code < 500
        report = Report(
            source=source,
            kind=Kind.DELAYED if delayed else Kind.FAILED,
            recipient=_recipient(text, begin),
            reply=Reply(parts.reply_code, parts.status, text),
            stage=Stage(parts.stage) if parts.stage else None,
        )
        return Finding(report, line, key_of("reply", text))


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").strip()[:MAX_REPLY]


def _begin_of_text(text: str) -> int | None:
    """Where the words of the reply begin, behind its codes; None where the line is no reply."""
    m = _BEGINS.match(text) or _QUOTES.match(text)
    return m.end() if m else None


def _recipient(text: str, begin: int) -> str:
    """The recipient that the reply names right behind its codes; '' where it names none there."""
    m = _NAMED.match(text, begin)
    if m is None or _OF_THE_SENDER.match(text, m.end()):
        return ""
    named = m[1] or m[2] or m[3]
    found = address.first(named)
    return named if found == named else ""
