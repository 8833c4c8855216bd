"""How the inputs are: what each has read, when it was heard last, how far it is behind, and what
does not work.

The process of the inputs writes it into a small file in the folder of the spool, from which the
front process and `doctor` read it.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import msgspec

NAME = "inputs.json"

EVERY = 5.0
"""Seconds between two times that it is written."""

STALE = 60.0
"""Seconds after which nobody writes it any more."""

_MOST = 1 << 20


class InputStatus(msgspec.Struct, frozen=True):
    """One input. Times are seconds since 1970, 0 for never. ``reports``: since the start;
    ``heard``: the last report; ``looked``: the last time that it could be read; ``behind``: octets
    that are there and not read, -1 where nobody knows; ``error``: what does not work now.
    """

    name: str
    reports: int = 0
    heard: float = 0.0
    looked: float = 0.0
    behind: int = -1
    error: str = ""


class Statuses(msgspec.Struct, frozen=True):
    """All inputs at one time."""

    at: float = 0.0
    inputs: tuple[InputStatus, ...] = ()

    def is_stale(self, now: float) -> bool:
        """Whether the process of the inputs does not run."""
        return now - self.at > STALE


def write(folder: Path, statuses: Statuses) -> None:
    """Write the file anew. A disk that is full is no reason to read nothing."""
    path = folder / NAME
    part = path.with_suffix(".part")
    with contextlib.suppress(OSError):
        part.write_bytes(msgspec.json.encode(statuses))
        part.chmod(0o640)
        part.replace(path)


def read(folder: Path) -> Statuses:
    """What was written last; nothing where it cannot be read."""
    try:
        file = os.open(folder / NAME, os.O_RDONLY | os.O_CLOEXEC)
        with os.fdopen(file, "rb") as stream:
            return msgspec.json.decode(stream.read(_MOST), type=Statuses)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return Statuses()
