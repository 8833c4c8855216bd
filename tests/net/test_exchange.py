"""Requests to a server that is slow, lies, or sends elsewhere."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from bouncewise.net.exchange import Reply, Server
from bouncewise.net.https import FetchError, UnreachableError
from bouncewise.net.retry import TRIES, Clock, persistently

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@contextmanager
def answering(*answers: bytes | None) -> Iterator[str]:
    """A server that gives each connection the next answer; None: it waits until the client goes
    away.
    """
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for answer in answers:
            with listener.accept()[0] as connection:
                connection.recv(1 << 16)
                if answer is None:
                    connection.recv(1)
                    continue
                connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        thread.join(5)
        listener.close()


def ask(url: str, timeout: float = 5.0, limit: int = 100) -> Reply:
    with Server(url, timeout=timeout) as server:
        return server.send("GET", f"{server.base}/x", {}, None, limit)


def test_a_server_that_does_not_answer_is_unreachable() -> None:
    with answering(None) as url, pytest.raises(UnreachableError, match="timed out"):
        ask(url, timeout=0.2)


def test_a_body_that_ends_early_is_unreachable() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"
    with answering(head) as url, pytest.raises(UnreachableError, match="ended early"):
        ask(url, timeout=0.2)


def test_a_body_in_small_pieces_has_an_end() -> None:
    """Each piece comes in time, and all of them do not."""
    listener = socket.create_server(("127.0.0.1", 0))
    gone = threading.Event()

    def drip() -> None:
        with listener.accept()[0] as connection:
            connection.recv(1 << 16)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not gone.wait(0.02):
                try:
                    connection.sendall(b" ")
                except OSError:
                    return

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        with pytest.raises(UnreachableError, match="did not end in time"):
            ask(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=0.2, limit=100_000)
    finally:
        gone.set()
        thread.join(5)
        listener.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n" + b"x" * 101,
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * 5000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n" + b"x" * 4095 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
        b"220 mx.example ESMTP\r\n",
    ],
)
def test_hostile_answers_are_one_error(answer: bytes) -> None:
    with answering(answer) as url, pytest.raises(FetchError) as raised:
        ask(url)
    assert len(str(raised.value).splitlines()) == 1


def test_a_redirect_is_not_followed() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
    with answering(moved) as url:
        assert ask(url).status == 302


def test_a_connection_is_kept_and_made_again() -> None:
    closing = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with answering(closing, OK) as url, Server(url) as server:
        for _ in range(2):
            assert server.send("GET", server.base, {}, None, 10).body == b"{}"


@pytest.mark.parametrize(
    "url", ["http://api.example.com", "ftp://x", "https://", "https://a:b@c.example", "x"]
)
def test_urls_that_would_show_a_key_are_refused(url: str) -> None:
    with pytest.raises(FetchError):
        Server(url)


def _tried(*answers: Reply | Exception) -> tuple[Callable[[], Reply], list[float], Clock]:
    waiting, waits = list(answers), list[float]()

    def send() -> Reply:
        answer = waiting.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return send, waits, Clock(waits.append, lambda: datetime(2026, 11, 27, tzinfo=UTC))


def test_tries_end_with_the_last_reply_or_error() -> None:
    send, waits, clock = _tried(*[Reply(503, {}, b"")] * TRIES)
    assert persistently(send, clock).status == 503
    assert waits == [1, 2, 4, 8, 16]
    send, waits, clock = _tried(*[UnreachableError("x")] * TRIES)
    with pytest.raises(UnreachableError):
        persistently(send, clock)


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("3", 3),
        ("Fri, 27 Nov 2026 00:00:09 GMT", 9),
        ("-1", 1),
        ("soon", 1),
        ("", 1),
        ("9" * 99, None),
        ("Fri, 27 Nov 9999 00:00:09 GMT", None),
        ("٣", 1),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, wait: float | None) -> None:
    send, waits, clock = _tried(Reply(429, {"retry-after": text}, b""), Reply(200, {}, b""))
    if wait is None:
        with pytest.raises(FetchError, match="asks to wait"):
            persistently(send, clock)
    else:
        assert persistently(send, clock).status == 200
        assert waits == [wait]
