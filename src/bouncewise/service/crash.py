"""Why the front process ended without being stopped, said at its next start.

A file that is mapped into memory, such as SQLite's ``-shm`` or the index, ends every process that
reads behind its new end, if somebody cuts it (SIGBUS, mmap(2)); so may a defect of a library.
Python then writes what it was doing into a file of the spool's folder.
"""

from __future__ import annotations

import contextlib
import faulthandler
from collections.abc import Iterator
from pathlib import Path

from bouncewise.service.inbox import Tell

_NAME, _BEFORE = "crash", "crash.before"


@contextlib.contextmanager
def recorded(folder: Path, tell: Tell) -> Iterator[None]:
    """Record in *folder* a fault that ends this process, as long as this is open, and tell of one
    before. Raises OSError.
    """
    path = folder / _NAME
    with contextlib.suppress(FileNotFoundError):
        if found := path.read_text("utf-8", "replace").strip():
            path.replace(folder / _BEFORE)
            reason = found.splitlines()[0].removeprefix("Fatal Python error: ")
            tell(
                f"the service was ended by a fault before this start: {reason}; was a file of the"
                f" ledger cut while it ran? Details: {folder / _BEFORE}"
            )
    with path.open("w", encoding="utf-8") as file:
        faulthandler.enable(file, all_threads=False)
        try:
            yield
        finally:
            faulthandler.disable()
    path.unlink(missing_ok=True)
