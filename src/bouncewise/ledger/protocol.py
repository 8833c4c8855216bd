"""What a store of the ledger answers: the seam between operations and databases.

Everything is said in nouns of ``model`` and types of ``times``. ``store.SqlStore`` is the store
over ``database.Database``, which knows the dialect; another kind of store need only answer the
same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol, Self

from bouncewise.ledger.entries import Entry
from bouncewise.ledger.records import Batch, Block, Fates, Period, Refusals, SenderRefusals
from bouncewise.model import Cause, Decision, Event, Incident, Ruling, Verdict
from bouncewise.times import Slot


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

    def refusals(self, since: Slot, until: Slot, good: int) -> dict[str, Refusals]:
        """By destination, the refusals of addresses that had mail delivered less than *good*
        slots before.
        """

    def sender_refusals_by_slot(
        self, destinations: Collection[str], since: Slot, until: Slot
    ) -> dict[str, Counter[Slot]]:
        """Of each destination, by slot, the addresses that refused the sender or message."""

    def sender_refusals_by_day(self, since: datetime, least: int) -> list[SenderRefusals]:
        """The days on which a receiver refused the sender or message for *least* addresses."""

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

    def take(self, most: int) -> list[str]:
        """At most *most* of the names, which are pending no longer."""

    def among(self, names: Iterable[str]) -> set[str]:
        """The pending ones of *names*."""


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
        """The verdict on a refusal as first judged; None where there is no such event."""


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

    def has(self, number: int) -> bool:
        """Whether the name with this id may be suppressed or held."""


class Store(Protocol):
    """The ledger: evidence in, evidence and derived state out. Every change is inside ``with
    store.change():``.
    """

    path: Path

    @property
    def traffic(self) -> Traffic:
        """Deliveries and refusals by destination and slot."""

    @property
    def incidents(self) -> Incidents:
        """The incidents."""

    @property
    def pending(self) -> Pending:
        """The names whose state does not follow from the evidence yet."""

    @property
    def neighbours(self) -> Neighbours:
        """Questions about others."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def close(self) -> None:
        """Close the store."""

    def change(self, *, commit: bool = True) -> AbstractContextManager[None]:
        """A transaction: all of it, or nothing; nothing if not *commit*. Raises LedgerError
        where it fails.
        """

    def version(self) -> tuple[int, int]:
        """A value that differs after any change of the ledger, by this process or another."""

    def is_done(self, fingerprint: bytes) -> bool:
        """Whether the source with this fingerprint was read to its end before."""

    def open_batch(self, source: str, rules: str, version: str) -> Batch:
        """A new batch, of reports from *source* judged by *rules* of bouncewise *version*."""

    def mark_done(self, batch: Batch, fingerprint: bytes, path: str) -> None:
        """Record that a source was read to its end in *batch*."""

    def append(self, batch: Batch, entries: list[Entry]) -> int:
        """Add the new ones among *entries*; how many events are new. Names whose state may
        change become pending.
        """

    def act(self, name: str, event: Event) -> bool:
        """Add an act of a person on an address or ``@domain``; False where it is there already."""

    def latest(self) -> datetime:
        """The latest time of any evidence; 1970 in an empty ledger."""

    def other_rules(self, rules: str) -> str | None:
        """Rules other than *rules* that judged anything since the last replay, or None."""

    def rejudging(self, *, trial: bool) -> AbstractContextManager[Rejudge]:
        """Judge all evidence again, on trial or for good."""

    def history(self, name: str, until: datetime | None = None) -> list[Event]:
        """All that is known of an address or ``@domain`` up to *until*, in the order of time."""

    def histories(
        self, names: Iterable[str], until: datetime | None = None, *, brief: bool = True
    ) -> Iterator[tuple[str, list[Event]]]:
        """The ``history`` of each of *names*, in their order; *brief*: of deliveries in a row
        only the last.
        """

    def names(self) -> Iterator[str]:
        """Every address and ``@domain`` with evidence other than deliveries, by name."""

    def names_at(self, domain: str, most: int) -> list[str]:
        """The first *most* addresses at an ``@domain`` with evidence other than deliveries, in a
        fixed order.
        """

    def with_evidence(self, names: Iterable[str]) -> set[str]:
        """Those of *names* of which the ledger holds anything but deliveries."""

    def put(self, decisions: Iterable[tuple[str, Decision]]) -> None:
        """Replace the derived state of names."""

    def states(self) -> Iterator[tuple[str, Decision]]:
        """Everything that is suppressed or held, by name, with holds that have expired."""

    def decisions(self, names: Iterable[str]) -> dict[str, Decision]:
        """The derived state of those of *names* that have one."""

    def index(self) -> Index:
        """The index of everything that is suppressed or held now."""

    def write_index(self) -> None:
        """Write the index into a file if there are enough states that it pays."""

    def counts(self) -> dict[str, int]:
        """How many rows the ledger has, by table."""
