"""The way onto the disk: one write and one fdatasync for everything that waits."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, Protocol, TypeVar

from bouncewise.service.spool import SpoolFullError

R = TypeVar("R")

MAX_TOGETHER = 1000
"""Records that are written together."""


Tell = Callable[[str], None]
"""Gets one line for the operator."""


class Appends(Protocol[R]):
    """What writes records."""

    @property
    def end(self) -> int:
        """The octets that were written."""

    def append(self, records: list[R]) -> int:
        """Store *records*, which are safe when this returns. Raises SpoolFullError."""

    def close(self) -> None:
        """Close the file."""


class Inbox(Generic[R]):
    """Stores records of many connections. ``put`` returns when the record is safe."""

    def __init__(
        self,
        writer: Appends[R],
        tell: Tell,
        meanwhile: str = "webhooks are answered with 503 and mail with 451",
    ) -> None:
        """*tell* gets a line when the spool begins to refuse, with what happens *meanwhile*, and
        when it has room again.
        """
        self._writer, self._tell, self._meanwhile = writer, tell, meanwhile
        self._waiting: list[tuple[R, asyncio.Future[None]]] = []
        self._work = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "spool")
        self.stored = self.refused = 0
        self.is_broken = False
        """Whether the last attempt to write failed."""

    @property
    def end(self) -> int:
        """The offset behind the last record."""
        return self._writer.end

    async def put(self, record: R) -> None:
        """Store *record*. Raises SpoolFullError where it could not be stored."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((record, done))
        self._work.set()
        await done

    async def run(self) -> None:
        """Write what waits, until cancelled; then what still waits is written."""
        try:
            while True:
                await self._work.wait()
                await self._write()
        finally:
            with contextlib.suppress(asyncio.CancelledError):
                await self._write()
            self.close()

    def close(self) -> None:
        """Close the spool."""
        self._thread.shutdown()
        self._writer.close()

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch = self._waiting[:MAX_TOGETHER]
            del self._waiting[:MAX_TOGETHER]
            try:
                records = [record for record, _ in batch]
                await loop.run_in_executor(self._thread, self._writer.append, records)
            except SpoolFullError as full:
                self._refuse(batch, full)
            except Exception as defect:
                self._refuse(batch, SpoolFullError(f"the spool cannot be written: {defect}"))
            else:
                self.stored += len(batch)
                if self.is_broken:
                    self._tell("the spool has room again")
                self.is_broken = False
                _settle(batch, None)
        self._work.clear()

    def _refuse(self, batch: list[tuple[R, asyncio.Future[None]]], error: SpoolFullError) -> None:
        self.refused += len(batch)
        if not self.is_broken:
            self._tell(f"{error}; {self._meanwhile}")
        self.is_broken = True
        _settle(batch, error)


def _settle(batch: list[tuple[R, asyncio.Future[None]]], error: SpoolFullError | None) -> None:
    for _, done in batch:
        if done.done():  # whoever waited has gone
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
