"""Runs a command and measures how much memory it and its processes use."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple


class Run(NamedTuple):
    """Seconds, the largest resident set in KiB of the first process and of any other, and a digest
    of what was written.
    """

    seconds: float
    first: int
    others: int
    digest: str


def run(*args: str) -> Run:
    """``bouncewise`` with these arguments; exits where it fails."""
    start = time.perf_counter()
    work = subprocess.Popen([sys.executable, "-m", "bouncewise", *args], stdout=subprocess.PIPE)  # noqa: S603
    peaks: dict[int, int] = {}
    threading.Thread(target=_watch, args=(work, peaks), daemon=True).start()
    digest = hashlib.blake2b()
    assert work.stdout is not None
    while piece := work.stdout.read(1 << 20):
        digest.update(piece)
    if work.wait():
        sys.exit(f"exit {work.returncode}")
    seconds = time.perf_counter() - start
    first = peaks.pop(work.pid, 0)
    return Run(seconds, first, max(peaks.values(), default=0), digest.hexdigest())


def _watch(work: subprocess.Popen[bytes], peaks: dict[int, int]) -> None:
    while work.poll() is None:
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                status = (entry / "status").read_text()
            except OSError:
                continue
            pid, parent = int(entry.name), int(status.partition("PPid:")[2].split()[0])
            if work.pid in (pid, parent) and "VmHWM:" in status:
                peaks[pid] = int(status.partition("VmHWM:")[2].split()[0])
        time.sleep(0.2)
