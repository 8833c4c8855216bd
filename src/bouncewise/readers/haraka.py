"""Haraka logs: what the outbound side says of each recipient.

Reads: ``recipient <a@b> rejected: …`` and ``… deferred: …``, ``delivered file=… domain=… host=… response="…"`` with
rcpts, and ``bounced/bouncing`` lines, each with the connection's UUID. Gives: a report per recipient; a delivery where the
line names who got it. Haraka writes a 4xx that has expired as a 5xx; only the server's own reply is quoted here.
Source: Haraka outbound/hmail.js, docs/Outbound.md, docs/Logging.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bouncewise.model import Kind, Report, Source
from bouncewise.readers.base import Finding
from bouncewise.readers.clock import Clock
from bouncewise.readers.loglines import LineLog, Queue, finding, told
from bouncewise.rfc import address

_LINE = re.compile(
    r"^(?:(?P<when>\d{4}-\d\d-\d\d[T ]\S+|[A-Z][a-z]{2} +\d+ [\d:]+)(?: \S+){0,3}? )?\[(?:NOTICE|INFO|WARN|ERROR|CRIT)\] "
    r"\[(?P<id>[^\]]*)\] \[outbound[^\]]*\] (?P<rest>.*)$"
)
_RECIPIENT = re.compile(r"recipient <(?P<who>[^>\s]+@[^>\s]+)> (?P<fate>rejected|deferred|bounced): (?P<reason>.*)$")
_DELIVERED = re.compile(r"delivered file=\S+ (?P<rest>.*)$")
_HOST = re.compile(r"\bhost=\"?(?P<host>[^\s\"]+)")
_SAID = re.compile(r"\bhost (?P<host>[\w.-]+)")


class HarakaReader(LineLog):
    """A Haraka log."""

    name = "haraka"
    about = "Haraka log: outbound deliveries, deferrals and rejections"
    pattern = re.compile(rb"\[(?:NOTICE|INFO|WARN|ERROR)\] \[[0-9A-Fa-f.-]*\] \[outbound[^\]]*\] ")

    def line(self, line: str, source: Source, clock: Clock, queue: Queue) -> Iterator[Finding]:
        """A finding per recipient that the line names."""
        m = _LINE.match(line)
        if m is None:
            return
        at = clock.read(m["when"].encode()) if m["when"] else None
        if (told_of := _RECIPIENT.search(m["rest"])) is not None:
            reply, stage = told(told_of["reason"])
            host = _SAID.search(told_of["reason"])
            yield finding(
                Report(
                    source=source,
                    kind=Kind.DELAYED if told_of["fate"] == "deferred" else Kind.FAILED,
                    recipient=told_of["who"],
                    at=at,
                    remote_mta=host["host"] if host else None,
                    reply=reply,
                    stage=stage,
                ),
                line,
            )
        elif (delivered := _DELIVERED.search(m["rest"])) is not None:
            host = _HOST.search(delivered["rest"])
            for _, _, who in address.find(delivered["rest"].partition("rcpts=")[2]):
                yield finding(
                    Report(
                        source=source,
                        kind=Kind.DELIVERED,
                        recipient=who,
                        at=at,
                        remote_mta=host["host"] if host else None,
                    ),
                    line,
                )
