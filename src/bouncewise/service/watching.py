"""What the service watches: what ``watch`` looks at, the spool, and records that cannot be read;
and the alerts that wait, on their way.

Reads: the ledger, the spool and DNS. Gives: lines for the operator, and messages to the targets of
[[alert]]. Looks at the ledger when it changed, else once a minute; at the rest as it is due.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from bouncewise.config.settings import Settings
from bouncewise.errors import BouncewiseError
from bouncewise.ledger import Store
from bouncewise.operations import outbox
from bouncewise.operations.alert_senders import send
from bouncewise.operations.context import Context
from bouncewise.operations.watch import Found, More, Watched, watch
from bouncewise.operations.watch_ledger import LedgerLooks
from bouncewise.sender.checks import Level
from bouncewise.sender.watching import Change, Noted, Problem
from bouncewise.service import spool
from bouncewise.service.drain import Tell

SPOOL_WARNING, SPOOL_ERROR = 300.0, 1800.0
"""Seconds for which the oldest record of the spool waits before it is an alert, and an error."""

_AT_MOST_EVERY = 5.0  # seconds between two looks at a ledger that changes all the time
_AT_LEAST_EVERY = 60.0
_RARELY = 3600.0
_DELIVER = 1.0
_PAUSE = 60.0


class SpoolLooks(NamedTuple):
    """The looks at the spool in *folder*."""

    folder: Path

    def spool(self, ledger: Store, noted: list[Noted], now: datetime) -> Found:
        """How long the oldest record waits."""
        found: list[Problem] = []
        name = f"spool:{spool.spool_id(self.folder)}"
        waiting = list(islice(spool.read(self.folder, ledger.cursor(name)), 1))
        age = now.timestamp() - waiting[0][2].at / 1e6 if waiting else 0.0
        if age > SPOOL_WARNING:
            level = Level.ERROR if age > SPOOL_ERROR else Level.WARNING
            words = f"what was received waits in the spool for {age / 60:.0f} minutes"
            fix = "The ledger is not written: the log of the service says why"
            details = {"seconds": round(age)}
            found.append(Problem("spool", "age", level, words, fix, details=details))
        return Found(found, {"spool"})

    def poison(self, ledger: Store, noted: list[Noted], now: datetime) -> Found:
        """The records that could not be read."""
        files = sorted(path.stem for path in (self.folder / "poison").glob("*.msgpack"))
        found: list[Problem] = []
        if files:
            words = f"{len(files):,} records of the spool cannot be read"
            fix = "`bouncewise spool list` shows them, `spool retry` reads them again"
            details = {"records": len(files)}
            stage = files[-1]  # (one more is another alert)
            found.append(
                Problem(
                    "poison", "records", Level.WARNING, words, fix, stage=stage, details=details
                )
            )
        return Found(found, {"poison"})


class Watching:
    """Looks at the ledger and the spool, as often as that is worth it. *own*: looks of others."""

    def __init__(self, context: Context, folder: Path, tell: Tell, own: tuple[More, ...]) -> None:
        self._context, self._tell = context, tell
        looks, of_spool = LedgerLooks(context), SpoolLooks(folder)
        self._often: tuple[More, ...] = (
            looks.refusals,
            looks.incidents,
            of_spool.spool,
            of_spool.poison,
            *own,
        )
        self._rarely: tuple[More, ...] = (looks.unclassified,)
        self._version: tuple[int, int] | None = None
        self._looked = self._looked_rarely = -_RARELY

    def step(self, now: float) -> None:
        """Look if it is time, by a clock that does not jump; deliver what is due."""
        ledger, alerts = self._context.ledger, self._context.settings.alert
        version = ledger.version()
        wait = _AT_LEAST_EVERY if version == self._version else _AT_MOST_EVERY
        if now - self._looked >= wait:
            more = list(self._often)
            if now - self._looked_rarely >= _RARELY:
                more += self._rarely
                self._looked_rarely = now
            look = watch(ledger, None, datetime.now(UTC), targets=alerts, more=more)
            self._version, self._looked = version, now
            tell_changes(look.changes, self._tell)
        for fault in outbox.deliver(ledger, alerts, send, datetime.now(UTC), is_patient=True):
            self._tell(fault)

    def run(self, stop: threading.Event, check: Callable[[], None]) -> None:
        """Until *stop* is set. Raises BouncewiseError where the ledger fails, or *check* does."""
        while not stop.is_set():
            check()
            self.step(time.monotonic())
            stop.wait(_DELIVER)


def watch_sender(
    context: Context,
    watched: Callable[[], Watched],
    tell: Tell,
    stop: threading.Event,
    check: Callable[[], None],
) -> None:
    """What ``watch`` looks at beside the ledger, as it is due, until *stop* is set. Raises
    BouncewiseError where the ledger fails, or *check* does.
    """
    while not stop.is_set():
        check()
        alerts = context.settings.alert
        look = watch(context.ledger, watched(), datetime.now(UTC), targets=alerts)
        tell_changes(look.changes, tell)
        stop.wait(_PAUSE)


def watched_by(settings: Settings) -> Callable[[], Watched]:
    """What [watch] and [own] name. Raises InputError where a package for it is missing."""
    from bouncewise.net.dns import remembering, system_resolver
    from bouncewise.sender import blocklists

    domains = settings.watch.domains or settings.own.domains
    ips = tuple(map(ipaddress.ip_address, settings.watch.ips))
    zones = blocklists.shipped().zone
    return lambda: Watched(domains, ips, zones, remembering(system_resolver()))


def tell_changes(changes: list[Change], tell: Tell) -> None:
    """A line for each change."""
    for change in changes:
        tell(f"watch: {change.turn}: {change.problem.words}")


def persistently(
    work: Callable[[], None], tell: Tell, stop: threading.Event, wait: float = 10.0
) -> None:
    """Do *work* again and again until *stop* is set: a fault is a line, told once."""
    last = ""
    while not stop.is_set():
        try:
            work()
        except (BouncewiseError, OSError) as bad:
            words = str(bad)
        except Exception as defect:  # the other work goes on
            words = f"a defect: {type(defect).__name__}: {defect}"
        else:
            continue
        if words != last:
            tell(words)
            last = words
        stop.wait(wait)
