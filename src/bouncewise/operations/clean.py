"""A list in, the same list out without the addresses that must not be mailed.

Reads: a table of any dialect. Gives: the rows that may be mailed as they are, in their order;
the others with the reason. A cell that is no address is dropped too.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import tee
from typing import NamedTuple

from bouncewise.lists.table import Table
from bouncewise.model import Mail
from bouncewise.operations.check import Answer, check
from bouncewise.operations.context import Context


class Row(NamedTuple):
    """A row of the list with the answer for its address."""

    cells: list[str]
    text: str
    """The row as it was written, its line end included."""
    answer: Answer


def clean(table: Table, context: Context, *, at: datetime, past: bool, mail: Mail) -> Iterator[Row]:
    """Every row of *table* that is not blank, with its answer."""
    rows, again = tee(table.readable())
    cells = (row.cells for row in again)
    addresses = (row[table.address].strip() if table.address < len(row) else "" for row in cells)
    answers = check(addresses, context.ledger, context.policy, at=at, past=past, mail=mail)
    for answer, row in zip(answers, rows, strict=True):
        yield Row(row.cells, row.text, answer)
