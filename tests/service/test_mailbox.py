"""A mailbox: each message once, nothing moved that is not in the ledger, faults waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bouncewise.config.inputs import Fetch, Security
from bouncewise.errors import ConfigError
from bouncewise.ledger import Location
from bouncewise.model import Finding
from bouncewise.operations.context import Context
from bouncewise.readers import Note
from bouncewise.readers.base import Item
from bouncewise.service.feed import Feed
from bouncewise.service.mailboxes import mailbox, position
from bouncewise.service.mailboxes.base import MailboxError
from bouncewise.service.mailboxes.mailbox import Mailbox
from bouncewise.service.mailboxes.position import position_of
from support.cli import bouncewise
from support.imap import PASSWORD, TOKEN, USER, ImapServer

BOUNCE = """\
From: Mail Delivery System <mailer-daemon@mx.shop.example>
To: bounces@shop.example
Subject: Undelivered Mail Returned to Sender
Message-ID: <n{0}@mx.shop.example>
Date: Fri, 27 Nov 2026 10:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

<dead{0}@gone.example>: host mx.gone.example said: 550 5.1.1 User unknown

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.shop.example

Final-Recipient: rfc822; dead{0}@gone.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 User unknown

--b--
"""
LETTER = b"From: jo@a.example\r\nTo: bounces@shop.example\r\nSubject: hello\r\n\r\nHow are you?\r\n"


def bounce(number: int) -> bytes:
    return BOUNCE.format(number).replace("\n", "\r\n").encode()


class Stored:
    """An outlet as a ledger is: what was stored, in order with the server's commands."""

    def __init__(self, server: ImapServer) -> None:
        self.server = server
        self.items: list[Item] = []
        self.position = ""
        self.said: list[str] = []
        self.is_once = True
        self.is_stopping = False

    def store(self, items: list[Item], position: str) -> list[Item]:
        self.items += items
        self.position = position or self.position
        self.server.commands.append("(stored)")
        return []

    def tell(self, line: str) -> None:
        self.said.append(line)

    def look(self) -> None:
        pass

    def recipients(self) -> list[str]:
        return [item.report.recipient for item in self.items if isinstance(item, Finding)]


@pytest.fixture
def server() -> Iterator[ImapServer]:
    made = ImapServer()
    yield made
    made.close()


@pytest.fixture
def fetch(server: ImapServer, tmp_path: Path) -> Fetch:
    secret = tmp_path / "password"
    secret.write_text(PASSWORD + "\n", "utf-8")
    return Fetch(
        name="box",
        host="127.0.0.1",
        port=server.port,
        security=Security.NONE,
        user=USER,
        password=f"file:{secret}",
    )


def run(fetch: Fetch, server: ImapServer, position: str = "") -> Stored:
    stored = Stored(server)
    Mailbox(fetch).run(position, stored)  # type: ignore[arg-type]
    return stored


def dead(*numbers: int) -> list[str]:
    return [f"dead{n}@gone.example" for n in numbers]


def test_messages_stay_and_are_read_once(fetch: Fetch, server: ImapServer) -> None:
    server.add(bounce(1), LETTER, bounce(2))
    first = run(fetch, server)
    assert first.recipients() == dead(1, 2)
    assert 'EXAMINE "INBOX"' in server.commands
    assert not server.flags
    assert len(server.folders["INBOX"]) == 3
    server.add(bounce(3))
    assert run(fetch, server, first.position).recipients() == dead(3)


def test_many_messages_are_read_in_parts(
    fetch: Fetch, server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(position, "TOGETHER", 10)
    server.next = 9_990
    server.add(*map(bounce, range(35)))
    stored = run(fetch, server)
    assert stored.recipients() == dead(*range(35))
    assert server.commands.count("(stored)") == 8


@pytest.mark.parametrize("capabilities", ["MOVE", "UIDPLUS"])
def test_messages_with_reports_are_moved_after_they_are_stored(
    fetch: Fetch, server: ImapServer, capabilities: str
) -> None:
    server.capabilities = f"IMAP4rev1 AUTH=PLAIN {capabilities}"
    server.add(bounce(1), LETTER, bounce(2))
    moving = msgspec.structs.replace(fetch, move_to="Done")
    stored = run(moving, server)
    assert list(server.folders["INBOX"]) == [2]
    assert list(server.folders["Done"]) == [1, 3]
    command = "UID MOVE 1,3" if capabilities == "MOVE" else "UID COPY 1,3"
    at = next(n for n, c in enumerate(server.commands) if c.startswith(command))
    assert server.commands[:at].count("(stored)") == 2
    assert run(moving, server, stored.position).recipients() == []


def test_messages_with_reports_are_deleted_if_asked_for(fetch: Fetch, server: ImapServer) -> None:
    server.add(bounce(1), LETTER)
    server.flags[2] = "(\\Deleted)"  # by somebody else, who may think better of it
    run(msgspec.structs.replace(fetch, delete=True), server)
    assert list(server.folders["INBOX"]) == [2]


def test_a_server_that_could_remove_others_is_refused(fetch: Fetch, server: ImapServer) -> None:
    server.capabilities = "IMAP4rev1 AUTH=PLAIN"
    for given in ({"delete": True}, {"move_to": "Done"}):
        with pytest.raises(MailboxError, match="neither MOVE nor UIDPLUS"):
            run(msgspec.structs.replace(fetch, **given), server)


@pytest.mark.parametrize(
    "command", ["SELECT", "UID SEARCH", "UID FETCH", "UID MOVE", "CAPABILITY", "AUTHENTICATE"]
)
def test_after_a_lost_connection_nothing_is_missing(
    fetch: Fetch, server: ImapServer, command: str
) -> None:
    server.add(bounce(1), bounce(2))
    moving = msgspec.structs.replace(fetch, move_to="Done")
    server.cut_at = command
    stored = Stored(server)
    with pytest.raises(MailboxError):
        Mailbox(moving).run("", stored)  # type: ignore[arg-type]
    again = run(moving, server, stored.position)
    assert {*stored.recipients(), *again.recipients()} == set(dead(1, 2))
    assert server.folders["INBOX"] == {}
    assert len(server.folders["Done"]) == 2


def test_another_uidvalidity_begins_anew(fetch: Fetch, server: ImapServer) -> None:
    server.add(bounce(1), bounce(2))
    first = run(fetch, server)
    server.validity, server.folders["INBOX"] = 8, {1: bounce(3)}
    again = run(fetch, server, first.position)
    assert again.recipients() == dead(3)
    assert again.said == ["mailbox box: UIDVALIDITY has changed; all messages are read again"]


def test_one_bad_message_is_its_own_problem(
    fetch: Fetch, server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader_for = mailbox.reader_for

    def defective(head: bytes, *, is_mail: bool) -> object:
        if b"dead2@" in head:
            raise RuntimeError("a defect")
        return reader_for(head, is_mail=is_mail)

    monkeypatch.setattr(mailbox, "reader_for", defective)
    server.add(bounce(1), bounce(2), b"", b"\0" * 100, bounce(3))
    stored = run(msgspec.structs.replace(fetch, move_to="Done"), server)
    assert stored.recipients() == dead(1, 3)
    assert list(server.folders["INBOX"]) == [2, 3, 4]
    assert any("UID 2: not read" in line for line in stored.said)


def test_only_the_beginning_of_a_large_message_is_fetched(
    fetch: Fetch, server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bouncewise.service.mailboxes.imap.MAX_MESSAGE", 2000)
    server.add(bounce(1) + b"x" * 1_000_000)
    assert run(fetch, server).recipients() == dead(1)
    assert "UID FETCH 1 (UID BODY.PEEK[]<0.2000>)" in server.commands


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_a_token_is_asked_for_at_each_connection(
    fetch: Fetch, server: ImapServer, tmp_path: Path, mechanism: str
) -> None:
    server.capabilities = server.capabilities.replace("XOAUTH2", mechanism)
    program = tmp_path / "token"
    program.write_text(f"#!/bin/sh\necho {TOKEN}\n")
    program.chmod(0o700)
    by_token = msgspec.structs.replace(fetch, password="", token_command=(str(program),))
    server.add(bounce(1))
    assert run(by_token, server).recipients() == dead(1)
    server.tokens.clear()
    with pytest.raises(MailboxError, match="refuses the login") as refused:
        run(by_token, server)
    assert TOKEN not in str(refused.value)
    program.write_text("#!/bin/sh\necho no network >&2; exit 3\n")
    with pytest.raises(MailboxError, match="ended with 3: no network"):
        run(by_token, server)


def test_no_message_repeats_the_password(fetch: Fetch, server: ImapServer, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("another-secret")
    with pytest.raises(MailboxError, match="refuses the login") as refused:
        run(fetch, server)
    assert "another-secret" not in str(refused.value)


def test_a_login_without_plain_works(fetch: Fetch, server: ImapServer, tmp_path: Path) -> None:
    server.capabilities = "IMAP4rev1"
    server.add(bounce(1))
    (tmp_path / "password").write_text('plain"word')
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("support.imap.PASSWORD", 'plain"word')
        assert run(fetch, server).recipients() == dead(1)


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "localhost.pem"
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    path.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
        + certificate.public_bytes(pem)
    )
    return path


def test_tls_is_verified(fetch: Fetch, authority: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = ImapServer(authority)
    server.add(bounce(1))
    secure = msgspec.structs.replace(
        fetch, host="localhost", port=server.port, security=Security.TLS
    )
    with pytest.raises(MailboxError, match="certificate verify failed"):
        run(secure, server)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    assert run(secure, server).recipients() == dead(1)
    server.close()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"host": ""}, "host is missing"),
        ({"user": ""}, "user is missing"),
        ({"password": ""}, "one of password, token_command"),
        ({"move_to": "Done", "delete": True}, "either move_to or delete"),
        ({"move_to": "INBOX"}, "is the folder that is read"),
        ({"host": "imap.shop.example"}, "only for a server on this machine"),
    ],
)
def test_settings_that_are_not_complete_are_refused(
    fetch: Fetch, change: dict[str, object], text: str
) -> None:
    with pytest.raises(ConfigError, match=text):
        Mailbox(msgspec.structs.replace(fetch, **change))


def test_new_messages_are_read_at_once_and_after_faults(
    fetch: Fetch, server: ImapServer, tmp_path: Path
) -> None:
    said: list[str] = []
    ledger = tmp_path / "ledger"
    Context.open(ledger, create=True).ledger.close()
    feed = Feed(Location(str(ledger), ledger), [Mailbox(fetch)], said.append)
    thread = threading.Thread(target=feed.run, args=(lambda: Context.open(ledger),))
    thread.start()
    try:
        for number in range(1, 4):
            server.cut_at = "UID FETCH" if number == 2 else ""
            server.add(bounce(number))
            end = time.monotonic() + 20
            while feed.items < number:
                assert time.monotonic() < end, (number, said, server.commands)
                time.sleep(0.05)
    finally:
        feed.stop.set()
        thread.join(30)
    assert any("it is tried again in 1 s" in line for line in said)
    with Context.open(ledger, read_only=True) as context:
        assert {n for n in context.ledger.names() if n[0] != "@"} == set(dead(1, 2, 3))
        assert context.ledger.counts()["event"] == 3


def test_fetch_reads_a_configured_mailbox(fetch: Fetch, server: ImapServer, tmp_path: Path) -> None:
    (tmp_path / "bouncewise.toml").write_text(
        f'[[fetch]]\nname = "box"\nhost = "127.0.0.1"\nport = {server.port}\n'
        f'security = "none"\nuser = "{USER}"\npassword = "{fetch.password}"\n'
    )
    server.add(bounce(1), LETTER)

    def call(*more: str) -> tuple[int, str, str]:
        done = bouncewise(tmp_path, "fetch", *more, "--db", "ledger", "--config", "bouncewise.toml")
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    code, out, _ = call("--dry-run", "--delete")
    assert code == 0
    assert "1 reports in 1 messages would be deleted" in out
    assert not (tmp_path / "ledger").exists()
    assert call("--move-to", "Done", "box")[:2] == (0, "1 reports; 1 new to the ledger\n")
    assert list(server.folders["INBOX"]) == [2]
    assert call()[:2] == (0, "0 reports; 0 new to the ledger\n")
    assert call("other")[0] == 2
    assert call("imaps://a:b@localhost")[0] == 2
    assert call("pop3://localhost")[0] == 2
    (tmp_path / "password").write_text("wrong")
    code, _, err = call()
    assert code == 1
    assert "refuses the login" in err


def test_notes_are_no_reports(fetch: Fetch, server: ImapServer) -> None:
    server.add(LETTER)
    stored = run(msgspec.structs.replace(fetch, delete=True), server)
    assert all(isinstance(item, Note) for item in stored.items)
    assert list(server.folders["INBOX"]) == [1]


def letter(fields: str, text: str) -> bytes:
    head = f"From: Jo <jo@a.example>\nTo: bounces@shop.example\n{fields}\n\n"
    return (head + text).replace("\n", "\r\n").encode()


WITH_ATTACHED_REPORT = letter(
    "Subject: what is this?\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=c",
    "--c\nContent-Type: text/plain\n\nI got this from you. Please call me.\n\n"
    f"--c\nContent-Type: message/rfc822\n\n{BOUNCE.format(1)}\n--c--\n",
)
QUOTING = (
    "I am angry. This came back:\n\nYour message could not be delivered.\n\n"
    "<dead2@gone.example>: host mx.gone.example said: 550 5.1.1 User unknown\n"
)
ABSENT = (
    "I am out of the office until 3 December. Your message will not be read; in urgent cases"
    " contact kim@a.example.\n"
)
NOTICE = (
    "Your message could not be delivered:\n\n"
    "<dead3@gone.example>: host mx.gone.example said: 550 5.1.1 User unknown\n"
)


@pytest.mark.parametrize(
    "raw",
    [
        WITH_ATTACHED_REPORT,
        letter("Subject: Undeliverable: my complaint about you", QUOTING),
        letter("Subject: Fwd: Undelivered Mail Returned to Sender", "See:\n\n" + BOUNCE.format(4)),
        letter("Subject: Out of office", ABSENT),
        letter("Subject: Absent\nAuto-Submitted: auto-replied", ABSENT),
        b"Return-Path: <>\r\n" + letter("Subject: Automatic reply: your order", ABSENT),
        b"Return-Path: <>\r\n" + letter("Subject: your order", ABSENT + QUOTING),
    ],
)
@pytest.mark.parametrize("change", [{"delete": True}, {"move_to": "Done"}])
def test_letters_and_automatic_replies_stay(
    fetch: Fetch, server: ImapServer, raw: bytes, change: dict[str, object]
) -> None:
    server.add(raw)
    run(msgspec.structs.replace(fetch, **change), server)
    assert server.folders["INBOX"] == {1: raw}
    assert not server.flags


@pytest.mark.parametrize(
    "raw",
    [
        bounce(3),
        letter("Subject: failure notice", NOTICE).replace(b"jo@a.", b"MAILER-DAEMON@a."),
        b"Return-Path: <>\r\n" + letter("Subject: Undeliverable mail", NOTICE),
    ],
)
def test_notices_of_mail_systems_go(fetch: Fetch, server: ImapServer, raw: bytes) -> None:
    server.add(raw)
    stored = run(msgspec.structs.replace(fetch, delete=True), server)
    assert stored.recipients() == dead(3)
    assert server.folders["INBOX"] == {}


REFUSALS = [
    "NO [SERVERBUG] Internal error",
    "BAD what",
    "* 2 FETCH (UID 2 BODY[]<0> {1099511627776}",
    "* 2 FETCH (UID 2 BODY[]<0> {" + "9" * 5000 + "}",
    "* 2 FETCH (UID 77 BODY[]<0> {3}\r\nabc)",
    "* 2 FETCH (BODY[]<0> {3}\r\nabc)",
    "* \x01",
    "* 2 FETCH " + "x" * 1_000_100,
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=range(len(REFUSALS)))
def test_a_message_that_the_server_refuses_is_passed(
    fetch: Fetch, server: ImapServer, refusal: str
) -> None:
    server.add(bounce(1), bounce(2), bounce(3))
    server.refusals[2] = refusal
    position, asked = "", []
    for _ in range(5):
        stored = run(fetch, server, position)
        position = stored.position or position
        asked.append(sum(c.startswith("UID FETCH 2 ") for c in server.commands))
        if len(asked) == 1:
            assert stored.recipients() == dead(1, 3)
            is_broken = any(words in refusal for words in ("{1099", "{9999", "\x01", "xxx"))
            assert server.commands.count("AUTHENTICATE") == 1 + is_broken
        if len(asked) <= mailbox.MOST_TRIES:
            (line,) = stored.said
            assert "UID 2: fetching: " in line
            assert len(line) < 400
    assert asked == [1, 2, 3, 3, 3]


def test_a_refused_message_is_read_when_it_is_given(fetch: Fetch, server: ImapServer) -> None:
    server.add(bounce(1), bounce(2))
    server.refusals[1] = REFUSALS[0]
    first = run(fetch, server)
    server.refusals.clear()
    again = run(fetch, server, first.position)
    assert (first.recipients(), again.recipients()) == (dead(2), dead(1))
    assert run(fetch, server, again.position).recipients() == []


def test_a_server_that_refuses_all_messages_is_given_time(fetch: Fetch, server: ImapServer) -> None:
    server.add(*map(bounce, range(30)))
    server.refusals |= dict.fromkeys(range(5, 31), "NO [UNAVAILABLE] no storage")
    stored = Stored(server)
    with pytest.raises(MailboxError, match="refuses 10 messages in a row"):
        Mailbox(fetch).run("", stored)  # type: ignore[arg-type]
    assert stored.recipients() == dead(*range(4))
    server.refusals.clear()
    again = run(fetch, server, stored.position)
    assert sorted(again.recipients()) == sorted(dead(*range(4, 30)))


def test_what_was_fetched_before_a_lost_connection_is_stored(
    fetch: Fetch, server: ImapServer
) -> None:
    server.add(bounce(1), bounce(2), bounce(3))
    server.refusals[2] = "* BYE shutting down"
    stored = Stored(server)
    with pytest.raises(MailboxError):
        Mailbox(msgspec.structs.replace(fetch, delete=True)).run("", stored)  # type: ignore[arg-type]
    assert stored.recipients() == dead(1)
    server.refusals.clear()
    again = run(msgspec.structs.replace(fetch, delete=True), server, stored.position)
    assert again.recipients() == dead(3, 2)
    assert server.folders["INBOX"] == {}


def test_a_message_at_which_the_connection_is_always_lost_does_not_block_the_mailbox(
    fetch: Fetch, server: ImapServer
) -> None:
    server.add(bounce(1), bounce(2), bounce(3))
    server.refusals[2] = "* BYE shutting down"
    stored = Stored(server)
    for _ in range(mailbox.MOST_DROPS):
        with pytest.raises(MailboxError):
            Mailbox(fetch).run(stored.position, stored)  # type: ignore[arg-type]
    asked = len(server.commands)
    server.add(bounce(4))
    Mailbox(fetch).run(stored.position, stored)  # type: ignore[arg-type]
    assert stored.recipients() == dead(1, 3, 4)
    assert not any(c.startswith("UID FETCH 2 ") for c in server.commands[asked:])
    assert "it stays unread after 5 tries" in stored.said[-1]
    assert position_of(stored.position).skipped == ("2",)


@pytest.mark.parametrize("stated", [99999999999999999999999, 1 << 32])
def test_a_uid_beyond_32_bits_is_a_fault(fetch: Fetch, server: ImapServer, stated: int) -> None:
    server.add(bounce(1))
    server.next_stated = stated
    with pytest.raises(MailboxError, match=rf"UIDNEXT: {stated} is no number below 2\^32"):
        run(fetch, server)
    server.next_stated, server.next = 0, 12345678901
    server.folders["INBOX"][12345678901] = bounce(2)
    with pytest.raises(MailboxError, match="is no number below"):
        run(fetch, server)


def test_messages_that_could_not_be_moved_are_moved_later(
    fetch: Fetch, server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(position, "TOGETHER", 2)
    server.add(*map(bounce, range(5)))
    moving = msgspec.structs.replace(fetch, move_to="Done")
    server.cut_at = "UID MOVE"
    stored = Stored(server)
    with pytest.raises(MailboxError):
        Mailbox(moving).run("", stored)  # type: ignore[arg-type]
    again = run(moving, server, stored.position)
    assert stored.recipients() + again.recipients() == dead(*range(5))
    assert server.folders["INBOX"] == {}
