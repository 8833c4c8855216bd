"""The file of a ledger, made for its owner alone."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path


def create_private(path: Path) -> None:
    """The file, for its owner alone: a ledger holds whole messages. SQLite gives its other files
    the same mode. The target of a dangling symlink is created, as SQLite would do.
    """
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        target.parent.parent.mkdir(parents=True, exist_ok=True)
        target.parent.mkdir(mode=0o700, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    found = target.stat()
    if not stat.S_ISREG(found.st_mode):
        raise FileExistsError(errno.EEXIST, "not a regular file")
    if found.st_size == 0 and found.st_mode & 0o077:  # made by hand, or by mktemp with another mode
        with contextlib.suppress(PermissionError):
            target.chmod(0o600)


def is_file(path: Path) -> bool:
    """Whether there is a file that may be a ledger."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
