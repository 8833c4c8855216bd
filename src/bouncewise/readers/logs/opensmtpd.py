"""OpenSMTPD logs: ``mta delivery`` lines, and ``mda delivery`` lines of deliveries on the host.

Reads: lines by syslog or of ``smtpd -d``, with the session id before them or (older versions)
without. Gives: a report per delivery attempt. Refuses: lines of sessions, and what the host itself
rejected; fields within the reply, which the other server wrote: it stands last and is not escaped.
Source: mta_log() in https://github.com/OpenSMTPD/OpenSMTPD/blob/master/usr.sbin/smtpd/mta.c, and
mda.c
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bouncewise.model import Finding, Kind, Report
from bouncewise.readers.base import reply_with_stage
from bouncewise.readers.logs.lines import SYSLOG_HEAD, LineLog, LogContext, finding

_LINE = re.compile(
    rf"^(?:(?:{SYSLOG_HEAD})?smtpd(?:\[\d+\])?: )?"
    r"(?:[0-9a-f]{16} )?m(?:ta|da) (?:event=)?delivery (?P<head>.*?) stat=(?P<stat>.*)$"
)
_FIELD = re.compile(
    r"(?P<name>\w+)=(?:\"(?P<quoted>(?:[^\"\\]|\\.)*)\"|<(?P<bracketed>[^>]*)>|(?P<bare>\S+))"
)
_KINDS = {
    "ok": Kind.DELIVERED,
    "tempfail": Kind.DELAYED,
    "permfail": Kind.FAILED,
    "loop": Kind.FAILED,
}


class OpensmtpdReader(LineLog):
    """An OpenSMTPD log."""

    name = "opensmtpd"
    about = "OpenSMTPD log: mta and mda deliveries"
    pattern = re.compile(
        rb"^(?:.{10,80} smtpd(?:\[\d+\])?: |smtpd(?:\[\d+\])?: )?(?:[0-9a-f]{16} )?"
        rb"m(?:ta|da) (?:event=)?delivery evpid=",
        re.M,
    )

    def read_line(self, line: str, number: int, log: LogContext) -> Iterator[Finding]:
        """A finding for each delivery attempt."""
        m = _LINE.match(line)
        if m is None:
            if "delivery evpid=" in line and " result=" in line:
                log.skip(number)
            return
        fields = {
            f["name"]: next(v for v in (f["quoted"], f["bracketed"], f["bare"]) if v is not None)
            for f in _FIELD.finditer(m["head"])
        }
        kind = _KINDS.get(fields.get("result", "").casefold())
        recipient = fields.get("to", "")
        if kind is None or "@" not in recipient:
            return
        reply, stage = reply_with_stage(m["stat"].strip().removeprefix('"').removesuffix('"'))
        original = fields.get("rcpt", "-")
        relay = fields.get("relay", "")
        yield finding(
            Report(
                source=log.source(number),
                kind=kind,
                recipient=recipient,
                original_recipient=original if original not in ("-", "", recipient) else None,
                at=log.timestamps.parse(m["when"]) if m["when"] else None,
                sender=fields.get("from") or None,
                remote_mta=(relay.partition("(")[2].rstrip(")") or relay.split(" ")[0]) or None,
                reply=None if kind is Kind.DELIVERED else reply,
                stage=None if kind is Kind.DELIVERED else stage,
            ),
            line,
        )
