"""Where to ask about refused mail at a receiver, and a letter with what the ledger knows.

Joins the receivers of the rules, the contacts of ``sender`` and the refusals of the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from bouncewise.ledger.records import RefusalCount, RefusalReport
from bouncewise.model import Cause, Party
from bouncewise.operations.context import Context
from bouncewise.rules.load import Receiver
from bouncewise.sender.contacts import (
    Contact,
    Letter,
    Refused,
    addresses_in,
    contacts,
    letter,
    postmaster,
)

SHOWN = 3
"""Replies in the letter."""

_READ = 200  # the newest refusals, in which replies to show and our IP addresses are looked for
_IPS = 10  # more addresses than this are a netblock, which the sender knows better


class Correspondence(NamedTuple):
    """Where to ask and what to write. ``pages``: pages of the receiver that are no known contact;
    ``counts``: its refusals by cause; ``text``: the letter, "" without a refusal.
    """

    receiver: str
    name: str
    contacts: tuple[Contact, ...]
    pages: tuple[str, ...]
    counts: tuple[RefusalCount, ...]
    ips: tuple[str, ...]
    shown: tuple[Refused, ...]
    text: str


def correspondence(
    context: Context, name: str, ips: Iterable[str], since: datetime
) -> Correspondence:
    """What to write to *name* (the id of a receiver, or a domain) about refusals since then that
    concern the sender or the message. *ips*: own addresses beside those that the replies name.
    """
    receiver = _receiver(context.classifier.ruleset.receivers, name)
    destination = receiver.id if receiver else f"@{name}"
    causes = _causes(context)
    counts = context.ledger.neighbours.sender_refusals(destination, causes, since)
    newest = context.ledger.neighbours.newest_refusals(destination, causes, since, _READ)
    shown = _shown(newest, counts)
    named = [ip for each in newest for ip in _named(each)]
    own = tuple(dict.fromkeys([*ips, *named]))[:_IPS]
    known = tuple(c for c in contacts() if receiver and c.receiver == receiver.id)
    pages = tuple(p for p in (receiver.postmaster if receiver else ()) if not _among(p, known))
    title = receiver.name if receiver else name
    return Correspondence(
        destination,
        title,
        known if receiver else (postmaster(name),),
        pages,
        tuple(counts),
        own,
        shown,
        _letter(title, context.settings.own.domains, own, counts, shown) if counts else "",
    )


def _letter(
    title: str,
    domains: tuple[str, ...],
    ips: tuple[str, ...],
    counts: list[RefusalCount],
    shown: tuple[Refused, ...],
) -> str:
    return letter(
        Letter(
            receiver=title,
            domains=domains,
            ips=ips,
            since=min(count.first for count in counts),
            until=max(count.last for count in counts),
            refused=sum(count.refused for count in counts),
            shown=shown,
        )
    )


def _receiver(receivers: Iterable[Receiver], name: str) -> Receiver | None:
    """The receiver with that id, or that runs the domain or host *name*."""
    for receiver in receivers:
        hosts = (*receiver.domains, *receiver.mx)
        if name == receiver.id or any(name == h or name.endswith(f".{h}") for h in hosts):
            return receiver
    return None


def _causes(context: Context) -> list[Cause]:
    """The causes for which the sender or the message is at fault."""
    facts = context.classifier.ruleset.causes.values()
    return [fact.cause for fact in facts if fact.party in (Party.SENDER, Party.MESSAGE)]


def _shown(newest: list[RefusalReport], counts: list[RefusalCount]) -> tuple[Refused, ...]:
    """The newest reply of each cause, the most frequent cause first; then other words; then more
    of the same.
    """
    order = {count.cause: place for place, count in enumerate(counts)}
    causes: set[Cause] = set()
    texts: set[str] = set()
    ranked = []
    for age, each in enumerate(newest):
        if each.report.reply is None:
            continue
        text = each.report.reply.text
        new_cause = each.cause not in causes
        rank = (0, order[each.cause]) if new_cause else (2 if text in texts else 1, 0)
        ranked.append((rank, age, Refused(each.at, each.report.remote_mta or "", text)))
        causes.add(each.cause)
        texts.add(text)
    ranked.sort(key=lambda row: row[:2])
    return tuple(refused for _, _, refused in ranked[:SHOWN])


def _named(each: RefusalReport) -> list[str]:
    """The addresses in a reply, without that of the server that gave it."""
    reply = each.report.reply
    found = addresses_in(reply.text) if reply else []
    return [ip for ip in found if ip != each.report.remote_ip]


def _among(page: str, known: Iterable[Contact]) -> bool:
    return any(contact.address.startswith(page) for contact in known)
