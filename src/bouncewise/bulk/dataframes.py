"""From files to polars DataFrames.

Reads: Parquet, CSV and NDJSON by their columns, and every other format that a reader knows as one
row per Report. Gives: DataFrames of at most FRAME_ROWS rows (of NDJSON about as many), one after
the other. Refuses: a CSV row that does not have as many fields as the header; a note on standard
error names it.
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

from bouncewise.encode import for_terminal
from bouncewise.errors import InputError
from bouncewise.intake import files
from bouncewise.model import Finding, Report

FRAME_ROWS = 100_000
"""Rows of one DataFrame, which are classified together."""

_NDJSON_OCTETS = FRAME_ROWS * 200  # octets of NDJSON in one DataFrame, by the usual length of lines

# The usual names of columns, in the order of the search: bouncewise's, PowerMTA's, and others.
_USUAL_NAMES = {
    "reply": (
        *("reply", "dsnDiag", "diagnostic_code", "diagnostic"),
        *("smtp_reply", "response", "message", "text"),
    ),
    "recipient": ("recipient", "rcpt", "email", "address", "to", "rcpt_to"),
    "at": ("at", "timeLogged", "timestamp", "time", "event_time", "date"),
    "receiver": ("receiver",),
    "stage": ("stage",),
}

REPORT_SCHEMA: dict[str, Any] = {
    "kind": pl.String,
    "recipient": pl.String,
    "at": pl.Datetime("us", "UTC"),
    "message_id": pl.String,
    "sender": pl.String,
    "remote_mta": pl.String,
    "reply": pl.String,
    "stage": pl.String,
}
"""The columns of reports, which are read from files that are no tables of replies."""


def find_column(names: list[str], role: str, named: dict[str, str]) -> str | None:
    """The column of *role* among *names*: the one in *named*, else the first with a usual name.

    None if there is none. Raises InputError if the column in *named* does not exist.
    """
    if role in named:
        if named[role] not in names:
            raise InputError(f"no column {named[role]!r}; there are {', '.join(names)}")
        return named[role]
    by_folded = {name.casefold(): name for name in reversed(names)}
    usual = (name.casefold() for name in _USUAL_NAMES[role])
    return next((by_folded[name] for name in usual if name in by_folded), None)


def read_dataframes(path: str, row_groups: tuple[int, ...] = ()) -> Iterator[pl.DataFrame]:
    """The rows of the file at *path*; of Parquet only those of *row_groups*, if there are any."""
    name = path.removesuffix(".gz")
    if name.endswith(".parquet"):
        file = pyarrow.parquet.ParquetFile(path)
        for batch in file.iter_batches(FRAME_ROWS, row_groups=list(row_groups) or None):
            yield pl.DataFrame(pl.from_arrow(batch))
    elif name.endswith(".csv"):
        yield from _csv(path)
    elif name.endswith((".ndjson", ".jsonl")) and (chunks := _ndjson(path)) is not None:
        yield from chunks
    else:
        yield from _reports(path)


def _csv(path: str) -> Iterator[pl.DataFrame]:
    parse = pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=_skip_row(path))
    with Path(path).open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        names = next(csv.reader(stream), [])
    text = pyarrow.csv.ConvertOptions(column_types={name: pyarrow.string() for name in names})
    for batch in pyarrow.csv.open_csv(path, parse_options=parse, convert_options=text):
        yield pl.DataFrame(pl.from_arrow(batch))


def _skip_row(path: str) -> Callable[[Any], str]:
    """A handler that skips a row whose number of fields is wrong, and prints a note."""

    def handler(row: Any) -> str:
        fields = f"{row.actual_columns} fields, but the header has {row.expected_columns}"
        note = f"note: {path} #{row.number}: {fields}: {str(row.text)[:60]!r}"
        print(for_terminal(note), file=sys.stderr)
        return "skip"

    return handler


def _ndjson(path: str) -> Iterator[pl.DataFrame] | None:
    """The rows of flat JSON lines; None if the first has no column of replies, as in most logs."""
    with Path(path).open("rb") as stream:
        head = pl.read_ndjson(io.BytesIO(stream.readline()))
    reply = find_column(head.columns, "reply", {})
    if reply is None or head[reply].dtype != pl.String:
        return None

    def chunks() -> Iterator[pl.DataFrame]:
        with Path(path).open("rb") as stream:
            while lines := stream.readlines(_NDJSON_OCTETS):
                yield pl.read_ndjson(io.BytesIO(b"".join(lines)), schema_overrides=head.schema)

    return chunks()


def _reports(path: str) -> Iterator[pl.DataFrame]:
    rows: list[tuple[object, ...]] = []
    for item in files.read(path):
        if isinstance(item, Finding):
            rows.append(_report_row(item.report))
            if len(rows) >= FRAME_ROWS:
                yield pl.DataFrame(rows, schema=REPORT_SCHEMA, orient="row")
                rows = []
    if rows:
        yield pl.DataFrame(rows, schema=REPORT_SCHEMA, orient="row")


def _report_row(report: Report) -> tuple[object, ...]:
    """The values of REPORT_SCHEMA."""
    return (
        report.kind.value,
        report.recipient,
        report.at,
        report.message_id,
        report.sender,
        report.remote_mta,
        report.reply and report.reply.text,
        report.stage and report.stage.value,
    )
