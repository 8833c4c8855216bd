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

IDLE = 0.1
"""Seconds between looking at an empty spool."""

_WAITS = (1.0, 2.0, 5.0, 10.0, 30.0)  # seconds after faults in a row
_CLEAN_UP = 5.0
_DAY = 86_400.0


def run(
    folder: Path, ledger: Location, open_context: Callable[[], Context], keep_days: int, tell: Tell
) -> None:
    """Drain the spool in *folder* into *ledger*, which *open_context* opens, until standard input
    ends, or SIGTERM comes.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    threading.Thread(target=_wait_for_end, args=(stop,), daemon=True).start()
    faults = 0
    with _alone(folder, stop):
        while not stop.is_set():
            try:
                file = LedgerFile(ledger)
                with open_context() as context:
                    _drain(Drain(folder, context, tell), file, keep_days, stop)
            except (BouncewiseError, OSError) as bad:
                tell(_fault(bad, folder))
                stop.wait(_WAITS[min(faults, len(_WAITS) - 1)])
                faults += 1
            else:
                faults = 0


def _drain(drain: Drain, file: LedgerFile, keep_days: int, stop: threading.Event) -> None:
    cleaned = 0.0
    while not stop.is_set():
        file.check()
        moved = drain.step()
        now = time.monotonic()
        drain.settle_if_due(now)
        if now - cleaned > _CLEAN_UP:
            drain.clean_up(keep_days * _DAY, time.time())
            cleaned = now
        if not moved:
            stop.wait(IDLE)
    drain.settle()


def _fault(bad: BouncewiseError | OSError, folder: Path) -> str:
    if isinstance(bad, BouncewiseError):
        return f"the ledger cannot be written: {bad}"
    return f"the spool {folder} cannot be read or written: {bad.strerror or bad}"


def _wait_for_end(stop: threading.Event) -> None:
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
