"""Whether the ledger that is open is still the file of its name.

A file that was removed or replaced can be read and written for as long as it is open. What goes
into it is lost when it is closed.
"""

from __future__ import annotations

from pathlib import Path

from bouncewise.errors import LedgerError
from bouncewise.ledger import Location


class LedgerFile:
    """The file of a ledger at this moment; make it before the ledger is opened. A ledger in
    PostgreSQL has none, and its connection fails where its database was removed.
    """

    def __init__(self, location: Location) -> None:
        self._path = location.path
        self._is_file = not location.url
        self._identity = _identity(self._path)

    def check(self) -> None:
        """Raises LedgerError where there is no file or another one."""
        if not self._is_file:
            return
        found = _identity(self._path)
        if found is None:
            raise LedgerError(f"{self._path}: the file was removed")
        if found != self._identity:
            raise LedgerError(f"{self._path}: the file was replaced; it is opened again")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
