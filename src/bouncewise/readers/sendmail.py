"""Sendmail logs (syslog), joined by queue id.

Reads: ``from=…, msgid=…`` and ``to=…, dsn=…, stat=…`` lines of sendmail, sm-mta and MSP. Gives: a report per recipient of
a to= line, which may list many, with sender and message-id of its queue id. Refuses: mail that the host itself rejected.
Source: Sendmail Installation and Operation Guide, section 4.2 "The System Log".
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
    r"^(?:<\d{1,3}>)?(?P<when>\S+(?: +\S+){0,2}?) +\S+ (?:sendmail|sm-mta|sm-msp-queue|sm-client|sendmail-\w+)\[\d+\]: "
    r"(?P<id>[0-9A-Za-z]{8,20}): (?P<rest>.*)$"
)
_FROM = re.compile(r"from=<?(?P<sender>[^>,]*)>?, .*?msgid=<?(?P<id>[^>,\s]*)>?")
_TO = re.compile(r"to=(?P<to>.*?), (?=(?:ctladdr|delay|xdelay|mailer|pri)=)(?P<rest>.*?)\bstat=(?P<stat>.*)$")
_MAX_RECIPIENTS = 1000


class SendmailReader(LineLog):
    """A Sendmail log."""

    name = "sendmail"
    about = "Sendmail log: to= lines with dsn= and stat=, joined by queue id"
    pattern = re.compile(
        rb"^.{10,80} (?:sendmail|sm-mta|sm-msp-queue|sm-client)\[\d+\]: [0-9A-Za-z]{8,20}: (?:from|to)=", re.M
    )

    def line(self, line: str, source: Source, clock: Clock, queue: Queue) -> Iterator[Finding]:
        """A finding per recipient."""
        m = _LINE.match(line)
        if m is None:
            return
        if (begun := _FROM.match(m["rest"])) is not None:
            mail = queue.remember(m["id"])
            mail.sender, mail.message_id = begun["sender"] or None, begun["id"] or None
            return
        if (to := _TO.match(m["rest"])) is None:
            return
        fields = dict(part.partition("=")[::2] for part in to["rest"].rstrip(", ").split(", ") if "=" in part)
        stat = to["stat"]
        kind = (
            Kind.DELIVERED
            if stat.startswith("Sent")
            else Kind.DELAYED
            if stat.startswith(("Deferred", "queued"))
            else Kind.FAILED
        )
        reply, stage = told(stat, fields.get("dsn"))
        mail = queue.known(m["id"])
        relay = fields.get("relay", "").split()
        for _, recipient in zip(range(_MAX_RECIPIENTS), (a for _, _, a in address.find(to["to"])), strict=False):
            yield finding(
                Report(
                    source=source,
                    kind=kind,
                    recipient=recipient,
                    at=clock.read(m["when"].encode()),
                    message_id=mail.message_id,
                    sender=mail.sender,
                    remote_mta=relay[0].strip("[]").rstrip(".") if relay else None,
                    reply=None if kind is Kind.DELIVERED else reply,
                    stage=stage,
                ),
                line,
            )
