"""What other policies would have done with a history: which mails they would have withheld.

Pure. Each policy is a function from the outcomes of mail to one address, in the order of time, to
the spans in which it would have sent nothing. They are simplified to what decides: a code, a
status, a cause, a number of failures. Sources:

* any 5xx: listmonk's default for hard bounces, and many scripts (listmonk.app/docs/bounces).
* every bounce: Mautic adds a do-not-contact entry for each bounce that it can parse
  (github.com/mautic/mautic, EmailBundle/MonitoredEmail/Processor/Bounce.php).
* two failures in a day, for 30 days: Postal's suppression list
  (github.com/postalserver/postal, app/lib/message_dequeuer).
* score of five: Mailman 3 counts one a day, and forgets after seven days without
  (docs.mailman3.org, bounce processing).
* status 5.1.x: what Amazon SES and others call permanent where the reply states such a code
  (docs.aws.amazon.com/ses, suppression list).
* user, host or domain unknown, by the words: the definition of a hard bounce in libraries that read
  the reason (libsisimai.org/en/reason), with our reading of the words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from bouncewise.model import Cause, Event, Kind
from bouncewise.policy.mails import countable, is_trusted
from bouncewise.rfc.reply import parse

Span = tuple[datetime, datetime | None]
"""From when, and until when (None: for good), nothing is sent."""


class Outcome(NamedTuple):
    """What became of one mail. ``is_permanent``: a 5xx reply, or no code at all."""

    at: datetime
    accepted: bool
    is_permanent: bool = False
    status: str = ""
    cause: Cause | None = None


def outcomes(history: Iterable[Event], return_days: int) -> list[Outcome]:
    """The outcomes of the mails in a *history*; deferrals are none."""
    found = []
    for event in countable(history, return_days, is_trusted):
        if event.kind == Kind.DELIVERED:
            found.append(Outcome(event.at, True))
        elif event.kind == Kind.FAILED:
            parts = parse(event.words)
            permanent = parts.reply_code is None or parts.reply_code >= 500
            found.append(Outcome(event.at, False, permanent, parts.status or "", event.cause))
    return found


def any_5xx(mails: list[Outcome]) -> list[Span]:
    """For good from the first 5xx."""
    return _first(mails, lambda mail: mail.is_permanent)


def every_bounce(mails: list[Outcome]) -> list[Span]:
    """For good from the first failure of any kind."""
    return _first(mails, lambda _: True)


def status_5_1(mails: list[Outcome]) -> list[Span]:
    """For good from the first failure with a status 5.1.x."""
    return _first(mails, lambda mail: mail.status.startswith("5.1."))


def unknown_by_words(mails: list[Outcome]) -> list[Span]:
    """For good from the first failure whose words call the address or the domain unknown."""
    hard = (
        Cause.MAILBOX_UNKNOWN,
        Cause.MAILBOX_MOVED,
        Cause.DOMAIN_UNKNOWN,
        Cause.DOMAIN_NO_MAIL,
    )
    return _first(mails, lambda mail: mail.cause in hard)


def two_in_a_day(mails: list[Outcome]) -> list[Span]:
    """For 30 days from the second permanent failure within a day; a delivery ends it."""
    spans: list[Span] = []
    last: datetime | None = None
    for mail in mails:
        if mail.accepted:
            last = None
            if spans and (spans[-1][1] is None or spans[-1][1] > mail.at):
                spans[-1] = spans[-1][0], mail.at
        elif mail.is_permanent:
            if last is not None and mail.at - last <= timedelta(days=1):
                spans.append((mail.at, mail.at + timedelta(days=30)))
            last = mail.at
    return spans


def score_of_five(mails: list[Outcome]) -> list[Span]:
    """For good when permanent failures on five days came without seven days between two."""
    score, last = 0, None
    for mail in mails:
        if mail.accepted or not mail.is_permanent:
            continue
        if last is None or mail.at - last > timedelta(days=7):
            score = 1
        elif mail.at.date() != last.date():
            score += 1
        last = mail.at
        if score >= 5:
            return [(mail.at, None)]
    return []


def _first(mails: list[Outcome], counts: Callable[[Outcome], bool]) -> list[Span]:
    return next(([(m.at, None)] for m in mails if not m.accepted and counts(m)), [])


OTHERS: dict[str, Callable[[list[Outcome]], list[Span]]] = {
    "any 5xx reply": any_5xx,
    "every bounce": every_bounce,
    "status 5.1.x": status_5_1,
    "unknown by its words": unknown_by_words,
    "two failures in a day": two_in_a_day,
    "score of five": score_of_five,
}
"""The policies by their names."""
