"""A review of a mailing: every check of review.toml, the most serious result first.

Reads: the octets of a message. Gives: results with words, what to do, and the source. Refuses
nothing; no network is asked.
"""

from __future__ import annotations

from datetime import datetime

from bouncewise.sender.checks import CheckResult, results
from bouncewise.sender.review import content, header, links
from bouncewise.sender.review.mail import Mailing


def review(raw: bytes, now: datetime, *, transactional: bool = False) -> list[CheckResult]:
    """What is wrong with the message *raw*. *transactional*: nobody can unsubscribe from it."""
    mail = Mailing(raw, now)
    parts = (header, links, content)
    return results(
        "review",
        (hit for part in parts for hit in part.check(mail, transactional=transactional)),
    )
