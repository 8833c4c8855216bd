"""From files to frames: Parquet, CSV and NDJSON by their columns, and any format that a reader knows as Reports.

Gives: polars DataFrames of at most CHUNK rows, one after the other. Says on standard error which rows of a CSV did not fit.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.csv
import pyarrow.parquet

from bouncewise.errors import InputError
from bouncewise.intake import files
from bouncewise.readers import Finding

CHUNK = 100_000
"""Rows judged at once."""

# Where a column is not named, these are looked for, in this order: ours, PowerMTA's, what people call them.
NAMES = {
    "reply": (
        "reply",
        "dsnDiag",
        "diagnostic_code",
        "diagnostic",
        "smtp_reply",
        "response",
        "message",
        "text",
    ),
    "recipient": ("recipient", "rcpt", "email", "address", "to", "rcpt_to"),
    "at": ("at", "timeLogged", "timestamp", "time", "event_time", "date"),
    "receiver": ("receiver",),
    "stage": ("stage",),
}


def column(frame_names: list[str], role: str, given: dict[str, str]) -> str | None:
    """The column of *role*: the one given, else the first that goes by a usual name."""
    if role in given:
        if given[role] not in frame_names:
            raise InputError(f"no column {given[role]!r}; there are {', '.join(frame_names)}")
        return given[role]
    folded = {name.casefold(): name for name in reversed(frame_names)}
    return next((folded[n.casefold()] for n in NAMES[role] if n.casefold() in folded), None)


def frames(path: str, groups: tuple[int, ...] = ()) -> Iterator[pl.DataFrame]:
    """The rows of the file at *path* in chunks; of Parquet only its row *groups*, where they are given."""
    name = path.removesuffix(".gz")
    if name.endswith(".parquet"):
        file = pyarrow.parquet.ParquetFile(path)
        for batch in file.iter_batches(CHUNK, row_groups=list(groups) or None):
            yield pl.DataFrame(pl.from_arrow(batch))
    elif name.endswith(".csv"):
        options = pyarrow.csv.ParseOptions(
            newlines_in_values=True, invalid_row_handler=_odd_row(path)
        )
        with Path(path).open(encoding="utf-8-sig", errors="replace", newline="") as stream:
            names = next(csv.reader(stream), [])
        text = pyarrow.csv.ConvertOptions(column_types={n: pyarrow.string() for n in names})
        for batch in pyarrow.csv.open_csv(path, parse_options=options, convert_options=text):
            yield pl.DataFrame(pl.from_arrow(batch))
    elif name.endswith((".ndjson", ".jsonl")) and (found := _ndjson(path)) is not None:
        yield from found
    else:
        yield from _reports(path)


def _odd_row(path: str) -> Callable[[Any], str]:
    """Says of each row that does not fit its header that it was left out."""

    def tell(row: Any) -> str:
        text = f"{row.actual_columns} fields where the header names {row.expected_columns}: {str(row.text)[:60]!r}"
        print(f"note: {path} #{row.number}: {text}", file=sys.stderr)
        return "skip"

    return tell


def _ndjson(path: str) -> Iterator[pl.DataFrame] | None:
    """Chunks of flat JSON lines that have a reply; None where they are a log that a reader knows better."""
    with Path(path).open("rb") as stream:
        head = pl.read_ndjson(io.BytesIO(stream.readline()))
    if (
        column(head.columns, "reply", {}) is None
        or head[column(head.columns, "reply", {}) or ""].dtype != pl.String
    ):
        return None

    def chunks() -> Iterator[pl.DataFrame]:
        with Path(path).open("rb") as stream:
            while lines := stream.readlines(CHUNK * 200):
                yield pl.read_ndjson(io.BytesIO(b"".join(lines)), schema_overrides=head.schema)

    return chunks()


def _reports(path: str) -> Iterator[pl.DataFrame]:
    rows: list[tuple[object, ...]] = []
    schema: dict[str, Any] = {
        "kind": pl.String,
        "recipient": pl.String,
        "at": pl.Datetime("us", "UTC"),
        "message_id": pl.String,
        "sender": pl.String,
        "remote_mta": pl.String,
        "reply": pl.String,
        "stage": pl.String,
    }
    for item in files.read(path):
        if isinstance(item, Finding):
            r = item.report
            rows.append(
                (
                    r.kind.value,
                    r.recipient,
                    r.at,
                    r.message_id,
                    r.sender,
                    r.remote_mta,
                    r.reply and r.reply.text,
                    r.stage and r.stage.value,
                )
            )
            if len(rows) >= CHUNK:
                yield pl.DataFrame(rows, schema=schema, orient="row")
                rows = []
    if rows:
        yield pl.DataFrame(rows, schema=schema, orient="row")
