"""qmail-send logs, by splogger(8) or multilog(8), joined by delivery number and message number.

Reads: ``info msg N: bytes n from <sender>``, ``starting delivery D: msg N to remote|local x@y``,
``delivery D: success|deferral|failure: text``. Gives: a report per delivery attempt. Of a local
recipient the prefix that virtualdomains puts before it is taken off where it repeats the domain.
Refuses: deliveries whose beginning is not in the log, because only it names the recipient. Source:
https://cr.yp.to/qmail/, qmail-send.c and qmail-log(5): blanks are written as underscores, line
breaks as slashes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bouncewise.model import Finding, Kind, Report
from bouncewise.readers.base import reply_with_stage
from bouncewise.readers.logs.heads import unix_stamp
from bouncewise.readers.logs.lines import SYSLOG_HEAD, LineLog, LogContext, finding

_START = (
    rf"^(?:{SYSLOG_HEAD}qmail(?:-send)?(?:\[\d+\])?: )?"
    r"(?:(?P<own>\d{10}\.\d{1,9}|@4[0-9a-f]{23}) )?"
)
_EVENT = (
    r"(?:info msg \d+: bytes|starting delivery \d+: msg|delivery \d+: (?:success|deferral|failure):"
    r"|end msg \d+)"
)
_LINE = re.compile(
    _START + r"(?:info msg (?P<arrived>\d+): bytes \d+ from <(?P<sender>[^>]*)>"
    r"|starting delivery (?P<started>\d+): msg (?P<msg>\d+) to (?P<way>local|remote) (?P<to>\S+)"
    r"|delivery (?P<ended>\d+): (?P<outcome>success|deferral|failure): (?P<text>.*)"
    r"|end msg (?P<end>\d+))"
)
_BREAK = re.compile(r"/(?=$|[A-Z]| )")
_KINDS = {"success": Kind.DELIVERED, "deferral": Kind.DELAYED, "failure": Kind.FAILED}
_HOST = re.compile(r"^(?:Connected to )?(?P<host>\d{1,3}(?:\.\d{1,3}){3}) ")


class QmailReader(LineLog):
    """A log of qmail-send."""

    name = "qmail"
    about = "qmail-send log: deliveries, deferrals and failures, joined by delivery number"
    pattern = re.compile((_START + _EVENT).encode(), re.M)

    def read_line(self, line: str, number: int, log: LogContext) -> Iterator[Finding]:
        """A finding for each delivery attempt that ends."""
        m = _LINE.match(line)
        if m is None:
            return
        if m["arrived"]:
            log.queue.get_or_add(f"msg {m['arrived']}").sender = m["sender"] or None
        elif m["end"]:
            log.queue.remove(f"msg {m['end']}")
        elif m["started"]:
            mail = log.queue.get_or_add(f"delivery {m['started']}")
            mail.recipients = (_recipient(m["to"], m["way"]),)
            mail.sender = log.queue.get(f"msg {m['msg']}").sender
        else:
            name = f"delivery {m['ended']}"
            mail = log.queue.get(name)
            log.queue.remove(name)
            if not mail.recipients or "@" not in mail.recipients[0]:
                log.skip(number)
                return
            text = _BREAK.sub(" ", m["text"].replace("_", " ")).strip()
            kind, (reply, stage) = _KINDS[m["outcome"]], reply_with_stage(text)
            host = _HOST.match(text)
            when = (m["own"] and unix_stamp(m["own"])) or m["when"]
            report = Report(
                source=log.source(number),
                kind=kind,
                recipient=mail.recipients[0],
                at=log.timestamps.parse(when) if when else None,
                sender=mail.sender,
                reply=None if kind is Kind.DELIVERED else reply,
                stage=None if kind is Kind.DELIVERED else stage,
                remote_ip=host["host"] if host else None,
            )
            yield finding(report, line)


def _recipient(to: str, way: str) -> str:
    """The address that was mailed: ``b.example-ann@b.example`` is ann of a virtual domain."""
    local, _, domain = to.rpartition("@")
    prefix = f"{domain.casefold()}-"
    if way == "local" and local.casefold().startswith(prefix):
        return f"{local[len(prefix) :]}@{domain}"
    return to
