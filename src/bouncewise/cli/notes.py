"""Notes on standard error, and whether they are all that an input gave."""

from __future__ import annotations

from bouncewise.cli.common import echo_error
from bouncewise.intake.files import UNKNOWN_FORMAT
from bouncewise.readers import Note


class Notes:
    """Prints notes; counts the files whose format no reader recognises."""

    def __init__(self) -> None:
        self.unrecognised = 0

    def print(self, note: Note) -> None:
        """Print one note."""
        self.unrecognised += note.text == UNKNOWN_FORMAT
        echo_error(f"note: {note}")

    def exit_code(self, reports: int) -> int:
        """1 if files were not recognised and there are no *reports*: a job that runs unattended
        then shows that a log has another format than before; else 0.
        """
        return 1 if self.unrecognised and not reports else 0
