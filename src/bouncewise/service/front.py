"""The front process: sockets, spool and answers. It goes on while the ledger is down.

Reads: the settings. Gives: servers for HTTP, LMTP and Postfix in one loop, until SIGTERM or SIGINT;
SIGHUP reads the settings again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import uvicorn

from bouncewise.config.settings import Settings
from bouncewise.errors import BouncewiseError, ConfigError
from bouncewise.ledger import Location, Store, open_store
from bouncewise.policy.load import Policy
from bouncewise.service import systemd
from bouncewise.service.app import application
from bouncewise.service.http_head import BoundedHead
from bouncewise.service.inbox import Inbox
from bouncewise.service.ledger_file import LedgerFile
from bouncewise.service.lmtp import LmtpServer
from bouncewise.service.policy import PolicyAnswers, PolicyServer
from bouncewise.service.spool import Writer
from bouncewise.service.state import REFRESH, State, Tell

BACKLOG = 1024
"""Connections that wait to be accepted."""

LAST_REQUESTS = 5.0
"""Seconds that requests get to end when the service stops."""

_RETRY_LEDGER = 2.0


class Setup(NamedTuple):
    """What the front process needs. ``reload`` reads the settings again; it may raise
    ConfigError.
    """

    settings: Settings
    ledger: Location
    folder: Path
    policy: Policy
    reload: Callable[[], Settings]
    tell: Tell


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
    loop.add_signal_handler(signal.SIGHUP, _reload, state, setup)
    writing = asyncio.create_task(inbox.run())
    following = asyncio.create_task(_follow(state, setup))
    try:
        async with _servers(state), beside():
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
            file = LedgerFile(setup.ledger)
            with await _opened(setup.ledger) as ledger:
                state.use_ledger(ledger, setup.policy)
                while True:
                    file.check()
                    state.checker.refresh()
                    await asyncio.sleep(REFRESH)
        except BouncewiseError as bad:
            state.lose_ledger(str(bad))
        except Exception as defect:  # answers from a ledger that nobody follows would be old
            state.lose_ledger(f"{type(defect).__name__}: {defect}")
            setup.tell(f"the ledger cannot be followed: {type(defect).__name__}: {defect}")
        await asyncio.sleep(_RETRY_LEDGER)


async def _opened(ledger: Location) -> Store:
    if ledger.url:  # a server that does not answer must not stop the loop
        return await asyncio.to_thread(open_store, ledger, read_only=True)
    return open_store(ledger, read_only=True)  # (SQLite wants one thread for a connection)


@contextlib.asynccontextmanager
async def _servers(state: State) -> AsyncIterator[None]:
    settings = state.settings
    async with contextlib.AsyncExitStack() as stack:
        if settings.postfix_policy.listen != "off":
            await stack.enter_async_context(_policy_server(state))
        if settings.smtp.lmtp != "off":
            await stack.enter_async_context(_lmtp_server(state))
        if settings.http.listen != "off":
            await stack.enter_async_context(_http_server(state))
        yield


@contextlib.asynccontextmanager
async def _policy_server(state: State) -> AsyncIterator[None]:
    answers = PolicyAnswers(state.settings.postfix_policy, state.check)
    state.policy_answers = answers
    sock = listening(state.settings.postfix_policy.listen)
    loop = asyncio.get_running_loop()
    create = loop.create_unix_server if sock.family == socket.AF_UNIX else loop.create_server
    server = await create(lambda: PolicyServer(answers), sock=sock)
    try:
        yield
    finally:
        server.close()


@contextlib.asynccontextmanager
async def _lmtp_server(state: State) -> AsyncIterator[None]:
    smtp = state.settings.smtp
    handler = LmtpServer(smtp.accept, socket.gethostname(), state.store_mail)
    sock = listening(smtp.lmtp)
    start = asyncio.start_unix_server if sock.family == socket.AF_UNIX else asyncio.start_server
    server = await start(handler.serve, sock=sock, limit=1 << 20)
    try:
        yield
    finally:
        handler.is_stopping = True
        server.close()


class _HttpServer(uvicorn.Server):
    """A server whose signals are handled elsewhere."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing: the loop has handlers of its own."""
        yield


@contextlib.asynccontextmanager
async def _http_server(state: State) -> AsyncIterator[None]:
    # (a line for each malformed request would let anybody fill the log)
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    config = uvicorn.Config(
        application(state),
        http=BoundedHead,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        lifespan="off",
        proxy_headers=False,
        timeout_graceful_shutdown=int(LAST_REQUESTS),
    )
    server = _HttpServer(config)
    sock = listening(state.settings.http.listen)
    task = asyncio.create_task(server.serve(sockets=[sock]))
    while not server.started and not task.done():
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        # A connection that was accepted already is read before the server ends.
        await asyncio.sleep(0.2)
        server.should_exit = True
        await task


def listening(place: str) -> socket.socket:
    """A socket that listens at ``HOST:PORT`` or ``unix:PATH``. Raises BouncewiseError."""
    try:
        if place.startswith("unix:"):
            return _unix_socket(place.removeprefix("unix:"))
        host, _, port = place.rpartition(":")
        host = host.strip("[]")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, int(port)))
    except OSError as bad:
        raise BouncewiseError(f"{place}: cannot listen there: {bad.strerror or bad}") from None
    sock.listen(BACKLOG)
    return sock


def _unix_socket(path: str) -> socket.socket:
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(Path(path).lstat().st_mode):
            raise BouncewiseError(f"{path}: there is something that is no socket")
        Path(path).unlink()
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o117)  # for the owner and the group: the mail server's
    try:
        sock.bind(path)
    finally:
        os.umask(before)
    sock.listen(BACKLOG)
    return sock
