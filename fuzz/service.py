"""The service under load while it is harmed: python -m fuzz.service [KILLS] [SECONDS] [REQUESTS].

Webhooks, LMTP and SMTP send without pause. Each process is ended by SIGKILL KILLS times, and the
ledger is locked for SECONDS. Everything that was acknowledged must be in the ledger afterwards,
once; while the ledger is locked nothing may be refused, nor take more than SLOWEST and a write to
the disk that is measured beside it. At last the
memory of both processes is compared before and after REQUESTS about the same addresses. Prints a
line for each; exit code: 0 if all are right.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import smtplib
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from fuzz.serving import Load, MailLoad, Service, free_port

from bouncewise.ledger import open_store

KILLS, SECONDS, REQUESTS = 20, 90, 100_000
SLOWEST = 0.1
"""Seconds that an answer may take while the ledger is locked, beyond the slowest fdatasync that a
process without a service had at the same time on the same disk.
"""

GROWTH = 1.1
"""By which memory may grow while the same addresses come again."""

_BACK_OFF = 4  # kills of the ledger process after which it would be started late
_ADDRESSES = 2_000


class Result(NamedTuple):
    """What was done, how many were acknowledged, what is wrong with them ('' if nothing), and the
    slowest answer and write to the disk, in seconds.
    """

    what: str
    acknowledged: int
    fault: str
    slowest: float = 0.0
    disk: float = 0.0


class Disk(threading.Thread):
    """Appends to a file of its own and synchronises it, as the spool does; ``slowest``: how long
    that took at most, in seconds, with the waiting for a processor.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self._path, self.slowest, self.ends = folder / "disk", 0.0, False

    def run(self) -> None:
        """Measure, until ``ends``."""
        with self._path.open("wb", buffering=0) as file:
            while not self.ends:
                begun = time.monotonic()
                file.write(bytes(1000))
                os.fdatasync(file.fileno())
                time.sleep(0.001)
                self.slowest = max(self.slowest, time.monotonic() - begun)


class Harmed:
    """A service and the loads on it, in a folder."""

    def __init__(self, folder: Path) -> None:
        lmtp, smtp = free_port(), free_port()
        self.service = Service(
            folder,
            f'[smtp]\nlmtp = "127.0.0.1:{lmtp}"\nlisten = "127.0.0.1:{smtp}"\n'
            'accept = ["bounces+*@sender.example"]\n',
        )
        self._loads = (
            lambda: Load(self.service),
            lambda: MailLoad(self.service, lmtp, smtplib.LMTP),
            lambda: MailLoad(self.service, smtp, smtplib.SMTP),
        )
        self._first = 0

    @contextlib.contextmanager
    def loaded(self) -> Iterator[list[Load]]:
        """Loads that run as long as this is open; each begins with new addresses."""
        loads = [make() for make in self._loads]
        for load in loads:
            load.number = self._first
            load.start()
        try:
            yield loads
        finally:
            for load in loads:
                load.ends = True
            for load in loads:
                load.join()
            self._first = max(load.number for load in loads)

    def lost(self, loads: list[Load], patience: float = 300.0) -> str:
        """What is wrong in the ledger; '' where all that was acknowledged is there once."""
        wanted = set[str]().union(*(load.names() for load in loads))
        with contextlib.suppress(AssertionError):
            self.service.until(lambda: wanted <= self.service.names(), patience)
        missing = wanted - self.service.names()
        with open_store(self.service.db, read_only=True) as ledger:
            twice = [name for name in wanted if len(list(ledger.history(name))) > 1]
        faults = [f"{len(missing)} lost"] if missing else []
        return ", ".join([*faults, *([f"{len(twice)} twice"] if twice else [])])


def kill(harmed: Harmed, kills: int, *, is_front: bool, draw: random.Random) -> Result:
    """SIGKILL to one of the processes, *kills* times under load."""
    service = harmed.service
    with harmed.loaded() as loads:
        for n in range(kills):
            time.sleep(draw.uniform(0.1, 1.0))
            if is_front:
                service.stop(signal.SIGKILL)
                service.start()
                continue
            os.kill(service.ledger_process(), signal.SIGKILL)
            if n % _BACK_OFF == _BACK_OFF - 1:
                service.stop()
                service.start()
    name = "front" if is_front else "ledger"
    return _result(f"{kills} kills of the {name} process", harmed, loads)


def lock(harmed: Harmed, seconds: float) -> Result:
    """The ledger locked by another process under load."""
    with contextlib.closing(sqlite3.connect(harmed.service.db, isolation_level=None)) as other:
        other.execute("PRAGMA busy_timeout=60000")
        other.execute("BEGIN IMMEDIATE")
        disk = Disk(harmed.service.folder)
        disk.start()
        with harmed.loaded() as loads:
            time.sleep(seconds)
        disk.ends = True
        other.execute("ROLLBACK")
    found = _result(f"ledger locked for {seconds:g} s", harmed, loads)._replace(disk=disk.slowest)
    refused = sum(load.refused for load in loads)
    return found._replace(fault=f"{refused} refused") if refused else found


def _result(what: str, harmed: Harmed, loads: list[Load]) -> Result:
    return Result(
        what,
        sum(len(load.acknowledged) for load in loads),
        harmed.lost(loads),
        max(load.slowest for load in loads),
    )


def remember(service: Service, requests: int) -> Result:
    """Memory while the same addresses come again and again."""
    assert service.process is not None
    processes = (service.process.pid, service.ledger_process())
    before = (0, 0)
    for n in range(requests):
        if n == max(_ADDRESSES, requests // 5):
            before = _resident(processes)
        service.bounce(10**9 + n % _ADDRESSES)
    after = _resident(processes)
    what = f"{requests} requests, memory {before} to {after} MiB"
    grown = any(b > a * GROWTH for a, b in zip(before, after, strict=True))
    return Result(what, requests, "memory grows" if grown else "")


def _resident(processes: tuple[int, int]) -> tuple[int, int]:
    front, ledger = (
        int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20
        for pid in processes
    )
    return front, ledger


def main(kills: int, seconds: int, requests: int) -> int:
    """Everything, one after another; 1 if anything is wrong."""
    draw, failures = random.Random(1), 0  # noqa: S311
    with tempfile.TemporaryDirectory() as name:
        harmed = Harmed(Path(name))
        with harmed.service:
            steps = (
                lambda: kill(harmed, kills, is_front=True, draw=draw),
                lambda: kill(harmed, kills, is_front=False, draw=draw),
                lambda: lock(harmed, seconds),
                lambda: remember(harmed.service, requests),
            )
            for step in steps:
                found = step()
                is_slow = "locked" in found.what and found.slowest > SLOWEST + found.disk
                fault = found.fault or ("too slow" if is_slow else "")
                failures += bool(fault)
                print(
                    f"{found.what}: {found.acknowledged:,} acknowledged, slowest "
                    f"{found.slowest * 1000:.0f} ms (disk {found.disk * 1000:.0f} ms): "
                    f"{fault or 'right'}",
                    flush=True,
                )
    return min(failures, 1)


if __name__ == "__main__":
    given = list(map(int, sys.argv[1:]))
    sys.exit(main(*[*given, *(KILLS, SECONDS, REQUESTS)[len(given) :]]))
