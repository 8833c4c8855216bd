"""The receivers alone, for those who need no rules.

Reads: knowledge/receivers.toml. Gives: the shipped receivers, in a hundredth of the time that all
rules take.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

import msgspec

from bouncewise.rules.load import Receiver


class _Receivers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    receiver: tuple[Receiver, ...]


@cache
def receivers() -> tuple[Receiver, ...]:
    """The shipped receivers."""
    path = resources.files("bouncewise.rules") / "knowledge" / "receivers.toml"
    return msgspec.toml.decode(path.read_bytes(), type=_Receivers).receiver
