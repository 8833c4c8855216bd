"""Local parts that name a function and not a person.

Reads: a local part, roles.toml. Gives: what kind of function it names. Refuses: to judge an address
by anything else in its local part.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from importlib import resources

import msgspec

_FOLDED = str.maketrans("", "", ".-_")


class Role(StrEnum):
    """NO_REPLY: nobody reads it; ROLE: a department or an office does."""

    NO_REPLY = "role-no-reply"
    ROLE = "role"


class _Roles(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    no_reply: frozenset[str]
    role: frozenset[str]


@cache
def _known() -> _Roles:
    path = resources.files("bouncewise.lists") / "roles.toml"
    return msgspec.toml.decode(path.read_bytes(), type=_Roles)


def role_of(local: str) -> Role | None:
    """The function that *local* names; None for what may be a person."""
    name = local.partition("+")[0].casefold().translate(_FOLDED)
    if name in _known().no_reply:
        return Role.NO_REPLY
    return Role.ROLE if name in _known().role else None
