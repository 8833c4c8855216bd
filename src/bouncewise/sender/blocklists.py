"""DNS blocklists (RFC 5782): whether a list has an IP address or a domain, and whether its answers
mean anything.

Reads: blocklists.toml, or a file of the same form; answers through a Resolver. Gives: a Listing for
each zone and subject. A zone is tested first, by what it must list and must not (section 5): what
answers everything, nothing, or outside 127.0.0.0/8 is BROKEN, and what refuses the resolver is
REFUSED; neither says anything about the subject. Refuses, with InputError, zones that are dead.
"""

from __future__ import annotations

import ipaddress
import os
import tomllib
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from bouncewise.errors import InputError
from bouncewise.net.answers import IPAddress
from bouncewise.net.dns import NoRecordsError, NoSuchNameError, Resolver, UnansweredError
from bouncewise.sender.spf_record import texts

LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
_ERRORS = ipaddress.ip_network("127.255.255.0/24")  # of every list: docs.spamhaus.com, error codes


class ListState(StrEnum):
    """What a zone says of a subject."""

    LISTED = "listed"
    CLEAN = "clean"
    REFUSED = "refused"
    BROKEN = "broken"
    UNANSWERED = "unanswered"


class Zone(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"has_ipv6": "ipv6"}):
    """A row of blocklists.toml."""

    name: str
    asks: Literal["ip", "domain"]
    tier: Literal["A", "B", "C"] = "C"
    delist: str = ""
    source: str = ""
    codes: dict[str, str] = {}
    bits: dict[int, str] = {}
    refusals: frozenset[str] = frozenset()
    good: frozenset[str] = frozenset()
    test: str = ""
    absent: str = ""
    has_ipv6: bool = True
    key: str = ""

    @property
    def queried(self) -> str | None:
        """The name that is asked, with the key of the account; None where the key is missing."""
        if not self.key:
            return self.name
        value = os.environ.get(self.key, "")
        return f"{value}.{self.name}" if value else None

    @property
    def test_entry(self) -> str:
        """What the list must have (RFC 5782 section 5)."""
        return self.test or ("127.0.0.2" if self.asks == "ip" else "test")

    @property
    def absent_entry(self) -> str:
        """What it must not have."""
        return self.absent or ("127.0.0.1" if self.asks == "ip" else "invalid")


class Listing(NamedTuple):
    """What *zone* says of *subject*: the codes and what they mean, its words (TXT), and why where
    it says nothing.
    """

    subject: str
    zone: Zone
    state: ListState
    codes: tuple[str, ...] = ()
    meaning: str = ""
    words: str = ""
    why: str = ""


class Zones(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The zones of a file, and the dead ones with what became of them."""

    zone: tuple[Zone, ...]
    dead: dict[str, str] = {}


@cache
def shipped() -> Zones:
    """The zones that are asked by default."""
    text = (resources.files("bouncewise.sender") / "blocklists.toml").read_text("utf-8")
    return _zones(text)


def load(path: Path) -> Zones:
    """The zones of a file of one's own. Raises InputError for what is no such file, and for zones
    that are dead.
    """
    try:
        found = _zones(path.read_text("utf-8"))
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise InputError(f"--zones {path}: {error}") from None
    dead = shipped().dead
    for zone in found.zone:
        if zone.name in dead:
            raise InputError(f"--zones {path}: {zone.name}: {dead[zone.name]}; remove it")
    return found


def _zones(text: str) -> Zones:
    return msgspec.convert(tomllib.loads(text), Zones, str_keys=True)


def check(subjects: Sequence[str], zones: Sequence[Zone], resolve: Resolver) -> Iterator[Listing]:
    """What each of *zones* says of each of *subjects* (IP addresses and domains) that it knows
    about. Zones that need a key which is not set are left out.
    """
    for zone in zones:
        if zone.queried is None:
            continue
        known = [subject for subject in subjects if _is_for(zone, subject)]
        fault = _fault(zone, resolve) if known else None
        for subject in known:
            if fault is not None:
                state, why = fault
                yield Listing(subject, zone, state, why=why)
            else:
                yield _listing(zone, subject, resolve)


def _is_for(zone: Zone, subject: str) -> bool:
    address = address_of(subject)
    if address is None:
        return zone.asks == "domain"
    return zone.asks == "ip" and (address.version == 4 or zone.has_ipv6)


def address_of(subject: str) -> IPAddress | None:
    """The IP address that *subject* is; None for a domain."""
    try:
        return ipaddress.ip_address(subject)
    except ValueError:
        return None


def _fault(zone: Zone, resolve: Resolver) -> tuple[ListState, str] | None:
    """Why answers of *zone* say nothing; None if its tests are as they should be."""
    try:
        listed = _ask(zone, zone.test_entry, resolve)
        absent = _ask(zone, zone.absent_entry, resolve)
    except UnansweredError as error:
        return ListState.UNANSWERED, _without_key(zone, str(error))
    if refusals := _refusals(zone, (*listed, *absent)):
        return (
            ListState.REFUSED,
            f"the answer {refusals[0]} refuses this resolver; ask by a resolver of your own, or"
            " with a key of the list",
        )
    if not listed:
        return ListState.BROKEN, f"its test entry {zone.test_entry} is not listed"
    if outside := [code for code in (*listed, *absent) if not _is_code(code)]:
        return ListState.BROKEN, f"it answers {outside[0]}, which is no code of a list"
    if absent:
        return ListState.BROKEN, f"it lists {zone.absent_entry}, and so everything"
    return None


def _refusals(zone: Zone, codes: Sequence[str]) -> list[str]:
    """Those of *codes* that refuse the resolver or report an error, whatever *zone* states."""
    return sorted(c for c in set(codes) if c in zone.refusals or address_of(c) in _ERRORS)


def _is_code(text: str) -> bool:
    address = address_of(text)
    return address is not None and address.version == 4 and address in LOOPBACK


def _listing(zone: Zone, subject: str, resolve: Resolver) -> Listing:
    try:
        codes = tuple(sorted(_ask(zone, subject, resolve)))
    except UnansweredError as error:
        return Listing(subject, zone, ListState.UNANSWERED, why=_without_key(zone, str(error)))
    if refusals := _refusals(zone, codes):
        why = f"the answer {refusals[0]} refuses this question"
        return Listing(subject, zone, ListState.REFUSED, codes, why=why)
    if outside := [code for code in codes if not _is_code(code)]:
        why = f"it answers {outside[0]}, which is no code of a list"
        return Listing(subject, zone, ListState.BROKEN, codes, why=why)
    meanings = [meaning for code in codes for meaning in _meanings(zone, code)]
    if not meanings:
        why = f"answered {', '.join(codes)}, which is no listing" if codes else ""
        return Listing(subject, zone, ListState.CLEAN, codes, why=why)
    words = _words(zone, subject, resolve)
    meaning = "; ".join(dict.fromkeys(meanings))
    return Listing(subject, zone, ListState.LISTED, codes, meaning, words)


def _meanings(zone: Zone, code: str) -> list[str]:
    """What *code* means; [] where it is no listing."""
    if code in zone.good:
        return []
    if zone.bits:
        mask = int(code.rpartition(".")[2])
        return [meaning for bit, meaning in zone.bits.items() if mask & bit]
    return [zone.codes[code]] if code in zone.codes else []


def _without_key(zone: Zone, text: str) -> str:
    """*text* without the key of the account, which stands in the names that are asked."""
    return text.replace(zone.queried or zone.name, zone.name)


def _name(zone: Zone, subject: str) -> str:
    address = address_of(subject)
    label = subject if address is None else address.reverse_pointer.rsplit(".", 2)[0]
    return f"{label}.{zone.queried}"


def _ask(zone: Zone, subject: str, resolve: Resolver) -> list[str]:
    """The answers of *zone*; [] where it has no entry. Raises UnansweredError."""
    try:
        return resolve(_name(zone, subject), "A")
    except (NoSuchNameError, NoRecordsError):
        return []


def _words(zone: Zone, subject: str, resolve: Resolver) -> str:
    try:
        found = resolve(_name(zone, subject), "TXT")
    except (NoSuchNameError, NoRecordsError, UnansweredError):
        return ""
    return " ".join(texts(found[0]).split())[:300] if found else ""
