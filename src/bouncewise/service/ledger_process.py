"""The ledger process: from the spool into the ledger, and the decisions that follow.

It ends when its standard input does, so that it never outlives the front process. A fault of the
ledger, such as a full disk or another writer, is waited for; nothing of the spool is passed then.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bouncewise.errors import BouncewiseError
from bouncewise.ledger import Location
from bouncewise.operations.context import Context
from bouncewise.service.drain import Drain, Tell
from bouncewise.service.ledger_file import LedgerFile
from bouncewise.service.spool import Keep

IDLE = 0.1
"""Seconds between looking at an empty spool."""

_WAITS = (1.0, 2.0, 5.0, 10.0, 30.0)  # seconds after faults in a row
_MOST_FAULTS = 20  # of different words
_CLEAN_UP = 5.0


def run(
    folder: Path, ledger: Location, open_context: Callable[[], Context], keep: Keep, tell: Tell
) -> None:
    """Drain the spool in *folder* into *ledger*, which *open_context* opens, until standard input
    ends, or SIGTERM comes.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    threading.Thread(target=wait_for_end, args=(stop,), daemon=True).start()
    faults = _Faults(tell)
    with _alone(folder, stop):
        while not stop.is_set():
            try:
                with LedgerFile(ledger) as file, open_context() as context:
                    _drain(Drain(folder, context, tell), file, keep, stop, faults)
            except (BouncewiseError, OSError) as bad:
                stop.wait(faults.wait(_fault(bad, folder)))


class _Faults:
    """Tells each fault once, until the ledger can be written again, and then that it can."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._known: set[str] = set()
        self._count = 0

    def wait(self, fault: str) -> float:
        """Seconds to wait after *fault*."""
        if fault not in self._known and len(self._known) < _MOST_FAULTS:
            self._known.add(fault)
            self._tell(fault)
        self._count += 1
        return _WAITS[min(self._count, len(_WAITS)) - 1]

    def over(self) -> None:
        """Something was written."""
        if self._count:
            self._tell("the ledger can be written again")
            self._known.clear()
            self._count = 0


def _drain(
    drain: Drain, file: LedgerFile, keep: Keep, stop: threading.Event, faults: _Faults
) -> None:
    cleaned = 0.0
    while not stop.is_set():
        file.check()
        if moved := drain.step():
            faults.over()
        now = time.monotonic()
        drain.settle_if_due(now)
        if now - cleaned > _CLEAN_UP:
            drain.clean_up(keep, time.time())
            cleaned = now
        if not moved:
            stop.wait(IDLE)
    drain.settle()


def _fault(bad: BouncewiseError | OSError, folder: Path) -> str:
    if isinstance(bad, BouncewiseError):
        return f"the ledger cannot be written: {bad}"
    return f"the spool {folder} cannot be read or written: {bad.strerror or bad}"


def wait_for_end(stop: threading.Event) -> None:
    """Set *stop* when standard input ends."""
    # (A thread within sys.stdin.buffer.read would abort the interpreter when it ends.)
    while os.read(sys.stdin.fileno(), 4096):
        pass
    stop.set()


@contextlib.contextmanager
def _alone(folder: Path, stop: threading.Event) -> Iterator[None]:
    """Wait until no other process drains this spool: one of before may be about to end."""
    lock = os.open(folder / "drain.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while not stop.is_set():
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                stop.wait(IDLE)
        yield
    finally:
        os.close(lock)
