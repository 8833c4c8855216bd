"""Looks at what may get worse unnoticed, and tells only what changed: the records of our domains,
blocklists, DMARC reports that stop, and sources that fall silent.

Each kind is due after its own interval. What was found is kept in the ledger.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from bouncewise.ledger import Store
from bouncewise.net.answers import IPAddress
from bouncewise.net.dns import Resolver
from bouncewise.operations.refusals_by_list import refusals_that_name
from bouncewise.sender import blocklists
from bouncewise.sender.audit import audit_domain
from bouncewise.sender.blocklists import Listing, ListState, Zone
from bouncewise.sender.checks import Level, table
from bouncewise.sender.watching import Change, Noted, Problem, compare

_NAME = "watch"
_REPORTS_STOP = timedelta(days=3)
_REPORTS_KNOWN = timedelta(days=30)
_SILENT = timedelta(days=2)
_SOURCE_KNOWN = timedelta(days=30)

DUE = {
    "blocklists": timedelta(hours=1),
    "records": timedelta(hours=6),
    "reports": timedelta(hours=12),
    "sources": timedelta(hours=1),
}
"""How often each kind is looked at."""


class Watched(NamedTuple):
    """What is looked at, and by which resolver."""

    domains: tuple[str, ...]
    ips: tuple[IPAddress, ...]
    zones: tuple[Zone, ...]
    resolve: Resolver


class Look(NamedTuple):
    """What one look gave: the kinds that were due, the changes, and the problems that stand."""

    kinds: list[str]
    changes: list[Change]
    standing: list[Noted]


class _Memory(msgspec.Struct):
    """What is kept between looks: the problems, and when each kind was looked at."""

    problems: list[Noted] = []
    looked: dict[str, int] = {}


class _Found(NamedTuple):
    problems: list[Problem]
    answered: set[str]


def watch(ledger: Store, watched: Watched, now: datetime, *, everything: bool = False) -> Look:
    """Look at what is due at *now*, or at *everything*, and note it in the ledger."""
    memory = _remembered(ledger)
    seconds = int(now.timestamp())
    kinds = [
        kind
        for kind, interval in DUE.items()
        if everything or seconds - memory.looked.get(kind, 0) >= interval.total_seconds()
    ]
    problems: list[Problem] = []
    answered: set[str] = set()
    looks = _Looks(ledger, watched, now)
    for kind in kinds:
        found = looks.at(kind)
        problems += found.problems
        answered |= found.answered
        memory.looked[kind] = seconds
    changes, memory.problems = compare(memory.problems, problems, answered, seconds)
    with ledger.change():
        ledger.remember(_NAME, msgspec.json.encode(memory).decode())
    return Look(kinds, changes, [p for p in memory.problems if p.is_told])


def _remembered(ledger: Store) -> _Memory:
    try:
        return msgspec.json.decode(ledger.remembered(_NAME) or "{}", type=_Memory)
    except msgspec.ValidationError:  # written by another version: every problem counts as new
        return _Memory()


class _Looks(NamedTuple):
    """One look at each kind."""

    ledger: Store
    watched: Watched
    now: datetime

    def at(self, kind: str) -> _Found:
        """What is found of *kind*, a key of DUE."""
        look: dict[str, Callable[[], _Found]] = {
            "blocklists": self._blocklists,
            "records": self._records,
            "reports": self._reports,
            "sources": self._sources,
        }
        return look[kind]()

    def _records(self) -> _Found:
        problems, answered = list[Problem](), set[str]()
        for domain in self.watched.domains:
            part = f"records {domain}"
            results = audit_domain(domain, self.watched.resolve, self.watched.ips)
            serious = [r for r in results if r.level in (Level.ERROR, Level.WARNING)]
            problems += [Problem(part, r.id, r.level, r.words, r.fix) for r in serious]
            silent = {name for r in results if r.level is Level.UNKNOWN for name in r.parts}
            answered.update(
                f"{part} {key}"
                for key in table("domain")
                if not any(key.startswith(f"{name}-") for name in silent)
            )
        return _Found(problems, answered)

    def _blocklists(self) -> _Found:
        subjects = [*map(str, self.watched.ips), *self.watched.domains]
        problems, answered = list[Problem](), set[str]()
        for listing in blocklists.check(subjects, self.watched.zones, self.watched.resolve):
            part = f"listing {listing.subject} {listing.zone.name}"
            if listing.state is ListState.LISTED:
                problems.append(self._listing(part, listing))
            elif listing.state is ListState.CLEAN:
                answered.add(part)
        return _Found(problems, answered)

    def _listing(self, part: str, listing: Listing) -> Problem:
        zone = listing.zone
        since = self.now - timedelta(days=30)
        count = refusals_that_name(self.ledger, zone.name, since, self.now)
        quoted = f"; {count:,} addresses refused in 30 days with its name" if count else ""
        words = f"{listing.subject} is listed by {zone.name}: {listing.meaning}{quoted}"
        level = Level.ERROR if zone.tier == "A" or count else Level.WARNING
        ask = f", then ask to be removed: {zone.delist}" if zone.delist else ""
        return Problem(part, "listed", level, words, f"Find out why, and end it{ask}", True)

    def _reports(self) -> _Found:
        problems, answered = list[Problem](), set[str]()
        for found in self.ledger.sender_reports.domains(self.now - _REPORTS_KNOWN):
            part = f"reports {found.domain}"
            answered.add(part)
            if self.now - found.last > _REPORTS_STOP:
                words = f"no DMARC report about {found.domain} since {found.last:%Y-%m-%d}"
                fix = "Is the rua address of the DMARC record still read into the ledger?"
                problems.append(Problem(part, "stopped", Level.WARNING, words, fix))
        return _Found(problems, answered)

    def _sources(self) -> _Found:
        problems, answered = list[Problem](), set[str]()
        for source, last in self.ledger.coverage.sources().items():
            part = f"source {source}"
            answered.add(part)
            if _SILENT < self.now - last < _SOURCE_KNOWN:
                words = f"source {source} is silent: its last entry is of {last:%Y-%m-%d %H}h UTC"
                fix = "Is the log, webhook or export still read?"
                problems.append(Problem(part, "silent", Level.WARNING, words, fix))
        return _Found(problems, answered)
