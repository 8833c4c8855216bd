"""All ways by which a bounce comes: the same one by several of them counts once."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bouncewise.config.inputs import Fetch, Folder, Security, Tail
from bouncewise.config.settings import Settings
from bouncewise.errors import ConfigError, LedgerError
from bouncewise.ledger import Location
from bouncewise.operations.context import Context
from bouncewise.operations.outcomes import By, rates
from bouncewise.service import feed as feeding
from bouncewise.service import feeder, input_status
from bouncewise.service import folder as folders
from bouncewise.service.drain import LMTP, Drain
from bouncewise.service.feed import Feed
from bouncewise.service.feeder import Source
from bouncewise.service.folder import DropFolder
from bouncewise.service.inputs import JournalUnits, LogFile, sources
from bouncewise.service.mailboxes.base import AccountError
from bouncewise.service.mailboxes.mailbox import Mailbox
from bouncewise.service.spool import Record, Writer
from intake.test_journal import FakeJournal, fake
from service.test_mailbox import bounce
from support.cli import bouncewise
from support.imap import PASSWORD, USER, ImapServer

__all__ = ["fake"]

MANY = 200
AT = datetime(2026, 11, 27, 10, tzinfo=UTC)
FULL = "552 5.2.2 Mailbox is full"
UNKNOWN = "550 5.1.1 User unknown"


class Mail:
    """A mail of ours that was refused, as each input tells it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.to = f"r{number}@gone{number % 23}.example"
        self.reply = UNKNOWN if number % 2 else FULL
        self.queue_id = f"4AF1D2E{number:04X}"
        self.message_id = f"m{number}@shop.example"
        self.stamp = f"10:{number // 60:02}:{number % 60:02}"

    def lines(self) -> list[tuple[str, str]]:
        """The program and the text of each line of the log."""
        host, status = f"mx.gone{self.number % 23}.example[192.0.2.1]", self.reply.split()[1]
        refused = (
            f"{self.queue_id}: to=<{self.to}>, relay={host}:25, delay=1, dsn={status},"
            f" status=bounced (host {host} said: {self.reply} (in reply to RCPT TO command))"
        )
        return [
            ("postfix/cleanup", f"{self.queue_id}: message-id=<{self.message_id}>"),
            ("postfix/smtp", refused),
        ]

    def log(self) -> str:
        return "".join(f"Nov 27 {self.stamp} mx {p}[9]: {text}\n" for p, text in self.lines())

    def entries(self) -> str:
        found = [
            {
                "__CURSOR": f"s=1;i={self.number:x}{part}",
                "__REALTIME_TIMESTAMP": str(
                    int(AT.timestamp() + self.number) * 1_000_000 + 123_456
                ),
                "_HOSTNAME": "mx",
                "SYSLOG_IDENTIFIER": program,
                "_PID": "9",
                "MESSAGE": text,
            }
            for part, (program, text) in enumerate(self.lines())
        ]
        return "".join(json.dumps(entry) + "\n" for entry in found)

    def notice(self) -> bytes:
        status = self.reply.split()[1]
        return f"""\
From: MAILER-DAEMON@mx.shop.example (Mail Delivery System)
To: news@shop.example
Subject: Undelivered Mail Returned to Sender
Message-ID: <notice-{self.number}@mx.shop.example>
Date: Fri, 27 Nov 2026 {self.stamp} +0000
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

<{self.to}>: host mx.gone.example[192.0.2.1] said: {self.reply}

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.shop.example
X-Postfix-Queue-ID: {self.queue_id}

Final-Recipient: rfc822; {self.to}
Action: failed
Status: {status}
Diagnostic-Code: smtp; {self.reply}

--b
Content-Type: message/rfc822

From: news@shop.example
To: {self.to}
Message-ID: <{self.message_id}>
Subject: November

--b--
""".replace("\n", "\r\n").encode()


MAILS = [Mail(number) for number in range(MANY)]


class House:
    """A ledger, and what its inputs say."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self.ledger = folder, folder / "ledger"
        self.said: list[str] = []
        Context.open(self.ledger, create=True).ledger.close()

    def context(self) -> Context:
        return Context.open(self.ledger)

    def read(self, *inputs: Source) -> Feed:
        feed = Feed(
            Location(str(self.ledger), self.ledger), list(inputs), self.said.append, is_once=True
        )
        feed.run(self.context)
        return feed

    def receive(self, mails: list[Mail]) -> None:
        """By LMTP, through the spool."""
        writer = Writer(self.folder / "spool", 1 << 30)
        to = ("news@shop.example",)
        writer.append([Record(1, LMTP, "", mail.notice(), "", "", to) for mail in mails])
        writer.close()
        with self.context() as context:
            moved = Drain(self.folder / "spool", context, self.said.append)
            while moved.step():
                pass
            moved.settle()

    def facts(self) -> tuple[int, dict[str, object], set[str]]:
        """Hard bounces; what is decided about whom; and the names."""
        since, until = AT.replace(hour=0), AT.replace(day=28, hour=0)
        with self.context() as context:
            bounces = sum(
                r.bounces + r.exempt for r in rates(context.ledger, By.RECEIVER, since, until)
            )
            names = {mail.to for mail in MAILS}
            found = {
                name: {(d.state, d.cause, d.since) for d in decisions}
                for name, decisions in context.ledger.decisions(names).items()
            }
            return bounces, dict(found), set(context.ledger.names())


@pytest.fixture
def server() -> Iterator[ImapServer]:
    made = ImapServer()
    yield made
    made.close()


def test_the_same_bounces_by_every_way_count_once(
    tmp_path: Path, fake: FakeJournal, server: ImapServer
) -> None:
    log = tmp_path / "mail.log"
    log.write_text("".join(mail.log() for mail in MAILS))
    fake.entries.write_text("".join(mail.entries() for mail in MAILS))
    (fake.folder / "ends").touch()
    server.add(*(mail.notice() for mail in MAILS))
    secret = tmp_path / "password"
    secret.write_text(PASSWORD, "utf-8")
    fetch = Fetch(
        host="127.0.0.1",
        port=server.port,
        security=Security.NONE,
        user=USER,
        password=f"file:{secret}",
    )
    by_log = House(tmp_path / "one")
    by_log.read(LogFile(str(log)))
    bounces, decided, names = by_log.facts()
    assert len(names) == MANY
    assert bounces == MANY // 2  # (a full mailbox is no hard bounce)
    assert len(decided) == MANY // 2
    every = House(tmp_path / "all")
    feed = every.read(LogFile(str(log)), JournalUnits(("postfix*",)), Mailbox(fetch))
    assert feed.failed == []
    assert feed.items == 3 * MANY
    every.receive(MAILS)
    assert every.facts() == (bounces, decided, names)
    again = every.read(LogFile(str(log)), JournalUnits(("postfix*",)), Mailbox(fetch))
    assert again.new == 0
    assert again.items <= MANY  # (of the journal: readers need what came before)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "house")


def test_a_drop_folder_is_read_and_emptied(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop = tmp_path / "drop"
    drop.mkdir()
    (drop / "mail.log").write_text("".join(mail.log() for mail in MAILS))
    (drop / "b.eml").write_bytes(bounce(1))
    (drop / "binary").write_bytes(bytes(range(256)))
    (drop / "half.tmp").write_bytes(bounce(2))
    (drop / ".hidden").write_bytes(bounce(3))
    house.read(DropFolder(str(drop)))
    assert (drop / "mail.log").exists()  # it may still be written
    monkeypatch.setattr(folders, "QUIET", 0.0)
    feed = house.read(DropFolder(str(drop)))
    assert feed.items == MANY + 1
    (drop / "b.eml").write_bytes(bounce(4))
    house.read(DropFolder(str(drop)))
    left = {str(path.relative_to(drop)) for path in drop.rglob("*") if path.is_file()}
    assert left == {
        "half.tmp",
        ".hidden",
        "failed/binary",
        "done/mail.log",
        "done/b.eml",
        "done/b.1.eml",
    }
    assert f"{drop}/binary: could not be read, and is in failed" in house.said


class Puts:
    """An input that puts what it is given, again from the position each time it is begun."""

    name = "puts"

    def __init__(self, folder: Path, acts: list[Callable[[], None]]) -> None:
        self.inner = LogFile(str(folder / "mail.log"))
        self.acts = acts
        self.positions: list[str] = []

    def run(self, position: str, outlet: feeder.Feeder) -> None:
        self.positions.append(position)
        if self.acts:
            self.acts.pop(0)()
        self.inner.run(position, outlet)


def test_an_input_with_a_defect_is_begun_again_from_its_position(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeder, "WAITS", (0.01,))
    log = tmp_path / "mail.log"
    log.write_text(MAILS[1].log())

    def fail() -> None:
        raise RuntimeError("a defect")

    broken, other = Puts(tmp_path, [fail, fail]), LogFile(str(log))
    feed = Feed(Location(str(house.ledger), house.ledger), [broken, other], house.said.append)
    with running(feed, house):
        until(lambda: feed.items == 2)
    assert house.said[:2] == ["puts: RuntimeError('a defect'); it is tried again in 0.01 s"] * 2
    assert len(broken.positions) == 3


def test_a_server_that_asks_to_wait_is_given_the_time(house: House, tmp_path: Path) -> None:
    def busy() -> None:
        raise AccountError("too many requests", 900)

    (tmp_path / "mail.log").write_text(MAILS[1].log())
    asking = Puts(tmp_path, [busy])
    feed = Feed(Location(str(house.ledger), house.ledger), [asking], house.said.append)
    with running(feed, house):
        until(lambda: bool(house.said))
    assert house.said == ["puts: too many requests; it is tried again in 900 s"]
    assert len(asking.positions) == 1


def test_a_ledger_that_is_busy_is_waited_for(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "WAITS", (0.01,))
    flush, faults = feeding.Session.flush, [3]

    def busy(session: object, *arguments: object, **named: object) -> None:
        if faults[0]:
            faults[0] -= 1
            raise LedgerError("locked")
        flush(session, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(feeding.Session, "flush", busy)
    (tmp_path / "mail.log").write_text("".join(mail.log() for mail in MAILS))
    feed = house.read(LogFile(str(tmp_path / "mail.log")))
    assert feed.new == MANY
    assert house.said == ["the ledger cannot be written: locked; it is tried again"]
    assert house.read(LogFile(str(tmp_path / "mail.log"))).items == 0


def test_a_ledger_that_was_replaced_gets_nothing_more(house: House, tmp_path: Path) -> None:
    log = tmp_path / "mail.log"
    log.write_text(MAILS[1].log())
    feed = Feed(Location(str(house.ledger), house.ledger), [LogFile(str(log))], house.said.append)
    errors: list[LedgerError] = []

    def run() -> None:
        try:
            feed.run(house.context)
        except LedgerError as bad:
            errors.append(bad)

    thread = threading.Thread(target=run)
    thread.start()
    until(lambda: feed.items == 1)
    house.ledger.rename(tmp_path / "before")
    with log.open("a") as stream:
        stream.write(MAILS[3].log())
    thread.join(30)
    assert "removed" in str(errors[0])
    other = House(tmp_path / "other")  # it knows no position: all is read again
    assert other.read(LogFile(str(log))).new == 2


class running:  # noqa: N801 - it is used as a function
    """A feed that runs in a thread."""

    def __init__(self, feed: Feed, house: House) -> None:
        self.feed = feed
        self.thread = threading.Thread(target=feed.run, args=(house.context,))

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.feed.stop.set()
        self.thread.join(30)
        assert not self.thread.is_alive()


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_the_inputs_of_the_settings_have_names_of_their_own() -> None:
    settings = Settings(
        tail=(
            Tail(path="/var/log/mail.log"),
            Tail(journal=("postfix*",)),
            Tail(path="/x", name="mx1"),
        ),
        folder=(Folder(path="/drop"),),
        fetch=(Fetch(host="imap.shop.example", user="b", password="env:P"),),
    )
    assert [source.name for source in sources(settings, Path("spool"))] == [
        "follow /var/log/mail.log",
        "journal postfix*",
        "follow mx1",
        "folder /drop",
        "imap b imap.shop.example:993 INBOX",
    ]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (Settings(tail=(Tail(),)), "either path or journal"),
        (Settings(tail=(Tail(path="/a", journal=("b",)),)), "either path or journal"),
        (Settings(tail=(Tail(path="/a"), Tail(path="/a"))), "different names"),
        (Settings(folder=(Folder(),)), "path: missing"),
        (Settings(fetch=(Fetch(),)), "host is missing"),
    ],
)
def test_inputs_that_are_not_complete_are_refused(settings: Settings, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        sources(settings, Path("spool"))


def test_how_an_input_is_and_what_does_not_work(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "EVERY", 0.0)
    log, half = tmp_path / "mail.log", MAILS[3].log().encode()[:40]
    log.write_bytes(MAILS[1].log().encode() + half)
    found: list[input_status.Statuses] = []
    sources: list[Source] = [
        LogFile(str(log)),
        Mailbox(Fetch(host="127.0.0.1", port=1, user="u", password="env:NOT_SET")),
    ]
    feed = Feed(
        Location(str(house.ledger), house.ledger), sources, house.said.append, watch=found.append
    )

    def is_seen() -> bool:
        if not found:
            return False
        one, two = found[-1].inputs
        return bool(one.reports == 1 and one.heard and one.looked and two.error)

    with running(feed, house):
        until(is_seen)
    one, two = found[-1].inputs
    assert (one.name, one.error, one.behind) == (f"follow {log}", "", len(half))
    assert (two.looked, two.behind, two.reports) == (0, -1, 0)
    assert "NOT_SET" in two.error


def test_follow_prints_how_far_it_is_unless_quiet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bouncewise.cli.feeding._FIRST", 0.0)
    log = tmp_path / "mail.log"
    log.write_text("".join(mail.log() for mail in MAILS))
    call = ("follow", "--once", log, "--db")
    line = f"follow {log}: {MANY} reports\n".encode()
    assert line in bouncewise(tmp_path, *call, "one").stderr
    assert bouncewise(tmp_path, *call, "two", "--quiet").stderr == b""
