"""What the verbs take from the system: where the ledger is, and who is logged in.

Reads: ``--db``, the environment. Gives: a Location, a name. Refuses: an empty ``--db`` (a variable
of a script that is not set), and a home folder that is not known, where one is needed.
"""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import TYPE_CHECKING

from bouncewise.errors import InputError

if TYPE_CHECKING:
    from bouncewise.ledger import Location


def default_db() -> Path | None:
    """Where the ledger is kept unless --db names another; None where no home folder is known."""
    import platformdirs

    try:
        return Path(platformdirs.user_data_dir("bouncewise")) / "ledger.sqlite"
    except (RuntimeError, KeyError):  # no HOME, and a user without an entry in passwd(5)
        return None


def cache_path() -> Path | None:
    """Where answers of DNS are kept for some hours; None where no home folder is known."""
    import platformdirs

    try:
        return Path(platformdirs.user_cache_dir("bouncewise")) / "dns.sqlite"
    except (RuntimeError, KeyError):
        return None


def ledger_location(db: str | None) -> Location:
    """What --db names: a path, ``sqlite:///path`` or ``postgresql://USER@HOST/DB``. Raises
    InputError, and LedgerError for a URL that cannot be used; neither repeats a password.
    """
    from bouncewise.ledger.location import Location, is_url, locate

    where = (str(default_db() or "") if db is None else db).removeprefix("sqlite:///")
    if not where.strip():
        raise InputError(
            "--db: an empty name; name the ledger's file"
            if db is not None
            else "no home folder is known; name the ledger's file with --db"
        )
    if "\0" in where:
        raise InputError("--db: a NUL in the name; it is not the name of a file")
    if is_url(where):
        return locate(where)
    scheme, is_other, _ = where.partition("://")
    if is_other:
        raise InputError(
            f"--db {scheme}://: a path, sqlite:///path or postgresql://USER@HOST/DB names a ledger"
        )
    try:
        path = Path(where).expanduser()
    except RuntimeError:
        raise InputError(f"--db {db}: there is no such user; write the whole path") from None
    return Location(str(path), path)


def login() -> str:
    """The name of the user; the number of one who has no name, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"


def ledger_files(db: str | None) -> dict[str, Path]:
    """The ledger and the files that belong to it, by what a message calls them: what no verb may
    write over.
    """
    path = ledger_location(db).path
    beside = {f"the ledger's {end}": Path(f"{path}-{end}") for end in ("wal", "shm", "journal")}
    indexes = {f"the ledger's {found.name}": found for found in path.parent.glob("*.index-*")}
    return {"the ledger": path, **beside, **indexes}
