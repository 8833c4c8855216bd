"""A column of replies: rows per second on one core, compared with the naive loop and with DuckDB
extracting only the code.

The data is synthetic: the rules' own examples as templates, drawn by Zipf's law, each with the name
of its host and its own recipient, IP and queue id; a stated share of the rows has a word that no
other row has, so that nothing remembered helps. "unique" is the number of templates. A log in which
one reply comes from thousands of hosts with different names repeats less. Run as:
POLARS_MAX_THREADS=1 python bench/columns.py [--rows N]. Prints a table; exits 0.
"""

from __future__ import annotations

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import argparse
import random
import tempfile
import time
from pathlib import Path

import polars as pl
from speed import naive_loop, rate, unseen

from bouncewise.bulk.columns import ColumnClassifier
from bouncewise.classifier.classify import default_classifier
from bouncewise.rules.load import Example


def replies(rows: int, unseen_share: float, seed: int = 1) -> list[str]:
    """Rows of SMTP replies as in a sender's log."""
    draw = random.Random(seed)  # noqa: S311
    templates = [
        e.reply if isinstance(e, Example) else e
        for r in default_classifier().ruleset.rules
        for e in r.example
    ]
    draw.shuffle(templates)
    weights = [1 / (i + 1) for i in range(len(templates))]
    chosen = draw.choices(templates, weights, k=rows)
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    out = []
    for text in chosen:
        ip = f"{draw.randrange(1, 99)}.{draw.randrange(256)}.2.{draw.randrange(256)}"
        to = f"<u{draw.randrange(10**6)}@d{draw.randrange(999)}.example>"
        queue_id = (
            f"{draw.choice('abcdef')}{draw.randrange(10)}si{draw.randrange(10**8):x}wrb"
            f"{draw.randrange(999)}"
        )
        line = (
            f"host mx.d{len(text) % 50}.example[{ip}] said: {text} {to} {queue_id} (in "
            f"reply to RCPT TO command)"
        )
        if draw.random() < unseen_share:
            line += " ref " + "".join(draw.choices(alphabet, k=12))
        out.append(line)
    return out


def write(folder: Path, rows: int, group: int) -> Path:
    """*folder* with four Parquet files of *rows* in all, 2 % unseen, in row groups of *group*."""
    folder.mkdir()
    for i in range(4):
        frame = pl.DataFrame({"reply": replies(rows // 4, 0.02, seed=i)})
        frame.write_parquet(folder / f"{i}.parquet", row_group_size=group)
    return folder


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--rows", type=int, default=1_000_000)
    rows = args.parse_args().rows
    print(f"{rows:,} rows, one core, cold memo each time")
    naive = rate(naive_loop(), list(unseen(300)))
    single = rate(default_classifier().classify, list(unseen(20_000)))
    print(f"naive loop {naive:,.0f}/s   one by one {single:,.0f}/s ({single / naive:.0f} x)")
    print("unseen   unique   rows/s        x naive   x DuckDB's extract")
    for share in (0.01, 0.02, 0.10, 0.50):
        frame = pl.DataFrame({"reply": replies(rows, share)})
        unique = ColumnClassifier().extractor.extract(frame["reply"]).templates.n_unique() / rows
        start = time.perf_counter()
        classifier = ColumnClassifier()
        for part in frame.iter_slices(100_000):
            classifier.verdict_columns(part)
        ours = rows / (time.perf_counter() - start)
        print(
            f"{share:6.0%}   {unique:6.1%}   {ours:9,.0f}   {ours / naive:9.0f}   "
            f"{ours / extract(frame):9.2f}"
        )


def extract(frame: pl.DataFrame) -> float:
    """DuckDB, one thread: the reply code of every row of a Parquet file."""
    import duckdb

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "r.parquet"
        frame.write_parquet(file)
        duckdb.sql("SET threads = 1")
        start = time.perf_counter()
        query = f"SELECT count(regexp_extract(reply, '[245][0-9][0-9]')) FROM '{file}'"  # noqa: S608
        duckdb.sql(query).fetchall()
        return frame.height / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
