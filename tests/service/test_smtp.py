"""LMTP and SMTP: replies as each has them, stored before it is acknowledged, nothing smuggled."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest

from bouncewise.service import room, smtp, smtp_session
from bouncewise.service.smtp import LMTP, SMTP, Dialect, MailServer
from bouncewise.service.spool import SpoolFullError

Stored = tuple[bytes, str, tuple[str, ...]]
BEGIN = b"LHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<bounces+1@shop.example>\r\nDATA\r\n"


class Client:
    """Sends octets and reads reply lines."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def replies(self, count: int) -> list[str]:
        """The next *count* final lines of replies."""
        found: list[str] = []
        while len(found) < count:
            line = (await asyncio.wait_for(self.reader.readline(), 5)).decode()
            if not line:
                break
            if line[3:4] != "-":
                found.append(line.rstrip("\r\n"))
        return found


def session(
    talk: Callable[[Client], Awaitable[None]],
    store: Callable[[bytes, str, tuple[str, ...]], Awaitable[None]] | None = None,
    dialect: Dialect = LMTP,
    greeting: str = "220 mx.example ",
) -> list[Stored]:
    """What is stored while *talk* speaks with a server."""
    stored: list[Stored] = []

    async def keep(mail: bytes, sender: str, recipients: tuple[str, ...]) -> None:
        stored.append((mail, sender, recipients))

    async def run() -> None:
        handler = MailServer(("bounces+*@shop.example",), "mx.example", store or keep, dialect)
        server = await asyncio.start_server(handler.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = Client(*await asyncio.open_connection("127.0.0.1", port))
        assert (await client.replies(1))[0].startswith(greeting)
        try:
            await talk(client)
        finally:
            client.writer.close()
            server.close()

    asyncio.run(run())
    return stored


def test_each_recipient_has_a_reply() -> None:
    async def talk(client: Client) -> None:
        await client.send(b"LHLO a\r\nMAIL FROM:<> BODY=8BITMIME SIZE=10\r\n")
        await client.send(b"RCPT TO:<bounces+1@shop.example>\r\nRCPT TO:<jo@shop.example>\r\n")
        await client.send(b"RCPT TO:<Bounces+2@SHOP.example>\r\nDATA\r\n")
        codes = [reply[:9] for reply in await client.replies(6)]
        assert codes == [
            "250 SIZE ",
            "250 2.1.0",
            "250 2.1.5",
            "550 5.1.1",
            "250 2.1.5",
            "354 End t",
        ]
        await client.send(b"Subject: x\r\n\r\n..dot\r\n.\r\n")
        assert [r[:9] for r in await client.replies(2)] == ["250 2.0.0", "250 2.0.0"]
        await client.send(b"QUIT\r\n")
        assert (await client.replies(1))[0].startswith("221")

    assert session(talk) == [
        (
            b"Subject: x\r\n\r\n.dot\r\n",
            "",
            ("bounces+1@shop.example", "Bounces+2@SHOP.example"),
        )
    ]


BOTH = pytest.mark.parametrize("dialect", [LMTP, SMTP], ids=lambda d: d.name)


def begin(dialect: Dialect) -> bytes:
    return BEGIN.replace(b"LHLO", dialect.extended.encode())


def test_smtp_has_one_reply_for_all_recipients() -> None:
    async def talk(client: Client) -> None:
        await client.send(b"HELO a\r\nEHLO a\r\nMAIL FROM:<>\r\n")
        await client.send(b"RCPT TO:<bounces+1@shop.example>\r\nRCPT TO:<jo@other.example>\r\n")
        await client.send(b"RCPT TO:<bounces+2@shop.example>\r\nDATA\r\n")
        codes = [reply[:3] for reply in await client.replies(7)]
        assert codes == ["250", "250", "250", "250", "550", "250", "354"]
        await client.send(b"x\r\n.\r\nNOOP\r\nQUIT\r\n")
        codes = [reply[:9] for reply in await client.replies(9)]
        assert codes == ["250 2.0.0", "250 2.0.0", "221 2.0.0"]

    recipients = ("bounces+1@shop.example", "bounces+2@shop.example")
    assert session(talk, dialect=SMTP) == [(b"x\r\n", "", recipients)]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"VRFY bounces+1@shop.example", "502"),
        (b"EXPN list", "502"),
        (b"LHLO a", "500"),
        (b"STARTTLS", "500"),
        (b"AUTH PLAIN AAAA", "500"),
        (b"", "500"),
        (b"MAIL FROM:<a@b.example>\nRCPT TO:<bounces+1@shop.example>\nDATA", "500"),
        (b"MAIL FROM:<a@b.example>\rNOOP", "500"),
        (b"NOOP\x00", "500"),
    ],
)
def test_what_is_no_smtp_is_refused(line: bytes, code: str) -> None:
    async def talk(client: Client) -> None:
        await client.send(b"EHLO a\r\n" + line + b"\r\nNOOP\r\n")
        assert [reply[:3] for reply in await client.replies(3)] == ["250", code, "250"]

    assert session(talk, dialect=SMTP) == []


def test_silent_sessions_do_not_keep_another_one_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "MAX_SESSIONS", 2)

    async def talk(client: Client) -> None:
        address = client.writer.get_extra_info("peername")
        others = [Client(*await asyncio.open_connection(*address)) for _ in range(5)]
        for other in others:
            with contextlib.suppress(ConnectionError):
                await other.replies(1)
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(client.reader.read(), 30) == b""
        await others[-1].send(BEGIN + b"ok\r\n.\r\n")
        assert (await others[-1].replies(5))[-1][:3] == "250"
        for other in others:
            other.writer.close()

    assert [mail for mail, _, _ in session(talk)] == [b"ok\r\n"]


@BOTH
@pytest.mark.parametrize(
    "inside",
    [
        b"\n.\n",
        b"\r\n.\n",
        b"\n.\r\n",
        b"\r.\r",
        b"\r\n.\r",
        b"\n.\rMAIL FROM:<x@y>",
        b"\n.\r\nMAIL FROM:<x@y>\r\n",
    ],
)
def test_only_the_whole_ending_ends_a_mail(inside: bytes, dialect: Dialect) -> None:
    body = b"a" + inside + b"b\r\n"

    async def talk(client: Client) -> None:
        await client.send(begin(dialect) + body + b".\r\n")
        assert (await client.replies(5))[-1][:3] == "250"
        await client.send(b"NOOP\r\n")
        assert (await client.replies(1))[0][:9] == "250 2.0.0", "nothing of the mail is a command"

    ((mail, _, _),) = session(talk, dialect=dialect)
    assert mail.replace(b".", b"") == body.replace(b".", b"")


@pytest.mark.parametrize("body", [b"", b"x\r\n", b".\r\n.x\r\n", b"a\r\n" * 50_000])
def test_a_mail_in_pieces_is_whole(body: bytes) -> None:
    stuffed = b"".join(b"." + li if li[:1] == b"." else li for li in body.splitlines(True))

    async def talk(client: Client) -> None:
        await client.send(BEGIN)
        await client.replies(4)
        step = max(1, len(stuffed) // 7)
        for at in range(0, len(stuffed), step):
            await client.send(stuffed[at : at + step])
            await asyncio.sleep(0.001)
        await client.send(b".")
        await asyncio.sleep(0.01)
        await client.send(b"\r")
        await client.send(b"\n")
        assert (await client.replies(1))[0][:3] == "250"

    ((mail, _, _),) = session(talk)
    assert mail == body


@BOTH
@pytest.mark.parametrize("error", [SpoolFullError("full"), ValueError("a defect")])
def test_what_is_our_fault_is_tried_again(error: Exception, dialect: Dialect) -> None:
    async def fail(*_: object) -> None:
        raise error

    async def talk(client: Client) -> None:
        await client.send(begin(dialect) + b"x\r\n.\r\n")
        assert (await client.replies(5))[-1][:5] == "451 4"

    session(talk, fail, dialect)


def test_a_large_mail_is_refused_and_the_next_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (smtp, smtp_session):
        monkeypatch.setattr(module, "MAX_MAIL", 100_000)

    async def talk(client: Client) -> None:
        await client.send(BEGIN + b"y" * 300_000 + b"\r\n.\r\n")
        assert (await client.replies(5))[-1][:9] == "552 5.3.4"
        await client.send(b"MAIL FROM:<> SIZE=200000\r\n")
        assert (await client.replies(1))[0][:3] == "552"
        await client.send(BEGIN + b"ok\r\n.\r\n")
        assert (await client.replies(5))[-1][:3] == "250"

    assert [mail for mail, _, _ in session(talk)] == [b"ok\r\n"]


def test_mails_that_fill_the_memory_together_are_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(smtp, "Room", lambda: room.Room(100_000))

    async def talk(client: Client) -> None:
        await client.send(BEGIN + b"y" * 300_000 + b"\r\n.\r\n")
        assert (await client.replies(5))[-1][:9] == "451 4.3.1"
        await client.send(BEGIN + b"ok\r\n.\r\n")
        assert (await client.replies(5))[-1][:3] == "250"

    assert [mail for mail, _, _ in session(talk)] == [b"ok\r\n"]


@pytest.mark.parametrize("said", [b"LHLO a\r\nMAI", BEGIN + b"half a mail"])
def test_a_session_that_goes_on_too_slowly_is_ended(
    monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    """Octets that come now and then do not prolong it."""
    monkeypatch.setattr(smtp_session, "IDLE", 0.5)
    monkeypatch.setattr(smtp, "MAIL_SECONDS", 0.5)

    async def talk(client: Client) -> None:
        await client.send(said)
        with contextlib.suppress(ConnectionError):
            while not client.reader.at_eof():
                await client.send(b"x")
                await asyncio.sleep(0.05)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(client.reader.read(1 << 16), 0.05)

    assert session(talk) == []


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"HELO x", "500"),
        (b"AUTH PLAIN AAAA", "500"),
        (b"RCPT TO:<bounces+1@shop.example>", "503"),
        (b"DATA", "503"),
        (b"MAIL FROM:x", "501"),
        (b"MAIL FROM:<a b>", "501"),
        (b"\xff\xfe\x00", "500"),
        (b"x" * 5000, "500"),
    ],
)
def test_what_is_no_lmtp_is_refused(line: bytes, code: str) -> None:
    async def talk(client: Client) -> None:
        await client.send(line + b"\r\n")
        assert (await client.replies(1))[0][:3] == code

    assert session(talk) == []


def test_too_many_recipients_are_for_another_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "MAX_RECIPIENTS", 3)

    async def talk(client: Client) -> None:
        await client.send(b"LHLO a\r\nMAIL FROM:<>\r\n")
        await client.send(b"RCPT TO:<bounces+1@shop.example>\r\n" * 5)
        codes = [r[:3] for r in await client.replies(7)][2:]
        assert codes == ["250", "250", "250", "452", "452"]

    session(talk)


def test_a_mail_that_has_begun_is_answered_before_the_service_ends() -> None:
    stored: list[bytes] = []

    async def keep(mail: bytes, *_: object) -> None:
        stored.append(mail)

    async def run() -> None:
        handler = MailServer(("bounces+*@shop.example",), "mx.example", keep, LMTP)
        server = await asyncio.start_server(handler.serve, "127.0.0.1", 0)
        client = Client(*await asyncio.open_connection(*server.sockets[0].getsockname()))
        await client.send(BEGIN + b"x\r\n")
        assert (await client.replies(5))[-1][:3] == "354"
        ending = asyncio.create_task(handler.finish(20))
        await asyncio.sleep(0)
        assert not ending.done()
        await client.send(b".\r\n")
        assert [r[:3] for r in await client.replies(2)] == ["250", "421"]
        await asyncio.wait_for(ending, 5)
        client.writer.close()
        server.close()

    asyncio.run(run())
    assert stored == [b"x\r\n"]
