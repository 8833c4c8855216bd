"""Lines that log daemons send by TCP, plain or by TLS (RFC 6587, RFC 5425).

Reads: messages with their length before them (octet counting), or each ended by LF or NUL, on one
connection also both. Gives: each message as one line, on disk before more is read from its
connection: syslog over TCP has no acknowledgements, so that what is read and not stored would be
lost. Where nothing can be stored, reading stops, and the log daemon keeps what it has. Of a message
MAX_LINE octets are kept. Refuses, by closing the connection: peers that are not configured, and
a message that is announced as longer than LONGEST, or does not end within PATIENCE seconds.
A connection on which nothing comes stays open: a log daemon would lose what it writes first after
its end.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from bouncewise.config.inputs import Syslog
from bouncewise.errors import ConfigError
from bouncewise.readers.base import MAX_LINE
from bouncewise.service.inbox import Inbox
from bouncewise.service.spool import SpoolFullError

PATIENCE = 60.0
"""Seconds in which a message that has begun must end, and TLS must be agreed on."""

LONGEST = 1 << 20
"""Octets of a message that are passed."""

MOST_CONNECTIONS = 500
"""Connections at a time."""

LAST = 1.0
"""Seconds without data after which a connection is closed when the service ends."""

_READ = 1 << 17
_FULL = 1.0  # seconds after which storing is tried again
_COUNTED = re.compile(rb"([1-9]\d{0,9}) (?=<)")
_END = re.compile(rb"[\n\0]")
_WITHIN = re.compile(rb"[\r\n\0]+")

_LOOPBACK = ("127.0.0.0/8", "::1/128")


class Frames:
    """Cuts what one connection sends into messages."""

    def __init__(self) -> None:
        self._waiting = b""
        self._left = 0  # octets of a counted message that are passed
        self._is_passing = False  # the rest of a long line
        self.cut = 0
        """Messages of which only the beginning was kept."""

    @property
    def has_begun(self) -> bool:
        """Whether a message has begun and not ended."""
        return bool(self._waiting or self._left or self._is_passing)

    def add(self, data: bytes) -> list[bytes]:
        """The messages that end in *data*, each as one line without its end. Raises ValueError for
        a message that is too long.
        """
        found: list[bytes] = []
        data = self._waiting + data
        at = 0
        while at < len(data):
            if self._left:
                passed = min(self._left, len(data) - at)
                self._left -= passed
                at += passed
                continue
            counted = None if self._is_passing else _COUNTED.match(data, at)
            end = self._counted(data, counted, found) if counted else self._ended(data, at, found)
            if end < 0:
                break
            at = end
        self._waiting = data[at:]
        return found

    def _counted(self, data: bytes, head: re.Match[bytes], found: list[bytes]) -> int:
        """Where the message with its length in *head* ends; -1 where its end is not there."""
        length = int(head[1])
        if length > LONGEST:
            raise ValueError(f"a message of {length} octets")
        kept = min(length, MAX_LINE)
        if len(data) - head.end() < kept:
            return -1
        self._left = length - kept
        self._give(data[head.end() : head.end() + kept], found, is_cut=length > kept)
        return head.end() + kept

    def _ended(self, data: bytes, at: int, found: list[bytes]) -> int:
        """Where the line that begins at *at* ends, its end included; -1 where that is not there."""
        end = _END.search(data, at)
        if end is None:
            rest = len(data) - at
            if self._is_passing or rest > MAX_LINE:
                if not self._is_passing:
                    self._give(data[at : at + MAX_LINE], found, is_cut=True)
                self._is_passing = True
                return len(data)
            return -1
        if not self._is_passing:
            self._give(data[at : end.start()], found, is_cut=False)
        self._is_passing = False
        return end.end()

    def _give(self, message: bytes, found: list[bytes], *, is_cut: bool) -> None:
        self.cut += is_cut
        if line := _WITHIN.sub(b" ", message[:MAX_LINE].rstrip(b"\r\n\0")):
            found.append(line)


class SyslogServer:
    """Serves the connections of *syslog*. ``lines``, ``cut`` and ``refused``: lines that were
    stored, those of them that were cut, and connections that were refused.
    """

    def __init__(
        self,
        syslog: Syslog,
        inbox: Inbox[bytes],
        tell: Callable[[str], None],
        heard: Callable[[], None],
    ) -> None:
        self.name, self._inbox, self._tell, self._heard = called(syslog), inbox, tell, heard
        self._networks = [ip_network(peer) for peer in (syslog.peers or _LOOPBACK)]
        self._is_stopping = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._unknown: set[str] = set()
        self.lines = self.cut = self.refused = 0

    @property
    def connections(self) -> int:
        """How many there are now."""
        return len(self._tasks)

    def counts(self) -> dict[str, int]:
        """For /statusz and /metrics."""
        return {
            "lines": self.lines,
            "cut": self.cut,
            "refused": self.refused,
            "connections": self.connections,
        }

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""
        task = asyncio.current_task()
        assert task is not None
        try:
            if not self._may_send(writer) or len(self._tasks) >= MOST_CONNECTIONS:
                self.refused += 1
                return
            self._tasks.add(task)
            _keep_alive(writer)
            await self._receive(reader)
        except ValueError as bad:
            self._tell(f"{self.name}: {bad} is too long; its connection is closed")
        except (ConnectionError, TimeoutError, ssl.SSLError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _receive(self, reader: asyncio.StreamReader) -> None:
        frames = Frames()
        while data := await self._read(reader, frames):
            lines = frames.add(data)
            if lines:
                await self._store(b"".join(line + b"\n" for line in lines))
                self.lines += len(lines)
                self._heard()
            self.cut, frames.cut = self.cut + frames.cut, 0

    async def _read(self, reader: asyncio.StreamReader, frames: Frames) -> bytes:
        """What comes next; nothing at the end."""
        reading = asyncio.ensure_future(reader.read(_READ))
        stopping = asyncio.ensure_future(self._is_stopping.wait())
        try:
            limit = PATIENCE if frames.has_begun else None
            await asyncio.wait({reading, stopping}, timeout=limit, return_when="FIRST_COMPLETED")
            if not reading.done() and stopping.done():
                await asyncio.wait({reading}, timeout=LAST)
            if reading.done():
                return reading.result()
            if not stopping.done():
                self._tell(f"{self.name}: a message did not end within {PATIENCE:g} s")
            return b""
        finally:
            reading.cancel()
            stopping.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await reading

    async def _store(self, lines: bytes) -> None:
        """Store *lines*, however long that takes; what comes behind them waits."""
        while True:
            try:
                await self._inbox.put(lines)
            except SpoolFullError:
                await asyncio.sleep(_FULL)
            else:
                return

    async def finish(self, seconds: float) -> None:
        """Store what was sent, and end all connections, within that time."""
        self._is_stopping.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        for task in self._tasks:
            task.cancel()

    def _may_send(self, writer: asyncio.StreamWriter) -> bool:
        peer = writer.get_extra_info("peername")
        if not isinstance(peer, tuple):  # (a socket in the file system: its folder says who may)
            return True
        address = ip_address(peer[0].partition("%")[0])
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        if any(address in network for network in self._networks):
            return True
        if len(self._unknown) < 20 and str(address) not in self._unknown:
            self._unknown.add(str(address))
            self._tell(f"{self.name}: {address} is not one of its peers, and is refused")
        return False


def called(syslog: Syslog) -> str:
    """What the server is called in lines and reports."""
    return f"syslog {syslog.name or syslog.listen}"


def check(syslog: Syslog) -> None:
    """Raise ConfigError where settings are missing."""
    if not syslog.listen:
        raise ConfigError(f"[[syslog]] {syslog.name}: listen is missing")
    if not syslog.name:
        raise ConfigError("[[syslog]]: name is missing")
    if (syslog.key or syslog.client_authority) and not syslog.certificate:
        raise ConfigError(f"[[syslog]] {syslog.name}: certificate is missing")


def tls_context(syslog: Syslog) -> ssl.SSLContext | None:
    """What TLS is agreed on with; None without TLS. Raises ConfigError."""
    if not syslog.certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(syslog.certificate, syslog.key or None)
        if syslog.client_authority:
            context.load_verify_locations(syslog.client_authority)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as bad:  # (ssl.SSLError is one)
        reason = bad.strerror or str(bad)
        raise ConfigError(f"[[syslog]] {syslog.name}: its certificate or key: {reason}") from None
    return context


def _keep_alive(writer: asyncio.StreamWriter) -> None:
    """Notice peers that have vanished."""
    sock = writer.get_extra_info("socket")
    if sock is None or sock.family == socket.AF_UNIX:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 300)
