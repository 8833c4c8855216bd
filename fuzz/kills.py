"""Commands that are killed at a random moment: python fuzz/kills.py [KILLS] [SEED].

``ingest``, ``replay --apply``, ``suppressions import`` and ``clean`` are started in turn, ended by
SIGKILL after a random part of the time that they need, and started again until they end. The
ledger and the files that are then there are compared with those of a run that nothing ended:
nothing may be lost, counted twice or half written. Prints how many kills hit a running process.
Exit code: 0 if every comparison was equal.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

MAILS = 6_000
ROWS = 20_000
KILLS = 200

# What a name has in force, what was counted, and what people did; not when that was, nor numbers
# of rows, which depend on the time and on the order of transactions.
QUESTIONS = {
    "event": "SELECT a.name, e.at, e.digest, e.kind, e.cause, e.rule, e.words FROM event e "
    "JOIN address a ON a.id = e.address",
    "delivery": "SELECT a.name, d.day, d.mailing, d.first, d.last FROM delivery d "
    "JOIN address a ON a.id = d.address",
    "sent": "SELECT * FROM sent",
    "traffic": "SELECT * FROM traffic",
    "state": "SELECT a.name, s.state, s.cause, s.until, s.why FROM state s "
    "JOIN address a ON a.id = s.address",
    "act": "SELECT a.name, t.kind, t.cause FROM act t JOIN address a ON a.id = t.address",
    "pending": "SELECT count(*) FROM pending",
    "integrity": "PRAGMA integrity_check",
}


class Task(NamedTuple):
    """A command whose last arguments are the ledger and, if it writes one, a file."""

    name: str
    args: tuple[str, ...]
    is_prepared: bool
    """Whether the ledger already has the evidence."""


def prepare(folder: Path, draw: random.Random) -> list[Task]:
    """Write the inputs into *folder*."""
    lines = []
    for n in range(MAILS):
        day, to = 1 + n * 27 // MAILS, f"u{draw.randrange(MAILS // 3)}@d{n % 50}.example"
        fate = "dsn=2.0.0, status=sent (250 2.0.0 Ok)"
        if draw.random() < 0.3:
            fate = "dsn=5.1.1, status=bounced (host mx said: 550 5.1.1 Odd words for nobody here)"
        lines.append(
            f"2026-03-{day:02d}T10:{n // 60 % 60:02d}:{n % 60:02d}+00:00 out postfix/smtp[1]: "
            f"4{n:09X}: to=<{to}>, relay=mx.{to.partition('@')[2]}[192.0.2.9]:25, delay=1, {fate}\n"
        )
    (folder / "mail.log").write_text("".join(lines))
    listed = (f"u{n}@d{n % 50}.example,550 5.1.1 unknown\n" for n in range(ROWS))
    (folder / "list.csv").write_text("email,reason\n" + "".join(listed))
    (folder / "site.toml").write_text(
        'title = "Of this program"\n'
        '[[rule]]\nid = "site.odd-words"\ncause = "policy"\nwhen = { phrase = ["odd words"] }\n'
        'source = "made for this program"\nwhy = "so that a replay changes decisions"\n'
        'example = ["550 5.1.1 Odd words for nobody here"]\n'
    )
    return [
        Task("ingest", ("ingest", "mail.log"), False),
        Task("replay", ("replay", "--rules", "site.toml", "--apply"), True),
        Task("import", ("suppressions", "import", "list.csv"), True),
        Task("clean", ("clean", "list.csv", "-o", "cleaned.csv"), True),
    ]


def command(task: Task) -> list[str]:
    """The command line of *task*, for a ledger called ``ledger``."""
    return [sys.executable, "-m", "bouncewise", *task.args, "--db", "ledger"]


def run(task: Task, folder: Path) -> float:
    """Run *task* to its end in *folder*. Returns seconds; raises RuntimeError if it fails."""
    began = time.monotonic()
    done = subprocess.run(  # noqa: S603
        command(task), cwd=folder, capture_output=True, check=False
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{task.name}: exit code {done.returncode}: {done.stderr.decode()}")
    return time.monotonic() - began


def is_killed(task: Task, folder: Path, seconds: float) -> bool:
    """Start *task* in *folder* and end it after *seconds*; whether it was still running."""
    with subprocess.Popen(  # noqa: S603
        command(task), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        return process.wait() == -signal.SIGKILL


def contents(folder: Path) -> dict[str, str]:
    """A digest for each question to the ledger, and for the file that was written."""
    found = {}
    with sqlite3.connect(folder / "ledger") as db:
        for name, sql in QUESTIONS.items():
            found[name] = hashlib.sha256(repr(sorted(db.execute(sql))).encode()).hexdigest()
    if (folder / "cleaned.csv").exists():
        found["cleaned.csv"] = hashlib.sha256((folder / "cleaned.csv").read_bytes()).hexdigest()
    return found


def main(kills: int, seed: int) -> int:
    """Kill *kills* commands; 1 if anything differed."""
    draw, hits, failures = random.Random(seed), Counter[str](), 0  # noqa: S311
    with tempfile.TemporaryDirectory() as name:
        start = Path(name) / "start"
        start.mkdir()
        tasks = prepare(start, draw)
        ready = shutil.copytree(start, Path(name) / "ready")
        run(tasks[0], ready)
        expected: dict[str, tuple[float, dict[str, str]]] = {}
        for task in tasks:
            whole = shutil.copytree(ready if task.is_prepared else start, Path(name) / task.name)
            expected[task.name] = run(task, whole), contents(whole)
        for n in range(kills):
            task = tasks[n % len(tasks)]
            seconds, wanted = expected[task.name]
            work = shutil.copytree(ready if task.is_prepared else start, Path(name) / "work")
            while draw.random() < 0.5 and is_killed(task, work, draw.uniform(0.2, seconds)):
                hits[task.name] += 1
            hits[task.name] += is_killed(task, work, draw.uniform(0.2, seconds))
            before = (work / "cleaned.csv").exists() and contents(work)["cleaned.csv"]
            if before and before != wanted["cleaned.csv"]:
                failures += 1
                print(f"kill {n}, {task.name}: cleaned.csv was half written", flush=True)
            run(task, work)
            found = contents(work)
            if differences := [key for key in wanted if found[key] != wanted[key]]:
                failures += 1
                print(f"kill {n}, {task.name}: {', '.join(differences)} differ", flush=True)
            shutil.rmtree(work)
    print(f"{sum(hits.values())} running commands killed {dict(hits)}; {failures} failures")
    return min(failures, 1)


if __name__ == "__main__":
    sys.exit(main(*map(int, [*sys.argv[1:], *(str(KILLS), "1")[len(sys.argv) - 1 :]])))
