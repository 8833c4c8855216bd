"""An mbox of any size, read by one process and by many: speed-up, peak memory of each process, and that the output is one.

Run as: python bench/mailbox.py [--megabytes N] [--jobs N] [--rounds N]. The mbox is made for it, of bounces no two of which
are alike: the fixtures' own, each with its own names, ids, dates and delimiters. Prints ratios; exits 1 where the outputs differ.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import BinaryIO, NamedTuple

HERE = Path(__file__).parent
FIXTURES = sorted((HERE.parent / "tests/fixtures/messages").glob("*.eml"))


class Run(NamedTuple):
    """Seconds, the largest resident set of the first process and of any other, and what was written."""

    seconds: float
    first: int
    others: int
    digest: str


def write(out: BinaryIO, octets: int) -> int:
    """Messages until *octets* are written; how many. A third carry the whole of a mail that came back."""
    draw = random.Random(1)  # noqa: S311
    raws = [file.read_bytes().replace(b"\r\n", b"\n") for file in FIXTURES]
    count = written = 0
    while written < octets:
        mark = f"{draw.getrandbits(40):010x}".encode()
        raw = draw.choice(raws)
        for old in (b'boundary="', b"boundary="):
            if (at := raw.find(old)) >= 0:
                start = at + len(old)
                delimiter = (
                    raw[start : start + 200].split(b'"' if old.endswith(b'"') else b"\n")[0].split(b";")[0].strip()
                )
                raw = raw.replace(delimiter, delimiter + mark) if len(delimiter) > 5 else raw
                break
        raw = raw.replace(b"@", b"." + mark + b"@").replace(b"Message-ID: <", b"Message-ID: <" + mark)
        if count % 3 == 0:
            raw += b"".join(b"%s %d of the mail that came back\n" % (mark * 5, n) for n in range(draw.randrange(200)))
        written += out.write(
            b"From MAILER-DAEMON Mon Nov 23 09:00:00 2026\n" + raw.replace(b"\nFrom ", b"\n>From ") + b"\n"
        )
        count += 1
    return count


def run(mbox: Path, jobs: int) -> Run:
    """``bouncewise read --json`` over *mbox*."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "bouncewise", "read", "--json", "--jobs", str(jobs), str(mbox)]
    work = subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: S603
    peaks: dict[int, int] = {}
    watcher = threading.Thread(target=watch, args=(work, peaks), daemon=True)
    watcher.start()
    digest = hashlib.blake2b()
    assert work.stdout is not None
    while piece := work.stdout.read(1 << 20):
        digest.update(piece)
    if work.wait():
        sys.exit(f"exit {work.returncode}")
    seconds = time.perf_counter() - start
    first = peaks.pop(work.pid, 0)
    return Run(seconds, first, max(peaks.values(), default=0), digest.hexdigest())


def watch(work: subprocess.Popen[bytes], peaks: dict[int, int]) -> None:
    """Peak resident sets in kilobytes, from /proc."""
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


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--megabytes", type=int, default=1000)
    args.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    args.add_argument("--rounds", type=int, default=2)
    options = args.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        mbox = Path(folder) / "mbox"
        with mbox.open("wb") as out:
            count = write(out, options.megabytes << 20)
        print(f"{count:,} messages, {mbox.stat().st_size >> 20:,} MiB")
        for _ in range(options.rounds):
            one, many = run(mbox, 1), run(mbox, options.jobs)
            if one.digest != many.digest:
                sys.exit("the outputs differ")
            print(
                f"{options.jobs} jobs {one.seconds / many.seconds:5.2f} x one ({count / one.seconds:,.0f}/s); peak MiB: alone "
                f"{one.first >> 10}, with others {many.first >> 10}, each of the others {many.others >> 10}; same output"
            )


if __name__ == "__main__":
    main()
