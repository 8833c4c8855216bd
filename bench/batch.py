"""``bouncewise batch`` over a Parquet data set, two processes: rows per second, and the largest process.

Run as: python bench/batch.py [--rows N]. Rows as in columns.py, 2 % of them unseen. Prints figures; exits 0.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import polars as pl
from columns import replies
from peak import run


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--rows", type=int, default=4_000_000)
    rows = args.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "in").mkdir()
        for i in range(4):
            some = pl.DataFrame({"reply": replies(rows // 4, 0.02, seed=i)})
            some.write_parquet(home / "in" / f"{i}.parquet", row_group_size=250_000)
        for name, more in (("Parquet to Parquet", ()), ("Parquet to counts", ("--by", "cause"))):
            did = run("batch", str(home / "in"), "-o", str(home / name.replace(" ", "-")), "--jobs", "2", *more)
            print(f"batch, two processes, {name:18} {rows / did.seconds:10,.0f} rows/s   {did.others >> 10} MiB each")


if __name__ == "__main__":
    main()
