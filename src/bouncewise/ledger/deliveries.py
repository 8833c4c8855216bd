"""Deliveries into the tables: of each day the first and the last, the traffic that they make, how
many addresses each mailing reached, and the hosts that may only pass mail on.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from bouncewise.ledger.database import Database, Row
from bouncewise.ledger.entries import SMART_HOST, DeliveryEntry
from bouncewise.ledger.rows import domain_of, id_of, key_of, new_id
from bouncewise.times import MICROS_A_DAY, MICROS_A_SLOT

OWN_DNS = "own-dns"
"""The destination under which domains are counted: many that fail at once mean that our own
resolver fails."""

HANDED_OVER = 1
"""The relay of mail that was certainly only handed over."""

SEVERAL_RELAYS = -1
"""The relay where several hosts that may only pass mail on accepted it on one day."""


class _Deliveries:
    """The deliveries of one mailing to one address, or domain, on one day; the receiver is that
    of the first.
    """

    __slots__ = ("domain", "first", "last", "receiver", "relay")

    def __init__(self, first: int, last: int, receiver: str, relay: int, domain: str) -> None:
        self.first, self.last = first, last
        self.receiver, self.relay = receiver, relay
        self.domain = domain

    def add(self, at: int, receiver: str, relay: int) -> None:
        if (at, receiver) < (self.first, self.receiver):
            self.first, self.receiver = at, receiver
        if at > self.last:
            self.last = at
        if relay != self.relay:
            self.relay = 0 if 0 in (relay, self.relay) else SEVERAL_RELAYS


_Key = tuple[int, int, int]
"""Address, day and mailing."""
_Days = dict[_Key, _Deliveries]


def append(database: Database, deliveries: list[DeliveryEntry]) -> None:
    """Write *deliveries* inside the open transaction; suppressed and held names that they reach
    become pending.
    """
    days, mailings, relays = _by_address(deliveries)
    whole = _by_domain(days)
    database.run("incoming_create")
    database.many("incoming_add", sorted({key[:2] for key in (*days, *whole)}))
    _count(database, days, whole)
    both = (*days.items(), *whole.items())
    # A tree takes rows in order twice as fast.
    rows = sorted((*key, d.first, d.last, d.receiver, d.relay) for key, d in both)
    database.many("delivery_add", rows)
    database.many("mailing_add", sorted((key, *names) for key, names in mailings.items()))
    _add_relays(database, relays)
    database.run("pending_add_incoming")
    database.run("incoming_clear")


def mailing_key(mailing: tuple[str, str] | None) -> int:
    """The number of a stream and campaign; 0 where neither is known."""
    return key_of("\0".join(mailing)) if mailing else 0


def _relay_key(relay: str) -> int:
    if not relay:
        return 0
    return HANDED_OVER if relay == SMART_HOST else relay_key(relay)


@lru_cache(maxsize=4096)
def relay_key(host: str) -> int:
    """The number of a host that accepts mail."""
    return key_of(f"h:{host}")


def _by_address(
    deliveries: Iterable[DeliveryEntry],
) -> tuple[_Days, dict[int, tuple[str, str]], dict[tuple[str, str], int]]:
    """The days; the mailings by their numbers; the first delivery by each (host, domain)."""
    days: _Days = {}
    mailings: dict[int, tuple[str, str]] = {}
    relays: dict[tuple[str, str], int] = {}
    for name, at, receiver, relay, _, mailing, _ in deliveries:
        number = 0
        if mailing is not None:
            number = mailing_key(mailing)
            mailings[number] = mailing
        key = (new_id(name), at // MICROS_A_DAY, number)
        relay_number = 0
        if relay:
            relay_number = _relay_key(relay)
            pair = relay, domain_of(name)
            relays[pair] = min(at, relays.get(pair, at))
        if (day := days.get(key)) is None:
            days[key] = _Deliveries(at, at, receiver, relay_number, domain_of(name))
        else:
            day.add(at, receiver, relay_number)
    return days, mailings, relays


def _by_domain(days: _Days) -> _Days:
    whole: _Days = {}
    for (_, day, _), of_address in days.items():
        key = (id_of(of_address.domain), day, 0)
        if (found := whole.get(key)) is None:
            whole[key] = _Deliveries(
                of_address.first, of_address.last, "", of_address.relay, of_address.domain
            )
        else:
            found.add(of_address.first, "", of_address.relay)
            found.add(of_address.last, "", of_address.relay)
    return whole


def _add_relays(database: Database, relays: dict[tuple[str, str], int]) -> None:
    hosts = sorted({host for host, _ in relays if host != SMART_HOST})
    database.many("relay_host_add", ((relay_key(host), host) for host in hosts))
    rows = sorted(
        (relay_key(host), id_of(domain), first)
        for (host, domain), first in relays.items()
        if host != SMART_HOST
    )
    database.many("relay_add", rows)


# ── counts ──────────────────────────────────────────────────────────────────────────────────────


def _count(database: Database, days: _Days, whole: _Days) -> None:
    """What traffic and sent gain: an address counts once a day, in the slot and at the receiver
    of its first delivery; likewise a domain, under OWN_DNS.
    """
    known: dict[_Key, tuple[int, str]] = {}
    for address, day, mailing, first, receiver in database.each("incoming_known"):
        known[address, day, mailing] = first, receiver
    traffic: dict[tuple[str, int], int] = {}
    before = _first_of_day(known)
    for key, (first, receiver, domain) in _firsts(days).items():
        old = before.get(key)
        new = (first, receiver) if old is None else min(old, (first, receiver))
        if new != old:
            _add(traffic, (new[1], domain), new[0] // MICROS_A_SLOT, 1)
            if old is not None:
                _add(traffic, (old[1], domain), old[0] // MICROS_A_SLOT, -1)
    for key3, domain_day in whole.items():
        old = before.get(key3[:2])
        first = domain_day.first if old is None else min(old[0], domain_day.first)
        if old is None or first != old[0]:
            _add(traffic, (OWN_DNS,), first // MICROS_A_SLOT, 1)
            if old is not None:
                _add(traffic, (OWN_DNS,), old[0] // MICROS_A_SLOT, -1)
    rows = sorted((destination, slot, n) for (destination, slot), n in traffic.items() if n)
    database.many("traffic_add", rows)
    database.many("sent_add", _sent(days, known))


def _add(
    counts: dict[tuple[str, int], int], destinations: tuple[str, ...], at: int, n: int
) -> None:
    for destination in destinations:
        counts[destination, at] = counts.get((destination, at), 0) + n


def _firsts(days: _Days) -> dict[tuple[int, int], tuple[int, str, str]]:
    """Of each address and day the first delivery of any mailing: time, receiver, domain."""
    firsts: dict[tuple[int, int], tuple[int, str, str]] = {}
    for (address, number, _), day in days.items():
        new = day.first, day.receiver, day.domain
        firsts[address, number] = min(new, firsts.get((address, number), new))
    return firsts


def _first_of_day(known: dict[_Key, tuple[int, str]]) -> dict[tuple[int, int], tuple[int, str]]:
    firsts: dict[tuple[int, int], tuple[int, str]] = {}
    for (address, number, _), new in known.items():
        firsts[address, number] = min(new, firsts.get((address, number), new))
    return firsts


def _sent(days: _Days, known: dict[_Key, tuple[int, str]]) -> list[Row]:
    """By day, mailing and receiver, the addresses that are new there."""
    counts: dict[tuple[int, int, str], int] = {}
    for key, day in days.items():
        _, number, mailing = key
        old, new = known.get(key), (day.first, day.receiver)
        if old is None or new < old:
            counts[number, mailing, new[1]] = counts.get((number, mailing, new[1]), 0) + 1
            if old is not None:
                counts[number, mailing, old[1]] = counts.get((number, mailing, old[1]), 0) - 1
    return sorted((*key, n) for key, n in counts.items() if n)
