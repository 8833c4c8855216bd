"""Looks at what may get worse unnoticed, and tells only what changed: the records of our domains,
blocklists, DMARC reports that stop, sources that fall silent, and whatever else a caller looks at.

Each kind is due after its own interval. What was found is kept in the ledger, in the transaction
in which the changes are compared with what is kept there: two processes that look at the same time
give each change once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from bouncewise.config.outgoing import AlertTarget
from bouncewise.ledger import Store
from bouncewise.ledger.report_records import NewSource
from bouncewise.net.answers import IPAddress
from bouncewise.net.dns import Resolver
from bouncewise.operations import outbox
from bouncewise.operations.refusals_by_list import refusals_that_name
from bouncewise.sender import blocklists
from bouncewise.sender.audit import Network, audit_domain
from bouncewise.sender.blocklists import Listing, ListState, Zone
from bouncewise.sender.checks import Level, table
from bouncewise.sender.watching import Change, Noted, Problem, Turn, compare

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

NEW_SOURCE_SHARE = 0.01
"""The share of a domain's mails in 30 days from which on a new source is an alert: below it, each
forged mail and each forwarder would be one.
"""


class Watched(NamedTuple):
    """What is looked at, and by which resolver; ``network``: what is asked beside records."""

    domains: tuple[str, ...]
    ips: tuple[IPAddress, ...]
    zones: tuple[Zone, ...]
    resolve: Resolver
    network: Network = Network()


class Look(NamedTuple):
    """What one look gave: the kinds that were due, the changes, and the problems that stand."""

    kinds: list[str]
    changes: list[Change]
    standing: list[Noted]


class _Memory(msgspec.Struct):
    """What is kept between looks: the problems, when each kind was looked at, and the number of the
    newest DMARC report (None: none was looked at).
    """

    problems: list[Noted] = []
    looked: dict[str, int] = {}
    newest_report: int | None = None


class Found(NamedTuple):
    """What a look found: the problems; what was looked at and gave an answer; and the last words
    about problems that ended, by part.
    """

    problems: list[Problem]
    answered: set[str]
    ended: Mapping[str, Problem] = {}


More = Callable[[Store, list[Noted], datetime], Found]
"""A look at something else. It gets what is noted so far, and the time."""


def watch(
    ledger: Store,
    watched: Watched | None,
    now: datetime,
    *,
    everything: bool = False,
    targets: Iterable[AlertTarget] = (),
    more: Sequence[More] = (),
) -> Look:
    """Look at what of *watched* is due at *now*, or at *everything*, and at *more*, and note it in
    the ledger; the changes wait there for the *targets* of alerts.
    """
    before, seconds = _remembered(ledger), int(now.timestamp())
    kinds = [
        kind
        for kind, interval in (DUE.items() if watched else ())
        if everything or seconds - before.looked.get(kind, 0) >= interval.total_seconds()
    ]
    looks = [_Looks(ledger, watched, now).at(kind) for kind in kinds] if watched else []
    looks += [look(ledger, before.problems, now) for look in more]
    trial = _remembered(ledger)
    if not kinds and not _compared(trial, looks, seconds) and trial == before:
        return Look([], [], [p for p in before.problems if p.is_told])  # nothing to write
    with ledger.change():
        memory = _remembered(ledger)
        changes = _compared(memory, looks, seconds)
        memory.looked |= dict.fromkeys(kinds, seconds)
        if "reports" in kinds:
            known, memory.newest_report = memory.newest_report, ledger.sender_reports.newest()
            if known is not None:
                changes += _new_sources(ledger, known, now)
        if memory != before:
            ledger.remember(_NAME, msgspec.json.encode(memory).decode())
        outbox.queue(ledger, changes, targets, now)
    return Look(kinds, changes, [p for p in memory.problems if p.is_told])


def _compared(memory: _Memory, looks: list[Found], seconds: int) -> list[Change]:
    """What changed since what is in *memory*, which gets what was found."""
    problems = [problem for found in looks for problem in found.problems]
    answered = set[str]().union(*(found.answered for found in looks))
    ended = {part: problem for found in looks for part, problem in found.ended.items()}
    changes, memory.problems = compare(memory.problems, problems, answered, seconds)
    return [_with_last_words(change, ended.get(change.problem.part)) for change in changes]


def _with_last_words(change: Change, last: Problem | None) -> Change:
    if change.turn is not Turn.ENDED or last is None:
        return change
    last_words = {"words": last.words, "fix": last.fix, "details": last.details}
    return Change(change.turn, msgspec.structs.replace(change.problem, **last_words))


def noted(ledger: Store) -> tuple[list[Noted], dict[str, int]]:
    """The problems that stand by the last look, and when each kind was looked at (seconds since
    1970). Nothing is looked at.
    """
    memory = _remembered(ledger)
    return [p for p in memory.problems if p.is_told], memory.looked


def _remembered(ledger: Store) -> _Memory:
    try:
        return msgspec.json.decode(ledger.remembered(_NAME) or "{}", type=_Memory)
    except msgspec.ValidationError:  # written by another version: every problem counts as new
        return _Memory()


def _new_sources(ledger: Store, known: int, now: datetime) -> list[Change]:
    """An alert for each source that reports after number *known* name first, or with which it came
    to weigh something. It is an event: it does not stand, and does not end.
    """
    since = now - _REPORTS_KNOWN
    mails = ledger.sender_reports.mails(since, known)
    return [
        Change(Turn.BEGAN, _new_source(found, mails[found.domain][0], now))
        for found in ledger.sender_reports.new_sources(since, known)
        if found.domain in mails and _weighs_now(found, *mails[found.domain])
    ]


def _weighs_now(found: NewSource, mails: int, before: int) -> bool:
    """Whether a source has a share of the mails that counts, and had none by the reports before."""
    was_known = found.known > 0 and found.known >= before * NEW_SOURCE_SHARE
    return found.mails >= mails * NEW_SOURCE_SHARE and not was_known


def _new_source(found: NewSource, mails: int, now: datetime) -> Noted:
    failed = found.mails - found.passed
    results = "all pass DMARC" if not failed else "all fail DMARC"
    if found.passed and failed:
        results = f"{found.passed:,} pass DMARC, {failed:,} fail"
    words = (
        f"new source of mail as {found.domain}: {found.source}, {found.mails:,} mails "
        f"({found.mails / max(mails, 1):.1%}) since {found.first:%Y-%m-%d}: {results}"
    )
    fix = (
        "If it is yours, let it pass SPF or DKIM aligned; else it imitates you: "
        "`bouncewise sender reports --what-if quarantine`"
        if failed
        else "Did you add this sender? Else find out who may send with your SPF record or DKIM key."
    )
    part = f"new-source {found.domain} {found.source}"
    return Noted(part, "new-source", Level.WARNING, words, fix, int(now.timestamp()), is_told=True)


class _Looks(NamedTuple):
    """One look at each kind."""

    ledger: Store
    watched: Watched
    now: datetime

    def at(self, kind: str) -> Found:
        """What is found of *kind*, a key of DUE."""
        look: dict[str, Callable[[], Found]] = {
            "blocklists": self._blocklists,
            "records": self._records,
            "reports": self._reports,
            "sources": self._sources,
        }
        return look[kind]()

    def _records(self) -> Found:
        problems, answered = list[Problem](), set[str]()
        for domain in self.watched.domains:
            part = f"records {domain}"
            results = audit_domain(
                domain, self.watched.resolve, self.watched.ips, self.watched.network
            )
            serious = [r for r in results if r.level in (Level.ERROR, Level.WARNING)]
            problems += [Problem(part, r.id, r.level, r.words, r.fix) for r in serious]
            silent = {name for r in results if r.level is Level.UNKNOWN for name in r.parts}
            silent |= {r.id.removesuffix("-unknown") for r in results if r.id.endswith("-unknown")}
            answered.update(
                f"{part} {key}"
                for key in table("domain")
                if not any(key.startswith(f"{name}-") for name in silent)
            )
        return Found(problems, answered)

    def _blocklists(self) -> Found:
        subjects = [*map(str, self.watched.ips), *self.watched.domains]
        problems, answered = list[Problem](), set[str]()
        for listing in blocklists.check(subjects, self.watched.zones, self.watched.resolve):
            part = f"listing {listing.subject} {listing.zone.name}"
            if listing.state is ListState.LISTED:
                problems.append(self._listing(part, listing))
            elif listing.state is ListState.CLEAN:
                answered.add(part)
        return Found(problems, answered)

    def _listing(self, part: str, listing: Listing) -> Problem:
        zone = listing.zone
        since = self.now - timedelta(days=30)
        count = refusals_that_name(self.ledger, zone.name, since, self.now)
        quoted = f"; {count:,} addresses refused in 30 days with its name" if count else ""
        words = f"{listing.subject} is listed by {zone.name}: {listing.meaning}{quoted}"
        level = Level.ERROR if zone.tier == "A" or count else Level.WARNING
        ask = f", then ask to be removed: {zone.delist}" if zone.delist else ""
        return Problem(part, "listed", level, words, f"Find out why, and end it{ask}", True)

    def _reports(self) -> Found:
        problems, answered = list[Problem](), set[str]()
        for found in self.ledger.sender_reports.domains(self.now - _REPORTS_KNOWN):
            part = f"reports {found.domain}"
            answered.add(part)
            if self.now - found.last > _REPORTS_STOP:
                words = f"no DMARC report about {found.domain} since {found.last:%Y-%m-%d}"
                fix = "Is the rua address of the DMARC record still read into the ledger?"
                problems.append(Problem(part, "stopped", Level.WARNING, words, fix))
        return Found(problems, answered)

    def _sources(self) -> Found:
        problems, answered = list[Problem](), set[str]()
        for source, last in self.ledger.coverage.sources().items():
            part = f"source {source}"
            answered.add(part)
            if _SILENT < self.now - last < _SOURCE_KNOWN:
                words = f"source {source} is silent: its last entry is of {last:%Y-%m-%d %H}h UTC"
                fix = "Is the log, webhook or export still read?"
                problems.append(Problem(part, "silent", Level.WARNING, words, fix))
        return Found(problems, answered)
