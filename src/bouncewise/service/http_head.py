"""HTTP connections whose requests have a bounded head, and come within a bounded time.

uvicorn's reader of httptools keeps header fields without limit, and waits for the rest of a request
for ever. Refuses, with 431 (RFC 6585 section 5) and the end of the connection, a head of more than
MAX_HEAD octets, and as many octets of extensions and trailers of a chunked body in a row. Ends
connections with a head that takes more than HEAD_SECONDS, and those on which a body, or the reading
of the answer, makes no progress for STALLED seconds.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bouncewise.service.connections import FOREVER, Connections, peer_of

MAX_HEAD = 64 << 10
"""Octets of a request line and its header fields that may come before their end."""

HEAD_SECONDS = 30.0
"""Seconds from the beginning of a connection or request to the end of its head."""

STALLED = 60.0
"""Seconds without progress."""

_TOO_LARGE = b"\r\n".join(
    (
        b"HTTP/1.1 431 Request Header Fields Too Large",
        b"content-length: 0",
        b"connection: close",
        b"\r\n",
    )
)


class BoundedHead(HttpToolsProtocol):
    """One connection."""

    def __init__(self, connections: Connections, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._connections = connections
        self._is_in_head = self._is_in_body = self._is_paused = False
        self._head_size = self._overhead = 0
        self.peer, self.since = "", self.loop.time()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The client connected."""
        super().connection_made(transport)
        self.peer = peer_of(transport)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._connections.remove(self)
        super().connection_lost(exc)

    def patience(self) -> float:
        """See Member."""
        if self._is_paused:
            return STALLED
        if self.cycle is None or (self._is_in_head and self.cycle.response_complete):
            return HEAD_SECONDS
        return STALLED if self._is_in_body and not self.flow.read_paused else FOREVER

    def abort(self) -> None:
        """See Member."""
        self.transport.abort()

    def pause_writing(self) -> None:
        """The client does not read its answer."""
        self._is_paused, self.since = True, self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """The client reads its answer."""
        self._is_paused, self.since = False, self.loop.time()
        super().resume_writing()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._is_in_head, self._head_size = True, 0
        self.since = self.loop.time()

    def on_headers_complete(self) -> None:
        """The head of the request has ended."""
        self._is_in_head, self._is_in_body = False, True
        self._overhead = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._overhead = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request has ended."""
        self._is_in_body = False
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        """Read on, as long as the head is not too large."""
        if self.transport.is_closing():
            return
        was_in_head = self._is_in_head
        if self._is_in_body:
            self.since = self.loop.time()
            self._overhead += len(data)
        super().data_received(data)
        if self._is_in_body and self._overhead > MAX_HEAD:
            self._refuse()
        if self._is_in_head:
            # Where the head began within *data*, the end of the request before is in there too.
            self._head_size += len(data) if was_in_head else 0
            if self._head_size > MAX_HEAD:
                self._refuse()

    def _refuse(self) -> None:
        self.transport.write(_TOO_LARGE)
        self.transport.close()
