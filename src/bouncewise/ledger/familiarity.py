"""What the ledger knows of many addresses and domains at once, before they are mailed: last
deliveries and failures, and what domains do with addresses that do not exist.

Reads: the tables of deliveries, events, acts and traffic. Gives: dictionaries without the names of
which nothing is known.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from datetime import datetime
from itertools import islice

from bouncewise.ledger.database import Database
from bouncewise.ledger.deliveries import HANDED_OVER, SEVERAL_RELAYS
from bouncewise.ledger.queries import MOST_IDS
from bouncewise.ledger.records import DomainRecord
from bouncewise.ledger.rows import new_id
from bouncewise.model import Cause, Kind, State
from bouncewise.times import SLOTS_A_DAY, Micros, datetime_of, micros, slot_at

_FAILED = [Kind.FAILED.value]


class Familiarity:
    """Questions to a ledger about many names at once; nothing after *until* counts."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def suppressed(self) -> array[int]:
        """Everything that is suppressed for good, as numbers in ascending order, 8 octets each."""
        found = self._db.each("state_suppressed", suppressed=str(State.SUPPRESSED))
        return array("q", sorted({number for (number,) in found}))

    def names_of(self, numbers: Iterable[int]) -> list[str]:
        """The names behind numbers of ``suppressed``."""
        given = list(numbers)
        ids = sorted({*given, *(-1 - number for number in given)})  # (one of the two is an id)
        return sorted(name for _, name in self._db.by_ids("address_names", ids))

    def last_deliveries(
        self, names: Iterable[str], until: datetime, relays: Iterable[int]
    ) -> dict[str, datetime]:
        """When mail was last delivered to each of *names*, but by *relays*, which only pass it
        on.
        """
        hosts = [HANDED_OVER, SEVERAL_RELAYS, *relays]
        return self._times("delivery_last_each", names, until=micros(until), relays=hosts)

    def last_failures(self, names: Iterable[str], until: datetime) -> dict[str, datetime]:
        """When mail to each of *names* was last refused for good."""
        return self._times("failed_last_each", names, until=micros(until), kinds=_FAILED)

    def refusals(
        self, domains: Iterable[str], causes: Iterable[Cause], since: datetime, until: datetime
    ) -> dict[str, DomainRecord]:
        """By ``@domain``: how many addresses were refused with one of *causes*, at once or after
        their mail was accepted.
        """
        found = {}
        values = {"since": micros(since), "until": micros(until), "kinds": _FAILED}
        named = [cause.value for cause in causes]
        for page in self._pages(domains):
            ids = list(page)
            rows = self._db.all("refused_by_domain", ids=ids, causes=named, **values)
            for number, refused, returned in rows:
                found[page[number]] = DomainRecord(refused, returned)
        return found

    def most_in_a_day(self, domains: Iterable[str], until: datetime) -> dict[str, int]:
        """By ``@domain``: the most addresses that had mail delivered on one day."""
        found: dict[str, int] = {}
        for page in self._pages(domains):
            found |= self._db.all(
                "traffic_most_in_a_day",
                destinations=list(page.values()),
                slots=SLOTS_A_DAY,
                until=slot_at(until) + 1,
            )
        return found

    def delivery_days(self, names: Iterable[str], until: datetime) -> dict[str, int]:
        """On how many days mail was delivered to each of *names*, or to anybody of a domain."""
        return self._counts("delivery_days", names, until=micros(until))

    def acts(self, domains: Iterable[str], kind: str, until: datetime) -> dict[str, int]:
        """By ``@domain``: the addresses with an act of that kind."""
        return self._counts("acts_by_domain", domains, until=micros(until), kinds=[kind])

    def _times(self, query: str, names: Iterable[str], **values: object) -> dict[str, datetime]:
        found = self._counts(query, names, **values)
        return {name: datetime_of(Micros(at)) for name, at in found.items()}

    def _counts(self, query: str, names: Iterable[str], **values: object) -> dict[str, int]:
        found = {}
        for page in self._pages(names):
            for number, value in self._db.all(query, ids=list(page), **values):
                found[page[number]] = value
        return found

    def _pages(self, names: Iterable[str]) -> Iterable[dict[int, str]]:
        remaining = iter(names)
        while page := {new_id(name): name for name in islice(remaining, MOST_IDS)}:
            yield page
