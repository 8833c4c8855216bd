"""How many refusals of our own mail a requirement of a provider explains."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

from bouncewise.ledger import Store
from bouncewise.sender.requirements import Requirement


class Share(NamedTuple):
    """Addresses refused by words that name the requirement, of all that the receiver refused."""

    explained: int
    refused: int


def shares(
    ledger: Store, wanted: list[Requirement], since: datetime, until: datetime
) -> dict[str, Share]:
    """By provider and id (``gmail SPF``), the refusals of a period that *wanted* explain."""
    patterns = {
        r: re.compile("|".join(rf"\b{re.escape(s)}\b" for s in r.statuses))
        for r in wanted
        if r.statuses
    }
    refused: dict[str, set[str]] = {}
    explained: dict[Requirement, set[str]] = {r: set() for r in patterns}
    for mail in ledger.failed_mails.between(since, until):
        refused.setdefault(mail.receiver, set()).add(mail.name)
        for requirement, pattern in patterns.items():
            if mail.receiver == requirement.receiver and pattern.search(mail.reply):
                explained[requirement].add(mail.name)
    return {
        f"{r.provider} {r.id}": Share(len(names), len(refused.get(r.receiver, ())))
        for r, names in explained.items()
    }
