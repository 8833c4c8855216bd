"""Where the service listens: sockets by ``HOST:PORT`` or ``unix:PATH``."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from pathlib import Path

from bouncewise.errors import BouncewiseError

BACKLOG = 1024
"""Connections that wait to be accepted."""


def listening(place: str) -> socket.socket:
    """A socket that listens at ``HOST:PORT`` or ``unix:PATH``. Raises BouncewiseError."""
    try:
        if place.startswith("unix:"):
            return _unix_socket(place.removeprefix("unix:"))
        family, address = address_of(place)
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
    except OSError as bad:
        raise BouncewiseError(f"{place}: cannot listen there: {bad.strerror or bad}") from None
    sock.listen(BACKLOG)
    return sock


def address_of(place: str) -> tuple[socket.AddressFamily, tuple[str, int]]:
    """The family and the address of ``HOST:PORT``."""
    host, _, port = place.rpartition(":")
    host = host.strip("[]")
    return socket.AF_INET6 if ":" in host else socket.AF_INET, (host, int(port))


def _unix_socket(path: str) -> socket.socket:
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(Path(path).lstat().st_mode):
            raise BouncewiseError(f"{path}: there is something that is no socket")
        Path(path).unlink()
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o117)  # for the owner and the group: the mail server's
    try:
        sock.bind(path)
    finally:
        os.umask(before)
    sock.listen(BACKLOG)
    return sock
