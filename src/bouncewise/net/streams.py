"""One question to DNS by TCP, without waiting. RFC 7766, RFC 1035 section 4.2.2.

Reads: what a name server sends on a connection. Gives: its first message, once it is complete.
Refuses: connections that end before.
"""

from __future__ import annotations

import os
import socket

from bouncewise.net.servers import Server

_IN_PROGRESS = (115, 36, 10035)  # EINPROGRESS on Linux and macOS, WSAEWOULDBLOCK
_OCTETS = 1 << 16


class Stream:
    """A connection that sends *query* and reads one message. ``is_sent``: only reading is left."""

    def __init__(self, server: Server, query: bytes) -> None:
        family = socket.AF_INET6 if ":" in server.address else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self._to_send = len(query).to_bytes(2) + query
        self._id = query[:2]
        self._data = b""
        self.socket.setblocking(False)
        error = self.socket.connect_ex((server.address, server.port))
        if error and error not in _IN_PROGRESS:
            self.socket.close()
            raise OSError(error, os.strerror(error))

    @property
    def is_sent(self) -> bool:
        """Whether the whole query is on its way."""
        return not self._to_send

    def proceed(self) -> bytes | None:
        """Send or read what can be without waiting; the message when it is complete. Raises
        OSError.
        """
        try:
            if self._to_send:
                self._to_send = self._to_send[self.socket.send(self._to_send) :]
                return None
            data = self.socket.recv(_OCTETS)
        except (BlockingIOError, InterruptedError):
            return None
        self._data += data
        if len(self._data) >= 2 and len(self._data) >= 2 + int.from_bytes(self._data[:2]):
            message = self._data[2 : 2 + int.from_bytes(self._data[:2])]
            if message[:2] != self._id:
                raise OSError("the answer has another id")
            return message
        if not data:
            raise OSError("the connection was closed before the answer")
        return None

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()
