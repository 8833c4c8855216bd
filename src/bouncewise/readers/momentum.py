"""Momentum's bounce log: fields between ``@``, of which only the last may hold one.

Gives: a report per line; ``B`` failed, ``T`` is still tried. The class is SparkPost's, a label beside the reply.
Source: support.sparkpost.com/momentum: "bounce_logger" and "Bounce Classification Codes".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bouncewise.model import Kind, Label, Permanence, Report, Source
from bouncewise.readers.base import Finding
from bouncewise.readers.clock import Clock
from bouncewise.readers.loglines import LineLog, Queue, finding, from_epoch, told

# time @ message id @ batch @ connection @ B or T @ local part @ domain @ sender's local part @ its domain @ group @
# binding @ stage @ class @ size or retries @ host @ reply. An id may be missing, so the letter is what to go by.
_LINE = re.compile(
    r"^(?P<at>\d{10,16})@(?P<ids>[^@]*(?:@[^@]*){0,3})@(?P<type>[BT])@(?P<local>[^@]*)@(?P<domain>[^@]*)@"
    r"(?P<sender>[^@]*)@(?P<of>[^@]*)@[^@]*@[^@]*@(?P<stage>\d+)@(?P<class>\d+)@[^@]*@(?P<host>[^@]*)@(?P<reply>.*)$"
)
# Classes of SparkPost's documentation: 10 invalid recipient, 30 no RCPT, 90 unsubscribe are hard; 2x to 10x soft or block.
_PERMANENT = {"10", "30", "90"}


class MomentumReader(LineLog):
    """A Momentum bounce log."""

    name = "momentum"
    about = "Momentum (SparkPost's MTA) bounce log"
    pattern = re.compile(rb"^\d{10,16}@[0-9A-Fa-f/-]+@.*@[BT]@[^@\n]*@", re.M)

    def line(self, line: str, source: Source, clock: Clock, queue: Queue) -> Iterator[Finding]:
        """A finding per line."""
        m = _LINE.match(line)
        if m is None or not m["local"] or not m["domain"]:
            return
        reply, stage = told(m["reply"])
        hard = m["class"] in _PERMANENT
        yield finding(
            Report(
                source=source,
                kind=Kind.FAILED if m["type"] == "B" else Kind.DELAYED,
                recipient=f"{m['local']}@{m['domain']}",
                at=from_epoch(m["at"]),
                sender=f"{m['sender']}@{m['of']}" if m["sender"] else None,
                remote_mta=m["host"] or None,
                reply=reply,
                stage=stage,
                esp=Label("momentum", m["class"], Permanence.PERMANENT if hard else Permanence.TRANSIENT),
            ),
            line,
        )
