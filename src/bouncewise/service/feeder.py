"""One input in its thread: it is run, and run again after a fault, from its last position.

Reads: what the input puts. Gives: batches for the thread that writes, and how the input is.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from typing import Protocol

from bouncewise.errors import BouncewiseError, InputError
from bouncewise.intake.live import Outlet, StopError
from bouncewise.readers import Note
from bouncewise.readers.base import Item
from bouncewise.service.drain import Tell
from bouncewise.service.input_status import InputStatus
from bouncewise.service.mailboxes.base import AccountError

WAITS = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Seconds after faults in a row."""

LOOK = 0.1
"""Seconds after which a thread looks whether it is to end."""

_LONGEST = 3600.0  # seconds that a server may ask to wait
_STEADY = 300.0  # seconds after which a fault is the first again


class Source(Protocol):
    """An input. ``name`` is unique; its position is stored under it."""

    @property
    def name(self) -> str:
        """Such as ``follow /var/log/mail.log``."""

    def run(self, position: str, outlet: Feeder) -> None:
        """Read from *position* on, until the outlet ends it. Whatever it raises is one line for
        the operator; InputError where beginning again is of no use.
        """


class Batch:
    """What an input put, and which of it could not be stored."""

    def __init__(self, name: str, items: list[Item], position: str) -> None:
        self.name, self.items, self.position = name, items, position
        self.bad: list[Item] = []
        self.is_stored = threading.Event()


class Hub(Protocol):
    """What an input needs of the Feed that it belongs to."""

    stop: threading.Event
    queue: queue.Queue[Batch]
    is_broken: bool
    is_once: bool
    tell: Tell


class Feeder(Outlet):
    """The outlet of one input."""

    def __init__(self, feed: Hub, source: Source, position: str) -> None:
        self._feed, self._source, self.is_once = feed, source, feed.is_once
        self.position = position
        self.failed = ""
        self.reports, self.heard, self.looked, self.error = 0, 0.0, 0.0, ""

    def put(self, items: list[Item], position: str) -> None:
        """See Outlet."""
        self._hand_over(Batch(self._source.name, items, position))

    def store(self, items: list[Item], position: str) -> list[Item]:
        """Put, and return when it is in the ledger; those of *items* that could not be stored.
        Raises StopError.
        """
        batch = Batch(self._source.name, items, position)
        self._hand_over(batch)
        while not batch.is_stored.wait(LOOK):
            if self._feed.is_broken:
                raise StopError
        return batch.bad

    def wait(self, seconds: float) -> bool:
        """See Outlet."""
        self.look()
        return self._feed.is_once or self._feed.stop.wait(seconds)

    def pause(self, seconds: float) -> bool:
        """Wait before something is tried again; True where the input is to end."""
        return self._feed.stop.wait(seconds)

    @property
    def is_stopping(self) -> bool:
        """Whether the inputs are to end."""
        return self._feed.stop.is_set()

    def tell(self, line: str) -> None:
        """See Outlet."""
        self._feed.tell(line)

    def look(self) -> None:
        """The input could be read, whether there was something new or not."""
        self.looked, self.error = time.time(), ""

    def status(self) -> InputStatus:
        """How the input is."""
        behind = getattr(self._source, "behind", None)
        octets = behind(self.position) if behind else -1
        error = self.failed or self.error
        return InputStatus(self._source.name, self.reports, self.heard, self.looked, octets, error)

    def _hand_over(self, batch: Batch) -> None:
        while True:
            if self._feed.is_broken or (self.is_stopping and not batch.items):
                raise StopError
            with contextlib.suppress(queue.Full):
                self._feed.queue.put(batch, timeout=LOOK)
                self._note(batch)
                return

    def _note(self, batch: Batch) -> None:
        self.position = batch.position or self.position
        self.look()
        if reports := sum(not isinstance(item, Note) for item in batch.items):
            self.reports += reports
            self.heard = self.looked

    def run(self) -> None:
        """Run the input until the feed ends; a fault is waited for."""
        faults = 0
        while not self.is_stopping:
            begun = time.monotonic()
            try:
                self._source.run(self.position, self)
                return
            except StopError:
                return
            except InputError as bad:
                self.failed = str(bad)
                self.tell(f"{self._source.name}: {bad}")
                return
            except Exception as defect:  # the other inputs must not end with this one
                is_known = isinstance(defect, OSError | BouncewiseError)
                text = str(defect) if is_known else repr(defect)[:300]
                asked = defect.wait if isinstance(defect, AccountError) else 0.0
            if self._feed.is_once:
                self.failed = text
                self.tell(f"{self._source.name}: {text}")
                return
            self.error = text
            faults = 0 if time.monotonic() - begun > _STEADY else faults
            pause = max(WAITS[min(faults, len(WAITS) - 1)], min(asked, _LONGEST))
            faults += 1
            self.tell(f"{self._source.name}: {text}; it is tried again in {pause:g} s")
            self.pause(pause)
