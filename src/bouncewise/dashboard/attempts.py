"""Limits of wrong passwords, so that nobody can try many: for a user from one address, for an
address, and for a user from anywhere.

After the first limit a user still signs in from another address: nobody can lock a user out alone.
Only as many names and addresses are remembered as MOST; the oldest are dropped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

WINDOW = 600.0
"""Seconds for which a wrong password counts."""

FROM_ONE, OF_ADDRESS, OF_NAME = 5, 30, 100
"""Wrong passwords within WINDOW of one user from one address, from one address, and of one user."""

MOST = 10_000

_Key = tuple[str, str]


class Attempts:
    """The wrong passwords of the last minutes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: dict[_Key, list[float]] = {}

    def wait(self, name: str, peer: str) -> float:
        """Seconds until *name* may try again from *peer*; 0: now."""
        return max(self._wait(key, most) for key, most in _limits(name, peer))

    def failed(self, name: str, peer: str) -> None:
        """A password was wrong."""
        now = self._clock()
        for key, most in _limits(name, peer):
            times = [at for at in self._wrong.pop(key, ()) if now - at < WINDOW]
            self._wrong[key] = [*times, now][-most:]
        while len(self._wrong) > MOST:
            del self._wrong[next(iter(self._wrong))]

    def succeeded(self, name: str, peer: str) -> None:
        """The attempt that was counted last was right: what was wrong before was a slip."""
        for key, _ in _limits(name, peer):
            self._wrong[key] = self._wrong.get(key, [])[:-1]
        self._wrong.pop((name, peer), None)

    def _wait(self, key: _Key, most: int) -> float:
        now = self._clock()
        times = [at for at in self._wrong.get(key, ()) if now - at < WINDOW]
        return times[0] + WINDOW - now if len(times) >= most else 0.0


def _limits(name: str, peer: str) -> Iterator[tuple[_Key, int]]:
    yield (name, peer), FROM_ONE
    yield ("", peer), OF_ADDRESS
    yield (name, ""), OF_NAME
