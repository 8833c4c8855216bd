"""The connections to one port: silent ones end, and none keeps others out."""

from __future__ import annotations

import asyncio
import resource

import pytest

from bouncewise.service import connections as module
from bouncewise.service import conversation, http_head
from bouncewise.service.connections import FOREVER, Connections
from bouncewise.service.conversation import Conversation, Protocol, ended_by
from service.test_http_head import serving


class Made:
    """A connection that is what it is since *since*."""

    def __init__(self, peer: str, since: float, patience: float = FOREVER) -> None:
        self.peer, self.since = peer, since
        self._patience, self.is_aborted = patience, False

    def patience(self) -> float:
        return self._patience

    def abort(self) -> None:
        self.is_aborted = True


def test_one_peer_does_not_keep_the_others_out() -> None:
    port = Connections(10)
    good = [Made("192.0.2.1", -n) for n in range(3)]
    hostile = [Made("192.0.2.9", n) for n in range(1000)]
    for member in good + hostile:
        port.add(member)
    assert len(port) == 10
    assert not any(member.is_aborted for member in good)
    assert [member for member in hostile if not member.is_aborted] == hostile[-7:]
    port.add(late := Made("192.0.2.2", 0))
    assert not late.is_aborted
    for member in [*good, *hostile, late]:
        port.remove(member)
    assert len(port) == 0
    assert port.ended == 994


def test_what_is_silent_for_longer_than_it_may_be_is_ended() -> None:
    port = Connections(10)
    members = [Made("", 0, 10), Made("", 5, 10), Made("", 0)]
    for member in members:
        port.add(member)
    port.sweep(12)
    assert [member.is_aborted for member in members] == [True, False, False]


@pytest.mark.parametrize(("files", "most"), [(20, 16), (1024, 204), (1 << 20, module.MOST)])
def test_the_most_follow_from_the_files_that_may_be_open(
    monkeypatch: pytest.MonkeyPatch, files: int, most: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    assert module.most_connections() == most


async def settles(
    port: Connections, address: tuple[str, int], said: bytes, answers: int, patience: float
) -> bool:
    """Whether, after *said* was sent and that many answers came, the patience becomes this."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(said)
    for _ in range(answers):
        await asyncio.wait_for(reader.readuntil(b"\n"), 30)
    try:
        async with asyncio.timeout(30):
            while [member.patience() for member in port] != [patience]:
                await asyncio.sleep(0.01)
    except TimeoutError:
        return False
    finally:
        writer.transport.abort()
    async with asyncio.timeout(30):
        while len(port):
            await asyncio.sleep(0.01)
    return True


@pytest.mark.parametrize(
    ("said", "answers", "patience"),
    [
        (b"", 0, conversation.IDLE),
        (b"half", 0, conversation.WITHIN),
        (b"whole\n", 1, conversation.IDLE),
        (b"whole\nhalf", 1, conversation.WITHIN),
    ],
)
def test_a_request_of_a_mail_server_has_to_end(said: bytes, answers: int, patience: float) -> None:
    async def run() -> bool:
        port = Connections()
        protocol = Protocol(ended_by(b"\n"), lambda _: b"yes\n")
        server = await asyncio.get_running_loop().create_server(
            lambda: Conversation(protocol, port), "127.0.0.1", 0
        )
        try:
            return await settles(port, server.sockets[0].getsockname(), said, answers, patience)
        finally:
            server.close()

    assert asyncio.run(run())


GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"


@pytest.mark.parametrize(
    ("said", "answers", "patience"),
    [
        (b"", 0, http_head.HEAD_SECONDS),
        (GET[:20], 0, http_head.HEAD_SECONDS),
        (GET, 1, FOREVER),  # (uvicorn ends it)
        (GET + GET[:9], 1, http_head.HEAD_SECONDS),
        (POST + b"half", 0, http_head.STALLED),
        (POST + b"the whole", 0, FOREVER),  # it is answered late
    ],
)
def test_a_request_by_http_has_to_go_on(said: bytes, answers: int, patience: float) -> None:
    async def run() -> bool:
        port = Connections()
        async with serving(port) as address:
            return await settles(port, address, said, answers, patience)

    assert asyncio.run(run())
