"""A column of replies: rows per second on one core, compared with the naive loop and with DuckDB
extracting only the code; and how many templates remain.

The data is synthetic: the rules' own examples as templates, drawn by Zipf's law, each with its own
recipient and what servers put around and into replies. "plain": the name of its host, an IP and a
queue id; a stated share of the rows has a word that no other row has, so that nothing remembered
helps. "real-like": the shapes that made templates unique in a real sender's export: numbered hosts
of large receivers, queue and session ids, the host and time of Microsoft's frontends, IPv6, UUIDs
and sizes, and one row in a hundred with such a word. Run as: POLARS_MAX_THREADS=1 python
bench/columns.py [--rows N]. Prints tables; exits 0.
"""

from __future__ import annotations

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import argparse
import random
import tempfile
import time
import uuid
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

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


def _host(kind: int, draw: random.Random) -> str:
    number, site = draw.randrange(1, 9999), draw.randrange(1, 40)
    return (
        f"mta{number}.mail.{draw.choice(('sg', 'gq', 'bf', 'ne'))}{site % 9}.yahoo.com",
        f"mx{site}.d{number}.example",
        "gmail-smtp-in.l.google.com",
        f"DB{site}EUR03FT{number:03}.mail.protection.outlook.com",
        f"cmgw-{site}.in.example",
        f"mxin{site:03}.mxhost.example",
    )[kind % 6]


def _behind(kind: int, draw: random.Random) -> str:
    """What a server puts behind the text of its reply."""
    letters, hexadecimal = "abcdefghijklmnopqrstuvwxyz", f"{draw.getrandbits(52):013x}"
    id_ = f"{draw.choice(letters)}{draw.randrange(30)}si{draw.randrange(10**7)}"
    clock = f"{draw.randrange(24):02}:{draw.randrange(60):02}:{draw.randrange(60):02}"
    day = f"2026-{draw.randrange(1, 13):02}-{draw.randrange(1, 29):02}"
    return (
        f"{id_}{draw.choice(letters)}ba.{draw.randrange(1, 999)} - gsmtp",
        f"{hexadecimal}-{draw.getrandbits(40):010x}{id_}b3a.{draw.randrange(999)} - gsmtp",
        f"[DB{draw.randrange(9)}EUR03FT{draw.randrange(999):03}.eop-EUR03.prod.protection."
        f"outlook.com {day}T{clock}.{draw.randrange(1000):03}Z "
        f"08DC{draw.getrandbits(48):012X}]",
        f"[2a01:111:{draw.getrandbits(16):x}:{draw.getrandbits(16):x}::{draw.getrandbits(8):x}]",
        f"(ticket {uuid.UUID(int=draw.getrandbits(128), version=4)})",
        f"(size {draw.randrange(10**5, 10**8)})",
        f"[{draw.choice(letters).upper()}{draw.randrange(10, 99)}.{draw.randrange(1000)}]",
        "",
    )[kind % 8]


def real_like(rows: int, seed: int = 1) -> list[str]:
    """Rows with the shapes of a real export: each text has hosts and ids of one kind."""
    draw = random.Random(seed)  # noqa: S311
    lines = []
    for text in replies(rows, 0.01, seed):
        start = text.index("[")
        kind = zlib.crc32(text[text.index("said:") : text.rindex("<u")].encode())
        lines.append(f"host {_host(kind, draw)}{text[start:]} {_behind(kind // 6, draw)}")
    return lines


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
        unique = unique_templates(frame)[0] / rows
        ours, _ = speed(frame)
        print(
            f"{share:6.0%}   {unique:6.1%}   {ours:9,.0f}   {ours / naive:9.0f}   "
            f"{ours / extract(frame):9.2f}"
        )
    print("real-like rows   fine   coarse   classified   rows/s      warm   x DuckDB's   warm")
    for count in (10_000, 100_000, 1_000_000):
        if count > rows:
            break
        frame = pl.DataFrame({"reply": real_like(count)})
        fine, coarse, classified = (number / count for number in unique_templates(frame))
        (cold, warm), theirs = speed(frame), extract(frame)
        print(
            f"{count:14,}   {fine:5.1%}   {coarse:5.1%}   {classified:9.1%}   {cold:9,.0f}   "
            f"{warm:9,.0f}   {cold / theirs:7.2f}   {warm / theirs:6.2f}"
        )


def unique_templates(frame: pl.DataFrame) -> tuple[int, int, int]:
    """The numbers of fine templates, of coarse ones, and of texts that are classified.

    A reply without a template counts as its own.
    """
    classifier = ColumnClassifier()
    classified = 0
    classify = classifier.classifier.classify

    def count(*args: Any, **more: Any) -> Any:
        nonlocal classified
        classified += 1
        return classify(*args, **more)

    classifier.classifier = SimpleNamespace(classify=count)
    found = classifier.extractor.extract(frame["reply"])
    classifier.verdict_columns(frame)
    texts = pl.Series(found.untemplated.texts, dtype=pl.String)
    fine = found.templates.append(texts)
    coarse = classifier.coarse_extractor.extract(fine).fill_null(fine)
    return fine.n_unique(), coarse.n_unique(), classified


def speed(frame: pl.DataFrame) -> tuple[float, float]:
    """Rows per second with an empty memory, and of the same rows again."""
    classifier = ColumnClassifier()
    rates = []
    for _ in range(2):
        start = time.perf_counter()
        for part in frame.iter_slices(100_000):
            classifier.verdict_columns(part)
        rates.append(frame.height / (time.perf_counter() - start))
    return rates[0], rates[1]


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
