"""How many refusals of our mail name a blocklist: what a listing costs."""

from __future__ import annotations

from datetime import datetime

from bouncewise.ledger import Store
from bouncewise.model import Cause


def refusals_that_name(ledger: Store, zone: str, since: datetime, until: datetime) -> int:
    """The addresses of which mail was refused from *since* to before *until* with words that name
    *zone*, by its own name or that of its operator (``spamhaus`` for ``zen.spamhaus.org``).
    """
    labels = zone.lower().split(".")
    operator = labels[-2] if len(labels) > 2 and len(labels[-2]) > 4 else zone.lower()
    return len(
        {
            mail.name
            for mail in ledger.failed_mails.between(since, until)
            if mail.cause is Cause.BLOCKLISTED and operator in mail.reply.lower()
        }
    )
