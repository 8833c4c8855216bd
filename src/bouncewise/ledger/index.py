"""Who is not free, in 8 octets each: the ids of a ledger's states, in order, searched by halves.

A hundred million addresses are 800 MB, shared by all processes that ask, and a question takes about two microseconds. Two names
could share an id, and who was freed may still stand there, so a hit is a question for the ledger, never an answer; a miss is
an answer.

A large ledger keeps them in a file beside it, whose name it knows: another file, or a copy without it, is not taken for it. What
changed since stands in table ``moved``, and is worked into a new file when there is much of it.
"""

from __future__ import annotations

import mmap
import os
import secrets
import sqlite3
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

from bouncewise.ledger.rows import id_of

LARGE = 1 << 18
"""States from which on there is a file: fewer are read from the ledger in a tenth of a second."""

_OCTETS = 8
_AT_ONCE = 1 << 16


class Index:
    """The ids, which must come in ascending order; *more* of them may stand apart."""

    def __init__(self, ids: Iterable[int] | memoryview, more: Iterable[int] = ()) -> None:
        self._ids: Sequence[int] = ids if isinstance(ids, memoryview) else array("q", ids)
        self._more = array("q", more)

    def __len__(self) -> int:
        """How many ids there are at most."""
        return len(self._ids) + len(self._more)

    def __contains__(self, name: str) -> bool:
        """Whether *name*, a normalised address or ``@domain``, may be among them."""
        who = id_of(name)
        return _holds(self._ids, who) or _holds(self._more, who)


def _holds(ids: Sequence[int], who: int) -> bool:
    at = bisect_left(ids, who)
    return at < len(ids) and ids[at] == who


def read(db: sqlite3.Connection, ledger: Path) -> Index:
    """The index of everything that is suppressed or held, as it stands now."""
    kept = _kept(db, ledger)
    if kept is None:
        return Index(who for (who,) in db.execute("SELECT address FROM state ORDER BY address"))
    return Index(kept, (who for (who,) in db.execute("SELECT address FROM moved ORDER BY address")))


def keep(db: sqlite3.Connection, ledger: Path) -> None:
    """Write the file anew if that is due; inside a transaction. Older files go when the next is written."""
    kept = _kept(db, ledger)
    due = LARGE if kept is None else max(LARGE, len(kept) // 8)
    table = "state" if kept is None else "moved"
    if db.execute(f"SELECT 1 FROM {table} LIMIT 1 OFFSET ?", (due,)).fetchone() is None:
        return
    current = _path(ledger, _named(db)[0])
    for old in ledger.parent.glob(f"{ledger.name}.index-*"):
        if old != current:
            old.unlink(missing_ok=True)
    token = secrets.token_hex(8)
    with _path(ledger, token).open("wb") as file:
        if kept is None:
            states = db.execute("SELECT address FROM state ORDER BY address")
            while some := states.fetchmany(_AT_ONCE):
                file.write(array("q", (who for (who,) in some)).tobytes())
        else:
            _merge(db, kept, file)
        file.flush()
        os.fsync(file.fileno())
        count = file.tell() // _OCTETS
    db.execute("DELETE FROM moved")
    db.execute("INSERT OR REPLACE INTO meta VALUES ('index', ?)", (f"{token} {count}",))


def _merge(db: sqlite3.Connection, kept: memoryview, file: IO[bytes]) -> None:
    done = 0
    moved = db.execute(
        "SELECT m.address, s.address IS NOT NULL FROM moved m LEFT JOIN state s USING (address) ORDER BY m.address"
    )
    for who, stands in moved:
        at = bisect_left(kept, who, done)
        file.write(kept[done:at])
        if stands:
            file.write(array("q", (who,)).tobytes())
        done = at + (at < len(kept) and kept[at] == who)
    file.write(kept[done:])


def _named(db: sqlite3.Connection) -> tuple[str, int]:
    """What tells the file's name, and how many ids are in it; '' where there is no file."""
    found = db.execute("SELECT value FROM meta WHERE name = 'index'").fetchone()
    token, _, count = (found[0] if found else "").partition(" ")
    return token, int(count or 0)


def _kept(db: sqlite3.Connection, ledger: Path) -> memoryview | None:
    token, count = _named(db)
    if not token:
        return None
    try:
        with _path(ledger, token).open("rb") as file:
            found = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError):
        return None  # lost: the ledger knows all that stood there
    return found.cast("q") if len(found) == count * _OCTETS else None


def _path(ledger: Path, token: str) -> Path:
    return ledger.with_name(f"{ledger.name}.index-{token}")
