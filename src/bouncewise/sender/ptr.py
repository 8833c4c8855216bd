"""The names of an IP address: PTR, and whether they lead back to it (RFC 8601 section 3,
"forward-confirmed reverse DNS", which Gmail, Yahoo and Microsoft require).
"""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

from bouncewise.net.answers import IPAddress
from bouncewise.net.dns import NoRecordsError, NoSuchNameError, Resolver, UnansweredError

MAX_NAMES = 10
"""Names of one address that are followed."""


_GENERIC = re.compile(
    r"dynamic|dyn[.-]|dhcp|\bpool\b|dsl|cable|ppp|dialup|broadband|unassigned|static"
)


class PtrName(NamedTuple):
    """A name, the addresses that it has, and whether the IP address is among them; ``unanswered``:
    why that is not known.
    """

    name: str
    addresses: tuple[str, ...]
    is_confirmed: bool
    unanswered: str = ""


def names_of(ip: IPAddress, resolve: Resolver) -> list[PtrName]:
    """The names of *ip*; [] if it has none. Raises UnansweredError if the names are not known."""
    try:
        found = resolve(ip.reverse_pointer, "PTR")
    except (NoSuchNameError, NoRecordsError):
        return []
    return [_followed(name.rstrip(".").lower(), ip, resolve) for name in found[:MAX_NAMES]]


def _followed(name: str, ip: IPAddress, resolve: Resolver) -> PtrName:
    try:
        addresses = tuple(resolve(name, "A" if ip.version == 4 else "AAAA"))
    except (NoSuchNameError, NoRecordsError):
        addresses = ()
    except UnansweredError as error:
        return PtrName(name, (), False, str(error))
    is_confirmed = any(ipaddress.ip_address(text) == ip for text in addresses)
    return PtrName(name, addresses, is_confirmed)


def is_generic(name: str, ip: IPAddress) -> bool:
    """Whether *name* looks like one that a provider gives to every address it has."""
    numbers = [part.lstrip("0") or "0" for part in re.findall(r"\d+", name)]
    own = str(ip).split(".") if ip.version == 4 else []
    embeds = bool(own) and sum(number in numbers for number in own) >= 4
    return embeds or _GENERIC.search(name) is not None
