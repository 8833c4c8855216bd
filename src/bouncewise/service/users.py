"""Who may sign in to the dashboard, under which host names it answers, and which proxies are
believed.

Reads: the settings. Gives: users, hosts and proxies. Refuses with ConfigError, which says what to
write: a dashboard that nobody can sign in to, or whose sessions would cross a network unencrypted.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import NamedTuple
from urllib.parse import urlsplit

from bouncewise.config.dashboard import User
from bouncewise.config.settings import Settings
from bouncewise.errors import ConfigError

UNIX = "unix"
"""The peer of a connection by a socket file."""

_PORTS = {"http": 80, "https": 443}


class Place(NamedTuple):
    """Where a browser finds the dashboard: the origin of its pages (RFC 6454), and whether cookies
    are sent encrypted only.
    """

    origin: str
    is_secure: bool


class Users:
    """See the module."""

    def __init__(self, settings: Settings) -> None:
        found = settings.dashboard
        self.is_enabled = found.enabled
        self.user_header = found.user_header
        self.places = _places(settings)
        self._users = {user.name: user for user in settings.user}
        self._networks = [ip_network(p) for p in found.trusted_proxies if p != UNIX]
        self._trusts_socket = UNIX in found.trusted_proxies
        if len(self._users) < len(settings.user):
            raise ConfigError("[[user]] name: two users have the same name")
        if "" in self._users:
            raise ConfigError("[[user]] name: missing; `bouncewise users make anna` writes a user")
        if found.user_header and not found.trusted_proxies:
            raise ConfigError(
                "[dashboard] user_header: counts only from a proxy that you name; write "
                'trusted_proxies = ["127.0.0.1"], the address from which it connects'
            )
        if found.enabled:
            self._require_usable(settings)

    @property
    def has_passwords(self) -> bool:
        """Whether anybody can sign in by password."""
        return any(user.password for user in self._users.values())

    def find(self, name: str) -> User | None:
        """The user with this name, as people write it."""
        return self._users.get(name.strip().lower())

    def trusts(self, peer: str) -> bool:
        """Whether the field of the proxy counts from the *peer* of a connection, an IP address or
        ``unix``.
        """
        if peer == UNIX:
            return self._trusts_socket
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        plain = getattr(address, "ipv4_mapped", None) or address
        return any(plain in network for network in self._networks)

    def _require_usable(self, settings: Settings) -> None:
        if settings.http.listen == "off":
            raise ConfigError('[dashboard] enabled: needs the HTTP server; [http] listen is "off"')
        if not self._users:
            raise ConfigError(
                "[dashboard] enabled: nobody can sign in; `bouncewise users make anna` writes a "
                "[[user]]"
            )
        if not self.user_header and not self.has_passwords:
            raise ConfigError(
                "[dashboard] enabled: no [[user]] has a password, and no user_header is set; "
                "`bouncewise users make anna` writes a user with a password"
            )
        if not self.places:
            raise ConfigError(
                "[dashboard] enabled: other machines can connect; write [http] public_url = "
                '"https://…", the address of your reverse proxy, or listen on 127.0.0.1'
            )


def _places(settings: Settings) -> dict[str, Place]:
    """The values of the field Host under which the dashboard answers."""
    found: dict[str, Place] = {}
    host, _, port = settings.http.listen.rpartition(":")
    if _is_loopback(host):
        for name in ("127.0.0.1", "localhost", "[::1]"):
            found |= _place("http", name, int(port))
    url = settings.http.public_url
    if settings.dashboard.enabled and url:
        parts = urlsplit(url)
        is_local = _is_loopback(parts.hostname or "")
        if parts.path or (parts.scheme == "http" and not is_local):
            raise ConfigError(
                f"[http] public_url {url}: the dashboard needs https and no path: its pages are "
                "under /"
            )
        name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
        found |= _place(parts.scheme, name, parts.port or _PORTS[parts.scheme])
    return found


def _place(scheme: str, name: str, port: int) -> dict[str, Place]:
    with_port = f"{name}:{port}"
    is_usual = _PORTS[scheme] == port
    place = Place(f"{scheme}://{name if is_usual else with_port}", scheme == "https")
    return {with_port: place} | ({name: place} if is_usual else {})


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
