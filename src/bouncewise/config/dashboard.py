"""The settings of the dashboard in the service; docs/dashboard.md explains them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from bouncewise.config import values
from bouncewise.config.table import Setting, Table


class Role(StrEnum):
    """What a user of the dashboard may do; each role includes those before it."""

    VIEWER = "viewer"
    """Sees every page."""
    OPERATOR = "operator"
    """Acts on addresses, domains, incidents and records that could not be read."""
    ADMIN = "admin"
    """Imports lists, and undoes acts of whole lists."""

    def includes(self, other: Role) -> bool:
        """Whether this role may do what *other* may do."""
        order = list(Role)
        return order.index(self) >= order.index(other)


class Dashboard(Table, frozen=True, kw_only=True):
    """The dashboard of the service (docs/dashboard.md)."""

    enabled: Annotated[
        bool,
        Setting("whether `bouncewise serve` shows the pages under `/` of `[http] listen`", "true"),
    ] = False
    idle_minutes: Annotated[
        int,
        Setting(
            "minutes without a request after which a session ends", "30", values.session_minutes
        ),
    ] = 30
    session_hours: Annotated[
        int,
        Setting("hours after which every session ends", "12", values.session_hours),
    ] = 12
    user_header: Annotated[
        str,
        Setting(
            "the field in which a reverse proxy names the user whom it signed in; default: users "
            "sign in by password only",
            '"X-Remote-User"',
            values.field_name,
        ),
    ] = ""
    trusted_proxies: Annotated[
        tuple[str, ...],
        Setting(
            "addresses or networks from which your reverse proxy connects; `unix`: it connects by "
            "a socket file. From others `user_header` counts for nothing, nor does "
            "`X-Forwarded-For`, which limits wrong passwords by address",
            '["127.0.0.1"]',
            values.peer,
        ),
    ] = ()


class User(Table, frozen=True, kw_only=True):
    """A user of the dashboard; `bouncewise users make` writes it. Begin each with `[[user]]`."""

    name: Annotated[str, Setting("the name, as in the audit", '"anna"', values.user_name)] = ""
    role: Annotated[
        Role,
        Setting("`viewer`, `operator` or `admin` (docs/dashboard.md)", '"operator"'),
    ] = Role.VIEWER
    password: Annotated[
        str,
        Setting(
            "the scrypt hash of the password; without it only the reverse proxy signs the user in",
            '"scrypt$15$8$3$3GdbGrWFs9pPsm2Qp3Cqbw$5Xr0nVdPLpWyEYHBRO0pY2bxuaEfDVW3Dxe9Zq4kq7E"',
            values.password_hash,
        ),
    ] = ""
