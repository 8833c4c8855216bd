"""What the front process knows of the ledger, read in a thread beside the loop.

Reads: the ledger, again whenever it has changed. Gives: answers of the State that are as new as
the last look. A look at a changed ledger may take a second, and at a server that does not answer
much longer; no connection waits for it. Two connections are open: that of the thread, and that of
the loop, whose single queries have strict limits.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple, TypeVar

from bouncewise.errors import BouncewiseError
from bouncewise.ledger import Location, Store, open_store
from bouncewise.ledger.database import PATIENCE, SILENCE
from bouncewise.operations.check import Known
from bouncewise.policy.load import Policy
from bouncewise.service.ledger_file import LedgerFile
from bouncewise.service.state import REFRESH, State

LOOP_WAIT, LOOP_SILENCE = 0.1, 1.0
"""Seconds for which a question waits for others that lock the ledger, and for a server."""

READ_WAIT, READ_SILENCE = 5.0, 30.0
"""The same for reading the ledger again."""

_RETRY = 2.0
_SHARE = 2  # times that a look took, and that pass until the next

T = TypeVar("T")


def limit_questions() -> None:
    """Set the limits of the loop's own queries, in the context of this task."""
    PATIENCE.set(LOOP_WAIT)
    SILENCE.set(LOOP_SILENCE)


async def follow(state: State, location: Location, policy: Policy, spool: str) -> None:
    """Open the ledger when it can be, and notice its changes, until cancelled. *spool*: the name
    of the ledger's cursor in it.
    """
    while True:
        # (not waited for: a server that does not answer holds its thread)
        thread = ThreadPoolExecutor(1, "ledger", _limit_reading)
        try:
            await _follow_once(state, location, policy, _Reader(location, thread, spool))
        except BouncewiseError as bad:
            state.lose_ledger(str(bad))
        except Exception as defect:  # answers from a ledger that nobody follows would be old
            state.lose_ledger(f"{type(defect).__name__}: {defect}")
        finally:
            thread.shutdown(wait=False)
        await asyncio.sleep(_RETRY)


def _limit_reading() -> None:
    PATIENCE.set(READ_WAIT)
    SILENCE.set(READ_SILENCE)


class News(NamedTuple):
    """A ledger that has changed, and up to where it has read the spool."""

    known: Known
    drained: int


class _Reader:
    """The connection of the thread."""

    def __init__(self, location: Location, thread: ThreadPoolExecutor, spool: str) -> None:
        """*spool*: the name of the ledger's cursor in it."""
        self._location, self._thread, self._spool = location, thread, spool
        self._ledger: Store | None = None
        self._version: tuple[int, int] | None = None

    def run(self, work: Callable[[], T]) -> Awaitable[T]:
        """What *work* gives, called in the thread."""
        return asyncio.get_running_loop().run_in_executor(self._thread, work)

    def news(self) -> News | None:
        """What is to be known of the ledger, where that has changed. Raises LedgerError."""
        if self._ledger is None:
            self._ledger = open_store(self._location, read_only=True)
        version = self._ledger.version()
        if version == self._version:
            return None
        found = Known.of(self._ledger, version)
        self._version = version
        return News(found, self._ledger.cursor(self._spool))

    def close(self) -> None:
        """Close the connection, from the thread."""
        if self._ledger is not None:
            self._ledger.close()


async def _follow_once(state: State, location: Location, policy: Policy, reader: _Reader) -> None:
    """Follow the ledger until it is lost. Raises BouncewiseError."""
    loop = asyncio.get_running_loop()
    async with contextlib.AsyncExitStack() as stack:
        # (left last: closing a descriptor of the file gives up SQLite's locks)
        file = stack.enter_context(LedgerFile(location))
        stack.callback(reader.run, reader.close)
        news = await reader.run(reader.news)
        assert news is not None
        ledger = stack.enter_context(await _opened(location, reader))
        state.use_ledger(ledger, policy, news.known)
        state.drained = news.drained
        while True:
            begun = loop.time()
            file.check()
            ledger.version()  # raises where its connection is lost
            if news := await reader.run(reader.news):
                state.know(*news)
            await asyncio.sleep(max(REFRESH, _SHARE * (loop.time() - begun)))


async def _opened(location: Location, reader: _Reader) -> Store:
    """The connection of the loop."""
    if location.url:
        limits = contextvars.copy_context()
        return await reader.run(partial(limits.run, open_store, location, read_only=True))
    return open_store(location, read_only=True)  # (SQLite wants one thread for a connection)
