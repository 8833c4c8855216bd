"""Notes on standard error, and whether they are all that an input gave."""

from __future__ import annotations

from bouncewise.cli.common import echo_error
from bouncewise.intake.files import GONE
from bouncewise.readers import Note


class Notes:
    """Prints notes; counts the files that could not be read to their end: damaged, not permitted,
    or of a format that no reader recognises.
    """

    def __init__(self) -> None:
        self.unread = 0

    def print(self, note: Note) -> None:
        """Print one note."""
        self.unread += note.ends_early and note.text != GONE
        echo_error(f"note: {note}")

    def exit_code(self, reports: int) -> int:
        """1 if files were not read and there are no *reports*: a job that runs unattended then
        shows that it may not read a log any more, or that its format has changed; else 0.
        """
        return 1 if self.unread and not reports else 0
