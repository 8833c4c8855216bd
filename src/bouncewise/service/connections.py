"""The connections to one port, none of which can keep the others out.

Gives: each connection as long as it is worth it. Ends those that are silent for longer than they
may be, and, where a port has MOST, the one that was silent longest among those of the peer that
has most. A mail server whose kept connection ends opens another one.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import resource
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Protocol

MOST = 4096
"""Connections to a port; fewer where the process may not open that many files."""

PORTS = 5
"""Parts of the files that the process may open: one for each port, and one for the rest."""

_SWEEP = 5.0


class Member(Protocol):
    """One connection. ``peer``: its address, without the port; ``since``: when it began to be as
    it is, by the loop's clock.
    """

    peer: str
    since: float

    def patience(self) -> float:
        """Seconds for which it may go on to be as it is."""

    def abort(self) -> None:
        """End it."""


class Connections:
    """See the module."""

    def __init__(self, most: int = 0) -> None:
        """*most*: at a time; 0: as many as the process can have."""
        self._most = most or most_connections()
        self._members: dict[Member, None] = {}
        self._peers = Counter[str]()
        self.ended = 0
        """Connections that were ended here."""

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[Member]:
        return iter(self._members)

    def add(self, member: Member) -> None:
        """A connection was made."""
        if len(self._members) >= self._most:
            ((peer, _),) = self._peers.most_common(1)
            self._end(min((m for m in self._members if m.peer == peer), key=lambda m: m.since))
        self._members[member] = None
        self._peers[member.peer] += 1

    def remove(self, member: Member) -> None:
        """A connection has ended."""
        if member in self._members:
            del self._members[member]
            self._peers[member.peer] -= 1
            self._peers += Counter()  # without the peers that have none

    def sweep(self, now: float) -> None:
        """End what is silent for too long; *now*: by the loop's clock."""
        for member in [m for m in self._members if now - m.since > m.patience()]:
            self._end(member)

    @contextlib.asynccontextmanager
    async def swept(self) -> AsyncIterator[None]:
        """``sweep`` again and again, as long as this is open."""
        sweeping = asyncio.create_task(self._sweep_always())
        try:
            yield
        finally:
            sweeping.cancel()

    async def _sweep_always(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP)
            self.sweep(asyncio.get_running_loop().time())

    def _end(self, member: Member) -> None:
        self.remove(member)
        self.ended += 1
        member.abort()


def most_connections() -> int:
    """How many connections a port may have."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if files == resource.RLIM_INFINITY else max(16, min(MOST, files // PORTS))


def peer_of(transport: asyncio.BaseTransport) -> str:
    """The address of the other side without its port; '' for a Unix socket."""
    name = transport.get_extra_info("peername")
    return str(name[0]) if isinstance(name, tuple) else ""


FOREVER = math.inf
"""The patience with what may be as it is for any time."""
