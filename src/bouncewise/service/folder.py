"""A drop folder: files are read when they are complete, and moved out of the way.

Reads: the regular files directly in a folder, but for those whose names begin with a dot or end in
``.tmp`` or ``.part``. A file is complete if it has not changed for QUIET seconds: a file that is
renamed into the folder was written elsewhere, long enough ago. Gives: its reports. The file is
moved to ``done`` after they are in the ledger, or to ``failed`` if nothing could be read; a file of
the same name there is kept. Refuses to read what is no regular file.
"""

from __future__ import annotations

import itertools
import os
import stat
import time
from pathlib import Path

from bouncewise.errors import InputError
from bouncewise.intake import files
from bouncewise.readers import Note
from bouncewise.readers.base import Item
from bouncewise.service.feeder import Feeder

QUIET = 2.0
LOOK = 1.0
"""Seconds between two looks at the folder."""

DONE, FAILED = "done", "failed"

_UNFINISHED = (".tmp", ".part")
_TOGETHER = 4096  # items that are handed over together


class DropFolder:
    """The folder at *path*."""

    def __init__(self, path: str) -> None:
        self.name, self._path = f"folder {path}", Path(path)

    def run(self, position: str, outlet: Feeder) -> None:
        """See Source."""
        for folder in (DONE, FAILED):
            try:
                (self._path / folder).mkdir(mode=0o700, exist_ok=True)
            except OSError as bad:
                raise InputError(f"{bad.filename}: {bad.strerror}") from None
        while True:
            for path in self._complete(time.time()):
                if outlet.is_stopping:
                    return
                self._read(path, outlet)
            if outlet.wait(LOOK):
                return

    def _complete(self, now: float) -> list[Path]:
        """The files that may be read, the oldest first."""
        found = []
        with os.scandir(self._path) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name.endswith(_UNFINISHED):
                    continue
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                # (the time of change, which nobody can set, counts for a copy with old dates)
                changed = max(status.st_mtime, status.st_ctime)
                if stat.S_ISREG(status.st_mode) and now - changed >= QUIET:
                    found.append((changed, Path(entry.path)))
        return [path for _, path in sorted(found)]

    def _read(self, path: Path, outlet: Feeder) -> None:
        reports, is_unread, bad = 0, False, list[Item]()
        items = files.read(str(path))
        while page := list(itertools.islice(items, _TOGETHER)):
            reports += sum(not isinstance(item, Note) for item in page)
            is_unread |= any(isinstance(item, Note) and item.ends_early for item in page)
            bad += outlet.store(page, "")
        is_failed = bool(bad) or (is_unread and not reports)
        _move(path, self._path / (FAILED if is_failed else DONE))
        if is_failed:
            outlet.tell(f"{path}: could not be read, and is in {FAILED}")


def _move(path: Path, folder: Path) -> None:
    """Move a file into a folder, under another name if there is one of that name."""
    names = (folder / f"{path.stem}.{number}{path.suffix}" for number in itertools.count(1))
    name = next(n for n in itertools.chain([folder / path.name], names) if not n.exists())
    path.rename(name)
