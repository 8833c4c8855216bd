"""Whether the ledger that is open is still the file of its name, and a database.

A file that was removed or replaced can be read and written for as long as it is open. What goes
into it is lost when it is closed. SQLite notices that a file was overwritten only where it reads
it, and until then writes beside it.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Self

from bouncewise.errors import LedgerError
from bouncewise.ledger import Location

_MAGIC = b"SQLite format 3\0"
"""The beginning of every SQLite file (https://www.sqlite.org/fileformat.html section 1.3.1)."""


class LedgerFile:
    """The file of a ledger at this moment; a ledger in PostgreSQL has none. Enter it before the
    ledger is opened, and leave it when that is closed: closing any descriptor of the file gives
    up SQLite's locks on it (https://www.sqlite.org/howtocorrupt.html section 2.2).
    """

    def __init__(self, location: Location) -> None:
        self._path, self._is_file = location.path, not location.url
        self._file = -1
        self._identity = _identity(self._path)

    def __enter__(self) -> Self:
        with contextlib.suppress(OSError):
            self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        return self

    def __exit__(self, *_: object) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def check(self) -> None:
        """Raises LedgerError where there is no file, or another one, or no database in it."""
        if not self._is_file:
            return
        found = _identity(self._path)
        if found is None:
            raise LedgerError(f"{self._path}: the file was removed")
        if found != self._identity:
            raise LedgerError(f"{self._path}: the file was replaced; it is opened again")
        if self._file >= 0 and os.pread(self._file, len(_MAGIC), 0) != _MAGIC:
            raise LedgerError(
                f"{self._path}: the file was overwritten, and is no database any more; stop the "
                "service and put a copy in its place (docs/service.md)"
            )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
