"""Mails that failed: which recipients did not get which message.

Scans the events of a period, which takes seconds in a large ledger.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import NamedTuple

import msgspec
import zstandard

from bouncewise.ledger.database import Database
from bouncewise.ledger.mails import RETURN_DAYS, MailId, mail_id
from bouncewise.ledger.records import FailedMail
from bouncewise.model import Cause, Channel, Kind, Report
from bouncewise.times import Day, Micros, datetime_of, day_of, micros

_BLOCK = msgspec.msgpack.Decoder(list[tuple[Report, msgspec.Raw, msgspec.Raw]])
_PAGE = 500


class _Row(NamedTuple):
    """A row of query failed_mails."""

    address: int
    name: str
    at: int
    cause: str
    words: str
    receiver: str
    bearing: str
    channel: str
    message: int
    mailing: int
    stream: str
    campaign: str
    block: int
    item: int

    @property
    def mails_since(self) -> list[MailId]:
        """The ids under which a later delivery of the mail would be recorded. A mail that came
        back was accepted before, perhaps on the day of the failure.
        """
        first = day_of(Micros(self.at)) + (self.channel == Channel.MAIL)
        days = range(first, first + RETURN_DAYS) if self.message else ()
        return [mail_id(Day(day), self.message) for day in days]


class FailedMails:
    """Questions to a ledger about mails that failed for good."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def between(
        self, since: datetime, until: datetime, receiver: str | None = None
    ) -> Iterator[FailedMail]:
        """The mails that failed from *since* to before *until*, in the order of time; of one
        *receiver*, if given. A mail stands once for each source that reported its failure.
        """
        values = {"since": micros(since), "until": micros(until), "receiver": receiver}
        found = map(_Row._make, self._db.each("failed_mails", kind=Kind.FAILED.value, **values))
        while page := list(islice(found, _PAGE)):
            yield from self._complete(page)

    def _complete(self, page: list[_Row]) -> Iterator[FailedMail]:
        reports = self._reports({(row.block, row.item) for row in page})
        of_mailings = {
            (address, mailing): last
            for address, mailing, last in self._db.by_ids(
                "delivery_of_mailings", sorted({row.address for row in page if row.mailing})
            )
        }
        wanted = sorted({mail for row in page for mail in row.mails_since})
        accepted = {
            (mail, address)
            for mail, address, is_accepted in self._db.by_ids("message_get", wanted)
            if is_accepted
        }
        for row in page:
            report = reports.get((row.block, row.item))
            yield FailedMail(
                name=row.name,
                at=datetime_of(Micros(row.at)),
                cause=Cause(row.cause),
                words=row.words,
                reply=report.reply.text if report and report.reply else row.words,
                receiver=row.receiver,
                bearing=row.bearing,
                mail=row.message,
                message_id=(report and report.message_id) or "",
                label=report.esp if report else None,
                stream=row.stream,
                campaign=row.campaign,
                is_delivered_since=of_mailings.get((row.address, row.mailing), 0) > row.at
                or any((mail, row.address) in accepted for mail in row.mails_since),
            )

    def _reports(self, places: set[tuple[int, int]]) -> dict[tuple[int, int], Report]:
        """The reports at *places*: blocks and items."""
        found: dict[tuple[int, int], Report] = {}
        for block in sorted({block for block, _ in places}):
            (data,) = self._db.one("block_data", id=block) or (None,)
            reports = _BLOCK.decode(zstandard.decompress(data)) if data else []
            for item, (report, _, _) in enumerate(reports):
                if (block, item) in places:
                    found[block, item] = report
        return found
