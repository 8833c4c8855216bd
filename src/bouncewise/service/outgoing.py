"""The process of what goes out: alerts, and lists elsewhere that are kept in step.

It ends when its standard input does, so that it never outlives the front process. Each account of
[[sync]] has a thread, as has what asks DNS, so that none waits for another.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bouncewise.config.settings import Settings
from bouncewise.errors import BouncewiseError, ConfigError
from bouncewise.ledger import Location
from bouncewise.operations import outbox
from bouncewise.operations.context import Context
from bouncewise.service.drain import Tell
from bouncewise.service.ledger_file import LedgerFile
from bouncewise.service.ledger_process import wait_for_end
from bouncewise.service.sync_schedule import Scheduled, SyncLook
from bouncewise.service.watching import Watching, persistently, watch_sender, watched_by

_END = 5.0  # seconds that threads get to end


def is_needed(settings: Settings) -> bool:
    """Whether anything goes out. Raises ConfigError where [[alert]] or [[sync]] is not complete."""
    outbox.require_names(settings.alert)
    names = [table.name for table in settings.sync if table.every]
    for name in names:
        if not name or names.count(name) > 1:
            raise ConfigError(f"[[sync]] {name or 'name'}: give each a name of its own")
    return bool(settings.alert or names)


def run(
    ledger: Location,
    folder: Path,
    settings: Settings,
    open_context: Callable[[], Context],
    tell: Tell,
) -> None:
    """Run until standard input ends, or SIGTERM comes. *folder*: that of the spool."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    threading.Thread(target=wait_for_end, args=(stop,), daemon=True).start()
    work = Outgoing(ledger, folder, settings, open_context, tell)
    works: list[Callable[[threading.Event], None]] = []
    if settings.alert:
        works.append(work.watch)
        if settings.watch.domains or settings.watch.ips or settings.own.domains:
            works.append(work.watch_sender)
    works += [partial(work.keep_in_step, number) for number in range(len(work.accounts))]
    threads = [
        threading.Thread(target=persistently, args=(partial(one, stop), tell, stop), daemon=True)
        for one in works
    ]
    for thread in threads:
        thread.start()
    stop.wait()
    for thread in threads:
        thread.join(_END)


class Outgoing:
    """What the threads do, each with the ledger opened anew."""

    def __init__(
        self,
        ledger: Location,
        folder: Path,
        settings: Settings,
        open_context: Callable[[], Context],
        tell: Tell,
    ) -> None:
        self._ledger, self._folder, self._settings = ledger, folder, settings
        self._open_context, self._tell = open_context, tell
        self.accounts = tuple(table for table in settings.sync if table.every)
        self._scheduled = [Scheduled(table, open_context, tell) for table in self.accounts]

    def watch(self, stop: threading.Event) -> None:
        """Look at the ledger and the spool, and deliver alerts."""
        own = (SyncLook(self.accounts).failing,) if self.accounts else ()
        with LedgerFile(self._ledger) as file, self._open_context() as context:
            Watching(context, self._folder, self._tell, own).run(stop, file.check)

    def watch_sender(self, stop: threading.Event) -> None:
        """Look at records, blocklists, reports and sources."""
        try:
            watched = watched_by(self._settings)
        except BouncewiseError as bad:
            self._tell(f"records and blocklists are not watched: {bad}")
            stop.wait()
            return
        with LedgerFile(self._ledger) as file, self._open_context() as context:
            watch_sender(context, watched, self._tell, stop, file.check)

    def keep_in_step(self, number: int, stop: threading.Event) -> None:
        """Keep an account in step."""
        with LedgerFile(self._ledger) as file:
            self._scheduled[number].run(stop, file.check)
