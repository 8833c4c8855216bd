"""Sendmail logs (syslog), joined by queue id.

Reads: ``from=…, msgid=…`` and ``to=…, dsn=…, stat=…`` lines of sendmail, sm-mta and the submission program; a reply in
``reply=`` or on a line of its own before them; ``DSN: Cannot send message for …``. Gives: a report per recipient of a to=
line, which may list many, with sender and message-id of its queue id; when sendmail gives up, a failure for each recipient
still deferred. Refuses: mail that the host itself rejected, ``stat=queued`` (nobody was asked yet), and the submission
program's hand-over to the daemon on the same host, which delivers nothing.
Source: Sendmail Installation and Operation Guide, "The System Log"; http://osr507doc.sco.com/en/MailMsgG/sndmlD.log_format.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from bouncewise.model import Kind, Report, Source
from bouncewise.readers.base import Finding
from bouncewise.readers.logs.lines import MAX_RECIPIENTS, LineLog, Log, Mail, finding, told
from bouncewise.rfc import address
from bouncewise.rfc.reply import parse
from bouncewise.text.mask import MAX_REPLY

_PROGRAM = r"(?:sendmail(?:-\w+)?|sm-mta|sm-msp-queue|sm-client)\[\d+\]: "
_LINE = re.compile(
    rf"^(?:<\d{{1,3}}>)?(?P<when>\S+(?: +\S+){{0,2}}?) +\S+ {_PROGRAM}(?P<id>[0-9A-Za-z]{{8,20}}): (?P<rest>.*)$"
)
_FROM = re.compile(r"from=<?(?P<sender>[^>,]*)>?, (?:.*?msgid=<?(?P<id>[^>,\s]*)>?)?")
_TO_ENDS = re.compile(r", (?=(?:ctladdr|delay|xdelay|mailer|pri)=)")
_SAID = re.compile(r"[45]\d\d[ -]")
_GAVE_UP = re.compile(
    r"[0-9A-Za-z]{8,20}: (?:DSN|return to sender|sender notify): Cannot send message"
)
_WORDS = ("Sent", "Deferred", "queued")
_HANDOVER = ("[127.", "[::1]", "[IPv6:::1]", "localhost")


class SendmailReader(LineLog):
    """A Sendmail log."""

    name = "sendmail"
    about = "Sendmail log: to= lines with dsn= and stat=, joined by queue id"
    pattern = re.compile(rf"^.{{10,80}} {_PROGRAM}[0-9A-Za-z]{{8,20}}: (?:from|to)=".encode(), re.M)

    def line(self, line: str, number: int, log: Log) -> Iterator[Finding]:
        """A finding per recipient."""
        m = _LINE.match(line)
        if m is None:
            return
        rest = m["rest"]
        if (begun := _FROM.match(rest)) is not None:
            mail = log.queue.remember(m["id"])
            mail.sender, mail.message_id = begun["sender"] or None, begun["id"] or None
        elif _SAID.match(rest):
            log.queue.remember(m["id"]).said = rest[:MAX_REPLY]
        elif _GAVE_UP.match(rest):
            for report in log.queue.known(m["id"]).give_up(
                log.source(number), log.clock.read(m["when"])
            ):
                yield finding(report, line)
        elif rest.startswith("to=") and (ends := _TO_ENDS.search(rest)) is not None:
            at = log.clock.read(m["when"])
            for report in _reports(
                rest[3 : ends.start()],
                rest[ends.end() :],
                log.source(number),
                at,
                log.queue.remember(m["id"]),
            ):
                yield finding(report, line)


def _reports(
    to: str, rest: str, source: Source, at: datetime | None, mail: Mail
) -> Iterator[Report]:
    """A report per recipient of a to= line. What *mail* remembers changes with it."""
    fields, said, stat = _fields(rest)
    relay = fields.get("relay", "").split()
    # "Sen" of a line that is still being written is no failure.
    cut = any(word.startswith(stat) and stat != word for word in _WORDS)
    if cut or stat.startswith("queued") or _is_handover(fields, stat):
        return
    kind = (
        Kind.DELIVERED
        if stat.startswith("Sent")
        else Kind.DELAYED
        if stat.startswith("Deferred")
        else Kind.FAILED
    )
    text = said or stat
    if (
        mail.said is not None
        and kind is not Kind.DELIVERED
        and parse(text[:MAX_REPLY]).reply_code is None
    ):
        text = mail.said
    mail.said = None
    reply, stage = told(text, fields.get("dsn"))
    for recipient in islice((a for _, _, a in address.find(to)), MAX_RECIPIENTS):
        report = Report(
            source=source,
            kind=kind,
            recipient=recipient,
            at=at,
            message_id=mail.message_id,
            sender=mail.sender,
            remote_mta=relay[0].strip("[]").rstrip(".") if relay else None,
            reply=None if kind is Kind.DELIVERED else reply,
            stage=None if kind is Kind.DELIVERED else stage,
        )
        if kind is Kind.DELAYED:
            mail.wait(report)
        else:
            mail.done(recipient)
        yield report


def _fields(rest: str) -> tuple[dict[str, str], str, str]:
    """The fields before stat=, the text of reply= and that of stat=, which stand last and may hold anything."""
    status, reply = rest.find("stat="), rest.find(", reply=")
    if 0 <= reply < status:
        before = rest[:reply]
        said, _, stat = rest[reply + len(", reply=") :].rpartition(", stat=")
    else:
        before, _, stat = rest.partition("stat=")
        said = ""
    return (
        dict(part.partition("=")[::2] for part in before.rstrip(", ").split(", ") if "=" in part),
        said,
        stat,
    )


def _is_handover(fields: dict[str, str], stat: str) -> bool:
    """Given to the daemon on this host, which queues it again: the delivery proper is logged under the next queue id."""
    here = fields.get("relay", "").startswith(_HANDOVER)
    return (
        here
        and fields.get("mailer") == "relay"
        and stat.startswith("Sent")
        and "accepted for delivery" in stat
    )
