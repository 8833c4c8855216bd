"""Lists of ESPs and list managers kept in step by the service: read as often as [[sync]] says. Who
is newly suppressed is blocked at list managers in between, within a minute.

Reads: the ledger, and the lists of one account. Gives: imports, pushed entries, and a note in the
ledger of how the last run went. A run that fails is repeated, after a minute and then less often;
what was to be pushed meanwhile is pushed with it. It removes nothing, here or there.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from bouncewise.config.outgoing import Sync, SyncAct
from bouncewise.errors import BouncewiseError
from bouncewise.ledger import Store
from bouncewise.operations import sync, sync_acts, sync_changes
from bouncewise.operations.context import Context
from bouncewise.operations.sync_acts import Done
from bouncewise.operations.watch import Found
from bouncewise.providers.list_client import ListClient
from bouncewise.providers.suppression_lists import account
from bouncewise.sender.checks import Level
from bouncewise.sender.watching import Noted, Problem
from bouncewise.service.drain import Tell

LOOK = 10.0
"""Seconds between two looks at the ledger; more where it is large: a look takes at most a tenth."""

_RETRY, _MOST_RETRY = 60.0, 3600.0
_FAULTS = 3  # in a row, from which on it is an alert


class Last(msgspec.Struct, frozen=True, kw_only=True):
    """How the last run of an account went: when, in seconds since 1970; what was read there,
    imported here and changed there; why it did not end, how often in a row, and when it ended last.
    """

    at: int
    entries: dict[str, int] = {}
    imported: int = 0
    pushed: int = 0
    refused: int = 0
    fault: str = ""
    faults: int = 0
    succeeded: int = 0


class Outcome(NamedTuple):
    """What a run did."""

    entries: dict[str, int]
    imported: int
    done: Done


def last_runs(ledger: Store, accounts: Sequence[Sync]) -> dict[str, Last]:
    """How the last run of each account went, of those that had one."""
    return {
        table.name: last for table in accounts if (last := _last(ledger, table.name)) is not None
    }


def _last(ledger: Store, name: str) -> Last | None:
    try:
        return msgspec.json.decode(ledger.remembered(f"sync:{name}") or "null", type=Last | None)
    except msgspec.ValidationError:  # written by another version
        return None


class SyncLook(NamedTuple):
    """The look at the runs of *accounts*."""

    accounts: tuple[Sync, ...]

    def failing(self, ledger: Store, noted: list[Noted], now: datetime) -> Found:
        """The accounts of which several runs in a row failed."""
        found = []
        for name, last in last_runs(ledger, self.accounts).items():
            if last.faults >= _FAULTS:
                since = f"{datetime.fromtimestamp(last.succeeded, UTC):%Y-%m-%d %H:%M} UTC"
                when = f"since {since}" if last.succeeded else "ever"
                words = f"sync {name} has not ended {when}: {last.fault}"
                fix = f"Try it: `bouncewise sync {name} --dry-run --push`"
                found.append(Problem(f"sync {name}", "failing", Level.ERROR, words, fix))
        return Found(found, {f"sync {table.name}" for table in self.accounts})


class Scheduled:
    """The runs of one account."""

    def __init__(
        self,
        table: Sync,
        open_context: Callable[[], Context],
        tell: Tell,
        client: Callable[[], ListClient] | None = None,
    ) -> None:
        self._table, self._open, self._tell = table, open_context, tell
        self._client = client or (lambda: ListClient(account(table.name, (table,))))
        self._seen: Sequence[int] | None = None
        self._due = self._look_at = 0.0
        self._faults = 0

    def run(self, stop: threading.Event, check: Callable[[], None] = lambda: None) -> None:
        """Until *stop* is set. Raises BouncewiseError where the ledger fails, or *check* does."""
        with self._open() as context:
            version: tuple[int, int] | None = None
            while not stop.is_set():
                check()
                now = time.monotonic()
                if now >= self._due:
                    self.attempt(context, now)
                elif now >= self._look_at and not self._faults:
                    found = context.ledger.version()
                    if found != version:
                        version = found
                        self.push_changes(context, now)
                stop.wait(1.0)

    def attempt(self, context: Context, now: float) -> None:
        """One run, and when the next is due; *now*: by a clock that does not jump."""
        seen = context.ledger.familiarity.suppressed()
        try:
            outcome = self._run(context)
        except (BouncewiseError, OSError) as bad:
            self._note(context.ledger, None, str(bad))
        else:
            fault = next(iter(outcome.done.faults), "")
            self._note(context.ledger, outcome, fault)
            self._seen = self._seen if fault else seen
        wait = min(_RETRY * 2 ** max(self._faults - 1, 0), _MOST_RETRY, float(self._table.every))
        self._due = time.monotonic() + (wait if self._faults else self._table.every)
        self._look_at = now + LOOK

    def _run(self, context: Context) -> Outcome:
        acts, now = self._table.acts, datetime.now(UTC)
        with tempfile.TemporaryDirectory() as temporary, self._client() as client:
            folder = Path(temporary)
            lists = sync.pull(client, folder)
            found = list(sync.differences(context, lists, now))
            imported = 0
            if SyncAct.PULL in acts:
                done_here = sync_acts.import_theirs(
                    context, lists, found, folder, dry_run=False, note=self._say
                )
                imported = sum(one.added for one in done_here)
            done = Done(Counter(), [], [])
            if SyncAct.PUSH in acts:
                done = sync_acts.push(client, lists, found, dry_run=False)
        return Outcome({part.listed.name: part.entries for part in lists.pulled}, imported, done)

    def push_changes(self, context: Context, now: float) -> None:
        """Push what is newly suppressed since the last look."""
        seen = context.ledger.familiarity.suppressed()
        took = time.monotonic() - now
        self._look_at = now + max(LOOK, 10 * took)
        if SyncAct.PUSH not in self._table.acts or self._seen is None:
            return
        new = set(seen).difference(self._seen)
        if not new:
            self._seen = seen
            return
        try:
            done = self._push_names(context, context.ledger.familiarity.names_of(new))
            fault = next(iter(done.faults), "")
        except (BouncewiseError, OSError) as bad:
            done, fault = Done(Counter(), [], []), str(bad)
        if fault:
            self._say(fault)
            self._due = 0.0  # (the list is read, and all of it is pushed then)
            return
        self._seen = seen
        if pushed := sum(done.changed.values()):
            self._say(f"{pushed:,} newly suppressed addresses pushed")

    def _push_names(self, context: Context, names: list[str]) -> Done:
        with self._client() as client:
            listed = sync_changes.managed(client.account)
            if listed is None:
                return Done(Counter(), [], [])
            if not sync_changes.can_find(listed, names):
                return Done(Counter(), [], ["many changed: the list is read"])
            lists = sync_changes.found_there(client, listed, names)
            found = sync_changes.new_differences(context, lists, datetime.now(UTC))
            return sync_acts.push(client, lists, found, dry_run=False)

    def _note(self, ledger: Store, outcome: Outcome | None, fault: str) -> None:
        """Keep how a run went, and say so where that is news."""
        self._faults = self._faults + 1 if fault else 0
        before, seconds = _last(ledger, self._table.name), int(time.time())
        succeeded = seconds if not fault else before.succeeded if before else 0
        last = Last(
            at=seconds,
            entries=outcome.entries if outcome else {},
            imported=outcome.imported if outcome else 0,
            pushed=sum(outcome.done.changed.values()) if outcome else 0,
            refused=len(outcome.done.refused) if outcome else 0,
            fault=fault,
            faults=self._faults,
            succeeded=succeeded,
        )
        with ledger.change():
            ledger.remember(f"sync:{self._table.name}", msgspec.json.encode(last).decode())
        if fault:
            self._say(f"{fault}; it is tried again by itself")
        elif last.imported or last.pushed or last.refused:
            self._say(
                f"{last.imported:,} imported, {last.pushed:,} pushed, {last.refused:,} refused"
            )
        elif before is not None and before.fault:
            self._say("in step again")

    def _say(self, words: str) -> None:
        self._tell(f"sync {self._table.name}: {words}")
