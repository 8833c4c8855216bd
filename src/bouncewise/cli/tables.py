"""Lists written as they were read: rows unchanged, or with columns added behind them."""

from __future__ import annotations

import csv
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from bouncewise.errors import InputError
from bouncewise.lists.table import Table
from bouncewise.output import open_output

RowWriter = Callable[[Sequence[str], Sequence[str]], None]
"""Writes the cells of a row, and those that are added behind them."""


def open_like(path: Path | None, table: Table, files: ExitStack) -> IO[str] | None:
    """A file that is replaced when all is written, in the encoding of *table*; None for none."""
    if path is None:
        return None
    errors = "surrogatepass" if table.encoding.startswith("utf-16") else "surrogateescape"
    return files.enter_context(
        open_output(path, encoding=table.encoding, errors=errors, newline="")
    )


def row_writer(target: IO[str] | None, table: Table, columns: Sequence[str]) -> RowWriter:
    """A function that writes rows with *columns* behind them, in the dialect of *table*."""
    if target is None:
        return lambda _cells, _added: None
    rows = csv.writer(target, delimiter=table.delimiter, lineterminator=table.newline)
    if table.preamble.startswith("\ufeff"):
        target.write("\ufeff")
    if table.header:
        rows.writerow([*table.header, *columns])

    def write(cells: Sequence[str], added: Sequence[str]) -> None:
        missing = [""] * (len(table.header) - len(cells))
        rows.writerow([*cells, *missing, *added])

    return write


@contextmanager
def readable_twice(source: Path) -> Iterator[Path]:
    """A path with the content of *source*, which can be read more than once: what is no file is
    copied.
    """
    if source.is_file():
        yield source
        return
    with tempfile.NamedTemporaryFile(prefix="bouncewise-") as copy:
        if str(source) == "-":
            shutil.copyfileobj(sys.stdin.buffer, copy)
        else:
            with source.open("rb") as stream:
                shutil.copyfileobj(stream, copy)
        copy.flush()
        try:
            yield Path(copy.name)
        except InputError as bad:  # the operator knows the source by another name
            raise InputError(str(bad).replace(copy.name, str(source))) from None
