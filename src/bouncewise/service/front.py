"""The front process: sockets, spool and answers. It goes on while the ledger is down.

Reads: the settings. Gives: servers in one loop, until SIGTERM or SIGINT; SIGHUP reads the settings
again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from bouncewise.classifier.classify import Classifier
from bouncewise.config.settings import Settings
from bouncewise.errors import BouncewiseError, ConfigError
from bouncewise.ledger import Location
from bouncewise.policy.load import Policy
from bouncewise.service import crash, systemd
from bouncewise.service.api.backend import Backend
from bouncewise.service.app import Pages
from bouncewise.service.drain import cursor_name
from bouncewise.service.following import follow, limit_questions
from bouncewise.service.inbox import Inbox
from bouncewise.service.servers import servers
from bouncewise.service.spool import Writer
from bouncewise.service.state import State, Tell

LONGEST_STOP = 25.0
"""Seconds after SIGTERM when the process ends whatever it waits for."""


class Setup(NamedTuple):
    """What the front process needs. ``reload`` reads the settings again; it may raise
    ConfigError.
    """

    settings: Settings
    ledger: Location
    folder: Path
    policy: Policy
    load_classifier: Callable[[], Classifier]
    reload: Callable[[], Settings]
    tell: Tell
    pages: Pages | None = None


Beside = Callable[[], contextlib.AbstractAsyncContextManager[None]]


def run(setup: Setup, beside: Beside) -> None:
    """Serve until a signal ends it; *beside*: what runs as long as the servers do. Raises
    BouncewiseError where a socket or the spool cannot be opened.
    """
    with contextlib.suppress(ImportError):
        import uvloop

        uvloop.install()
    asyncio.run(_serve(setup, beside))


async def _serve(setup: Setup, beside: Beside) -> None:
    end = asyncio.Event()
    limit_questions()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)
    try:
        inbox = Inbox(Writer(setup.folder, setup.settings.spool.max_bytes), setup.tell)
    except OSError as bad:
        raise BouncewiseError(f"{setup.folder}: {bad.strerror or bad}") from None
    state = State(setup.settings, inbox, setup.folder, setup.tell)
    backend = Backend(
        setup.ledger, setup.folder, setup.policy, setup.load_classifier, lambda: state.settings
    )
    loop.add_signal_handler(signal.SIGHUP, _reload, state, setup)
    writing = asyncio.create_task(inbox.run())
    cursor = cursor_name(setup.folder)
    following = asyncio.create_task(follow(state, setup.ledger, setup.policy, cursor))
    try:
        with crash.recorded(setup.folder, setup.tell):
            async with servers(state, backend, setup.pages), beside():
                await _until(end, setup.tell)
    finally:
        following.cancel()
        writing.cancel()
        await asyncio.gather(following, writing, return_exceptions=True)


async def _until(end: asyncio.Event, tell: Tell) -> None:
    """Serve until *end*."""
    systemd.notify("READY=1")
    watchdog = asyncio.create_task(systemd.feed_watchdog())
    await end.wait()
    systemd.notify("STOPPING=1")
    _end_anyhow(tell)
    watchdog.cancel()


def _reload(state: State, setup: Setup) -> None:
    try:
        state.configure(setup.reload())
        setup.tell("the configuration was read again and is in force")
    except ConfigError as bad:
        setup.tell(f"the configuration is not changed: {bad}")


def _end_anyhow(tell: Tell) -> None:
    """End this process when it has taken LONGEST_STOP seconds to stop: a thread may wait for a
    server or a disk. What was acknowledged is safe.
    """

    def end() -> None:
        tell(f"the service did not stop within {LONGEST_STOP:g} s and is ended")
        os._exit(0)

    timer = threading.Timer(LONGEST_STOP, end)
    timer.daemon = True
    timer.start()
