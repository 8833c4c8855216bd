"""Domains of throw-away addresses, and privacy relays, which are none.

Reads: a domain; the names of mail exchangers; the list of the package disposable-email-domains,
disposable.toml, a file of the user's. Gives: whether a domain is on a list, or below a domain that
is. Refuses: to take a relay of a person's mailbox for a throw-away domain.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache
from importlib import resources
from pathlib import Path

import msgspec

from bouncewise.errors import InputError
from bouncewise.lists.names import name_in

_MOST_OCTETS = 1 << 26


class KnownHosts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of disposable.toml."""

    hosts: frozenset[str]
    relays: frozenset[str]


@cache
def known_hosts() -> KnownHosts:
    """The hosts and relays in disposable.toml."""
    path = resources.files("bouncewise.lists") / "disposable.toml"
    return msgspec.toml.decode(path.read_bytes(), type=KnownHosts)


def is_disposable(domain: str, own: Collection[str] = ()) -> bool:
    """Whether *domain* serves throw-away addresses, by the shipped list or the *own* one."""
    if is_relay(domain):
        return False
    return _below(domain, _shipped()) or _below(domain, own)


def serves_only_disposable(hosts: Iterable[str]) -> bool:
    """Whether all mail exchangers of a domain belong to providers of throw-away addresses."""
    hosts = tuple(hosts)
    return bool(hosts) and all(_below(host, known_hosts().hosts) for host in hosts)


def is_relay(domain: str) -> bool:
    """Whether *domain* forwards to the mailboxes of people who hide them."""
    return _below(domain, known_hosts().relays)


def read_domains(path: Path) -> frozenset[str]:
    """The domains in a file with one a line; ``#`` begins a comment. Raises InputError."""
    try:
        with path.open("rb") as stream:
            text = stream.read(_MOST_OCTETS + 1)
    except OSError as bad:
        raise InputError(f"--disposable {path}: {bad.strerror or bad}") from None
    if len(text) > _MOST_OCTETS:
        raise InputError(f"--disposable {path}: larger than {_MOST_OCTETS >> 20} MiB")
    found = set()
    for number, line in enumerate(text.decode("utf-8-sig", "replace").splitlines(), 1):
        if word := line.partition("#")[0].strip().removeprefix("@"):
            name, error = name_in(f"@{word}")
            if error:
                raise InputError(f"--disposable {path}, line {number}: {word[:80]} is no domain")
            found.add(name[1:])
    return frozenset(found)


@cache
def _shipped() -> Collection[str]:
    from disposable_email_domains import blocklist

    return blocklist


def _below(domain: str, names: Collection[str]) -> bool:
    """Whether *domain*, or a domain above it, is one of *names*."""
    while domain:
        if domain in names:
            return True
        domain = domain.partition(".")[2]
    return False
