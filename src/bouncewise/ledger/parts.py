"""The parts of a store: traffic, incidents, pending names, coverage, neighbours, re-evaluation and
the index, each as what it answers. ``protocol.Store`` is the whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from bouncewise.ledger.records import (
    Block,
    ComplaintCount,
    DomainRecord,
    Fates,
    Period,
    RefusalCount,
    RefusalReport,
    Refusals,
    SenderRefusals,
)
from bouncewise.model import Cause, Decision, Incident, Ruling, Verdict
from bouncewise.times import Day, Slot


class Traffic(Protocol):
    """Deliveries and refusals by destination and slot."""

    def first(self) -> Slot:
        """The first slot with evidence; 0 where there is none."""

    def latest(self) -> Slot:
        """The last slot with evidence; 0 where there is none."""

    def unexamined(self) -> tuple[Slot, Slot] | None:
        """The first and last slot in which incidents were not looked for, or None."""

    def mark_examined(self) -> None:
        """Record that incidents were looked for in all slots."""

    def deliveries(self, destination: str, since: Slot, until: Slot) -> list[tuple[Slot, int]]:
        """(slot, addresses delivered to) of a destination from *since* to before *until*."""

    def delivered(self, destination: str, since: Slot, until: Slot) -> int:
        """The addresses delivered to at a destination in those slots, each once a day."""

    def refusals(self, since: Slot, until: Slot, recent: int) -> dict[str, Refusals]:
        """By destination, the refusals of addresses that had mail delivered less than *recent*
        slots before.
        """

    def failing_domains(self, since: Slot, until: Slot, recent: int) -> Refusals:
        """The failures of whole domains that had mail delivered less than *recent* slots before."""

    def sender_refusals_by_slot(
        self, destinations: Collection[str], since: Slot, until: Slot
    ) -> dict[str, Counter[Slot]]:
        """Of each destination, by slot, the addresses that refused the sender or message."""

    def sender_refusals_by_day(
        self, since: datetime, is_reached: Callable[[int, int], bool]
    ) -> list[SenderRefusals]:
        """The days on which a receiver refused the sender or message for so many addresses, beside
        so many delivered to, that *is_reached*.
        """

    def refused_by_day(
        self, causes: Iterable[Cause], since: datetime
    ) -> list[tuple[str, Day, int]]:
        """(receiver, day, addresses refused with one of *causes*)."""

    def complaints(self, since: datetime, until: datetime) -> list[ComplaintCount]:
        """The addresses that complained from *since* to before *until*, by stream and receiver."""

    def refused_of_new_domains(
        self, since: Slot, until: Slot, least: int
    ) -> dict[str, dict[Slot, int]]:
        """By ``@domain`` and slot, the addresses refused for the first time where nobody had
        ever been delivered to.
        """

    def refused(self, destination: str, since: Slot, until: Slot) -> list[str]:
        """The names refused by *destination* in those slots, by name."""

    def sample_words(self, destination: str, since: Slot, until: Slot, most: int) -> list[str]:
        """The words with which *destination* refused addresses in those slots, the *most*
        frequent first.
        """


class Incidents(Protocol):
    """The incidents, derived from the evidence and corrected by rulings."""

    def all(self) -> list[Incident]:
        """Every incident, with the rulings applied, the latest first."""

    def put(self, found: Iterable[Incident], since: datetime, until: datetime) -> None:
        """Replace the incidents that opened from *since* to before *until*."""

    def add_ruling(self, ruling: Ruling) -> None:
        """Keep a person's decision about an incident."""

    def rulings(self, incident: Incident) -> list[Ruling]:
        """The rulings about *incident*, in order."""

    def apply_rulings(
        self, derived: Iterable[Incident], at: datetime | None = None
    ) -> list[Incident]:
        """*derived* as corrected by the rulings made up to *at*; false alarms are left out."""


class Pending(Protocol):
    """The names whose state does not follow from the evidence yet."""

    def __bool__(self) -> bool: ...

    def add(self, names: Iterable[str]) -> None:
        """Make *names* pending."""

    def add_refused(self, since: Slot, until: Slot) -> None:
        """Make every address pending that was refused from *since* to before *until*."""

    def add_claims(self, since: datetime, until: datetime) -> None:
        """Make every name pending with claims of that time, or that arrived in it."""

    def add_relayed(self, hosts: list[int]) -> None:
        """Make every name with evidence pending that had mail delivered by one of these hosts."""

    def add_domain_refusals(self, since: Slot, until: Slot) -> None:
        """Make every name pending whose domain failed from *since* to before *until*."""

    def take(self, most: int) -> list[str]:
        """At most *most* of the names, which are pending no longer."""

    def among(self, names: Iterable[str]) -> set[str]:
        """The pending ones of *names*."""


class Coverage(Protocol):
    """The times that own logs and events cover, and the claims of those times."""

    def covers(self, at: datetime, within: timedelta, known: datetime) -> bool:
        """Whether an own source has an entry within that time before *at*, and then one after."""

    def covers_anything(self, known: datetime) -> bool:
        """Whether any own source has an entry up to that time."""

    def sources(self) -> dict[str, datetime]:
        """The own sources, each with the hour of its last entry."""

    def hours(self, since: datetime) -> dict[str, list[int]]:
        """The hours (since 1970) with an entry since then, by own source, in order."""

    def claims_by_day(self, since: datetime, until: datetime) -> dict[Day, int]:
        """How many claims each day from *since* to before *until* has."""

    def newly_covered(self) -> tuple[datetime, datetime] | None:
        """The span in which times were covered since Decisions were derived last."""

    def newly_claimed(self) -> tuple[datetime, datetime] | None:
        """The span in which claims were added since Decisions were derived last."""

    def counts_before(self, since: Day, until: Day) -> dict[Day, int]:
        """How many claims the days had when Decisions were derived last."""

    def mark_settled(self, counts: dict[Day, int]) -> None:
        """Record that Decisions were derived, with these counts of claims."""

    def relays(self, domains: int, known: datetime) -> set[int]:
        """The hosts that accepted mail for so many domains up to a time."""

    def new_relays(self, domains: int) -> list[int]:
        """The hosts that accept mail for so many domains since Decisions were derived last."""


class Neighbours(Protocol):
    """What happened to others about the time of a refusal."""

    def fates(
        self, name: str, destination: str, cause: Cause, period: Period, lately: timedelta
    ) -> Fates:
        """Of the others than *name* at *destination*, those refused with *cause* within
        *period*.
        """

    def knows_deliveries(self) -> bool:
        """Whether the ledger knows any delivery."""

    def last_delivery(self, name: str, before: datetime) -> datetime | None:
        """When mail was last delivered to *name*, or to anybody of an ``@domain``, before a
        time.
        """

    def receivers_refusing(self, cause: Cause, period: Period, least: int = 3) -> list[str]:
        """The receivers that refused *least* addresses or more with *cause* within *period*."""

    def last_refused(self, domain: str, known: datetime) -> str | None:
        """The address at ``@domain`` that was refused last."""

    def first_delivered(self, names: Iterable[str], known: datetime) -> str | None:
        """The first of *names* to which mail was delivered up to *known*."""

    def verdict(self, name: str, at: datetime) -> Verdict | None:
        """The first verdict on a refusal; None where there is no such event."""

    def sender_refusals(
        self, destination: str, causes: Iterable[Cause], since: datetime
    ) -> list[RefusalCount]:
        """How many addresses were refused with each of *causes*, the most frequent first."""

    def newest_refusals(
        self, destination: str, causes: Iterable[Cause], since: datetime, most: int
    ) -> list[RefusalReport]:
        """The *most* recent of these refusals with their reports, the newest first."""


class Familiarity(Protocol):
    """What is known of many names at once, up to a time."""

    def suppressed(self) -> Sequence[int]:
        """Everything that is suppressed for good, as numbers in ascending order."""

    def names_of(self, numbers: Iterable[int]) -> list[str]:
        """The names behind numbers of ``suppressed``."""

    def last_deliveries(
        self, names: Iterable[str], until: datetime, relays: Iterable[int]
    ) -> dict[str, datetime]:
        """When mail was last delivered to each of *names*, but by *relays*, which only pass it
        on.
        """

    def last_failures(self, names: Iterable[str], until: datetime) -> dict[str, datetime]:
        """When mail to each of *names* was last refused for good."""

    def refusals(
        self, domains: Iterable[str], causes: Iterable[Cause], since: datetime, until: datetime
    ) -> dict[str, DomainRecord]:
        """By ``@domain``: how many addresses were refused with one of *causes*, at once or after
        their mail was accepted.
        """

    def most_in_a_day(self, domains: Iterable[str], until: datetime) -> dict[str, int]:
        """By ``@domain``: the most addresses that had mail delivered on one day."""

    def delivery_days(self, names: Iterable[str], until: datetime) -> dict[str, int]:
        """On how many days mail was delivered to each of *names*, or to anybody of a domain."""

    def acts(self, domains: Iterable[str], kind: str, until: datetime) -> dict[str, int]:
        """By ``@domain``: the addresses with an act of that kind."""


class Rejudge(Protocol):
    """A ledger whose events get new verdicts; questions to it meanwhile see these."""

    def blocks(self, since: datetime | None) -> list[int]:
        """The numbers of all blocks, or of those with an event at *since* or later."""

    def block(self, number: int) -> Block:
        """The reports of one block."""

    def enter(
        self, block: Block, verdicts: Iterable[Verdict | None], since: datetime | None
    ) -> int:
        """Put *verdicts* on the events of *block*, those at *since* or later; how many differ
        from the last.
        """

    def name_count(self) -> int:
        """How many names have evidence."""

    def names(self) -> Iterator[list[str]]:
        """All names with evidence, a page at a time."""

    def note_changes(self) -> None:
        """Note which decisions have changed, for ``changes``."""

    def changes(self) -> Iterator[tuple[str, Decision, Decision]]:
        """Name, decision before and after, by name."""

    def apply(self, by: str, rules: str, version: str, since: datetime | None) -> None:
        """Make it permanent."""


class Index(Protocol):
    """The names that may be suppressed or held, as ids: only a miss is certain."""

    def __len__(self) -> int: ...

    def __contains__(self, name: str) -> bool: ...

    def among(self, names: set[str]) -> set[str]:
        """Those of *names* that may be suppressed or held."""
