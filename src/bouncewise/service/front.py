"""The front process: sockets, spool and answers. It goes on while the ledger is down.

Reads: the settings. Gives: servers in one loop, until SIGTERM or SIGINT; SIGHUP reads the settings
again.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from bouncewise.classifier.classify import Classifier
from bouncewise.config.settings import Settings
from bouncewise.errors import BouncewiseError, ConfigError
from bouncewise.ledger import Location, Store, open_store
from bouncewise.policy.load import Policy
from bouncewise.service import systemd
from bouncewise.service.api.backend import Backend
from bouncewise.service.app import Pages
from bouncewise.service.inbox import Inbox
from bouncewise.service.ledger_file import LedgerFile
from bouncewise.service.servers import servers
from bouncewise.service.spool import Writer
from bouncewise.service.state import REFRESH, State, Tell

_RETRY_LEDGER = 2.0


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
    following = asyncio.create_task(_follow(state, setup))
    try:
        async with servers(state, backend, setup.pages), beside():
            systemd.notify("READY=1")
            watchdog = asyncio.create_task(systemd.feed_watchdog())
            await end.wait()
            systemd.notify("STOPPING=1")
            watchdog.cancel()
    finally:
        following.cancel()
        writing.cancel()
        await asyncio.gather(following, writing, return_exceptions=True)


def _reload(state: State, setup: Setup) -> None:
    try:
        state.configure(setup.reload())
        setup.tell("the configuration was read again and is in force")
    except ConfigError as bad:
        setup.tell(f"the configuration is not changed: {bad}")


async def _follow(state: State, setup: Setup) -> None:
    """Open the ledger when it can be, and notice its changes."""
    while True:
        try:
            with LedgerFile(setup.ledger) as file, await _opened(setup.ledger) as ledger:
                state.use_ledger(ledger, setup.policy)
                while True:
                    file.check()
                    state.checker.refresh()
                    await asyncio.sleep(REFRESH)
        except BouncewiseError as bad:
            state.lose_ledger(str(bad))
        except Exception as defect:  # answers from a ledger that nobody follows would be old
            state.lose_ledger(f"{type(defect).__name__}: {defect}")
        await asyncio.sleep(_RETRY_LEDGER)


async def _opened(ledger: Location) -> Store:
    if ledger.url:  # a server that does not answer must not stop the loop
        return await asyncio.to_thread(open_store, ledger, read_only=True)
    return open_store(ledger, read_only=True)  # (SQLite wants one thread for a connection)
