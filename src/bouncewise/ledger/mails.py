"""The mails that own logs and events recorded: the recipient and time of each
Message-ID or queue id.

A notice that returns a recorded mail is about the recipient of that mail. A mail is found by the
day and the key of its id, for mailings may use an id again; an id that was recorded for several
recipients on a day identifies none of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from bouncewise.ledger.database import Database
from bouncewise.ledger.entries import DeliveryEntry, Entry, Origin
from bouncewise.ledger.rows import new_id
from bouncewise.model import Channel
from bouncewise.model.trust import OWN_CHANNELS
from bouncewise.times import MICROS_A_DAY, Day, Micros, day_of

RETURN_DAYS = 7
"""How long after a mail was accepted a notice about it may come: longer than mails are queued
(RFC 5321 section 4.5.4.1), shorter than it takes until an id is used again."""

_KEY_BITS = 47
_SEVERAL = 0

MailId = int
"""The day and the key of a Message-ID or queue id."""


class Recorded(NamedTuple):
    """The mail that a report is about: the id of its only recipient, 0: several or unknown; and
    the day on which a server accepted it, None where none did.
    """

    address: int
    accepted: Day | None


NOT_RECORDED = Recorded(0, None)


def mail_id(day: Day, key: int) -> MailId:
    """The id of a mail of that *day*."""
    return day << _KEY_BITS | key


def record(database: Database, entries: Iterable[Entry]) -> set[int]:
    """Record the mails of *entries* by own logs and events; the keys of what is new or has
    changed.
    """
    found: dict[MailId, tuple[int, int]] = {}
    for item in entries:
        key, name = _key_and_name(item)
        if key and name:
            mail = item.at // MICROS_A_DAY << _KEY_BITS | key
            value = new_id(name), int(isinstance(item, DeliveryEntry))
            found[mail] = value if mail not in found else _merged(found[mail], value)
    before = {
        mail: (address, accepted)
        for mail, address, accepted in database.by_ids("message_get", sorted(found))
    }
    merged = {mail: _merged(before[mail], found[mail]) for mail in before}
    changed = {mail: value for mail, value in merged.items() if before[mail] != value}
    changed |= {mail: value for mail, value in found.items() if mail not in before}
    database.many("message_put", ((mail, *changed[mail]) for mail in sorted(changed)))
    return {mail & ((1 << _KEY_BITS) - 1) for mail in changed}


def _key_and_name(item: Entry) -> tuple[int, str]:
    if isinstance(item, DeliveryEntry):
        return item.mail, item.name
    if Channel(item.origin.channel) not in OWN_CHANNELS:
        return 0, ""
    return item.origin.message or item.origin.queue, item.names.original or item.names.final


def _merged(before: tuple[int, int], new: tuple[int, int]) -> tuple[int, int]:
    address = new[0] if before[0] == new[0] else _SEVERAL
    return address, max(before[1], new[1])


def recorded(database: Database, reports: list[tuple[Origin, Micros]]) -> list[Recorded]:
    """The mail that each report is about: its origin, and the time of the report."""
    wanted = [_mails_of(origin, at) for origin, at in reports]
    every = sorted({mail for mails in wanted for mail in mails})
    known = {
        mail: (address, accepted)
        for mail, address, accepted in database.by_ids("message_get", every)
    }
    return [_recorded(mails, known) for mails in wanted]


def _mails_of(origin: Origin, at: Micros) -> list[MailId]:
    """The mails that a report may be about: of the days before it, and about the Date of what it
    returns.
    """
    if origin.channel == Channel.LOG:
        return []
    last = day_of(at)
    days = {Day(last - back) for back in range(RETURN_DAYS + 1)}
    if origin.sent is not None and origin.sent <= at:
        sent = day_of(Micros(origin.sent))
        days.update((sent, Day(sent + 1)))
    keys = [key for key in (origin.message, origin.queue) if key]
    return [mail_id(day, key) for key in keys for day in sorted(days)]


def _recorded(mails: list[MailId], known: dict[MailId, tuple[int, int]]) -> Recorded:
    found = [(mail >> _KEY_BITS, *known[mail]) for mail in mails if mail in known]
    addresses = {address for _, address, _ in found}
    if len(addresses) != 1 or _SEVERAL in addresses:
        return NOT_RECORDED
    accepted = [Day(day) for day, _, was_accepted in found if was_accepted]
    return Recorded(addresses.pop(), max(accepted, default=None))


def prune(database: Database, before: Micros) -> None:
    """Forget the mails of the days before that time."""
    database.run("message_prune", first=mail_id(day_of(before), 0))


def first_of(day: Day) -> Micros:
    """The first microsecond of *day*."""
    return Micros(day * MICROS_A_DAY)
