"""Sendmail logs (syslog), joined by queue id.

Reads: ``from=…, msgid=…`` and ``to=…, dsn=…, stat=…`` lines of sendmail, sm-mta and the submission
program; a reply in ``reply=`` or on a line of its own before them; ``DSN: Cannot send message for
…``. Gives: a report per recipient of a to= line, which may list many, with the sender and
Message-ID of its queue id; when Sendmail gives up, a failure for each recipient that is still
deferred. Refuses: what the host itself rejected, ``stat=queued`` (no attempt yet), and the
submission program's hand-over to the daemon on the same host, which is no delivery. Source:
Sendmail Installation and Operation Guide, "The System Log";
http://osr507doc.sco.com/en/MailMsgG/sndmlD.log_format.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from bouncewise.model import Finding, Kind, Report, Source
from bouncewise.readers.base import reply_with_stage
from bouncewise.readers.logs.lines import (
    MAX_RECIPIENTS,
    SYSLOG_HEAD,
    LineLog,
    LogContext,
    QueuedMail,
    finding,
)
from bouncewise.rfc import address
from bouncewise.rfc.reply import parse
from bouncewise.text.mask import MAX_REPLY

_PROGRAM = r"(?:sendmail(?:-\w+)?|sm-mta|sm-msp-queue|sm-client)\[\d+\]: "
_LINE = re.compile(
    rf"^{SYSLOG_HEAD}{_PROGRAM}"
    r"(?P<id>[0-9A-Za-z]{8,20}): (?P<rest>.*)$"
)
_FROM = re.compile(r"from=<?(?P<sender>[^>,]*)>?, (?:.*?msgid=<?(?P<id>[^>,\s]*)>?)?")
_RECIPIENT = re.compile(r"(?:\"(?:[^\"\\]|\\.)*+\"|[^,\"])++")
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*+\"@[^\s\"<>@,]{1,255}")
_TO_END = re.compile(r", (?=(?:ctladdr|delay|xdelay|mailer|pri)=)")
_REPLY_LINE = re.compile(r"[45]\d\d[ -]")
_EXPIRED = re.compile(
    r"[0-9A-Za-z]{8,20}: (?:DSN|return to sender|sender notify): Cannot send message"
)
_STAT_WORDS = ("Sent", "Deferred", "queued")
_LOCAL_RELAYS = ("[127.", "[::1]", "[IPv6:::1]", "localhost")


class SendmailReader(LineLog):
    """A Sendmail log."""

    name = "sendmail"
    about = "Sendmail log: to= lines with dsn= and stat=, joined by queue id"
    pattern = re.compile(rf"^.{{10,80}} {_PROGRAM}[0-9A-Za-z]{{8,20}}: (?:from|to)=".encode(), re.M)

    def read_line(self, line: str, number: int, log: LogContext) -> Iterator[Finding]:
        """A finding for each recipient."""
        m = _LINE.match(line)
        if m is None:
            return
        rest = m["rest"]
        if (arrival := _FROM.match(rest)) is not None:
            mail = log.queue.get_or_add(m["id"])
            mail.sender, mail.message_id = arrival["sender"] or None, arrival["id"] or None
        elif _REPLY_LINE.match(rest):
            log.queue.get_or_add(m["id"]).server_reply = rest[:MAX_REPLY]
        elif _EXPIRED.match(rest):
            at = log.timestamps.parse(m["when"])
            for report in log.queue.get(m["id"]).expire(log.source(number), at):
                yield finding(report, line)
        elif rest.startswith("to=") and (end := _TO_END.search(rest)) is not None:
            at = log.timestamps.parse(m["when"])
            attempt = _attempt(rest[3 : end.start()], rest[end.end() :])
            mail = log.queue.get_or_add(m["id"])
            for report in _reports(attempt, log.source(number), at, mail):
                yield finding(report, line)
            if not attempt.recipients:
                log.skip(number)
        elif rest.startswith("to=") and "stat=" in rest:
            log.skip(number)


class _Attempt(NamedTuple):
    """A to= line: its recipients, the fields before stat=, and the texts of reply= and stat=."""

    recipients: list[str]
    fields: dict[str, str]
    reply: str
    stat: str


def _attempt(to: str, rest: str) -> _Attempt:
    """The parts of a to= line. reply= and stat= stand last, because they may contain anything."""
    stat_at, reply_at = rest.find("stat="), rest.find(", reply=")
    if 0 <= reply_at < stat_at:
        before = rest[:reply_at]
        reply, _, stat = rest[reply_at + len(", reply=") :].rpartition(", stat=")
    else:
        before, _, stat = rest.partition("stat=")
        reply = ""
    parts = before.rstrip(", ").split(", ")
    fields = dict(part.partition("=")[::2] for part in parts if "=" in part)
    recipients = list(islice(_recipients(to), MAX_RECIPIENTS))
    return _Attempt(recipients, fields, reply, stat)


def _recipients(to: str) -> Iterator[str]:
    """The addresses in a to= field, separated by commas. In quotes a comma or bracket is text."""
    for m in _RECIPIENT.finditer(to):
        name = m[0].strip().removeprefix("<").removesuffix(">")
        if '"' in name:
            if _QUOTED.fullmatch(name):
                yield name
        elif (first := address.first(name)) is not None:
            yield first


def _reports(
    attempt: _Attempt, source: Source, at: datetime | None, mail: QueuedMail
) -> Iterator[Report]:
    """A report for each recipient of *attempt*. *mail* is changed by them."""
    fields, stat = attempt.fields, attempt.stat
    # "Sen" at the end of a file that is still being written is no failure.
    is_cut = any(word.startswith(stat) and stat != word for word in _STAT_WORDS)
    if is_cut or stat.startswith("queued") or _is_handover(fields, stat):
        return
    kind = _kind(stat)
    text = attempt.reply or stat
    if (
        mail.server_reply is not None
        and kind is not Kind.DELIVERED
        and parse(text[:MAX_REPLY]).reply_code is None
    ):
        text = mail.server_reply
    mail.server_reply = None
    reply, stage = reply_with_stage(text, fields.get("dsn"))
    relay = fields.get("relay", "").split()
    for recipient in attempt.recipients:
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
            mail.defer(report)
        else:
            mail.finish(recipient)
        yield report


def _kind(stat: str) -> Kind:
    if stat.startswith("Sent"):
        return Kind.DELIVERED
    return Kind.DELAYED if stat.startswith("Deferred") else Kind.FAILED


def _is_handover(fields: dict[str, str], stat: str) -> bool:
    """Whether the daemon on this host got the mail, which logs its delivery by another queue id."""
    return (
        fields.get("relay", "").startswith(_LOCAL_RELAYS)
        and fields.get("mailer") == "relay"
        and stat.startswith("Sent")
        and "accepted for delivery" in stat
    )
