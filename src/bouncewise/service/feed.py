"""Inputs into the ledger: logs, mailboxes and folders, each in a thread, and one that writes.

Reads: what the inputs put. Gives: reports in the ledger, in one transaction with the position up to
which an input was read, so that a crash at any moment repeats input and loses none; repeated input
changes nothing. Decisions are derived again by a tick. A ledger that cannot be written is waited
for; inputs can wait. An input that fails is one line, and is begun again from its last position.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

from bouncewise.errors import LedgerError
from bouncewise.ledger import Location
from bouncewise.operations.context import Context
from bouncewise.operations.ingest import Session
from bouncewise.readers import Note
from bouncewise.readers.logs.timestamps import use_zone
from bouncewise.service.drain import SESSION, Tell
from bouncewise.service.feeder import LOOK, WAITS, Batch, Feeder, Source
from bouncewise.service.input_status import EVERY, Statuses
from bouncewise.service.ledger_file import LedgerFile

WRITE = 1.0
"""Seconds after which what was read is written while more comes."""

Watch = Callable[[Statuses], None]
"""Gets the status of all inputs."""

_QUEUE = 8  # batches that wait for the thread that writes
_END = 5.0  # seconds that an input gets to end after the last write


class Feed:
    """Runs inputs until *stop* is set; *is_once*: until each has read what is there."""

    def __init__(
        self,
        ledger: Location,
        sources: list[Source],
        tell: Tell,
        *,
        is_once: bool = False,
        watch: Watch | None = None,
    ) -> None:
        """*watch* gets the status of all inputs every few seconds, and at the end."""
        self._location, self._sources, self.tell, self.is_once = ledger, sources, tell, is_once
        self._watch = watch
        self.stop = threading.Event()
        self.queue: queue.Queue[Batch] = queue.Queue(_QUEUE)
        self.is_broken = False
        self.items = self.new = 0
        self.failed: list[str] = []
        """What did not work of inputs that ended."""
        self._waiting: list[Batch] = []
        self._session: Session | None = None
        self._settled_at = self._settle_took = 0.0
        self._unsettled = False

    def run(self, open_context: Callable[[], Context]) -> None:
        """Run. Raises LedgerError where the ledger cannot be opened, or was replaced."""
        with LedgerFile(self._location) as self._file, open_context() as context:
            self._context = context
            use_zone(context.settings.own.time_zone)
            self._begin_session()
            feeders = [
                Feeder(self, source, context.ledger.remembered(source.name))
                for source in self._sources
            ]
            self._feeders = feeders
            threads = [threading.Thread(target=feeder.run, daemon=True) for feeder in feeders]
            for thread in threads:
                thread.start()
            try:
                self._write_all(threads)
            finally:
                self.is_broken = True
                self.stop.set()
            for thread in threads:
                thread.join(_END)
        self.failed = [feeder.failed for feeder in feeders if feeder.failed]

    def _write_all(self, threads: list[threading.Thread]) -> None:
        written, watched = time.monotonic(), 0.0
        while True:
            is_over = not any(thread.is_alive() for thread in threads)
            try:
                self._add(self.queue.get(timeout=LOOK))
                is_idle = self.queue.empty()
            except queue.Empty:
                if is_over:
                    break
                is_idle = True
            now = time.monotonic()
            if self._waiting and (is_idle or now - written > WRITE):
                self._write()
                written = now
            if now - watched > EVERY:
                self._report()
                watched = now
            if self._unsettled and now - self._settled_at > max(1.0, 5 * self._settle_took):
                self._settle()
            if now - self._began > SESSION and not self._waiting:
                self._begin_session()
        self._write()
        self._settle()
        self._begin_session()
        self._report()

    def _report(self) -> None:
        if self._watch is not None:
            found = tuple(feeder.status() for feeder in self._feeders)
            self._watch(Statuses(time.time(), found))

    def _begin_session(self) -> None:
        """A new batch in the ledger: the time of reading of its events."""
        self._file.check()
        self._began = time.monotonic()
        self.new += self._session.new if self._session is not None else 0
        self._session = None

    def _session_now(self) -> Session:
        if self._session is None:
            self._session = Session(self._context, "service")
        return self._session

    def _add(self, batch: Batch) -> None:
        for item in batch.items:
            if isinstance(item, Note):
                self.tell(str(item))
                continue
            self.items += 1
            try:
                self._insist(lambda item=item: self._session_now().add_item(item))  # type: ignore[misc]
            except LedgerError:
                raise
            except Exception as defect:  # the next items must not wait for this one
                batch.bad.append(item)
                self.tell(f"{batch.name}: not read: {defect!r:.300}")
        self._waiting.append(batch)

    def _write(self) -> None:
        positions = {batch.name: batch.position for batch in self._waiting if batch.position}
        if any(batch.items for batch in self._waiting):
            self._insist(lambda: self._session_now().flush(notes=positions))
            self._unsettled = True
        elif positions:
            self._insist(lambda: self._remember(positions))
        for batch in self._waiting:
            batch.is_stored.set()
        self._waiting.clear()

    def _remember(self, positions: dict[str, str]) -> None:
        with self._context.ledger.change():
            for name, position in positions.items():
                self._context.ledger.remember(name, position)

    def _settle(self) -> None:
        begun = time.monotonic()
        if self._unsettled:
            self._insist(lambda: self._session_now().settle())
            self._unsettled = False
        self._settled_at = time.monotonic()
        self._settle_took = self._settled_at - begun

    def _insist(self, action: Callable[[], None]) -> None:
        """Do *action*, again and again while the ledger cannot be written. Raises LedgerError
        where its file was removed or replaced, or the feed ends meanwhile.
        """
        for number in range(1 << 30):
            try:
                self._file.check()
                action()
                return
            except LedgerError as bad:
                self._file.check()
                if number == 0:
                    self.tell(f"the ledger cannot be written: {bad}; it is tried again")
                if self.stop.wait(WAITS[min(number, len(WAITS) - 1)]):
                    raise
