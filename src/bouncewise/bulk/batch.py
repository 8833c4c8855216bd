"""Verdicts on files of replies, in many processes.

Reads: Parquet, CSV, NDJSON, PowerMTA's CSV, and every format that ``bouncewise read`` knows. Gives:
for each part of the input a Parquet file with its columns and those of the verdict, or counts by
domain, day and cause. A part is written completely or not at all, and the name of its file contains
the version of the rules; a run that was stopped therefore continues where it was, and a second run
changes nothing. Memory is bounded by FRAME_ROWS rows per process. Refuses with InputError: standard
input, and files without the columns that are needed.
"""

from __future__ import annotations

import csv
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pyarrow.parquet

from bouncewise.bulk.columns import ColumnClassifier
from bouncewise.bulk.dataframes import REPORT_SCHEMA, find_column, read_dataframes
from bouncewise.classifier.classify import Classifier
from bouncewise.errors import InputError
from bouncewise.intake import files
from bouncewise.intake.reading import CLASSIFIED_KINDS
from bouncewise.rules.load import load
from bouncewise.workers import Task, WorkerPool

PART_ROWS = 2_000_000
"""Rows of a Parquet file that make one part, rounded up to whole row groups."""


class Part(NamedTuple):
    """A part of the work: a file, or some row groups of a Parquet file."""

    path: str
    row_groups: tuple[int, ...]
    """Empty if the part is the whole file."""
    target: Path
    columns: tuple[tuple[str, str], ...]
    """Roles and names of the columns that the operator named."""
    by: tuple[str, ...]
    """What is counted; empty if the rows are written."""
    rules: tuple[Path, ...] = ()
    """The operator's own rule files."""


def parts(
    paths: tuple[str, ...],
    out: Path,
    columns: dict[str, str],
    by: tuple[str, ...],
    rules: tuple[Path, ...] = (),
) -> list[Part]:
    """The parts of the work, in order; raises InputError if a path does not exist.

    *columns* are the names of columns by role (``find_column``), *by* what is counted, *rules* the
    operator's own rule files and folders.
    """
    work = []
    version = _classifier(rules).classifier.ruleset.version
    options = repr((sorted(columns.items()), by)).encode()
    suffix = f"{version}-{hashlib.blake2b(options, digest_size=4).hexdigest()}.parquet"
    for path in files.expand(paths):
        if path == files.STDIN:
            raise InputError("batch reads files, not standard input; use `bouncewise read -`")
        stem = re.sub(r"[^\w.-]+", "-", path).strip("-.")[-120:]
        with _naming(path):
            groups = _row_groups(path) if path.endswith(".parquet") else [()]
        for row_groups in groups:
            name = f"{stem}-{row_groups[0]:05d}" if row_groups else stem
            target = out / f"{name}-{suffix}"
            work.append(Part(path, row_groups, target, tuple(columns.items()), by, rules))
    return work


def run(work: list[Part], jobs: int, progress: Callable[[int, int], None]) -> int:
    """Do the parts that are not done, in *jobs* processes; returns the number of their rows.

    *progress* is called with the number of parts done, and of rows done in this run.
    """
    todo = [part for part in work if not part.target.exists()]
    rows, done = 0, len(work) - len(todo)
    progress(done, rows)
    pool = WorkerPool(jobs, _initialize) if jobs > 1 and len(todo) > 1 else None
    try:
        results = (
            pool.map_ordered(Task(classify_part, (part,), part.path) for part in todo)
            if pool
            else zip(todo, map(classify_part, todo), strict=True)
        )
        for _, part_rows in results:
            rows, done = rows + part_rows, done + 1
            progress(done, rows)
    finally:
        if pool:
            pool.close()
    return rows


def _initialize() -> None:
    """Keep polars from starting a thread per core in each process: there is a process per core."""
    os.environ["POLARS_MAX_THREADS"] = "1"


def classify_part(part: Part) -> int:
    """Classify one part and write its target; returns the number of its rows."""
    temporary = part.target.with_suffix(f".{os.getpid()}.tmp")
    try:
        with _naming(part.path):
            rows = _write_part(part, temporary)
        temporary.replace(part.target)
    finally:
        temporary.unlink(missing_ok=True)
    return rows


def _write_part(part: Part, temporary: Path) -> int:
    rows = 0
    writer: pyarrow.parquet.ParquetWriter | None = None
    counts: list[pl.DataFrame] = []
    columns = dict(part.columns)
    try:
        for frame in read_dataframes(part.path, part.row_groups):
            rows += frame.height
            classified = _with_verdict(frame, columns, part.rules)
            if part.by:
                counts.append(_count(classified, part.by, columns))
                continue
            table = classified.to_arrow()
            writer = writer or pyarrow.parquet.ParquetWriter(
                temporary, table.schema, compression="zstd"
            )
            writer.write_table(table)
        if part.by:
            _sum(counts, part.by).write_parquet(temporary)
        elif writer is None:
            pl.DataFrame().write_parquet(temporary)
    finally:
        if writer is not None:
            writer.close()
    return rows


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Raise InputError, with *path*, for what the libraries say of a file."""
    try:
        yield
    except (pyarrow.ArrowException, pl.exceptions.PolarsError, csv.Error, OSError) as bad:
        if isinstance(bad, OSError) and bad.errno is not None:
            raise
        words = " ".join(str(bad).split())[:200]
        raise InputError(f"{path}: cannot be read: {words}. Leave it out, or repair it") from None


def total(work: list[Part], by: tuple[str, ...]) -> pl.DataFrame:
    """The sums of the counts of all parts, ordered."""
    return _sum([pl.read_parquet(part.target) for part in work], by)


@cache
def _classifier(rules: tuple[Path, ...]) -> ColumnClassifier:
    return ColumnClassifier(Classifier(load(rules)) if rules else None)


def _row_groups(path: str) -> list[tuple[int, ...]]:
    """The row groups of a Parquet file in runs of about PART_ROWS rows; one run if it is empty."""
    meta = pyarrow.parquet.read_metadata(path)
    runs: list[tuple[int, ...]] = []
    run: tuple[int, ...] = ()
    rows = 0
    for i in range(meta.num_row_groups):
        run, rows = (*run, i), rows + meta.row_group(i).num_rows
        if rows >= PART_ROWS:
            runs.append(run)
            run, rows = (), 0
    return [*runs, run] if run or not runs else runs


def _with_verdict(
    frame: pl.DataFrame, columns: dict[str, str], rules: tuple[Path, ...]
) -> pl.DataFrame:
    """*frame* with the columns of the verdict, which are renamed if *frame* has the same names."""
    reply = find_column(frame.columns, "reply", columns)
    if reply is None:
        raise InputError(
            f"no column holds the replies; name one of {', '.join(frame.columns)} with --reply"
        )
    receiver = find_column(frame.columns, "receiver", columns)
    stage = find_column(frame.columns, "stage", columns)
    verdict = _classifier(rules).verdict_columns(frame, reply, receiver=receiver, stage=stage)
    if frame.columns == list(REPORT_SCHEMA):
        verdict = _of_classified_kinds(frame, verdict)
    return frame.hstack(
        [
            c.alias(f"verdict_{c.name}") if c.name in frame.columns else c
            for c in verdict.get_columns()
        ]
    )


def _of_classified_kinds(frame: pl.DataFrame, verdict: pl.DataFrame) -> pl.DataFrame:
    """*verdict* with nulls where the report gets none: a delivery, an automatic reply."""
    is_classified = frame["kind"].is_in([kind.value for kind in CLASSIFIED_KINDS])
    return verdict.select(pl.when(is_classified).then(pl.col(name)) for name in verdict.columns)


def _count(classified: pl.DataFrame, by: tuple[str, ...], columns: dict[str, str]) -> pl.DataFrame:
    recipient = find_column(classified.columns, "recipient", columns)
    at = find_column(classified.columns, "at", columns)
    keys: dict[str, pl.Expr] = {}
    if "domain" in by:
        if recipient is None:
            raise InputError(
                "counting by domain needs the recipients' column; name it with --recipient"
            )
        keys["domain"] = pl.col(recipient).str.extract(r"@([^@>\s]+)>?\s*$").str.to_lowercase()
    if "day" in by:
        if at is None:
            raise InputError("counting by day needs a column of times; name it with --time")
        keys["day"] = pl.col(at).cast(pl.String).str.slice(0, 10)
    keys |= {name: pl.col(name).cast(pl.String) for name in by if name not in keys}
    return classified.group_by([key.alias(name) for name, key in keys.items()]).len("count")


def _sum(counts: list[pl.DataFrame], by: tuple[str, ...]) -> pl.DataFrame:
    counts = [frame for frame in counts if frame.width]
    if not counts:
        return pl.DataFrame()
    summed = pl.concat(counts).group_by(by).agg(pl.col("count").sum())
    return summed.sort(by, nulls_last=True)
