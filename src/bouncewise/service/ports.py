"""Whether a place to listen is free, without listening there."""

from __future__ import annotations

import errno
import socket
from pathlib import Path
from typing import NamedTuple

from bouncewise.service.sockets import address_of


class State(NamedTuple):
    """Whether somebody listens at a place, and why nobody could; '' where one could."""

    is_taken: bool
    fault: str


def state(place: str) -> State:
    """The state of ``HOST:PORT`` or ``unix:PATH``."""
    if place.startswith("unix:"):
        return _unix(Path(place.removeprefix("unix:")))
    family, address = address_of(place)
    try:
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(address)
    except OSError as bad:
        is_taken = bad.errno == errno.EADDRINUSE
        return State(is_taken, "" if is_taken else bad.strerror or str(bad))
    return State(False, "")


def _unix(path: Path) -> State:
    if not path.exists():
        fault = "" if path.parent.is_dir() else "its folder is not there"
        return State(False, fault)
    if not path.is_socket():
        return State(False, "there is something that is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        try:
            sock.connect(str(path))
        except ConnectionRefusedError:  # of a service that was killed; it is replaced
            return State(False, "")
        except OSError as bad:
            return State(False, bad.strerror or str(bad))
    return State(True, "")
