"""Momentum's bounce log: fields between ``@``; only the last field may contain one.

Gives: a report per line. ``B`` is failed, ``T`` is still tried, and what Momentum's own list
stopped is suppressed. The bounce class, which is SparkPost's, is a label beside the reply. It
decides only for out-of-band mail that quotes no reply and is no bounce: an automatic reply (60) or
an unsubscribe (90). Refuses: heartbeats; damaged lines (a Note). Source:
https://support.sparkpost.com/momentum/4/log-formats-bouncelog, "Connection Stages" and "Bounce
Classification Codes"
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bouncewise.model import Finding, Kind, Label, Permanence, Report, Stage
from bouncewise.readers.base import Note, reply_with_stage
from bouncewise.readers.logs.lines import LineLog, LogContext, finding
from bouncewise.rfc.date import from_epoch

# time @ message id @ batch @ connection @ B or T @ local part @ domain @ sender's local part @
# sender's domain @ group @ binding @ stage @ class @ size or retries @ host @ reply. An id may be
# missing, so that the letter is the only fixed point.
_LINE = re.compile(
    r"^(?P<at>\d{10,16})@(?P<ids>[^@]*(?:@[^@]*){0,3})@(?P<type>[BT])@(?P<local>[^@]*)@"
    r"(?P<domain>[^@]*)@(?P<sender>[^@]*)@(?P<sender_domain>[^@]*)@[^@]*@[^@]*@(?P<stage>\d+)@"
    r"(?P<class>\d+)@[^@]*@(?P<host>[^@]*)@(?P<reply>.*)$"
)
_HEARTBEAT = re.compile(r"^\d{10,16}@@@@M")
_STAGES = {
    "0": Stage.CONNECT,
    "12": Stage.CONNECT,
    "10": Stage.HELO,
    "2": Stage.MAIL,
    "4": Stage.RCPT,
    "6": Stage.DATA,
    "8": Stage.END_OF_DATA,
    "9": Stage.END_OF_DATA,
}
# By SparkPost's documentation, 10 (invalid recipient), 30 (no RCPT) and 90 (unsubscribe) are hard;
# 1 (undetermined), 25 (the administrator's policy), 60, 80 and 100 (replies) say nothing about the
# address; 2x to 7x are soft or block.
_PERMANENCE = dict.fromkeys(("10", "30", "90"), Permanence.PERMANENT) | dict.fromkeys(
    ("1", "25", "60", "80", "100"), Permanence.UNKNOWN
)
_NO_BOUNCE = {"60": Kind.AUTO_REPLY, "90": Kind.UNSUBSCRIBE}
_OWN_LIST = re.compile(r"\brecipient address suppressed\b", re.I)


class MomentumReader(LineLog):
    """A Momentum bounce log."""

    name = "momentum"
    about = "Momentum (SparkPost's MTA) bounce log"
    pattern = re.compile(rb"^\d{10,16}@[0-9A-Fa-f/-]+@.*@[BT]@[^@\n]*@", re.M)

    def read_line(self, line: str, number: int, log: LogContext) -> Iterator[Finding | Note]:
        """A finding for each line."""
        m = _LINE.match(line)
        if m is None or not m["local"] or not m["domain"]:
            if line.strip() and not _HEARTBEAT.match(line):
                yield Note(log.path, number, "not a line of a Momentum bounce log")
            return
        reply, stage = reply_with_stage(m["reply"])
        kind = Kind.FAILED if m["type"] == "B" else Kind.DELAYED
        if _OWN_LIST.search(m["reply"]):
            kind = Kind.SUPPRESSED
        elif reply.reply_code is None and reply.status is None:
            kind = _NO_BOUNCE.get(m["class"], kind)
        permanence = _PERMANENCE.get(m["class"], Permanence.TRANSIENT)
        yield finding(
            Report(
                source=log.source(number),
                kind=kind,
                recipient=f"{m['local']}@{m['domain']}",
                at=from_epoch(m["at"]),
                sender=f"{m['sender']}@{m['sender_domain']}" if m["sender"] else None,
                remote_mta=m["host"] or None,
                reply=reply,
                stage=stage or _STAGES.get(m["stage"]),
                esp=Label("momentum", m["class"], permanence),
            ),
            line,
        )
