"""The DKIM selectors with which mail of our domains is signed, by the DMARC reports of receivers.

Reads: the reports of a period. Gives: selectors, those of the most mails first. Only mail that
passes DMARC counts: what fails may be forged, and its selectors invented.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from bouncewise.ledger import Store
from bouncewise.rfc.suffixes import registered
from bouncewise.sender.dkim_key import Selector, is_selector
from bouncewise.sender.sources import passes_dmarc

MOST = 20
"""Selectors that are given."""


def selectors_in_use(ledger: Store, domain: str, since: datetime) -> list[Selector]:
    """At most MOST selectors of *domain* and its organization in the reports since that moment."""
    mails, last = Counter[tuple[str, str]](), dict[tuple[str, str], datetime]()
    own = registered(domain)
    for row in ledger.sender_reports.rows(domain, since):
        if not passes_dmarc(row.dkim, row.spf):
            continue
        for result in row.dkim_results:
            key = result.selector.lower(), result.domain.lower().rstrip(".")
            if is_selector(key[0]) and registered(key[1]) == own:
                mails[key] += row.mails
                last[key] = max(row.last, last.get(key, row.last))
    return [Selector(*key, last[key]) for key, _ in mails.most_common(MOST)]
