"""Mail servers that a sender somewhere on the Internet can connect to, or not: RFC 5321 section
5.1, RFC 6890 (addresses that are not global).

Reads: names of hosts. Gives: their addresses, and whether they can be reached. Refuses: to call a
host unreachable of which DNS keeps silent.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache

from bouncewise.net.answers import Answer, Lookup, Outcome, Question

MOST_HOSTS = 16
"""Mail exchangers of a domain whose addresses are looked up."""


class Reach(StrEnum):
    """Whether a host can be reached: perhaps; not from everywhere; it has no address."""

    POSSIBLE = "possible"
    LOCAL = "local"
    NOWHERE = "nowhere"


def reach_of(hosts: Iterable[str], lookup: Lookup) -> dict[str, Reach]:
    """By name, whether each of *hosts* can be reached."""
    found: dict[str, Reach] = {}
    unknown = []
    for host in hosts:
        if _has_no_public_name(host):
            found[host] = Reach.LOCAL
        else:
            unknown.append(host)
    found.update((host, _reach(answer)) for host, answer in addresses_of(unknown, lookup).items())
    return found


def together(hosts: tuple[str, ...], known: dict[str, Reach]) -> Reach:
    """Whether any of the *hosts* of a domain can be reached."""
    found = {known[host] for host in hosts[:MOST_HOSTS]}
    if Reach.POSSIBLE in found or len(hosts) > MOST_HOSTS:
        return Reach.POSSIBLE
    return Reach.NOWHERE if Reach.NOWHERE in found else Reach.LOCAL


def addresses_of(names: list[str], lookup: Lookup) -> dict[str, Answer]:
    """By name, its addresses. AAAA is looked up only where A gives no address that everybody can
    reach; what is SILENT for one of them is SILENT.
    """
    found: dict[str, Answer] = {}
    again = []
    for question, answer in lookup(Question(name, "A") for name in names):
        found[question.name] = answer
        if answer.outcome is not Outcome.NO_NAME and not any(map(is_global, answer.records)):
            again.append(question.name)
    for question, answer in lookup(Question(name, "AAAA") for name in again):
        before = found[question.name]
        if answer.records or (not before.records and answer.outcome is Outcome.SILENT):
            found[question.name] = answer._replace(records=before.records + answer.records)
    return found


@lru_cache(maxsize=65536)
def is_global(address: str) -> bool:
    """Whether senders everywhere can connect to *address*."""
    return ipaddress.ip_address(address).is_global


def _has_no_public_name(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(".localhost")
    return True


def _reach(found: Answer) -> Reach:
    if found.records:
        return Reach.POSSIBLE if any(map(is_global, found.records)) else Reach.LOCAL
    return Reach.POSSIBLE if found.outcome is Outcome.SILENT else Reach.NOWHERE
