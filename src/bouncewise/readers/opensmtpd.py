"""OpenSMTPD logs: ``mta delivery`` lines, and ``mda delivery`` for what was delivered on the host.

Gives: a report per delivery attempt. Refuses: sessions, and what the host itself rejected.
Source: OpenSMTPD smtpd/mta.c, mda.c (log lines); smtpd.conf(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bouncewise.model import Kind, Report, Source
from bouncewise.readers.base import Finding
from bouncewise.readers.clock import Clock
from bouncewise.readers.loglines import LineLog, Queue, finding, told

_LINE = re.compile(
    r"^(?:<\d{1,3}>)?(?:(?P<when>\S+(?: +\S+){0,2}?) +\S+ )?smtpd(?:\[\d+\])?: "
    r"[0-9a-f]{16} m(?:ta|da) (?:event=)?delivery (?P<rest>.*)$"
)
_FIELD = re.compile(r"(?P<name>\w+)=(?:\"(?P<quoted>(?:[^\"\\]|\\.)*)\"|<(?P<bracketed>[^>]*)>|(?P<bare>\S+))")
_STAT = re.compile(r" stat=\"(?P<stat>.*)\"\s*$|\bstat=(?P<bare>.*)$")
_KINDS = {"ok": Kind.DELIVERED, "tempfail": Kind.DELAYED, "permfail": Kind.FAILED, "loop": Kind.FAILED}


class OpensmtpdReader(LineLog):
    """An OpenSMTPD log."""

    name = "opensmtpd"
    about = "OpenSMTPD log: mta and mda deliveries"
    pattern = re.compile(rb"\bsmtpd(?:\[\d+\])?: [0-9a-f]{16} m(?:ta|da) (?:event=)?delivery ", re.M)

    def line(self, line: str, source: Source, clock: Clock, queue: Queue) -> Iterator[Finding]:
        """A finding per delivery line."""
        m = _LINE.match(line)
        if m is None:
            return
        fields = {
            f["name"]: next(v for v in (f["quoted"], f["bracketed"], f["bare"]) if v is not None)
            for f in _FIELD.finditer(m["rest"])
        }
        kind = _KINDS.get(fields.get("result", "").casefold())
        recipient = fields.get("to", "")
        if kind is None or "@" not in recipient:
            return
        stat = _STAT.search(m["rest"])
        text = ((stat["stat"] or stat["bare"] or "") if stat else "").strip()
        reply, stage = told(text)
        asked = fields.get("rcpt", "-")
        relay = fields.get("relay", "")
        yield finding(
            Report(
                source=source,
                kind=kind,
                recipient=recipient,
                original_recipient=asked if asked not in ("-", "", recipient) else None,
                at=clock.read(m["when"].encode()) if m["when"] else None,
                sender=fields.get("from") or None,
                remote_mta=(relay.partition("(")[2].rstrip(")") or relay.split(" ")[0]) or None,
                reply=None if kind is Kind.DELIVERED else reply,
                stage=stage,
            ),
            line,
        )
