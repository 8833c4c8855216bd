"""The sockets of a run of questions to DNS: for each server a few UDP ports, and TCP where it is
needed. RFC 5452 section 4: a reply counts only at the port, with the id, and from the address that
the query went to.

Reads: queries. Gives: the messages that arrive for them. Refuses: to wait for anything but select.
"""

from __future__ import annotations

import os
import selectors
import socket
from collections.abc import Iterator
from typing import cast

from bouncewise.net.answers import Question
from bouncewise.net.servers import Server
from bouncewise.net.streams import Stream
from bouncewise.net.wire import query

PORTS = 16
"""Sockets for each server, each with a port of the kernel's choice."""

_AT_ONCE = 64  # datagrams that are read from one socket before the others
_OCTETS = 4096


class Query:
    """A question on its way. ``server``: the number of the one it goes to; ``failures``: a bit
    for each server that refused to answer in this pass; ``serial`` differs after each sending.
    """

    __slots__ = (
        "attempt",
        "edns",
        "failures",
        "number",
        "port",
        "question",
        "reason",
        "serial",
        "server",
        "stream",
        "wire",
    )

    def __init__(self, question: Question, wire: bytes) -> None:
        self.question, self.wire = question, wire
        self.attempt = self.failures = self.server = self.serial = self.number = 0
        self.edns, self.reason = True, ""
        self.port: _Port | None = None
        self.stream: Stream | None = None


class Sockets:
    """Sends queries to numbered servers, and reads what arrives. Use as a context manager."""

    def __init__(self, servers: tuple[Server, ...]) -> None:
        self.servers = servers
        self._selector = selectors.DefaultSelector()
        self._ports: list[list[_Port]] = [[] for _ in servers]
        self._broken: list[tuple[_Port, OSError]] = []
        self._turn = 0

    def __enter__(self) -> Sockets:
        return self

    def __exit__(self, *_: object) -> None:
        for key in list(self._selector.get_map().values()):
            cast(socket.socket, key.fileobj).close()
        self._selector.close()

    def send(self, item: Query) -> None:
        """Send *item* by UDP, with a new id. What cannot be sent is lost like any datagram."""
        port = self._port(item.server)
        item.port, item.number = port, port.new_id()
        port.waiting[item.number] = item
        try:
            port.socket.send(query(item.number, item.wire, edns=item.edns))
        except BlockingIOError:
            pass
        except OSError as error:  # ICMP about what was sent before: nobody listens there
            self._broken.append((port, error))

    def send_by_tcp(self, item: Query) -> None:
        """Send *item* by TCP to the same server. Raises OSError."""
        item.stream = Stream(
            self.servers[item.server], query(item.number, item.wire, edns=item.edns)
        )
        self._selector.register(item.stream.socket, selectors.EVENT_WRITE, item)

    def release(self, item: Query) -> None:
        """*item* waits for nothing any longer."""
        item.serial += 1
        if item.port is not None:
            del item.port.waiting[item.number]
            item.port = None
        if item.stream is not None:
            self._selector.unregister(item.stream.socket)
            item.stream.close()
            item.stream = None

    def receive(self, seconds: float) -> Iterator[tuple[Query, bytes | OSError]]:
        """What arrives for queries, within *seconds*: messages with their id, or why there will
        be none.
        """
        broken, self._broken = self._broken, []
        for port, error in broken:
            yield from port.fail(error)
        for key, _ in self._selector.select(0 if broken else seconds):
            if isinstance(key.data, _Port):
                yield from key.data.receive()
            elif (item := key.data).stream is not None:
                yield from self._proceed(item, item.stream)

    def _proceed(self, item: Query, stream: Stream) -> Iterator[tuple[Query, bytes | OSError]]:
        try:
            data = stream.proceed()
        except OSError as error:
            yield item, OSError(f"TCP: {error.strerror or error}")
            return
        if data is not None:
            yield item, data
        elif stream.is_sent:
            self._selector.modify(stream.socket, selectors.EVENT_READ, item)

    def _port(self, server: int) -> _Port:
        ports = self._ports[server]
        self._turn = (self._turn + 1) % PORTS
        if self._turn < len(ports):
            return ports[self._turn]
        port = _Port(self.servers[server])
        self._selector.register(port.socket, selectors.EVENT_READ, port)
        ports.append(port)
        return port


class _Port:
    """A connected socket, and the queries that wait for a reply at it, by id."""

    def __init__(self, server: Server) -> None:
        family = socket.AF_INET6 if ":" in server.address else socket.AF_INET
        self.server = server
        self.waiting: dict[int, Query] = {}
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.connect((server.address, server.port))

    def new_id(self) -> int:
        """An id that nobody can foresee, and no query here has."""
        while True:
            number = int.from_bytes(os.urandom(2))
            if number not in self.waiting:
                return number

    def receive(self) -> Iterator[tuple[Query, bytes | OSError]]:
        """The datagrams with an id that is waited for; where nobody listens at the server, an
        error for every query.
        """
        for _ in range(_AT_ONCE):
            try:
                data = self.socket.recv(_OCTETS)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                yield from self.fail(error)
                return
            waiting = self.waiting.get(int.from_bytes(data[:2]))
            if waiting is not None:
                yield waiting, data

    def fail(self, error: OSError) -> Iterator[tuple[Query, bytes | OSError]]:
        """Every query that waits here, with the error."""
        words = f"{self.server}: {error.strerror or error}"
        for item in list(self.waiting.values()):
            yield item, OSError(words)
