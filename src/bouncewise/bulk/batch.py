"""Verdicts for files of replies: Parquet, CSV, NDJSON, PowerMTA's CSV, and every format that ``bouncewise read`` knows.

Gives: for each part of the input a Parquet file with its columns and those of the verdict, or counts by domain, day and
cause. Parts are written whole or not at all and carry the rule-set's version in their name, so a run that was stopped goes
on where it was, and a second run changes nothing. Memory is bounded by CHUNK rows a process.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pyarrow.parquet

from bouncewise.bulk.columns import Judge
from bouncewise.bulk.frames import column, frames
from bouncewise.errors import InputError
from bouncewise.intake import files
from bouncewise.workers import Task, WorkerPool

PART = 2_000_000
"""Rows of a Parquet file in one part of the work, rounded to whole row groups."""


class Part(NamedTuple):
    """A piece of the work: a file, and which of its row groups where it is Parquet."""

    path: str
    groups: tuple[int, ...]
    target: Path
    given: tuple[tuple[str, str], ...]
    by: tuple[str, ...]


def parts(
    paths: tuple[str, ...], out: Path, given: dict[str, str], by: tuple[str, ...]
) -> list[Part]:
    """The pieces of the work, in order; raises InputError for what is not there."""
    found = []
    version = _judge().classifier.ruleset.version
    how = hashlib.blake2b(repr((sorted(given.items()), by)).encode(), digest_size=4).hexdigest()
    for path in files.expand(paths):
        if path == files.STDIN:
            raise InputError("batch reads files, not standard input; use `bouncewise read -`")
        spans = _spans(path) if path.endswith(".parquet") else [()]
        stem = re.sub(r"[^\w.-]+", "-", path).strip("-.")[-120:]
        for groups in spans:
            name = f"{stem}-{groups[0]:05d}" if groups else stem
            found.append(
                Part(
                    path, groups, out / f"{name}-{version}-{how}.parquet", tuple(given.items()), by
                )
            )
    return found


def run(work: list[Part], jobs: int, progress: Callable[[int, int], None]) -> int:
    """Do what is not done yet, in *jobs* processes; how many rows that were. *progress* gets parts done and rows so far."""
    todo = [part for part in work if not part.target.exists()]
    rows, done = 0, len(work) - len(todo)
    progress(done, rows)
    pool = WorkerPool(jobs, _initialize) if jobs > 1 and len(todo) > 1 else None
    try:
        each = (
            pool.map_ordered(Task(one, (part,), part.path) for part in todo)
            if pool
            else zip(todo, map(one, todo), strict=True)
        )
        for _, height in each:
            rows, done = rows + height, done + 1
            progress(done, rows)
    finally:
        if pool:
            pool.close()
    return rows


def _initialize() -> None:
    """A process for each core is enough: Polars is not to start a thread for each core in all of them."""
    os.environ["POLARS_MAX_THREADS"] = "1"


def one(part: Part) -> int:
    """Judge one part and write it; its number of rows."""
    rows = 0
    waiting = part.target.with_suffix(f".{os.getpid()}.tmp")
    writer: pyarrow.parquet.ParquetWriter | None = None
    counts: list[pl.DataFrame] = []
    try:
        for frame in frames(part.path, part.groups):
            rows += frame.height
            judged = _judged(frame, dict(part.given))
            if part.by:
                counts.append(_counted(judged, part.by, dict(part.given)))
                continue
            table = judged.to_arrow()
            writer = writer or pyarrow.parquet.ParquetWriter(
                waiting, table.schema, compression="zstd"
            )
            writer.write_table(table)
        if part.by:
            _sum(counts, part.by).write_parquet(waiting)
        elif writer is None:
            pl.DataFrame().write_parquet(waiting)
    finally:
        if writer is not None:
            writer.close()
    waiting.replace(part.target)
    return rows


def total(work: list[Part], by: tuple[str, ...]) -> pl.DataFrame:
    """The counts of all parts together, ordered."""
    return _sum([pl.read_parquet(part.target) for part in work], by)


@cache
def _judge() -> Judge:
    return Judge()


def _spans(path: str) -> list[tuple[int, ...]]:
    meta = pyarrow.parquet.read_metadata(path)
    spans: list[tuple[int, ...]] = []
    current: tuple[int, ...] = ()
    rows = 0
    for i in range(meta.num_row_groups):
        current, rows = (*current, i), rows + meta.row_group(i).num_rows
        if rows >= PART:
            spans.append(current)
            current, rows = (), 0
    return [*spans, current] if current or not spans else spans


def _judged(frame: pl.DataFrame, given: dict[str, str]) -> pl.DataFrame:
    reply = column(frame.columns, "reply", given)
    if reply is None:
        raise InputError(
            f"no column holds the replies; name one of {', '.join(frame.columns)} with --reply"
        )
    receiver, stage = (
        column(frame.columns, "receiver", given),
        column(frame.columns, "stage", given),
    )
    judged = _judge().columns(frame, reply, receiver=receiver, stage=stage)
    return frame.hstack(
        [
            c if c.name not in frame.columns else c.alias(f"verdict_{c.name}")
            for c in judged.get_columns()
        ]
    )


def _counted(judged: pl.DataFrame, by: tuple[str, ...], given: dict[str, str]) -> pl.DataFrame:
    recipient, at = column(judged.columns, "recipient", given), column(judged.columns, "at", given)
    wanted: dict[str, pl.Expr] = {}
    if "domain" in by:
        if recipient is None:
            raise InputError(
                "counting by domain needs the recipients' column; name it with --recipient"
            )
        wanted["domain"] = pl.col(recipient).str.extract(r"@([^@>\s]+)>?\s*$").str.to_lowercase()
    if "day" in by:
        if at is None:
            raise InputError("counting by day needs a column of times; name it with --time")
        wanted["day"] = pl.col(at).cast(pl.String).str.slice(0, 10)
    wanted |= {name: pl.col(name).cast(pl.String) for name in by if name not in wanted}
    return judged.group_by([expr.alias(name) for name, expr in wanted.items()]).len("count")


def _sum(frames: list[pl.DataFrame], by: tuple[str, ...]) -> pl.DataFrame:
    frames = [f for f in frames if f.width]
    return (
        pl.concat(frames).group_by(by).agg(pl.col("count").sum()).sort(by, nulls_last=True)
        if frames
        else pl.DataFrame()
    )
