"""The parts of a store that answer questions of people about many mails at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Protocol

from bouncewise.ledger.records import (
    AuditEntry,
    FailedMail,
    Import,
    Mention,
    Run,
    Subject,
)
from bouncewise.model import Decisions
from bouncewise.times import Micros


class FailedMails(Protocol):
    """The mails that failed for good."""

    def between(
        self, since: datetime, until: datetime, receiver: str | None = None
    ) -> Iterator[FailedMail]:
        """The mails that failed from *since* to before *until*, in the order of time, once for
        each report.
        """


class Imports(Protocol):
    """Imports of lists."""

    def of_file(self, fingerprint: bytes) -> int | None:
        """The last import of the file with this fingerprint; None: it was never imported."""

    def names(self, number: int, kind: str) -> list[str]:
        """The names with acts of this *kind* that an import lists, by name."""

    def acts(self) -> Counter[tuple[str, int]]:
        """How many acts of each kind each import lists."""

    def latest(self, most: int) -> list[Import]:
        """The last imports, the latest first."""


class Audit(Protocol):
    """The acts of people."""

    def add(self, kind: str, author: tuple[str, str], effective: datetime, about: Subject) -> None:
        """Keep that an act was done now; *author*: by whom, and why."""

    def page(self, before: int | None, most: int) -> list[AuditEntry]:
        """At most *most* acts before the one with the id *before*, the latest first."""

    def find(self, number: int) -> AuditEntry | None:
        """The act with this id."""

    def names(self, entry: AuditEntry) -> list[str]:
        """The names that an act concerned, by name."""


class Daily(Protocol):
    """The last runs."""

    def runs(self, most: int) -> list[Run]:
        """The last runs of ingest, the latest first."""


ForgottenRows = Mapping[bytes, tuple[Micros, bytes]]
"""By the hash of a name, when it was forgotten and what was decided on it."""


class Forgotten(Protocol):
    """The names that were forgotten, by keyed hashes."""

    @property
    def key_path(self) -> Path:
        """The file with the key."""

    def refresh(self) -> None:
        """Read them again at the next question."""

    def rows(self) -> ForgottenRows:
        """All of them."""

    def use(self, rows: ForgottenRows) -> None:
        """Take *rows* for all of them, until ``refresh``."""

    def __bool__(self) -> bool: ...

    def decisions(self, names: Iterable[str]) -> dict[str, Decisions]:
        """What was decided on those of *names* that were forgotten."""

    def since(self, name: str) -> Micros | None:
        """When *name* was forgotten; None where it was not."""

    def add(self, name: str, decisions: Decisions, at: datetime) -> None:
        """Keep that *name* was forgotten, and the *decisions* that were in force."""

    def drop(self, name: str) -> None:
        """Forget even that it was forgotten."""


class Erasure(Protocol):
    """What removes everything about a name."""

    def count(self, name: str) -> dict[str, int]:
        """How much there is about *name*."""

    def mentions(self, names: set[str]) -> list[Mention]:
        """The acts and rulings about others in whose reasons one of *names* stands."""

    def erase(self, names: set[str], progress: Callable[[int, int], None]) -> None:
        """Remove everything about *names*, which are replaced where others' reasons have them."""

    def compact(self) -> bool:
        """Write the whole ledger anew, so that nothing is left in unused parts of the file; False
        where another process prevents that.
        """
