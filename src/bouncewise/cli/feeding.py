"""What ``follow``, ``fetch`` and the inputs of ``serve`` share: sources into the ledger, until a
signal.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import NamedTuple

import click

from bouncewise.cli.common import echo, echo_error, open_context
from bouncewise.cli.places import ledger_location
from bouncewise.config.keys import Keyring
from bouncewise.config.settings import Settings
from bouncewise.contract import dumps
from bouncewise.contract.service import FeedRecord
from bouncewise.service.feed import Feed
from bouncewise.service.feeder import Source
from bouncewise.service.input_status import Statuses, write
from bouncewise.service.ledger_process import wait_for_end

_FIRST, _MINUTE = 10.0, 60.0  # seconds until the first line of progress, and between two

once_option = click.option(
    "--once", is_flag=True, help="Read what is there now, and end; for cron."
)


class Feeding(NamedTuple):
    """The options that the verbs share."""

    db: str | None
    policy_path: Path | None
    rule_paths: tuple[Path, ...]
    configuration: tuple[Settings, Keyring]
    once: bool = False
    as_json: bool = False


def feed(sources: list[Source], options: Feeding) -> int:
    """Run the sources; the exit code: 1 if one of them failed."""
    location = ledger_location(options.db)
    running = Feed(location, sources, tell, is_once=options.once, watch=_Progress().show)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: running.stop.set())
    with open_context(options.db, options.policy_path, options.rule_paths, create=True):
        pass  # (a feed notices that its ledger is replaced, so there must be one)
    _run(running, options)
    failed = running.failed
    if options.as_json:
        record = FeedRecord(reports=running.items, new=running.new, failed=tuple(failed))
        echo(dumps(record))
    else:
        echo(f"{running.items:,} reports; {running.new:,} new to the ledger")
    return 1 if failed else 0


def feed_process(sources: list[Source], options: Feeding, folder: Path) -> None:
    """Run the sources beside the front process, which ends this one by closing its standard
    input; their status goes into *folder*, that of the spool.
    """
    running = Feed(ledger_location(options.db), sources, tell, watch=partial(write, folder))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: running.stop.set())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    threading.Thread(target=wait_for_end, args=(running.stop,), daemon=True).start()
    _run(running, options)  # (where there is no ledger, none is made: it was removed)


class _Progress:
    """Lines about how far the inputs are, unless --quiet: one a minute for each that gave
    something.
    """

    def __init__(self) -> None:
        self._next = time.monotonic() + _FIRST
        self._shown: dict[str, int] = {}

    def show(self, statuses: Statuses) -> None:
        """Print what is new, if it is time."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _MINUTE
        for status in statuses.inputs:
            if status.reports != self._shown.get(status.name, 0):
                self._shown[status.name] = status.reports
                behind = f", {status.behind:,} octets to go" if status.behind > 0 else ""
                echo_error(f"{status.name}: {status.reports:,} reports{behind}")
        sys.stderr.flush()


def _run(running: Feed, options: Feeding) -> None:
    running.run(
        lambda: open_context(
            options.db,
            options.policy_path,
            options.rule_paths,
            write=True,
            configuration=options.configuration,
        )
    )


def tell(line: str) -> None:
    """One line for the operator; journald and syslog add the time."""
    echo_error(line)
    sys.stderr.flush()
