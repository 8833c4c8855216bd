"""LMTP: one reply for each recipient, stored before it is acknowledged, and nothing smuggled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bouncewise.service import lmtp
from bouncewise.service.lmtp import LmtpServer
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
) -> list[Stored]:
    """What is stored while *talk* speaks with a server."""
    stored: list[Stored] = []

    async def keep(mail: bytes, sender: str, recipients: tuple[str, ...]) -> None:
        stored.append((mail, sender, recipients))

    async def run() -> None:
        handler = LmtpServer(("bounces+*@shop.example",), "mx.example", store or keep)
        server = await asyncio.start_server(handler.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = Client(*await asyncio.open_connection("127.0.0.1", port))
        assert (await client.replies(1))[0].startswith("220 mx.example LMTP")
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


@pytest.mark.parametrize(
    "inside", [b"\n.\n", b"\r\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\r", b"\n.\rMAIL FROM:<x@y>"]
)
def test_only_the_whole_ending_ends_a_mail(inside: bytes) -> None:
    body = b"a" + inside + b"b\r\n"

    async def talk(client: Client) -> None:
        await client.send(BEGIN + body + b".\r\n")
        assert (await client.replies(5))[-1][:3] == "250"

    ((mail, _, _),) = session(talk)
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


@pytest.mark.parametrize("error", [SpoolFullError("full"), ValueError("a defect")])
def test_what_is_our_fault_is_tried_again(error: Exception) -> None:
    async def fail(*_: object) -> None:
        raise error

    async def talk(client: Client) -> None:
        await client.send(BEGIN + b"x\r\n.\r\n")
        assert (await client.replies(5))[-1][:5] == "451 4"

    session(talk, fail)


def test_a_large_mail_is_refused_and_the_next_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lmtp, "MAX_MAIL", 100_000)

    async def talk(client: Client) -> None:
        await client.send(BEGIN + b"y" * 300_000 + b"\r\n.\r\n")
        assert (await client.replies(5))[-1][:9] == "552 5.3.4"
        await client.send(b"MAIL FROM:<> SIZE=200000\r\n")
        assert (await client.replies(1))[0][:3] == "552"
        await client.send(BEGIN + b"ok\r\n.\r\n")
        assert (await client.replies(5))[-1][:3] == "250"

    assert [mail for mail, _, _ in session(talk)] == [b"ok\r\n"]


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
    monkeypatch.setattr(lmtp, "MAX_RECIPIENTS", 3)

    async def talk(client: Client) -> None:
        await client.send(b"LHLO a\r\nMAIL FROM:<>\r\n")
        await client.send(b"RCPT TO:<bounces+1@shop.example>\r\n" * 5)
        codes = [r[:3] for r in await client.replies(7)][2:]
        assert codes == ["250", "250", "250", "452", "452"]

    session(talk)
