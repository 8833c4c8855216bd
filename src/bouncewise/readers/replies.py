"""Bare SMTP replies, one per line, as people paste them from consoles, tickets and spreadsheets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from bouncewise.model import Kind, Reply, Report, Source, Stage
from bouncewise.readers.base import Finding, Note, key_of, lines
from bouncewise.rfc import address
from bouncewise.rfc.reply import MAX_REPLY, parse

_REPLY = re.compile(rb"^\W{0,3}(?:smtp;\s*)?[45]\d\d[ -]|\b[45]\.\d{1,2}\.\d{1,3}\b", re.I)


class RepliesReader:
    """A list of replies."""

    name = "replies"
    about = "bare SMTP replies, one per line"

    def sniff(self, head: bytes) -> bool:
        """Most of the lines hold a reply code."""
        found = [bool(_REPLY.search(line)) for line in head.splitlines()[:50] if line.strip()]
        return bool(found) and sum(found) * 2 > len(found)

    def read(self, stream: BinaryIO, path: str) -> Iterator[Finding | Note]:
        """A report per line that is not blank; its recipient the address in it, if there is one."""
        for item in lines(stream, path):
            if isinstance(item, Note):
                yield item
            elif item[1].strip():
                yield self._finding(item[1], Source(path, self.name, item[0]))

    def _finding(self, line: bytes, source: Source) -> Finding:
        text = line.decode("utf-8", "replace").strip()[:MAX_REPLY]
        parts = parse(text)
        delayed = parts.reply_code is not None and parts.reply_code < 500
        report = Report(
            source=source,
            kind=Kind.DELAYED if delayed else Kind.FAILED,
            recipient=address.first(text) or "",
            reply=Reply(parts.reply_code, parts.status, text),
            stage=Stage(parts.stage) if parts.stage else None,
        )
        return Finding(report, line, key_of("reply", text))
