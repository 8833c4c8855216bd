"""Where receivers accept questions about refused mail, and the letter to write there.

Reads: contacts.toml. Gives: the contacts of a receiver with their sources, and the text of a letter
in plain English. Every domain has ``postmaster`` (RFC 5321 section 4.5.1).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from importlib import resources

import msgspec

FILL_IN = "[fill in]"
"""What stands in the letter where only the sender knows the answer."""

_TOKEN = re.compile(r"[0-9A-Fa-f.:]{3,45}")


class Contact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of contacts.toml: an ``address`` (URL or mail address), ``use``: for which refusals,
    what the receiver ``asks`` for (empty: unknown), and the ``source`` that names it.
    """

    receiver: str
    address: str
    use: str
    source: str
    asks: tuple[str, ...] = ()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    contact: tuple[Contact, ...]


@cache
def contacts() -> tuple[Contact, ...]:
    """All rows of contacts.toml, in order."""
    path = resources.files("bouncewise.sender") / "contacts.toml"
    return msgspec.toml.decode(path.read_bytes(), type=_File).contact


def postmaster(domain: str) -> Contact:
    """The contact that every domain must have."""
    return Contact(
        domain, f"postmaster@{domain}", "a domain without a known form", "RFC 5321 section 4.5.1"
    )


def addresses_in(text: str) -> list[str]:
    """The unicast IP addresses that a reply names, each once, in order; linear in *text*."""
    found = []
    for token in _TOKEN.findall(text):
        try:
            address = ipaddress.ip_address(token.strip(".:"))
        except ValueError:
            continue
        unusable = address.is_multicast or address.is_loopback or address.is_unspecified
        if not unusable and str(address) not in found:
            found.append(str(address))
    return found


class Refused(msgspec.Struct, frozen=True):
    """A refusal to show: its time, the host that refused ("" unknown), and the whole reply."""

    at: datetime
    host: str
    reply: str


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """What the letter needs. ``since``, ``until``: the first and the last refusal; ``refused``:
    the recipients concerned.
    """

    receiver: str
    domains: Sequence[str]
    ips: Sequence[str]
    since: datetime
    until: datetime
    refused: int
    shown: Sequence[Refused]


def letter(facts: Letter) -> str:
    """The text of a letter to the receiver's postmaster."""
    lines = [
        f"Subject: Mail from {_or_fill_in(facts.ips)} refused by {facts.receiver}",
        "",
        "Hello,",
        "",
        "your servers refuse mail from us to your users.",
        "",
        f"Company and contact:  {FILL_IN}",
        f"Sending domains:      {_or_fill_in(facts.domains)}",
        f"Sending IP addresses: {_or_fill_in(facts.ips)}",
        f"First refusal:        {facts.since:%Y-%m-%d %H:%M} UTC",
        f"Last refusal:         {facts.until:%Y-%m-%d %H:%M} UTC",
        f"Recipients concerned: {facts.refused:,}",
        "",
        "Replies, complete:",
    ]
    for shown in facts.shown:
        by = f" by {shown.host}" if shown.host else ""
        lines += ["", f"  {shown.at:%Y-%m-%d %H:%M:%S} UTC{by}"]
        lines += [f"    {line}" for line in shown.reply.splitlines()]
    lines += [
        "",
        "The cause, as far as we know:",
        f"  {FILL_IN}",
        "What we changed, and when:",
        f"  {FILL_IN}",
        "",
        "Is the mail accepted now? If not, what else must we change?",
    ]
    return "\n".join(lines)


def _or_fill_in(values: Iterable[str]) -> str:
    return ", ".join(values) or FILL_IN
