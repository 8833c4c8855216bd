"""The suppressed and held names in 8 octets each: the ids of a ledger's states, in order,
searched by bisection.

A hundred million names are 800 MB, shared by all processes that ask, and a question takes about
two microseconds. Two names could share an id, and a name whose state ended may still be there: a
hit is a question for the ledger, never an answer; a miss is an answer.

A large ledger keeps the ids in a file beside it and knows the file's name: another file, or a
copy without it, is not mistaken for it. Changes since stand in table ``state_change``, and are
merged into a new file when there are many.
"""

from __future__ import annotations

import mmap
import os
import secrets
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO

from bouncewise.ledger.database import Database
from bouncewise.ledger.rows import id_of

LARGE = 1 << 18
"""States from which on there is a file: fewer are read from the ledger in a tenth of a second.
"""

_OCTETS = 8
_BLOCK = 1 << 16


class Index:
    """The ids, which must come in ascending order; *changed* of them are apart."""

    def __init__(self, ids: Iterable[int] | memoryview, changed: Iterable[int] = ()) -> None:
        self._ids: Sequence[int] = ids if isinstance(ids, memoryview) else array("q", ids)
        self._changed = array("q", changed)

    def __len__(self) -> int:
        """The number of ids, an upper bound."""
        return len(self._ids) + len(self._changed)

    def __contains__(self, name: str) -> bool:
        """Whether *name*, a normalised address or ``@domain``, may be suppressed or held."""
        return self.has(id_of(name))

    def has(self, number: int) -> bool:
        """Whether the name with this id may be suppressed or held."""
        return _holds(self._ids, number) or _holds(self._changed, number)


def _holds(ids: Sequence[int], number: int) -> bool:
    at = bisect_left(ids, number)
    return at < len(ids) and ids[at] == number


def read(database: Database) -> Index:
    """The index of everything that is suppressed or held now."""
    ids = _file_ids(database)
    if ids is None:
        return Index(number for (number,) in database.each("state_ids"))
    return Index(ids, (number for (number,) in database.each("state_change_ids")))


def write_if_due(database: Database) -> None:
    """Write the file anew if that is due; inside a transaction. Older files are deleted when the
    next is written.
    """
    ids = _file_ids(database)
    due = LARGE if ids is None else max(LARGE, len(ids) // 8)
    if (
        database.one("state_more_than" if ids is None else "state_change_more_than", count=due)
        is None
    ):
        return
    ledger = database.path
    current = _path(ledger, _recorded(database)[0])
    for old in ledger.parent.glob(f"{ledger.name}.index-*"):
        if old != current:
            old.unlink(missing_ok=True)
    token = secrets.token_hex(8)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(_path(ledger, token), flags, 0o600), "wb") as file:
        if ids is None:
            _write(file, (number for (number,) in database.each("state_ids")))
        else:
            _merge(database, ids, file)
        file.flush()
        os.fsync(file.fileno())
        count = file.tell() // _OCTETS
    database.run("state_change_clear")
    database.run("meta_set", name="index", value=f"{token} {count}")


def is_kept(database: Database) -> bool:
    """Whether there is a file, so that changes of states are to be recorded."""
    return bool(_recorded(database)[0])


def _write(file: IO[bytes], ids: Iterator[int]) -> None:
    while block := array("q", islice(ids, _BLOCK)):
        file.write(block.tobytes())


def _merge(database: Database, ids: memoryview, file: IO[bytes]) -> None:
    done = 0
    for number, exists in database.each("state_change_each"):
        at = bisect_left(ids, number, done)
        file.write(ids[done:at])
        if exists:
            file.write(array("q", (number,)).tobytes())
        done = at + (at < len(ids) and ids[at] == number)
    file.write(ids[done:])


def _recorded(database: Database) -> tuple[str, int]:
    """The token in the file's name, and how many ids are in it; '' where there is no file."""
    found = database.one("meta_get", name="index")
    token, _, count = (found[0] if found else "").partition(" ")
    return token, int(count or 0)


def _file_ids(database: Database) -> memoryview | None:
    token, count = _recorded(database)
    if not token:
        return None
    try:
        with _path(database.path, token).open("rb") as file:
            found = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError):
        return None  # the file is lost: the ledger knows all that was in it
    return found.cast("q") if len(found) == count * _OCTETS else None


def _path(ledger: Path, token: str) -> Path:
    return ledger.with_name(f"{ledger.name}.index-{token}")
