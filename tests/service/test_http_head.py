"""The head of a request is bounded."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial

import pytest
import uvicorn

from bouncewise.service.connections import Connections
from bouncewise.service.http_head import MAX_HEAD, BoundedHead
from bouncewise.service.sockets import listening

BEGIN = b"GET / HTTP/1.1\r\nHost: x\r\n"


async def application(scope: dict[str, str], receive: object, send: object) -> None:
    """Answers every request; to /wait, never."""
    assert callable(send)
    if scope["path"] == "/wait":
        await asyncio.Event().wait()
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@contextlib.asynccontextmanager
async def serving(port: Connections) -> AsyncIterator[tuple[str, int]]:
    """The address of a server."""
    config = uvicorn.Config(
        application,
        http=partial(BoundedHead, port),  # type: ignore[arg-type]
        log_config=None,
        lifespan="off",
        timeout_graceful_shutdown=0,
    )
    server = uvicorn.Server(config)
    sock = listening("127.0.0.1:0")
    task = asyncio.create_task(server._serve([sock]))
    try:
        yield sock.getsockname()
    finally:
        server.should_exit = True
        await task


async def ask(*parts: bytes) -> bytes:
    """The status lines of what is answered to *parts*, sent one after another."""
    async with serving(Connections()) as address:
        reader, writer = await asyncio.open_connection(*address)
        answer = b""
        with contextlib.suppress(ConnectionError, TimeoutError):
            for part in parts:
                writer.write(part)
                await asyncio.wait_for(writer.drain(), 1)
                await asyncio.sleep(0.01)
        with contextlib.suppress(ConnectionError, TimeoutError):
            while data := await asyncio.wait_for(reader.read(1 << 16), 1):
                answer += data
        writer.transport.abort()
        return answer


def test_a_head_without_end_is_refused() -> None:
    fields = [b"X: " + b"a" * 10_000 + b"\r\n"] * 7
    assert b" 431 " in asyncio.run(ask(BEGIN, *fields))


def test_a_line_without_end_is_refused() -> None:
    assert b" 431 " in asyncio.run(ask(b"GET /", *[b"a" * 10_000] * 7))


CHUNKED = b"POST /wait HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("begin", [b"0\r\n", b"0\r\nX: ", b"5;", b"5\r\nhello\r\n5;"])
def test_what_is_no_body_in_a_chunked_body_is_bounded(begin: bytes) -> None:
    part = b"X: y\r\n" * 2000 if begin.endswith(b"0\r\n") else b"x" * 12_000
    assert b" 431 " in asyncio.run(ask(CHUNKED, begin, *[part] * 6))


def test_ordinary_requests_and_large_bodies_are_answered() -> None:
    field = b"X: " + b"a" * (MAX_HEAD // 2) + b"\r\n"
    post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n"
    body = b"b" * 300_000
    found = asyncio.run(ask(BEGIN, field, b"\r\n", post, body + BEGIN, b"\r\n"))
    assert found.count(b" 204 ") == 3
    assert b" 431 " not in found
