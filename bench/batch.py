"""``bouncewise batch`` over a Parquet data set, two processes: rows per second, and the largest
process.

Run as: python bench/batch.py [--rows N]. Rows as in columns.py, 2 % of them unseen. Prints figures;
exits 0.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from columns import write
from peak import run


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--rows", type=int, default=4_000_000)
    rows = args.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        source = write(home / "in", rows, 250_000)
        for name, more in (("Parquet to Parquet", ()), ("Parquet to counts", ("--by", "cause"))):
            did = run(
                "batch", str(source), "-o", str(home / name.replace(" ", "-")), "--jobs", "2", *more
            )
            print(
                f"batch, two processes, {name:18} {rows / did.seconds:10,.0f} rows/s   "
                f"{did.others >> 10} MiB each"
            )


if __name__ == "__main__":
    main()
