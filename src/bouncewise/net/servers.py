"""The addresses of name servers: ``--resolver``, or resolv.conf(5).

Reads: an address with or without a port; a file. Gives: addresses and ports. Refuses, in one line:
names of hosts, which would need a name server themselves; a system without a name server.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import NamedTuple

from bouncewise.errors import InputError

RESOLV_CONF = Path("/etc/resolv.conf")
_MOST = 3  # MAXNS of resolv.conf(5)
_PORT = 53
_WITH_PORT = re.compile(r"\[([^\]]+)\](?::(\d{1,5}))?|([\d.]+):(\d{1,5})")


class Server(NamedTuple):
    """The address and port of a name server."""

    address: str
    port: int = _PORT

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"


def server(text: str) -> Server:
    """The server that ``ADDRESS``, ``ADDRESS:PORT`` or ``[ADDRESS]:PORT`` names. Raises
    InputError.
    """
    m = _WITH_PORT.fullmatch(text.strip())
    address, port = (m[1] or m[3], int(m[2] or m[4] or _PORT)) if m else (text.strip(), _PORT)
    try:
        ipaddress.ip_address(address)
    except ValueError:
        port = 0
    if not 0 < port < 65536:
        raise InputError(
            f"--resolver {text}: not an IP address with or without a port; write 192.0.2.53, "
            "192.0.2.53:5353 or [2001:db8::53]:53"
        )
    return Server(address, port)


def system_servers(path: Path = RESOLV_CONF) -> tuple[Server, ...]:
    """The name servers of this host. Raises InputError where none is configured."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    found = []
    for words in map(str.split, lines):
        if words[:1] == ["nameserver"] and len(words) > 1:
            try:
                ipaddress.ip_address(words[1])
            except ValueError:
                continue
            found.append(Server(words[1]))
    if not found:
        raise InputError(
            f"no name server is configured in {path}; name one with --resolver ADDRESS"
        )
    return tuple(found[:_MOST])
