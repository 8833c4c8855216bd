"""What to do instead of mailing an address that must not be mailed: what is known of it, and whom
to ask.

Reads: addresses with their Decisions, the list, a ledger. Gives: the last delivery and act, another
address of the list at the domain, an address that a notice or an automatic reply names, and one
sentence. Changes nothing, and suggests nobody where the recipient wishes no mail: a suggestion is a
person to ask, never an address to put in the place of another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from bouncewise.ledger import Store
from bouncewise.ledger.rows import domain_of
from bouncewise.lists.names import name_in
from bouncewise.lists.typos import known_domains
from bouncewise.model import Basis, Cause, Decision, Report, Scope, State
from bouncewise.operations.check import check
from bouncewise.policy.load import Policy
from bouncewise.rfc import address
from bouncewise.times import day_of, day_start, micros

CONTACT_DAYS = 180
"""Another contact had mail within so many days."""

MOST_OTHERS = 20
"""Addresses of a domain that are looked at."""

_WISHES = (Cause.COMPLAINT,)


class Instead(NamedTuple):
    """What is known of an address, and what to do: days of the last delivery and of the last act of
    a person, another contact at its domain, an address that a notice names; '' and None: unknown.
    """

    last_delivery: datetime | None = None
    last_act: datetime | None = None
    contact: str = ""
    named: str = ""
    words: str = ""


def instead(
    dropped: Iterable[tuple[str, Decision]],
    ledger: Store,
    policy: Policy,
    at: datetime,
    others: Mapping[str, Sequence[str]],
    *,
    past: bool = False,
) -> dict[str, Instead]:
    """What to do instead of mailing each of the *dropped*: normalised addresses, and why they were;
    *others*: those of the list, by domain.
    """
    wanted = dict(dropped)
    today = day_of(micros(at))
    mailed = {m.name: m for m in ledger.engagement.known(wanted, today)}
    asked = [name for name, decision in wanted.items() if not _is_wish(decision)]
    named = {
        name: other
        for name, reports in ledger.engagement.statements(asked, at).items()
        if (other := _named(name, reports))
    }
    contacts = _contacts(asked, ledger, policy, at, others, past=past)
    found = {}
    for name, decision in wanted.items():
        known = mailed.get(name)
        of = Instead(
            None if known is None or known.last is None else day_start(known.last),
            None if known is None or known.act is None else day_start(known.act),
            contacts.get(name, ""),
            named.get(name, ""),
        )
        found[name] = of._replace(words=_words(of, decision))
    return found


def _is_wish(decision: Decision) -> bool:
    is_marketing = decision.basis is Basis.ACT and decision.scope is Scope.MARKETING
    return decision.basis is Basis.WISH or decision.cause in _WISHES or is_marketing


def _named(name: str, reports: Iterable[Report]) -> str:
    """The address that the latest of *reports* names instead; '' where none names one."""
    for report in reports:
        texts = report.absence.contacts if report.absence else ()
        if not texts and report.reply is not None:
            texts = tuple(found.address for found in address.find(report.reply.text))
        others = (text for text in texts if address.normalise(text) != name)
        if other := next(others, ""):
            return other
    return ""


def by_domain(addresses: Iterable[str]) -> dict[str, list[str]]:
    """Some of the *addresses* of a list at each domain, normalised; none at large mailbox
    providers, whose users have nothing to do with each other.
    """
    providers = known_domains().mailbox_providers
    found: dict[str, list[str]] = {}
    for given in addresses:
        name, error = name_in(given)
        domain = domain_of(name)
        if error or not domain or domain[1:] in providers:
            continue
        others = found.setdefault(domain, [])
        if len(others) < MOST_OTHERS and name not in others:
            others.append(name)
    return found


def _contacts(
    names: list[str],
    ledger: Store,
    policy: Policy,
    at: datetime,
    others: Mapping[str, Sequence[str]],
    *,
    past: bool,
) -> dict[str, str]:
    """The other address of the list at the domain of each of *names* that may be mailed and had
    mail last.
    """
    of = {name: others[d] for name in names if (d := domain_of(name)) in others}
    asked = list(dict.fromkeys(other for found in of.values() for other in found))
    may = {a.address for a in check(asked, ledger, policy, at=at, past=past) if a.send}
    today = day_of(micros(at))
    last = {m.name: m.last for m in ledger.engagement.known(may, today) if m.last is not None}
    lately = {name: day for name, day in last.items() if today - day <= CONTACT_DAYS}
    return {
        name: max(
            (o for o in found if o in lately and o != name), key=lately.__getitem__, default=""
        )
        for name, found in of.items()
    }


def _words(found: Instead, decision: Decision) -> str:
    """One sentence: the best that is known to do."""
    if decision.state is State.INVALID:
        return "correct the address, or remove it"
    if _is_wish(decision):
        return "nothing: the recipient does not want this mail"
    if found.named:
        return f"ask {found.named}, which a notice names, whether it may be used"
    if decision.state is State.HELD:
        return "wait: it is held for a time"
    if found.contact:
        return f"ask {found.contact} at the same domain"
    if found.last_act or found.last_delivery:
        return "ask by another channel: somebody was there"
    return "remove it: nothing was ever delivered"
