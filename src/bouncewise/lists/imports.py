"""Suppression lists of ESPs, of bouncewise itself, and plain ones, row by row.

Reads: a table or the JSON of an API, in the layout that its columns show (imports.toml). Gives:
what each row says, or what is wrong with it. Refuses: a list that does not say why its rows are
there, unless somebody names its layout or says that every row is meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, islice
from pathlib import Path

from bouncewise.lists import layouts
from bouncewise.lists.layouts import Meaning
from bouncewise.lists.list_reader import PLAIN, ListReader
from bouncewise.lists.list_reader import ListRow as ListRow
from bouncewise.lists.records import json_table
from bouncewise.lists.table import Table

FORMATS = layouts.names()
"""What a list can be: the names of the layouts."""

_ORDER_SAMPLE = 10_000
"""Rows in which a date with a number above 12 is looked for."""

_NOT_IMPORTED = (None, Meaning.DELIVERABLE, Meaning.BLOCKED)


def load(
    path: Path,
    name: str | None = None,
    *,
    column: str | None = None,
    every: bool = False,
    note: Callable[[str], None] = lambda _: None,
) -> Iterator[ListRow]:
    """The rows of the list at *path*, in the layout *name* or the one that its columns show; the
    addresses are in *column*, if it is given. What operators should know of the list is given to
    *note*. Raises InputError where the columns of the layout *name* are not there, or no column
    says why the rows are there, unless *every* row is meant.
    """
    with Table.open(path, column, partial(json_table, name=name)) as table:
        list_ = ListReader(table, name)
        rows = iter(table.numbered)
        top = list(islice(rows, _ORDER_SAMPLE))
        list_.look_at([row.cells for row in top])
        if name and name != PLAIN:
            list_.require_layout()
        elif not every:
            list_.require_reason()
        for text in list_.notes():
            note(text)
        for row in chain(top, rows):
            cells = row.cells
            listed = cells[table.address].strip() if table.address < len(cells) else ""
            if row.error:
                found = ListRow(list_.format, listed, error=row.error)
            elif any(cell.strip() for cell in cells):
                found = list_.row(listed, cells, every=every)
            else:
                continue
            if not found.error and found.meaning in _NOT_IMPORTED:
                list_.opt_outs.add(cells)
            yield found._replace(line=row.line, unit=table.unit)
        if text := list_.opt_outs.note():
            note(text)
