"""Spark local[2] compared with ``batch`` in two processes, over the same Parquet files, both
writing Parquet.

The start of Spark and its first pass over the rows, in which Java compiles, are not counted; the
start of our processes is. Run as: python bench/spark.py [--rows N]. Needs bouncewise[spark] and
Java. Prints rates and their ratio; exits 0.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from columns import write
from pyspark.sql import SparkSession

from bouncewise.bulk import batch
from bouncewise.bulk.spark import session, with_verdict


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--rows", type=int, default=4_000_000)
    rows = args.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        files = str(write(home / "in", rows, 100_000))
        start = time.perf_counter()
        (home / "out").mkdir()
        batch.run(batch.parts((files,), home / "out", {}, ()), 2, lambda *_: None)
        ours = rows / (time.perf_counter() - start)
        spark = session(SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false"))
        source = spark.read.parquet(files)
        with_verdict(source).write.parquet(str(home / "warm"))
        start = time.perf_counter()
        with_verdict(source).write.parquet(str(home / "spark"))
        theirs = rows / (time.perf_counter() - start)
        spark.stop()
    print(
        f"batch, 2 processes {ours:,.0f} rows/s; Spark local[2] {theirs:,.0f} rows/s: "
        f"{theirs / ours:.2f}"
    )


if __name__ == "__main__":
    main()
