"""A PostgreSQL server of the tests' own: started once in a process, and only if it is asked for."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import quote, unquote

import pytest

_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "listen_addresses": "",
    "max_connections": "40",
    "shared_buffers": "64MB",
}
# Its standard input ends when the tests do, however they end.
_KEEPER = 'read _; pg_ctl -D "$0/data" -m immediate stop; cd /; rm -rf "$0"'
# Debian and Ubuntu do not put the server's programs on the PATH.
_PATH = os.pathsep.join(
    (os.environ.get("PATH", ""), *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"))))
)
_numbers = itertools.count(1)


class Server:
    """A server that listens on a socket in a folder of its own."""

    def __init__(self) -> None:
        self._user = _unprivileged()
        # (a socket's path may have a hundred characters, fewer than a folder of pytest)
        self.folder = Path(tempfile.mkdtemp(prefix="bouncewise-pg-", dir="/tmp"))
        self.data = self.folder / "data"
        if self._user:
            shutil.chown(self.folder, self._user)
        self._keeper = subprocess.Popen(
            ("sh", "-c", _KEEPER, str(self.folder)),
            user=self._user,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "PATH": _PATH},
        )
        initdb = ("initdb", "-D", str(self.data), "-A", "trust", "-U", "test", "-E", "UTF8")
        # An order of text that is not that of octets, as on most servers.
        order = ("--locale=C", "--locale-provider=icu", "--icu-locale=en")
        self._run(*initdb, *order, "--no-sync")
        with (self.data / "postgresql.conf").open("a") as conf:
            settings = {**_SETTINGS, "unix_socket_directories": str(self.folder)}
            conf.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        log = str(self.folder / "log")
        self._run("pg_ctl", "-D", str(self.data), "-w", "-l", log, "start")

    def stop(self) -> None:
        """Stop it at once, as a crash would: every connection is lost."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "-m", "immediate", "stop")

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """Its processes do nothing, and do not end, as long as this is open."""
        first = int((self.data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        processes = [first, *map(int, children)]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)

    def remove(self) -> None:
        """Stop it, and remove its folder."""
        self._keeper.communicate()

    def url(self, schema: str = "public", user: str = "test") -> str:
        """The URL of a ledger in a schema, which is not made."""
        option = quote(f"-c search_path={schema}")
        return f"postgresql://{user}@/postgres?host={quote(str(self.folder))}&options={option}"

    def new_url(self) -> str:
        """The URL of a ledger that is not there yet, in a schema of its own."""
        schema = f"ledger_{next(_numbers)}"
        self.sql(f"CREATE SCHEMA {schema}")
        return self.url(schema)

    def sql(self, statement: str, schema: str = "public") -> list[tuple[object, ...]]:
        """The rows of one statement; what it changes is committed."""
        import psycopg

        with psycopg.connect(self.url(schema), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def _run(self, *command: str) -> None:
        subprocess.run(
            command,
            user=self._user,
            cwd=self.folder,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PATH": _PATH},
        )


def _unprivileged() -> str | None:
    """The user that runs the server: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), None)


def reason_to_skip() -> str:
    """Why no server can be started here; '' where one can."""
    if missing := [
        name for name in ("initdb", "pg_ctl", "postgres") if not shutil.which(name, path=_PATH)
    ]:
        return f"PostgreSQL is not installed: no {missing[0]}"
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return "psycopg is not installed"
    return ""


def schema_of(url: str) -> str:
    """The schema in a URL of ``Server.url``."""
    return unquote(url).rpartition("search_path=")[2]


@cache
def server() -> Server:
    """The server of this process. Skips the test where there is none."""
    if reason := reason_to_skip():
        pytest.skip(reason)
    found = Server()
    atexit.register(found.remove)
    return found
