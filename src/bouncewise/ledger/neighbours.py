"""What happened to others about the time of a refusal: how many of a domain, or of a receiver,
were refused the same way, and how many of them were delivered to again.

Asked by people, for one case at a time: questions about a receiver scan the table of events, and
take seconds in a large ledger.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import zstandard

from bouncewise.ledger.database import Database
from bouncewise.ledger.records import Fates, Period, RefusalCount, RefusalReport
from bouncewise.ledger.rows import id_of
from bouncewise.model import Cause, Kind, Report, Verdict
from bouncewise.times import MICROS_A_DAY, datetime_of, micros

_BLOCK = msgspec.msgpack.Decoder(list[tuple[msgspec.Raw, msgspec.Raw, msgspec.Raw]])
_VERDICT: msgspec.msgpack.Decoder[Verdict | None] = msgspec.msgpack.Decoder(Verdict | None)
_REPORT = msgspec.msgpack.Decoder(Report)
_REFUSED = [Kind.FAILED.value, Kind.DELAYED.value]


class Neighbours:
    """Questions to a ledger about others. A destination is a receiver's id or an ``@domain``."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def fates(
        self, name: str, destination: str, cause: Cause, period: Period, lately: timedelta
    ) -> Fates:
        """Of the others than *name* at *destination*, those refused with *cause* within
        *period*.

        *lately*: how long before the refusal a delivery counts as recent.
        """
        values = {
            "lately": int(lately / timedelta(days=1) * MICROS_A_DAY),
            "known": micros(period.known),
            "self": id_of(name),
            "cause": cause.value,
            "since": micros(period.since),
            "until": micros(period.until),
            "kinds": _REFUSED,
        }
        if destination.startswith("@"):
            found = self._db.one("fates_at_domain", domain=id_of(destination), **values)
        else:
            found = self._db.one("fates_at_receiver", receiver=destination, **values)
        return Fates(*map(int, found or ()))

    def knows_deliveries(self) -> bool:
        """Whether the ledger knows any delivery; if not, that an address had none means nothing."""
        return self._db.one("delivery_any") is not None

    def last_delivery(self, name: str, before: datetime) -> datetime | None:
        """When mail was last delivered to *name*, or to anybody of an ``@domain``, before a
        time.
        """
        found = self._db.one("delivery_last", before=micros(before), address=id_of(name))
        return datetime_of(found[0]) if found else None

    def receivers_refusing(self, cause: Cause, period: Period, least: int = 3) -> list[str]:
        """The receivers that refused *least* addresses or more with *cause* within *period*."""
        found = self._db.all(
            "receivers_refusing",
            cause=cause.value,
            since=micros(period.since),
            until=micros(period.until),
            least=least,
            kinds=_REFUSED,
        )
        return [receiver for (receiver,) in found]

    def last_refused(self, domain: str, known: datetime) -> str | None:
        """The address at ``@domain`` that was refused last."""
        found = self._db.one(
            "last_refused_at_domain", domain=id_of(domain), known=micros(known), kinds=_REFUSED
        )
        return str(found[0]) if found else None

    def first_delivered(self, names: Iterable[str], known: datetime) -> str | None:
        """The first of *names* to which mail was delivered up to *known*."""
        until = micros(known)
        return next(
            (n for n in names if self._db.one("delivery_until", address=id_of(n), until=until)),
            None,
        )

    def verdict(self, name: str, at: datetime) -> Verdict | None:
        """The first verdict on a refusal, without its phrases; None where the ledger
        has no such event.
        """
        found = self._db.one("block_of_event", address=id_of(name), at=micros(at))
        if found is None:
            return None
        return _VERDICT.decode(_BLOCK.decode(zstandard.decompress(found[0]))[found[1]][2])

    def sender_refusals(
        self, destination: str, causes: Iterable[Cause], since: datetime
    ) -> list[RefusalCount]:
        """How many addresses at *destination* were refused with each of *causes* since then,
        the most frequent first; claims do not count.
        """
        rows = self._db.all("sender_refusal_counts", **_refused(destination, causes, since))
        return [
            RefusalCount(Cause(cause), refused, datetime_of(first), datetime_of(last))
            for cause, refused, first, last in rows
        ]

    def newest_refusals(
        self, destination: str, causes: Iterable[Cause], since: datetime, most: int
    ) -> list[RefusalReport]:
        """The *most* recent of these refusals with their reports, the newest first."""
        values = _refused(destination, causes, since)
        found, blocks = [], dict[int, list[tuple[msgspec.Raw, msgspec.Raw, msgspec.Raw]]]()
        for cause, at, block, item in self._db.all("sender_refusals_newest", most=most, **values):
            if block not in blocks:
                (data,) = self._db.one("block_data", id=block) or (b"",)
                blocks[block] = _BLOCK.decode(zstandard.decompress(data))
            report = _REPORT.decode(blocks[block][item][0])
            found.append(RefusalReport(Cause(cause), datetime_of(at), report))
        return found


def _refused(destination: str, causes: Iterable[Cause], since: datetime) -> dict[str, Any]:
    values: dict[str, Any] = {"since": micros(since), "kinds": _REFUSED}
    values["causes"] = sorted(cause.value for cause in causes)
    if destination.startswith("@"):
        return values | {"domain": id_of(destination)}
    return values | {"receiver": destination}
