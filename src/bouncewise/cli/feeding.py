"""What ``follow``, ``fetch`` and the inputs of ``serve`` share: sources into the ledger, until a
signal.
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import NamedTuple

import click

from bouncewise.cli.common import echo, echo_error, open_context
from bouncewise.cli.places import ledger_location
from bouncewise.config.keys import Keyring
from bouncewise.config.settings import Settings
from bouncewise.contract import dumps
from bouncewise.contract.service import FeedRecord
from bouncewise.service.feed import Feed, Source
from bouncewise.service.ledger_process import wait_for_end

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
    running = Feed(ledger_location(options.db), sources, tell, is_once=options.once)
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


def feed_process(sources: list[Source], options: Feeding) -> None:
    """Run the sources beside the front process, which ends this one by closing its standard
    input.
    """
    running = Feed(ledger_location(options.db), sources, tell)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: running.stop.set())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    threading.Thread(target=wait_for_end, args=(running.stop,), daemon=True).start()
    _run(running, options)  # (where there is no ledger, none is made: it was removed)


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
