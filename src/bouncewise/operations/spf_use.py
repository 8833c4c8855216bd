"""Which terms of an SPF record our mail needed, by the DMARC reports of receivers.

Reads: the reports of a period, and SPF through a resolver. Gives: for each term of the domain's own
record the lookups that it costs and the mails that it let pass; and sources whose mail passed by
DKIM although SPF does not name them. A term without mail may still be needed by mail that no
receiver reported.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from datetime import datetime
from typing import NamedTuple

from bouncewise.ledger import Store
from bouncewise.net.dns import Resolver, UnansweredError
from bouncewise.sender.spf import Query, SpfResult, evaluate, record_of
from bouncewise.sender.spf_cost import Lookup, cost
from bouncewise.sender.spf_record import SpfError

MOST_SOURCES = 500
"""Sources that are looked at, those with the most mails first."""

_ARROW = " → "


class TermUse(NamedTuple):
    """A term of the record: the lookups that it costs with all that it includes, the sources and
    mails for which it decided.
    """

    term: str
    lookups: int
    sources: int
    mails: int


class SpfUse(NamedTuple):
    """``outside``: sources with mails that passed by DKIM, and that no term names; ``sources``: how
    many were looked at; ``silent``: of them, those for which DNS did not answer.
    """

    terms: list[TermUse]
    outside: list[tuple[str, int]]
    sources: int
    silent: int


def spf_use(ledger: Store, domain: str, resolve: Resolver, since: datetime) -> SpfUse | None:
    """The use of the record of *domain* since that moment; None without a record or reports."""
    mails, by_dkim = Counter[str](), Counter[str]()
    for row in ledger.sender_reports.rows(domain, since):
        if row.dkim == "pass" or row.spf == "pass":
            mails[row.source] += row.mails
            by_dkim[row.source] += row.mails * (row.dkim == "pass")
    try:
        record = record_of(domain, resolve)
    except (SpfError, UnansweredError):
        return None
    if record is None or not mails:
        return None
    used: dict[str, Counter[str]] = {}
    outside, silent = list[tuple[str, int]](), 0
    for source, count in mails.most_common(MOST_SOURCES):
        verdict = evaluate(
            Query(ipaddress.ip_address(source), f"postmaster@{domain}"), domain, resolve
        )
        if verdict.result is SpfResult.PASS:
            used.setdefault(verdict.term.partition(_ARROW)[0], Counter())[source] += count
        elif verdict.result is SpfResult.TEMPERROR:
            silent += 1
        elif by_dkim[source]:
            outside.append((source, by_dkim[source]))
    lookups = cost(domain, resolve).lookups
    terms = [
        TermUse(t, _lookups(t, domain, lookups), len(found), found.total())
        for t, found in ((t, used.get(t, Counter[str]())) for t in _terms(domain, used, lookups))
    ]
    terms.sort(key=lambda use: (-use.mails, -use.lookups, use.term))
    return SpfUse(terms, outside, min(len(mails), MOST_SOURCES), silent)


def _terms(domain: str, used: dict[str, Counter[str]], lookups: list[Lookup]) -> list[str]:
    """The terms of the record itself that cost a lookup, or decided."""
    own = [lookup.term for lookup in lookups if lookup.path == (domain,)]
    return list(dict.fromkeys([*own, *used]))


def _lookups(term: str, domain: str, lookups: list[Lookup]) -> int:
    """The lookups of *term* and of all that it includes."""
    target = term.partition(":")[2] or term.partition("=")[2]
    return sum(
        (lookup.path == (domain,) and lookup.term == term)
        or (len(lookup.path) > 1 and lookup.path[1] == target.lower().rstrip("."))
        for lookup in lookups
    )
