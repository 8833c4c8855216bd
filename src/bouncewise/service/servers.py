"""The servers of the front process, in one loop: HTTP, LMTP, SMTP, syslog, and what mail
servers ask."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from functools import partial

import uvicorn

from bouncewise.service import drain
from bouncewise.service.api.backend import Backend
from bouncewise.service.app import Pages, application
from bouncewise.service.connections import Connections
from bouncewise.service.conversation import Conversation, Protocol
from bouncewise.service.http_head import BoundedHead
from bouncewise.service.policy import PolicyAnswers, policy
from bouncewise.service.smtp import LMTP, SMTP, Dialect, MailServer
from bouncewise.service.sockets import listening
from bouncewise.service.state import State
from bouncewise.service.syslog_servers import syslog_server
from bouncewise.service.tables import socketmap, tcp_table

LAST_REQUESTS = 4.0
"""Seconds that requests get to end when the service stops."""


@contextlib.asynccontextmanager
async def servers(
    state: State, backend: Backend, pages: Pages | None = None
) -> AsyncIterator[None]:
    """All that the settings name, as long as this is open. Raises BouncewiseError."""
    settings = state.settings
    answers = PolicyAnswers(settings.postfix_policy, state.check)
    asking = (
        ("postfix_policy", settings.postfix_policy.listen, policy(answers)),
        ("socketmap", settings.socketmap.listen, socketmap(answers)),
        ("tcp_table", settings.tcp_table.listen, tcp_table(answers)),
    )
    async with contextlib.AsyncExitStack() as stack:
        for name, place, protocol in asking:
            if place != "off":
                state.policy_answers = answers
                connections = state.ports[name] = Connections()
                await stack.enter_async_context(_asking_server(place, protocol, connections))
        for place, dialect in ((settings.smtp.lmtp, LMTP), (settings.smtp.listen, SMTP)):
            if place != "off":
                await stack.enter_async_context(_mail_server(state, place, dialect))
        for syslog in settings.syslog:
            await stack.enter_async_context(syslog_server(state, state.folder, syslog))
        if settings.http.listen != "off":
            await stack.enter_async_context(_http_server(state, backend, pages))
        yield


@contextlib.asynccontextmanager
async def _asking_server(
    place: str, protocol: Protocol, connections: Connections
) -> AsyncIterator[None]:
    """A server for mail servers that ask about recipients."""
    sock = listening(place)
    loop = asyncio.get_running_loop()
    create = loop.create_unix_server if sock.family == socket.AF_UNIX else loop.create_server
    server = await create(lambda: Conversation(protocol, connections), sock=sock)
    try:
        async with connections.swept():
            yield
    finally:
        server.close()


@contextlib.asynccontextmanager
async def _mail_server(state: State, place: str, dialect: Dialect) -> AsyncIterator[None]:
    accept = state.settings.smtp.accept
    store = partial(state.store_mail, drain.LMTP if dialect is LMTP else drain.SMTP)
    handler = MailServer(accept, socket.gethostname(), store, dialect, state.room)
    state.ports["lmtp" if dialect is LMTP else "smtp"] = handler.connections
    sock = listening(place)
    start = asyncio.start_unix_server if sock.family == socket.AF_UNIX else asyncio.start_server
    server = await start(handler.serve, sock=sock, limit=1 << 20)
    try:
        yield
    finally:
        server.close()
        await handler.finish(LAST_REQUESTS)


class _HttpServer(uvicorn.Server):
    """A server whose signals are handled elsewhere."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing: the loop has handlers of its own."""
        yield


@contextlib.asynccontextmanager
async def _http_server(state: State, backend: Backend, pages: Pages | None) -> AsyncIterator[None]:
    # (a line for each malformed request would let anybody fill the log)
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    connections = state.ports["http"] = Connections()
    config = uvicorn.Config(
        application(state, backend, pages),
        http=partial(BoundedHead, connections),  # type: ignore[arg-type]
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
        async with connections.swept():
            yield
    finally:
        # A connection that was accepted already is read before the server ends.
        await asyncio.sleep(0.2)
        server.should_exit = True
        await task
