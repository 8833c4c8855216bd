"""The same thousand bounces by the log, the journal, a webhook, a mailbox and LMTP: a thousand in
every count, in any order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bouncewise.config.inputs import Fetch, MailboxKind, Security, Syslog
from bouncewise.operations.outcomes import By, rates
from bouncewise.service.drain import LMTP, WEBHOOK, Drain
from bouncewise.service.inputs import JournalUnits, LogFile, SyslogLines
from bouncewise.service.mailboxes.mailbox import Mailbox
from bouncewise.service.spool import Record, Writer
from intake.test_journal import FakeJournal, fake
from service.test_inputs import AT, House, Mail
from support.imap import PASSWORD, USER, ImapServer
from support.pop3 import Pop3Server

__all__ = ["fake"]

COUNT = 1000
MAILS = [Mail(2 * number + 1) for number in range(COUNT)]  # (of an unknown user each)


def event(mail: Mail) -> bytes:
    """The bounce as Amazon SES reports it
    (https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html).
    """
    at = f"2026-11-27T{mail.stamp}.000Z"
    found = {
        "notificationType": "Bounce",
        "mail": {
            "timestamp": at,
            "messageId": f"0100018-{mail.number}",
            "source": "news@shop.example",
            "destination": [mail.to],
            "commonHeaders": {"messageId": f"<{mail.message_id}>"},
        },
        "bounce": {
            "bounceType": "Permanent",
            "bounceSubType": "General",
            "timestamp": at,
            "bouncedRecipients": [
                {
                    "emailAddress": mail.to,
                    "action": "failed",
                    "status": "5.1.1",
                    "diagnosticCode": f"smtp; {mail.reply}",
                }
            ],
        },
    }
    return json.dumps(found).encode()


class Ways:
    """Everything by which the bounces come into one ledger."""

    def __init__(self, folder: Path, fake: FakeJournal, imap: ImapServer, pop3: Pop3Server) -> None:
        self.house = House(folder / "house")
        self.log, lines = folder / "mail.log", folder / "syslog.log"
        self.log.write_text("".join(mail.log() for mail in MAILS))
        lines.write_text("".join(f"<22>{m.log()}".replace("\n", "\n<22>", 1) for m in MAILS))
        fake.entries.write_text("".join(mail.entries() for mail in MAILS))
        (fake.folder / "ends").touch()
        for server in (imap, pop3):
            server.add(*(mail.notice() for mail in MAILS))
        (folder / "password").write_text(PASSWORD, "utf-8")
        common = {"host": "127.0.0.1", "security": Security.NONE, "user": USER}
        password = f"file:{folder / 'password'}"
        self.syslog = SyslogLines(Syslog(name="mx", listen="127.0.0.1:6514"), lines)
        self.imap = Fetch(port=imap.port, password=password, **common)  # type: ignore[arg-type]
        self.pop3 = Fetch(
            kind=MailboxKind.POP3,
            port=pop3.port,
            password=password,
            **common,  # type: ignore[arg-type]
        )

    def spooled(self, records: list[Record]) -> None:
        writer = Writer(self.house.folder / "spool", 1 << 30)
        writer.append(records)
        writer.close()
        with self.house.context() as context:
            moved = Drain(self.house.folder / "spool", context, self.house.said.append)
            while moved.step():
                pass
            moved.settle()

    def by(self) -> dict[str, Callable[[], object]]:
        to = ("news@shop.example",)
        return {
            "log": lambda: self.house.read(LogFile(str(self.log))),
            "journal": lambda: self.house.read(JournalUnits(("postfix*",))),
            "syslog": lambda: self.house.read(self.syslog),
            "imap": lambda: self.house.read(Mailbox(self.imap)),
            "pop3": lambda: self.house.read(Mailbox(self.pop3)),
            "webhook": lambda: self.spooled([Record(1, WEBHOOK, "ses", event(m)) for m in MAILS]),
            "lmtp": lambda: self.spooled(
                [Record(1, LMTP, "", m.notice(), "", "", to) for m in MAILS]
            ),
        }

    def counts(self) -> dict[str, int]:
        since, until = AT.replace(hour=0), AT.replace(day=28, hour=0)
        names = {mail.to for mail in MAILS}
        with self.house.context() as context:
            ledger = context.ledger
            found = list(rates(ledger, By.RECEIVER, since, until))
            return {
                "hard bounces": sum(row.bounces + row.exempt for row in found),
                "names": len({name for name in ledger.names() if not name.startswith("@")}),
                "decided": sum(bool(d) for d in ledger.decisions(names).values()),
            }


@pytest.fixture
def ways(tmp_path: Path, fake: FakeJournal) -> Iterator[Ways]:
    imap, pop3 = ImapServer(), Pop3Server()
    yield Ways(tmp_path, fake, imap, pop3)
    imap.close()
    pop3.close()


def test_a_thousand_bounces_by_every_way_are_a_thousand_in_every_count(ways: Ways) -> None:
    wanted = dict.fromkeys(("hard bounces", "names", "decided"), COUNT)
    for name, read in ways.by().items():
        read()
        assert ways.counts() == wanted, name
    assert ways.house.said == []


def test_also_where_the_notices_come_before_the_log(ways: Ways) -> None:
    wanted = dict.fromkeys(("hard bounces", "names", "decided"), COUNT)
    by = ways.by()
    for name in ("lmtp", "webhook", "syslog"):
        by[name]()
    assert ways.counts() == wanted
