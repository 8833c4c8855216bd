"""Where the service listens: sockets by ``HOST:PORT`` or ``unix:PATH``.

A socket that systemd has opened for the service (sd_listen_fds(3)) is taken instead of a new one
where its address is the configured one; connections then wait while the service is started again.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from pathlib import Path

from bouncewise.errors import BouncewiseError

BACKLOG = 1024
"""Connections that wait to be accepted."""

FIRST_PASSED = 3
"""The first file descriptor that systemd passes (SD_LISTEN_FDS_START)."""


def listening(place: str) -> socket.socket:
    """A socket that listens at ``HOST:PORT`` or ``unix:PATH``. Raises BouncewiseError."""
    if (passed := _passed(place)) is not None:
        return passed
    try:
        if place.startswith("unix:"):
            return _unix_socket(place.removeprefix("unix:"))
        return _tcp_socket(place)
    except OSError as bad:
        raise BouncewiseError(f"{place}: cannot listen there: {bad.strerror or bad}") from None


def _tcp_socket(place: str) -> socket.socket:
    family, address = address_of(place)
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _passed(place: str) -> socket.socket | None:
    """The socket of systemd with that address; None where there is none."""
    count = os.environ.get("LISTEN_FDS", "")
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or not count.isdecimal():
        return None
    for number in range(FIRST_PASSED, FIRST_PASSED + int(count)):
        try:
            sock = socket.socket(fileno=os.dup(number))
        except OSError:  # not a socket, or closed
            continue
        if sock.type == socket.SOCK_STREAM and _place(sock) == place:
            return sock
        sock.close()
    return None


def _place(sock: socket.socket) -> str:
    """Where *sock* listens, as the configuration writes it."""
    name = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        return f"unix:{name}"
    host = f"[{name[0]}]" if sock.family == socket.AF_INET6 else name[0]
    return f"{host}:{name[1]}"


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
