"""``bouncewise follow`` as a process: over kills and rotations each line counts once."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bouncewise.errors import LedgerError
from bouncewise.ledger import open_store

LINE = (
    "2026-11-27T{:02}:{:02}:{:02}.000000+00:00 mx postfix/smtp[9]: 4AF1D2E{:05}:"
    " to=<dead{}@gone{}.example>, relay=mx.gone.example[192.0.2.1]:25, delay=1, dsn=5.1.1,"
    " status=bounced (host mx.gone.example[192.0.2.1] said: 550 5.1.1 User unknown)\n"
)


FOLLOW = (sys.executable, "-m", "bouncewise", "follow")


def line(number: int) -> str:
    return LINE.format(number // 3600, number // 60 % 60, number % 60, number, number, number % 17)


class Following:
    """A log that is written, and the process that follows it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log, self.db = folder, folder / "mail.log", folder / "ledger.sqlite"
        self.number = 0
        self.log.touch()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.folder / "stderr").open("ab") as errors:
            self.process = subprocess.Popen(
                [*FOLLOW, self.log, "--db", self.db, "--json"],
                cwd=self.folder,
                stdout=subprocess.PIPE,
                stderr=errors,
            )

    def write(self, count: int) -> None:
        with self.log.open("a") as stream:
            for _ in range(count):
                self.number += 1
                stream.write(line(self.number))
                if self.number % 7 == 0:
                    stream.flush()

    def rotate(self, kind: str) -> None:
        for number in range(60, 0, -1):
            for end in ("", ".gz"):
                path = self.folder / f"mail.log.{number}{end}"
                if path.exists():
                    path.rename(self.folder / f"mail.log.{number + 1}{end}")
        first = self.folder / "mail.log.1"
        if kind == "rename":
            self.log.rename(first)
            self.log.touch()
        else:
            shutil.copy2(self.log, first)
            os.truncate(self.log, 0)
        second = self.folder / "mail.log.2"
        if second.exists():
            packed = self.folder / "mail.log.2.gz"
            packed.write_bytes(gzip.compress(second.read_bytes()))
            shutil.copystat(second, packed)
            second.unlink()

    def names(self) -> set[str]:
        with contextlib.suppress(LedgerError), open_store(self.db, read_only=True) as ledger:
            return {name for name in ledger.names() if not name.startswith("@")}
        return set()  # (there is none yet)

    def events(self) -> int:
        with open_store(self.db, read_only=True) as ledger:
            return ledger.counts()["event"]

    def until_read(self) -> None:
        end = time.monotonic() + 240  # (disks of shared machines stand still for long)
        while len(self.names()) < self.number:
            if time.monotonic() > end:
                self.kill()
                raise AssertionError((self.folder / "stderr").read_text())
            time.sleep(0.1)

    def kill(self, number: int = signal.SIGKILL) -> bytes:
        assert self.process is not None
        self.process.send_signal(number)
        out, _ = self.process.communicate(timeout=60)
        return out


def test_every_line_counts_once_over_kills_and_rotations(tmp_path: Path) -> None:
    chance = random.Random(7)
    run = Following(tmp_path)
    run.write(10)
    run.start()
    run.until_read()  # (what was rotated before the first start is not looked for)
    run.kill()
    for turn in range(6):
        run.start()
        for _ in range(chance.randrange(2, 5)):
            run.write(chance.randrange(50, 400))
            time.sleep(chance.random() / 3)
            if chance.random() < 0.5:
                run.rotate(chance.choice(["rename", "copytruncate"]))
        if turn % 3 == 2:
            run.until_read()  # (else killed somewhere in between)
        run.kill()
        run.write(20)
        run.rotate("rename")
        run.write(20)
    run.start()
    run.until_read()
    assert run.names() == {f"dead{n}@gone{n % 17}.example" for n in range(1, run.number + 1)}
    assert run.events() == run.number
    done = json.loads(run.kill(signal.SIGTERM))
    assert done["failed"] == []
    assert "Traceback" not in (tmp_path / "stderr").read_text()


def test_once_reads_what_is_new_since_the_last_time(tmp_path: Path) -> None:
    run = Following(tmp_path)

    def once() -> dict[str, object]:
        done = subprocess.run(
            [*FOLLOW, "--once", "--json", run.log, "--db", run.db],
            capture_output=True,
            check=True,
        )
        return dict(json.loads(done.stdout))

    run.write(30)
    assert once() == {"reports": 30, "new": 30, "failed": []}
    run.write(5)
    run.rotate("rename")
    run.rotate("rename")
    run.write(3)
    assert once() == {"reports": 8, "new": 8, "failed": []}
    assert once() == {"reports": 0, "new": 0, "failed": []}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ([], "name a log file"),
        (["--once", "none.log"], "none.log: no such file"),
    ],
)
def test_a_wrong_call_is_a_usage_error(tmp_path: Path, arguments: list[str], error: str) -> None:
    done = subprocess.run(
        [*FOLLOW, *arguments, "--db", "x"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert error in done.stderr
