"""The suppressed and held names in 8 octets each: the ids of a ledger's states, in order,
searched by bisection.

A hundred million names are 800 MB, shared by all processes that ask, and a question takes about
two microseconds. Two names could share an id, and a name whose state ended may still be there: a
hit is a question for the ledger, never an answer; a miss is an answer.

A large ledger keeps the ids in a file beside it and knows the file's name: another file, or a
copy without it, is not mistaken for it. Changes since stand in table ``state_change``, and are
merged into a new file when there are many. Of a ledger in PostgreSQL each machine has a file of
its own by the same name, made from the tables where another machine wrote the last one.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import secrets
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO

from bouncewise.ledger.database import Database
from bouncewise.ledger.rows import id_of

LARGE = 1 << 15
"""States from which on there is a file: fewer are read from the ledger in a hundredth of a second.
"""

_OCTETS = 8
_SHARE = 64  # of the file's ids: changes are read whenever the ledger has changed
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
        number = id_of(name)
        return _holds(self._ids, number) or _holds(self._changed, number)

    def among(self, names: set[str]) -> set[str]:
        """Those of *names* that may be suppressed or held."""
        ids, changed, find = self._ids, self._changed, bisect_left
        size, found = len(ids), set[str]()
        for name in names:
            number = id_of(name)
            at = find(ids, number)
            if (at < size and ids[at] == number) or (changed and _holds(changed, number)):
                found.add(name)
        return found


def _holds(ids: Sequence[int], number: int) -> bool:
    at = bisect_left(ids, number)
    return at < len(ids) and ids[at] == number


def read(database: Database) -> Index:
    """The index of everything that is suppressed or held now."""
    while True:
        recorded = _recorded(database)
        ids = _file_ids(database, recorded)
        if ids is None:
            return Index(number for (number,) in database.each("state_ids"))
        found = Index(ids, (number for (number,) in database.each("state_change_ids")))
        if recorded == _recorded(database):  # else the changes are those since another file
            return found


def write_if_due(database: Database) -> None:
    """Write the file anew if that is due; inside a transaction. Older files are deleted when the
    next is written.
    """
    recorded = _recorded(database)
    ids = _file_ids(database, recorded)
    due = LARGE if ids is None else max(LARGE, len(ids) // _SHARE)
    if (
        database.one("state_more_than" if ids is None else "state_change_more_than", count=due)
        is None
    ):
        return
    _remove_others(database.path, recorded[0])
    token = secrets.token_hex(8)
    try:
        with _new_file(_path(database.path, token)) as file:
            if ids is None:
                _write(file, (number for (number,) in database.each("state_ids")))
            else:
                _merge(database, ids, file)
            count = file.tell() // _OCTETS
    except OSError:
        return  # without a file the answers are the same
    database.run("state_change_clear")
    database.run("meta_set", name="index", value=f"{token} {count}")


@contextmanager
def _new_file(path: Path) -> Iterator[IO[bytes]]:
    """The file at *path*, complete or not there."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)


def _remove_others(ledger: Path, token: str) -> None:
    current = _path(ledger, token)
    for old in ledger.parent.glob(f"{ledger.name}.index-*"):
        if old != current:
            old.unlink(missing_ok=True)


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


def _file_ids(database: Database, recorded: tuple[str, int]) -> memoryview | None:
    """The ids in the file that is *recorded*; None where there is none, or it was damaged: the
    ledger knows all that was in it.
    """
    token, count = recorded
    if not token:
        return None
    path = _path(database.path, token)
    if (found := _mapped(path, count)) is None and database.is_shared:
        with contextlib.suppress(OSError):
            with _new_file(path) as file:
                _write(file, (number for (number,) in database.each("state_and_change_ids")))
            if recorded != _recorded(database):  # it may lack what stood in the recorded file
                path.unlink()
            _remove_others(database.path, token)
            found = _mapped(path, count)
    return found


def _mapped(path: Path, count: int) -> memoryview | None:
    """The ids in a file, at least *count* of them."""
    try:
        with path.open("rb") as file:
            found = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError):
        return None
    is_whole = len(found) >= count * _OCTETS and not len(found) % _OCTETS
    return found.cast("q") if is_whole else None


def _path(ledger: Path, token: str) -> Path:
    return ledger.with_name(f"{ledger.name}.index-{token}")
