"""Bare SMTP replies, one per line, as people paste them from consoles, tickets and spreadsheets.

Reads: lines that are a reply (RFC 5321 §4.2). They begin with a reply code or an enhanced status
code, or with the words by which a mail server quotes a reply ("host mx.example said: 550 ...").
Gives: a report per line. Its recipient is the address where replies name their recipient ("550
5.1.1 <a@b.example>: ..."). Any other address in the line is often that of the sender or a help
desk. Refuses, with a Note: every other line, e.g. JSON, CSV and server logs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

from bouncewise.model import Finding, Kind, Report, Source
from bouncewise.readers.base import Note, guarded, key_of, lines, reply_with_stage
from bouncewise.rfc import address
from bouncewise.text.mask import MAX_REPLY

_CODES = r"(?:[45]\d\d(?=[ \-]|$)[ \-]?\s*)?(?:#?[45]\.\d{1,3}\.\d{1,3}(?=[ :;,]|$)\s*)?"
_REPLY_START = re.compile(
    r"[^\w{\[]{0,3}(?:smtp;\s*)?(?=[45]\d\d(?:[ \-]|$)|#?[45]\.\d{1,3}\.\d{1,3}(?:[ :;,]|$))"
    + _CODES,
    re.I,
)
# The words by which servers and libraries quote a reply, at the beginning of the line.
_QUOTE_START = re.compile(
    r"[^\w{\[]{0,3}(?:<?\S{1,250}@\S{1,250}?>?: )?"
    r"(?:(?:delivery temporarily suspended|conversation with \S+[^:]{0,80}): )?"
    r"(?:(?:remote )?(?:host|server|mta|smtp|mail server) (?:\S+ ){0,2}"
    r"(?:said|returned|responded|replied|error|response)|"
    r"smtp error|expected response code|failed to (?:add|send)|connected to \S+ but|"
    r"error transferring to|"
    r"the (?:mail |remote )?server (?:\S+ )?(?:responded|responsed|response was|said|replied))\b"
    r".{0,300}?[\W_](?=[45]\d\d(?:[ \-'\"]|$))" + _CODES,
    re.I,
)
# "<a@b.example>: User unknown", "a@b.example... User unknown", "[a@b.example]: User unknown".
_RECIPIENT = re.compile(
    r"<([^<>\s]{3,320})>|\[([^\[\]\s]{3,320})\]|([^<>\[\]\s:]{3,320}?)(?::|\.\.\.)"
)
# What follows an address that is the sender's.
_SENDER = re.compile(
    r"[\s:.]*(?:sender|from|mail from|return[ -]?path|envelope[ -]from|reverse[ -]path|"
    r"originator)\b",
    re.I,
)


class RepliesReader:
    """A list of replies."""

    name = "replies"
    about = "bare SMTP replies, one per line"

    def sniff(self, head: bytes) -> bool:
        """Whether most of the first 50 lines are replies."""
        are_replies = [
            _text_start(_decode(line)) is not None
            for line in head.splitlines()[:50]
            if line.strip()
        ]
        return sum(are_replies) * 2 > len(are_replies)

    def read(self, stream: BinaryIO, path: str) -> Iterator[Finding | Note]:
        """A finding for each line that is a reply; a note for each other line that is not blank."""
        for item in lines(stream, path):
            if isinstance(item, Note):
                yield item
            elif item[1].strip():
                read = partial(self._findings, item[1], Source(path, self.name, item[0]))
                yield from guarded(read, path, item[0])

    def _findings(self, line: bytes, source: Source) -> Iterator[Finding | Note]:
        text = _decode(line)
        start = _text_start(text)
        if start is None:
            text = "not an SMTP reply: no reply code at its beginning"
            yield Note(source.path, source.index, text)
            return
        reply, stage = reply_with_stage(text)
        is_delayed = reply.reply_code is not None and reply.reply_code < 500
        report = Report(
            source=source,
            kind=Kind.DELAYED if is_delayed else Kind.FAILED,
            recipient=_recipient(text, start),
            reply=reply,
            stage=stage,
        )
        yield Finding(report, line, key_of("reply", text))


def _decode(line: bytes) -> str:
    return line.decode("utf-8", "replace").strip()[:MAX_REPLY]


def _text_start(text: str) -> int | None:
    """Where the words of the reply begin, after its codes; None if *text* is no reply."""
    m = _REPLY_START.match(text) or _QUOTE_START.match(text)
    return m.end() if m else None


def _recipient(text: str, start: int) -> str:
    """The recipient that the reply names at *start*; '' if it names none there."""
    m = _RECIPIENT.match(text, start)
    if m is None or _SENDER.match(text, m.end()):
        return ""
    name = m[1] or m[2] or m[3]
    return name if address.first(name) == name else ""
