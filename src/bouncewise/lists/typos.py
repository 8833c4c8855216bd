"""Slips of the finger: whether a domain, or a local part, is one slip from one that lives. Says so; never rewrites.

Reads: a domain, and mailbox_providers.toml (large mailbox providers, and living domains that look like slips of them).
Gives: the likely meant one with the kind of slip. Refuses to flag what is itself known to live. A slip is one of: two letters
swapped, one left out, one typed twice, a neighbouring key hit instead or as well. Distance alone would flag half of the world.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import NamedTuple

import msgspec

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_SHORT = 5
"""Names of fewer letters have too many living neighbours (me.com, mac.com): only their endings are looked at."""


class Slip(NamedTuple):
    """What was probably meant, and in words what happened."""

    meant: str
    how: str


class _Domains(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    mailbox: tuple[str, ...]
    living: tuple[str, ...]


@cache
def known() -> _Domains:
    """The well-known domains, as the data file lists them."""
    path = resources.files("bouncewise.lists") / "mailbox_providers.toml"
    return msgspec.toml.decode(path.read_bytes(), type=_Domains)


def domain_slip(domain: str, living: Collection[str] = ()) -> Slip | None:
    """The large provider's domain that *domain* is one slip away from; None where it lives itself or resembles none."""
    domain = domain.casefold().rstrip(".")
    if domain in living or domain in known().mailbox or domain in known().living:
        return None
    return _slips().get(domain)


def local_slips(local: str) -> Iterator[Slip]:
    """What may have been meant by a local part: letters swapped back, or one typed twice taken out. Digits stay."""
    for i, (a, b) in enumerate(pairwise(local)):
        if a.isalpha() and b.isalpha():
            if a == b:
                yield Slip(local[:i] + local[i + 1 :], f"“{a}” typed twice")
            else:
                yield Slip(local[:i] + b + a + local[i + 2 :], f"“{b}” and “{a}” swapped")


@cache
def _slips() -> dict[str, Slip]:
    found: dict[str, Slip] = {}
    for meant in known().mailbox:
        name, _, ending = meant.partition(".")
        if len(name) >= _SHORT:
            for wrong, how in _wrong(name):
                found.setdefault(f"{wrong}.{ending}", Slip(meant, how))
        if len(ending) > 2 and "." not in ending:  # fr and gr, de and se: both live
            for wrong, how in _wrong(ending):
                if len(wrong) > 1:
                    found.setdefault(f"{name}.{wrong}", Slip(meant, how))
    return found


def _wrong(word: str) -> Iterator[tuple[str, str]]:
    for i, letter in enumerate(word):
        before, after = word[:i], word[i + 1 :]
        if after and after[0] != letter:
            yield before + after[0] + letter + after[1:], f"“{letter}” and “{after[0]}” swapped"
        yield before + after, f"“{letter}” left out"
        yield before + letter + letter + after, f"“{letter}” typed twice"
        for key in _neighbours().get(letter, ""):
            yield before + key + after, f"“{key}” for “{letter}”"
            yield before + key + letter + after, f"“{key}” beside “{letter}”"
            yield before + letter + key + after, f"“{key}” beside “{letter}”"


@cache
def _neighbours() -> dict[str, str]:
    """Keys that touch on a QWERTY keyboard; each row stands half a key to the right of the one above."""
    found: dict[str, str] = {}
    for y, row in enumerate(_ROWS):
        for x, key in enumerate(row):
            beside = row[x - 1 : x] + row[x + 1 : x + 2]
            above = _ROWS[y - 1][x : x + 2] if y else ""
            below = _ROWS[y + 1][max(0, x - 1) : x + 1] if y + 1 < len(_ROWS) else ""
            found[key] = beside + above + below
    return found
