"""A connection on which requests follow one another, each answered at once.

Reads: octets. Gives: the answer to each request, in order. Where the client ends its side, what it
sent is answered first. Refuses, by closing the connection: a request of more than MAX_REQUEST
octets, and what the protocol does not allow.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple, cast

MAX_REQUEST = 64 << 10
"""Octets of one request; Postfix's longest are a few KiB."""

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

    def __init__(self, protocol: Protocol) -> None:
        self._cut, self._answer = protocol
        self._waiting = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The client connected."""
        self._transport = cast(asyncio.Transport, transport)  # (uvloop's is no subclass)

    def pause_writing(self) -> None:
        """The client does not read its answers: read no more of its requests."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client has read its answers."""
        if self._transport is not None:
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        assert self._transport is not None
        try:
            requests, self._waiting = self._cut(self._waiting + data)
        except ValueError:
            self._transport.close()
            return
        if requests:
            self._transport.write(b"".join(map(self._answer, requests)))
        if len(self._waiting) > MAX_REQUEST:
            self._transport.close()


def ended_by(end: bytes) -> Cut:
    """Requests that *end* ends."""

    def cut(data: bytes) -> tuple[list[bytes], bytes]:
        *requests, rest = data.split(end)
        return requests, rest

    return cut
