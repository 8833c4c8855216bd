"""HTTP connections whose requests have a bounded head.

uvicorn's reader of httptools keeps header fields without limit. Refuses, with 431 (RFC 6585
section 5) and the end of the connection, a head of more than MAX_HEAD octets.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD = 64 << 10
"""Octets of a request line and its header fields that may come before their end."""

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

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._is_in_head = False
        self._head_size = 0

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._is_in_head, self._head_size = True, 0

    def on_headers_complete(self) -> None:
        """The head of the request has ended."""
        self._is_in_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Read on, as long as the head is not too large."""
        if self.transport.is_closing():
            return
        was_in_head = self._is_in_head
        super().data_received(data)
        if self._is_in_head:
            # Where the head began within *data*, the end of the request before is in there too.
            self._head_size += len(data) if was_in_head else 0
            if self._head_size > MAX_HEAD:
                self.transport.write(_TOO_LARGE)
                self.transport.close()
