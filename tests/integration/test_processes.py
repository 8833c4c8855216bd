"""Processes that are killed while they write, and several that write to one ledger."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from bouncewise.ledger import open_store
from bouncewise.model import State
from ledger.test_ledger import MESSAGES, ingest, log_line, states
from support.sql import rows


def test_a_kill_in_the_middle_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    log = tmp_path / "mail.log"
    with log.open("w") as out:
        for n in range(8_000):
            out.write(log_line(1 + n % 28, f"u{n}@x{n % 50}.example", number=n))
    db = tmp_path / "killed.sqlite"
    command = [sys.executable, "-m", "bouncewise", "ingest", str(log), "--db", str(db)]
    cut = 0
    for patience in (0.5, 0.8, 1.2):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(patience)
        process.send_signal(signal.SIGKILL)
        cut += process.wait() == -signal.SIGKILL
    assert cut, "the ingest was never in the middle: the test proves nothing"
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with (
        open_store(db, create=True) as killed,
        open_store(tmp_path / "whole.sqlite", create=True) as whole,
    ):
        ingest(whole, log)
        assert killed.counts()["event"] == whole.counts()["event"] == 8_000
        assert states(killed) == states(whole)
        assert rows(killed, "PRAGMA integrity_check") == [("ok",)]


def test_two_at_once_wait_for_each_other(tmp_path: Path) -> None:
    db = tmp_path / "l.sqlite"
    command = [sys.executable, "-m", "bouncewise", "ingest", *map(str, MESSAGES), "--db", str(db)]
    both = [
        subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ}) for _ in range(2)
    ]
    assert [p.wait() for p in both] == [0, 0]
    with open_store(db, create=True) as ledger:
        assert any(d.state is State.SUPPRESSED for found in states(ledger).values() for d in found)
