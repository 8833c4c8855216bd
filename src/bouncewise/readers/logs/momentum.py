"""Momentum's bounce log: fields between ``@``, of which only the last may hold one.

Gives: a report per line; ``B`` failed, ``T`` is still tried; what Momentum's own list stopped is suppressed. The class is
SparkPost's, a label beside the reply; it decides only for out-of-band mail that quotes no reply and is no bounce: an
auto-reply (60) or an unsubscribe (90). Refuses: heartbeats; damaged lines (a Note).
Source: https://support.sparkpost.com/momentum/4/log-formats-bouncelog, "Connection Stages" and "Bounce Classification Codes"
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bouncewise.model import Kind, Label, Permanence, Report, Stage
from bouncewise.readers.base import Finding, Note
from bouncewise.readers.logs.lines import LineLog, Log, finding, from_epoch, told

# time @ message id @ batch @ connection @ B or T @ local part @ domain @ sender's local part @ its domain @ group @
# binding @ stage @ class @ size or retries @ host @ reply. An id may be missing, so the letter is what to go by.
_LINE = re.compile(
    r"^(?P<at>\d{10,16})@(?P<ids>[^@]*(?:@[^@]*){0,3})@(?P<type>[BT])@(?P<local>[^@]*)@(?P<domain>[^@]*)@"
    r"(?P<sender>[^@]*)@(?P<of>[^@]*)@[^@]*@[^@]*@(?P<stage>\d+)@(?P<class>\d+)@[^@]*@(?P<host>[^@]*)@(?P<reply>.*)$"
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
# Classes of SparkPost's documentation: 10 invalid recipient, 30 no RCPT, 90 unsubscribe are hard; 1 undetermined, 25 the
# administrator's policy, 60, 80 and 100 answers say nothing of the address; 2x to 7x soft or block.
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

    def line(self, line: str, number: int, log: Log) -> Iterator[Finding | Note]:
        """A finding per line."""
        m = _LINE.match(line)
        if m is None or not m["local"] or not m["domain"]:
            if line.strip() and not _HEARTBEAT.match(line):
                yield Note(log.path, number, "no line of a bounce log")
            return
        reply, stage = told(m["reply"])
        kind = Kind.FAILED if m["type"] == "B" else Kind.DELAYED
        if _OWN_LIST.search(m["reply"]):
            kind = Kind.SUPPRESSED
        elif reply.reply_code is None and reply.status is None:
            kind = _NO_BOUNCE.get(m["class"], kind)
        yield finding(
            Report(
                source=log.source(number),
                kind=kind,
                recipient=f"{m['local']}@{m['domain']}",
                at=from_epoch(m["at"]),
                sender=f"{m['sender']}@{m['of']}" if m["sender"] else None,
                remote_mta=m["host"] or None,
                reply=reply,
                stage=stage or _STAGES.get(m["stage"]),
                esp=Label(
                    "momentum", m["class"], _PERMANENCE.get(m["class"], Permanence.TRANSIENT)
                ),
            ),
            line,
        )
