"""A large list through ``bouncewise validate``: time and memory, with DNS answers that are cached
and without.

Run as: python bench/validate.py [--rows N] [--domains N]. The name server is on this machine.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from nameserver import nameserver


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--rows", type=int, default=1_000_000)
    args.add_argument("--domains", type=int, default=100_000)
    options = args.parse_args()
    with tempfile.TemporaryDirectory() as name, nameserver() as port:
        folder = Path(name)
        with (folder / "list.csv").open("w") as stream:
            stream.write("id,email,since\n")
            for n in range(options.rows):
                domain = f"d{n * 7919 % options.domains}.example.com"
                stream.write(f"{n},first.last{n}@{domain},2026-01-01\n")
        before = 0.0
        for what in ("without cached answers", "with cached answers"):
            seconds = run(folder, port)
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu, before = used.ru_utime + used.ru_stime - before, used.ru_utime + used.ru_stime
            peak = used.ru_maxrss >> 10
            print(
                f"{what:24} {options.rows:,} rows, {options.domains:,} domains: {seconds:6.1f} s, "
                f"{cpu:.1f} s of the processor, at most {peak:,} MiB",
                flush=True,
            )


def run(folder: Path, port: int) -> float:
    """Seconds of one run."""
    start = time.perf_counter()
    command = [
        *(sys.executable, "-m", "bouncewise", "validate", str(folder / "list.csv"), "--no-ledger"),
        *("--resolver", f"127.0.0.1:{port}", "-o", str(folder / "ok.csv")),
        *("--rejected", str(folder / "rest.csv")),
    ]
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    done = subprocess.run(command, env=environment, check=False)  # noqa: S603
    if done.returncode not in (0, 1):
        sys.exit(f"exit {done.returncode}")
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
