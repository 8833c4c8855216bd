"""A connection on which requests follow one another, each answered at once.

Reads: octets. Gives: the answer to each request, in order. Where the client ends its side, what it
sent is answered first. Refuses, by closing the connection: a request of more than MAX_REQUEST
octets or WITHIN seconds, what the protocol does not allow, and silence of more than IDLE seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple, cast

from bouncewise.service.connections import Connections, peer_of

MAX_REQUEST = 64 << 10
"""Octets of one request; Postfix's longest are a few KiB."""

WITHIN = 30.0
"""Seconds for which a request may be incomplete, or answers may not be read."""

IDLE = 330.0
"""Seconds between requests. Postfix ends such a connection after 300
(``smtpd_policy_service_max_idle``).
"""

Cut = Callable[[bytes], tuple[list[bytes], bytes]]
"""The whole requests of what was received, and the rest. Raises ValueError where the protocol does
not allow it.
"""


class Protocol(NamedTuple):
    """How requests are separated, and what is answered."""

    cut: Cut
    answer: Callable[[bytes], bytes]


class Conversation(asyncio.Protocol):
    """One connection."""

    def __init__(self, protocol: Protocol, connections: Connections) -> None:
        self._cut, self._answer = protocol
        self._connections, self._loop = connections, asyncio.get_running_loop()
        self._waiting = b""
        self._transport: asyncio.Transport | None = None
        self._is_paused = False
        self.peer, self.since = "", 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The client connected."""
        self._transport = cast(asyncio.Transport, transport)  # (uvloop's is no subclass)
        self.peer, self.since = peer_of(transport), self._loop.time()
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._connections.remove(self)

    def patience(self) -> float:
        """See Member."""
        return WITHIN if self._waiting or self._is_paused else IDLE

    def abort(self) -> None:
        """See Member."""
        if self._transport is not None:
            self._transport.abort()

    def pause_writing(self) -> None:
        """The client does not read its answers: read no more of its requests."""
        self._is_paused, self.since = True, self._loop.time()
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client has read its answers."""
        self._is_paused, self.since = False, self._loop.time()
        if self._transport is not None:
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        assert self._transport is not None
        if not self._waiting:  # a request begins
            self.since = self._loop.time()
        try:
            requests, self._waiting = self._cut(self._waiting + data)
        except ValueError:
            self._transport.close()
            return
        if requests:
            self.since = self._loop.time()
            self._transport.write(b"".join(map(self._answer, requests)))
        if len(self._waiting) > MAX_REQUEST:
            self._transport.close()


def ended_by(end: bytes) -> Cut:
    """Requests that *end* ends."""

    def cut(data: bytes) -> tuple[list[bytes], bytes]:
        *requests, rest = data.split(end)
        return requests, rest

    return cut
