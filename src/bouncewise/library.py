"""The library: what ``from bouncewise import …`` gives beside the nouns.

    >>> import bouncewise
    >>> bouncewise.classify("550 5.1.1 <a@b.example>: User unknown").cause
    <Cause.MAILBOX_UNKNOWN: 'mailbox-unknown'>

``classify`` and ``read`` keep nothing. A ``Ledger`` keeps evidence and answers questions:

    with bouncewise.Ledger.open("ledger.sqlite", create=True) as ledger:
        ledger.ingest("/var/log/mail.log")
        answer = ledger.check("jo@example.com")
        print(answer.send, answer.decision.why)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from os import PathLike, fspath
from pathlib import Path as FilePath
from typing import Self

from bouncewise.classifier.classify import Classifier, default_classifier
from bouncewise.config.keys import load_keyring
from bouncewise.config.load import read as read_config
from bouncewise.config.settings import Settings
from bouncewise.diagnosis import facts
from bouncewise.diagnosis.knowledge import load as load_diagnosis
from bouncewise.diagnosis.rank import Diagnosis
from bouncewise.diagnosis.rank import diagnose as rank
from bouncewise.errors import InputError
from bouncewise.intake.reading import ClassifiedFinding
from bouncewise.lists.names import name_in
from bouncewise.model import Cause, Decision, Event, Incident, Mail, Scope, State
from bouncewise.operations import ingest as ingesting
from bouncewise.operations.check import Answer, Checker
from bouncewise.operations.check import check as check_addresses
from bouncewise.operations.context import Context
from bouncewise.operations.incidents import incidents_as_of
from bouncewise.operations.read import read as read_paths
from bouncewise.operations.release import release
from bouncewise.operations.suppress import effective_time, record, suppressions
from bouncewise.policy.decide import ADDED, CONFIRMED
from bouncewise.policy.load import Policy
from bouncewise.readers import Note
from bouncewise.rfc import address as addresses_of

Path = str | PathLike[str]


def read(
    *paths: Path, classifier: Classifier | None = None, jobs: int = 1
) -> Iterator[ClassifiedFinding | Note]:
    """Every report in files, folders, Maildirs, mboxes and archives, with its verdict, in
    order; and notes on what was not understood. DMARC and TLS reports are left out; a ledger
    keeps them.

    Raises InputError where a path does not exist.
    """
    found = read_paths(
        tuple(fspath(path) for path in paths), classifier or default_classifier(), jobs
    )
    return (item for item in found if isinstance(item, ClassifiedFinding | Note))


class Ledger:
    """Evidence kept in a file, and what follows from it. Use as a context manager, or call
    ``close``.
    """

    def __init__(self, context: Context) -> None:
        """A ledger over an open *context*. Use ``Ledger.open`` for a file; a path here is a
        TypeError.
        """
        if not isinstance(context, Context):
            raise TypeError("Ledger.open(path) opens a ledger; Ledger(…) takes an open Context")
        self._context = context
        self._checker = Checker(context.ledger, context.policy)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        create: bool = False,
        policy: Policy | None = None,
        classifier: Classifier | None = None,
        config: Path | None = None,
    ) -> Self:
        """The ledger in the SQLite file at *path*, or in the PostgreSQL database that the URL
        ``postgresql://USER@HOST/DB`` names; *create*: make it where there is none.

        *policy* and *classifier* replace the shipped policy and rules; *config* is the
        configuration file, which is not looked for elsewhere (docs/configuration.md). Raises
        LedgerError where the file is missing, is no ledger, or cannot be used, and ConfigError.
        """
        settings = read_config(FilePath(config)) if config is not None else Settings()
        return cls(
            Context.open(
                fspath(path),
                create=create,
                policy=policy,
                classifier=classifier,
                settings=settings,
                keyring=load_keyring(settings),
            )
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Ledger {self._context.ledger.name}>"

    def close(self) -> None:
        """Close the file."""
        self._context.ledger.close()

    def ingest(self, *paths: Path, jobs: int = 1) -> tuple[ingesting.Tally, list[Note]]:
        """Read everything under *paths* into the ledger and decide what follows; what was done,
        and notes.

        The same input twice changes nothing. Raises InputError where a path does not exist.
        """
        notes: list[Note] = []
        tally = ingesting.ingest(
            tuple(fspath(path) for path in paths), self._context, note=notes.append, jobs=jobs
        )
        return tally, notes

    def check(
        self,
        address: str,
        *,
        transactional: bool = False,
        stream: str = "",
        at: datetime | None = None,
    ) -> Answer:
        """Whether *address* may be mailed, and why not. *at*: as of this timezone-aware time, by
        the evidence up to then.

        *transactional*: for mail that answers an action of the recipient (receipts, password
        resets): suppressions of marketing mail do not count; *stream*: for mail of this stream
        ('': of any).
        """
        if at is None:
            return self._checker.check(address, mail=Mail(transactional, stream))
        return next(self.check_all((address,), transactional=transactional, stream=stream, at=at))

    def check_all(
        self,
        addresses: Iterable[str],
        *,
        transactional: bool = False,
        stream: str = "",
        at: datetime | None = None,
    ) -> Iterator[Answer]:
        """``check`` of each of *addresses*, in order; faster than one by one."""
        ledger, policy = self._context[:2]
        when, past = at or datetime.now(UTC), at is not None
        mail = Mail(transactional, stream)
        return check_addresses(addresses, ledger, policy, at=when, past=past, mail=mail)

    def history(self, address: str, until: datetime | None = None) -> list[Event]:
        """All that is known of an address or ``@domain`` up to *until*, in the order of time."""
        return self._context.ledger.history(_name(address), until)

    def suppressions(self, state: State = State.SUPPRESSED) -> Iterator[tuple[str, Decision]]:
        """The addresses and ``@domain``s that are suppressed, or held, by name."""
        ledger, policy = self._context[:2]
        return suppressions(ledger, policy, state, datetime.now(UTC), past=False)

    def suppress(
        self,
        *addresses: str,
        why: str,
        by: str,
        cause: Cause | None = None,
        scope: Scope = Scope.ALL,
        until: datetime | None = None,
    ) -> int:
        """Suppress addresses or ``@domain``s by hand; how many of these acts are new. *why* and
        *by* are kept.
        """
        act = Event(
            at=self._now(), kind=ADDED, cause=cause, scope=scope, words=why, by=by, until=until
        )
        return record(_names(addresses), act, self._context.ledger, self._context.policy)

    def confirm(self, *addresses: str, why: str, by: str) -> int:
        """Record a sign of life: a login, a signed link, mail from the address. It ends what
        evidence decided, and neither wishes nor acts; how many of these acts are new.
        """
        act = Event(at=self._now(), kind=CONFIRMED, words=why, by=by)
        return record(_names(addresses), act, self._context.ledger, self._context.policy)

    def release(self, *addresses: str, why: str, by: str) -> None:
        """Release addresses or ``@domain``s: earlier evidence is kept, and no longer counts.
        Wishes and suppressions by hand remain.
        """
        release(
            _names(addresses),
            why,
            by,
            datetime.now(UTC),
            self._context.ledger,
            self._context.policy,
        )

    def incidents(self, at: datetime | None = None) -> list[Incident]:
        """Every incident, the latest first, as known *at* a time (None: now)."""
        return incidents_as_of(self._context.ledger, self._context.policy, at)

    def diagnose(self, address: str, reply: str = "") -> Diagnosis | None:
        """What may lie behind the last refusal of *address*, or behind *reply* to it; None where
        there is no refusal.
        """
        ledger, policy, classifier = self._context[:3]
        now = datetime.now(UTC)
        known = tuple(incidents_as_of(ledger, policy, now))
        sources = facts.Sources(classifier, now, ledger, None, known)
        return _diagnosis(address, reply, sources)

    def _now(self) -> datetime:
        return effective_time(self._context.ledger, datetime.now(UTC))


def ingest(*paths: Path, ledger: Path, jobs: int = 1) -> tuple[ingesting.Tally, list[Note]]:
    """Read everything under *paths* into the *ledger*, which is created where there is none;
    what was done, and notes.
    """
    with Ledger.open(ledger, create=True) as opened:
        return opened.ingest(*paths, jobs=jobs)


def check(
    address: str, *, ledger: Path, transactional: bool = False, at: datetime | None = None
) -> Answer:
    """Whether *address* may be mailed by what the *ledger* knows. For many questions, keep a
    ``Ledger`` open.
    """
    with Ledger.open(ledger) as opened:
        return opened.check(address, transactional=transactional, at=at)


def diagnose(reply: str, address: str = "", *, classifier: Classifier | None = None) -> Diagnosis:
    """What may lie behind *reply*, without a ledger; with the *address* it was about, its
    spelling counts as evidence.
    """
    sources = facts.Sources(classifier or default_classifier(), datetime.now(UTC))
    found = facts.of_reply(reply, addresses_of.normalise(address), sources)
    return rank(found, load_diagnosis())


def _diagnosis(address: str, reply: str, sources: facts.Sources) -> Diagnosis | None:
    name = addresses_of.normalise(address)
    if reply:
        return rank(facts.of_reply(reply, name, sources), load_diagnosis())
    found = (
        facts.of_domain(name, sources) if name.startswith("@") else facts.of_address(name, sources)
    )
    return None if found is None else rank(found, load_diagnosis())


def _names(addresses: tuple[str, ...]) -> list[str]:
    return [_name(given) for given in addresses]


def _name(given: str) -> str:
    """The key of an address or ``@domain``. Raises InputError for what is neither."""
    name, error = name_in(given)
    if error:
        raise InputError(f"{given}: {error}")
    return name
