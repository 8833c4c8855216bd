"""Typing errors: whether a domain or a local part is one typing error away from an existing one.

Reads: a domain or local part, and mailbox_providers.toml (domains of large mailbox providers, and
existing domains that look like typing errors of them). Gives: the probably intended name and the
kind of typing error; nothing is rewritten. Refuses: domains that are known to exist. A typing error
is one of: two letters swapped, one left out, one typed twice, an adjacent key instead or as well.
Edit distance alone would match far too many existing domains.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import NamedTuple

import msgspec

_KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_MIN_NAME = 5
"""Letters. Shorter names (me.com) resemble too many others, so that only their endings count."""


class Typo(NamedTuple):
    """The name that was probably intended, and the typing error in words."""

    intended: str
    how: str


class KnownDomains(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of mailbox_providers.toml."""

    mailbox_providers: tuple[str, ...]
    existing: tuple[str, ...]
    endings: tuple[str, ...]


@cache
def known_domains() -> KnownDomains:
    """The domains in mailbox_providers.toml."""
    path = resources.files("bouncewise.lists") / "mailbox_providers.toml"
    return msgspec.toml.decode(path.read_bytes(), type=KnownDomains)


def domain_typo(domain: str, existing: Collection[str] = ()) -> Typo | None:
    """The large provider's domain that *domain* is one typing error away from.

    None if there is no such domain, or if *domain* is known to exist: by the data file or
    *existing*.
    """
    domain = domain.casefold().rstrip(".")
    known = known_domains()
    if domain in existing or domain in known.mailbox_providers or domain in known.existing:
        return None
    return _domain_typos().get(domain)


def ending_typo(domain: str) -> Typo | None:
    """The domain that *domain*, whose top-level domain does not exist, is one typing error of that
    ending away from; None if there is no such ending.
    """
    name, _, ending = domain.casefold().rstrip(".").rpartition(".")
    found = _ending_typos().get(ending)
    return Typo(f"{name}.{found.intended}", found.how) if found and name else None


def local_typos(local: str) -> Iterator[Typo]:
    """Local parts that *local* may be a typing error of: two letters swapped, or one typed twice.

    Digits are not changed.
    """
    for i, (a, b) in enumerate(pairwise(local)):
        if a.isalpha() and b.isalpha():
            if a == b:
                yield Typo(local[:i] + local[i + 1 :], f"“{a}” typed twice")
            else:
                yield Typo(local[:i] + b + a + local[i + 2 :], f"“{b}” and “{a}” swapped")


@cache
def _domain_typos() -> dict[str, Typo]:
    """Each misspelling of a large provider's domain."""
    typos: dict[str, Typo] = {}
    for domain in known_domains().mailbox_providers:
        name, _, ending = domain.partition(".")
        if len(name) >= _MIN_NAME:
            for wrong, how in _misspellings(name):
                typos.setdefault(f"{wrong}.{ending}", Typo(domain, how))
        # Country codes of two letters (fr and gr, de and se) are one typing error apart and all
        # exist.
        if len(ending) > 2 and "." not in ending:
            for wrong, how in _misspellings(ending):
                if len(wrong) > 1:
                    typos.setdefault(f"{name}.{wrong}", Typo(domain, how))
    return typos


@cache
def _ending_typos() -> dict[str, Typo]:
    """Each misspelling of a frequent ending. Of those with two letters only the swapped ones: any
    other letter leads to too many countries.
    """
    typos: dict[str, Typo] = {}
    for ending in known_domains().endings:
        for wrong, how in _misspellings(ending):
            if len(ending) > 2 or wrong == ending[::-1]:
                typos.setdefault(wrong, Typo(ending, how))
    return typos


def _misspellings(word: str) -> Iterator[tuple[str, str]]:
    """Each word that is one typing error away from *word*, with the error in words."""
    for i, letter in enumerate(word):
        before, after = word[:i], word[i + 1 :]
        if after and after[0] != letter:
            yield before + after[0] + letter + after[1:], f"“{letter}” and “{after[0]}” swapped"
        yield before + after, f"“{letter}” left out"
        yield before + letter + letter + after, f"“{letter}” typed twice"
        for key in _adjacent_keys().get(letter, ""):
            yield before + key + after, f"“{key}” instead of “{letter}”"
            yield before + key + letter + after, f"“{key}” typed before “{letter}”"
            yield before + letter + key + after, f"“{key}” typed after “{letter}”"


@cache
def _adjacent_keys() -> dict[str, str]:
    """For each key of a QWERTY keyboard the keys next to it.

    Each row is half a key further to the right than the row above.
    """
    adjacent: dict[str, str] = {}
    for y, row in enumerate(_KEYBOARD):
        for x, key in enumerate(row):
            beside = row[x - 1 : x] + row[x + 1 : x + 2]
            above = _KEYBOARD[y - 1][x : x + 2] if y else ""
            below = _KEYBOARD[y + 1][max(0, x - 1) : x + 1] if y + 1 < len(_KEYBOARD) else ""
            adjacent[key] = beside + above + below
    return adjacent
