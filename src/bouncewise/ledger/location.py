"""Where a ledger is: an SQLite file, or a database of a PostgreSQL server.

Reads: what ``--db`` names, a path or a URL. Gives: a Location, whose name may be shown: it holds no
password. Refuses with LedgerError what is no such URL, without repeating it.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from bouncewise.errors import LedgerError

_URL = re.compile(r"postgres(?:ql)?://", re.I)
_HOST = re.compile(r"(?:[\w.%-]*|\[[0-9A-Fa-f:.%]+\])(?::\d*)?")
_SECRET = re.compile(r"[^=]*password|[^=]*%", re.I)  # (a key may be written with %XX)


class Location(NamedTuple):
    """Where a ledger is.

    ``name``: as messages call it. ``path``: the SQLite file; of a ledger in PostgreSQL, the file
    that would be there: the names of this machine's own files, such as the index, begin with it.
    ``url``: what a client of PostgreSQL connects to, with the password if it has one; '': a file.
    """

    name: str
    path: Path
    url: str = ""

    def __repr__(self) -> str:
        return f"<Location {self.name}>"


def is_url(text: str) -> bool:
    """Whether *text* is to name a database of a PostgreSQL server."""
    return _URL.match(text) is not None


def locate(where: Location | Path | str) -> Location:
    """The Location that a path or a URL names. Raises LedgerError for a URL that cannot be used."""
    if isinstance(where, Location):
        return where
    text = os.fspath(where)
    return _server(text) if is_url(text) else Location(text, Path(text))


def _server(url: str) -> Location:
    """RFC 3986 as libpq reads it (PostgreSQL, Connection URIs): ``postgresql://USER@HOST/DB``, also
    with several hosts, and with parameters.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise unusable_url() from None
    user, _, hosts = parts.netloc.rpartition("@")
    # (a password with "/" or "@" that is not written as %2F or %40 would be taken for a host)
    if "@" in user + parts.path or not all(map(_HOST.fullmatch, hosts.split(","))):
        raise unusable_url()
    shown = "&".join(pair for pair in parts.query.split("&") if not _SECRET.match(pair))
    place = f"{hosts}{parts.path}{f'?{shown}' if shown else ''}"
    user = user.partition(":")[0]
    name = f"postgresql://{f'{user}@' if user else ''}{place}"
    return Location(name, _own_files(unquote(parts.path).strip("/"), place), url)


def unusable_url() -> LedgerError:
    """The error of a URL that cannot be used; the URL may hold a password, and is not repeated."""
    return LedgerError(
        "--db: not a usable URL of PostgreSQL; write postgresql://USER@HOST/DB. In a password, "
        "write / as %2F and @ as %40, or keep it in ~/.pgpass or PGPASSWORD."
    )


def _own_files(database: str, place: str) -> Path:
    """In the user's data folder a folder for each database, whatever user and password connect."""
    import platformdirs

    readable = re.sub(r"[^\w.-]", "_", database)[:40] or "default"
    digest = hashlib.blake2b(place.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
    try:
        data = Path(platformdirs.user_data_dir("bouncewise"))
    except (RuntimeError, KeyError):
        raise LedgerError(
            "no home folder is known, where files that belong to a ledger in PostgreSQL are kept:"
            " set XDG_DATA_HOME"
        ) from None
    return data / "postgresql" / f"{readable}-{digest}" / "ledger"
