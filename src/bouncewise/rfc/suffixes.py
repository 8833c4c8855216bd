"""Public suffixes: domains under which registries sell names, like ``co.uk``.

Reads: a domain. Gives: whether it is nobody's own, whether its ending exists, and the domain that
somebody registered, by the Public Suffix List (https://publicsuffix.org/list/) in the version of
the installed library.
"""

from __future__ import annotations

from functools import cache

from publicsuffixlist import PublicSuffixList


def is_public_suffix(domain: str) -> bool:
    """Whether *domain* (without ``@``) is a top-level domain, or one like ``co.uk``."""
    name = domain.strip(".").casefold()
    return bool(name) and not name.startswith("[") and _public_suffixes().is_public(name)


def has_known_ending(domain: str) -> bool:
    """Whether the top-level domain of *domain* was in the DNS when the library was released."""
    ending = domain.rstrip(".").casefold().rpartition(".")[2]
    return _known_endings().publicsuffix(f"x.{ending}") is not None


def registered(domain: str) -> str:
    """The domain that was registered, of which *domain* is part; *domain* itself where it is none.

    The whole list is used, with ``github.io`` and the like, below which names have other owners.
    """
    name = domain.strip(".").casefold()
    return (_all_suffixes().privatesuffix(name) if name and name[0] != "[" else None) or name


@cache
def _all_suffixes() -> PublicSuffixList:
    return PublicSuffixList()


@cache
def _known_endings() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=False, only_icann=True)


@cache
def _public_suffixes() -> PublicSuffixList:
    return PublicSuffixList(only_icann=True)
