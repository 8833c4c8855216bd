"""Notes on standard error, and whether they are all that an input gave."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from bouncewise.cli.common import echo_error
from bouncewise.errors import InputError
from bouncewise.intake.files import GONE, STDIN, UNKNOWN_FORMAT
from bouncewise.readers import Note

_LIST = (
    "a list of addresses, not of events. `bouncewise suppressions import --dry-run` shows what it "
    "says; `bouncewise clean` and `check --csv` compare it with the ledger"
)


class Notes:
    """Prints notes; counts the files that could not be read to their end: damaged, not permitted,
    or of a format that no reader recognises.
    """

    def __init__(self) -> None:
        self.unread = 0

    def print(self, note: Note) -> None:
        """Print one note."""
        self.unread += note.ends_early and note.text != GONE
        if note.text == UNKNOWN_FORMAT and _is_list(note.path):
            note = note._replace(text=_LIST)
        echo_error(f"note: {note}")

    def exit_code(self, reports: int) -> int:
        """1 if files were not read and there are no *reports*: a job that runs unattended then
        shows that it may not read a log any more, or that its format has changed; else 0.
        """
        return 1 if self.unread and not reports else 0


def _is_list(path: str) -> bool:
    """Whether the file at *path* is a table, or the JSON of an API, with a column of addresses."""
    from bouncewise.lists.records import json_table
    from bouncewise.lists.table import Table

    if path == STDIN or not Path(path).is_file():
        return False
    try:
        with Table.open(Path(path), None, partial(json_table, name=None)) as table:
            return table.address >= 0
    except (InputError, OSError):
        return False
