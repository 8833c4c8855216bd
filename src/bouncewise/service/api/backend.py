"""What requests work on: the ledger, opened anew for each, in threads beside the loop.

A read never waits for a writer: SQLite's readers see the state before. Where a ledger is locked
altogether, a read gives up after READ_WAIT seconds and a write after WRITE_WAIT. Refuses, with
BusyError, more than READS reads and WRITES writes at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, TypeVar

from bouncewise.classifier.classify import Classifier
from bouncewise.config.settings import Settings
from bouncewise.errors import BouncewiseError
from bouncewise.ledger import Location, open_store
from bouncewise.ledger.database import PATIENCE, SILENCE
from bouncewise.operations.context import Context
from bouncewise.policy.load import Policy
from bouncewise.service.api.idempotency import Idempotency
from bouncewise.service.api.lookups import Lookups

READ_WAIT, WRITE_WAIT = 1.0, 5.0
"""Seconds for which a request waits for others that lock the ledger."""

READ_SILENCE = 30.0
"""Seconds for which a request waits for a server that is silent."""

READERS, READS, WRITES = 4, 64, 16
"""Threads for reads, and the reads and writes that are answered or wait."""

T = TypeVar("T")


class BusyError(BouncewiseError):
    """Too many requests at a time."""


class Backend:
    """See the module."""

    def __init__(
        self,
        ledger: Location | Path,
        folder: Path,
        policy: Policy,
        load_classifier: Callable[[], Classifier],
        settings: Callable[[], Settings],
        lookups: Lookups | None = None,
    ) -> None:
        """*folder*: that of the spool; *settings*: those in force."""
        self.ledger, self.folder, self.policy = ledger, folder, policy
        self._load_classifier, self._settings = load_classifier, settings
        self.lookups = lookups or Lookups(folder / "dns.sqlite")
        self.idempotency = Idempotency(folder / "idempotency")
        self._pools = {
            False: _Pool(READERS, READ_WAIT, READS),
            True: _Pool(1, WRITE_WAIT, WRITES),  # (a ledger has one writer at a time)
        }

    @cached_property
    def classifier(self) -> Classifier:
        """The rules in force."""
        return self._load_classifier()

    @contextlib.contextmanager
    def open(self, *, write: bool) -> Iterator[Context]:
        """The ledger. Raises LedgerError."""
        with open_store(self.ledger, read_only=not write) as store:
            yield Context(store, self.policy, self.classifier, self._settings())

    async def run(self, work: Callable[[], T], *, write: bool) -> T:
        """What *work* gives, called in a thread. Raises BusyError, and what *work* raises."""

        def pruned() -> T:
            self.idempotency.prune()
            return work()

        return await self._pools[write].run(pruned)


def _limit(wait: float) -> None:
    PATIENCE.set(wait)
    SILENCE.set(READ_SILENCE)


class _Pool:
    """Threads, and how many requests wait for them."""

    def __init__(self, threads: int, wait: float, most: int) -> None:
        self._threads = ThreadPoolExecutor(threads, "api", _limit, (wait,))
        self._waiting, self._most = 0, most

    async def run(self, work: Callable[[], T]) -> T:
        if self._waiting >= self._most:
            raise BusyError("too many requests at a time")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


class Call(NamedTuple):
    """A request: who makes it, and when; whether its token has the scope ``read``."""

    backend: Backend
    by: str
    now: datetime
    may_read: bool = True

    def read(self) -> contextlib.AbstractContextManager[Context]:
        """The ledger, to ask questions of. Raises LedgerError."""
        return self.backend.open(write=False)

    def write(self) -> contextlib.AbstractContextManager[Context]:
        """The ledger, to change it. Raises LedgerError."""
        return self.backend.open(write=True)
