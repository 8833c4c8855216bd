"""Syslog by TCP: framing, bounds, peers, and every line on disk before the next is read."""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bouncewise.config.inputs import Syslog
from bouncewise.errors import ConfigError
from bouncewise.intake.follow import Follower
from bouncewise.readers.base import MAX_LINE
from bouncewise.service import line_file, syslog
from bouncewise.service.inbox import Inbox
from bouncewise.service.line_file import LineFile, first_position, remove_read
from bouncewise.service.spool import SpoolFullError
from bouncewise.service.syslog import Frames, SyslogServer, check, tls_context
from support.certificates import issue

MESSAGES = [b"<22>Nov 27 10:00:00 mx postfix/smtp[9]: %d" % number for number in range(50)]


def counted(message: bytes) -> bytes:
    return b"%d %s" % (len(message), message)


@pytest.mark.parametrize("seed", range(20))
def test_both_framings_are_read_however_they_are_cut(seed: int) -> None:
    draw = random.Random(seed)
    ends = (b"\n", b"\r\n", b"\0")
    stream = b"".join(
        counted(m) if draw.random() < 0.5 else m + draw.choice(ends) for m in MESSAGES
    )
    frames, found = Frames(), list[bytes]()
    while stream:
        size = draw.randint(1, 60)
        found += frames.add(stream[:size])
        stream = stream[size:]
    assert found == MESSAGES
    assert not frames.has_begun


def test_a_line_break_within_a_counted_message_makes_no_second_line() -> None:
    forged = b"<22>1 a\nNov 27 10:00:00 mx postfix/smtp[9]: forged\0\r\n"
    (line,) = Frames().add(counted(forged))
    assert b"\n" not in line
    assert b"forged" in line


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_of_a_long_message_the_beginning_is_kept(end: bytes) -> None:
    long = b"<22>" + b"x" * 300_000
    stream = (long + end if end else counted(long)) + counted(MESSAGES[0])
    frames, found = Frames(), list[bytes]()
    for at in range(0, len(stream), 10_000):
        found += frames.add(stream[at : at + 10_000])
        assert len(frames._waiting) <= MAX_LINE + 10_000
    assert found == [long[:MAX_LINE], MESSAGES[0]]
    assert frames.cut == 1


def test_a_message_that_is_announced_as_endless_is_refused() -> None:
    with pytest.raises(ValueError, match="9999999999 octets"):
        Frames().add(b"9999999999 <22>a")


class Running:
    """A server that runs, and what it says."""

    def __init__(self, folder: Path, **more: object) -> None:
        self.said: list[str] = []
        self.path = folder / "mx.log"
        self.settings = Syslog(name="mx", listen="127.0.0.1:0", **more)  # type: ignore[arg-type]
        self.limit = 1 << 30

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[int]:
        inbox = Inbox(LineFile(self.path, self.limit), self.said.append, "waits")
        writing = asyncio.create_task(inbox.run())
        self.server = SyslogServer(self.settings, inbox, self.said.append, lambda: None)
        context = tls_context(self.settings)
        listening = await asyncio.start_server(self.server.serve, "127.0.0.1", 0, ssl=context)
        try:
            yield listening.sockets[0].getsockname()[1]
        finally:
            listening.close()
            await self.server.finish(5)
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)

    def lines(self) -> list[bytes]:
        return self.path.read_bytes().splitlines()

    async def until_stored(self, count: int) -> None:
        async with asyncio.timeout(20):
            while self.server.lines < count:
                await asyncio.sleep(0.01)


async def send(port: int, data: bytes, context: ssl.SSLContext | None = None) -> bytes:
    """Send, and wait until the server closes."""
    name = "localhost" if context else None
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname=name
    )
    writer.write(data)
    try:
        await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
            return await asyncio.wait_for(reader.read(), 20)
        return b""
    except ConnectionError:
        return b""
    finally:
        writer.close()


def test_what_came_is_stored_also_at_the_end(tmp_path: Path) -> None:
    running = Running(tmp_path)

    async def scene() -> None:
        async with running.open() as port:
            await asyncio.gather(
                send(port, b"".join(map(counted, MESSAGES))),
                send(port, b"\n".join(MESSAGES) + b"\n"),
            )
            await running.until_stored(100)

    asyncio.run(scene())
    assert sorted(running.lines()) == sorted(MESSAGES * 2)
    assert running.said == []


def test_other_peers_are_refused(tmp_path: Path) -> None:
    running = Running(tmp_path, peers=("192.0.2.0/24",))

    async def scene() -> None:
        async with running.open() as port:
            for _ in range(2):
                await send(port, b"\n".join(MESSAGES))

    asyncio.run(scene())
    assert running.lines() == []
    assert running.said == ["syslog mx: 127.0.0.1 is not one of its peers, and is refused"]
    assert running.server.refused == 2


def test_a_message_that_does_not_end_ends_the_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syslog, "PATIENCE", 0.2)
    running = Running(tmp_path)

    async def scene() -> None:
        async with running.open() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(MESSAGES[0] + b"\nand then")
            assert await asyncio.wait_for(reader.read(), 20) == b""
            writer.close()

    asyncio.run(scene())
    assert running.lines() == [MESSAGES[0]]
    assert running.said == ["syslog mx: a message did not end within 0.2 s"]


def test_where_nothing_can_be_stored_the_sender_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syslog, "_FULL", 0.02)
    running = Running(tmp_path)
    running.limit = 100
    line = b"x" * 90

    async def scene() -> None:
        async with running.open() as port:
            sending = asyncio.create_task(send(port, line + b"\n" + MESSAGES[0] + b"\n"))
            async with asyncio.timeout(20):
                while not running.said:
                    await asyncio.sleep(0.01)
            assert running.server.lines == 0
            running.server._inbox._writer._limit = 10_000  # type: ignore[attr-defined]
            await running.until_stored(2)
            await sending

    asyncio.run(scene())
    assert running.lines() == [line, MESSAGES[0]]
    assert "has reached its limit; waits" in running.said[0]
    assert "has room again" in running.said[1]


def test_tls_and_certificates_of_clients(tmp_path: Path) -> None:
    path = issue(tmp_path, "localhost", authority=True).path
    both = {"certificate": str(path), "client_authority": str(path)}
    running = Running(tmp_path, **both)
    known = ssl.create_default_context(cafile=str(path))
    known.load_cert_chain(path)
    unknown = ssl.create_default_context(cafile=str(path))

    async def scene() -> None:
        async with running.open() as port:
            with contextlib.suppress(OSError):
                await send(port, counted(MESSAGES[1]), unknown)
            _, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=known, server_hostname="localhost"
            )
            writer.write(counted(MESSAGES[0]))
            await running.until_stored(1)
            writer.close()

    asyncio.run(scene())
    assert running.lines() == [MESSAGES[0]]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"listen": ""}, "listen is missing"),
        ({"name": ""}, "name is missing"),
        ({"key": "/k"}, "certificate is missing"),
        ({"certificate": "/no/such/file"}, "its certificate or key: No such file"),
    ],
)
def test_settings_that_are_not_complete_are_refused(change: dict[str, str], text: str) -> None:
    settings = Syslog(**{"name": "mx", "listen": "127.0.0.1:0", **change})
    with pytest.raises(ConfigError, match=text):
        check(settings)
        tls_context(settings)


def test_files_that_were_read_are_removed_and_others_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_file, "SEGMENT", 100)
    path = tmp_path / "mx.log"
    writer = LineFile(path, 10_000)
    sent = [b"line %d of the log\n" % number for number in range(60)]
    for line in sent[:30]:
        writer.append([line])
    read, position = b"", first_position(path)

    def follow(count: int) -> None:
        nonlocal read, position
        chunks = Follower(str(path), position, pytest.fail).chunks()
        for chunk in chunks:
            if chunk.is_new:
                read += chunk.data
                position = chunk.position
            if not chunk.data or read.count(b"\n") >= count:
                break
        chunks.close()

    follow(8)
    assert remove_read(path, position) == 0
    follow(30)
    assert remove_read(path, position) > 3
    assert list(tmp_path.iterdir()) == [path]
    for line in sent[30:]:
        writer.append([line])
    assert remove_read(path, position) == 0  # there is a file behind the one of the position
    follow(60)
    assert read == b"".join(sent)
    writer.close()


def test_a_line_that_a_crash_has_cut_is_no_part_of_the_next(tmp_path: Path) -> None:
    path = tmp_path / "mx.log"
    path.write_bytes(b"whole\nhal")
    writer = LineFile(path, 1000)
    writer.append([b"next\n"])
    writer.close()
    assert path.read_bytes() == b"next\n"
    chunks = Follower(str(path), first_position(path), pytest.fail).chunks()
    assert [next(chunks).data, next(chunks).data] == [b"whole\n", b"next\n"]
    with pytest.raises(SpoolFullError, match="limit"):
        LineFile(path, 3).append([b"more\n"])
