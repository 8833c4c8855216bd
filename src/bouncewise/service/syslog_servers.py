"""The servers of `[[syslog]]` in the front process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

from bouncewise.config.inputs import Syslog
from bouncewise.errors import BouncewiseError
from bouncewise.service.inbox import Inbox
from bouncewise.service.line_file import LineFile, line_path
from bouncewise.service.sockets import listening
from bouncewise.service.state import State
from bouncewise.service.syslog import PATIENCE, SyslogServer, called, check, tls_context

_LAST_LINES = 3.0  # seconds


@contextlib.asynccontextmanager
async def syslog_server(state: State, folder: Path, syslog: Syslog) -> AsyncIterator[None]:
    """Serve as long as this is open. Raises BouncewiseError."""
    check(syslog)
    context, path = tls_context(syslog), line_path(folder, syslog.name)
    name = called(syslog)
    try:
        writer = LineFile(path, state.settings.spool.max_bytes)
    except OSError as bad:
        raise BouncewiseError(f"{path}: {bad.strerror or bad}") from None
    inbox = Inbox(writer, state.tell, f"{name} reads no more meanwhile")
    writing = asyncio.create_task(inbox.run())
    served = SyslogServer(syslog, inbox, state.tell, partial(_heard, state, name))
    state.syslog.append(served)
    sock = listening(syslog.listen)
    is_unix = sock.family == socket.AF_UNIX
    start = asyncio.start_unix_server if is_unix else asyncio.start_server
    patience = PATIENCE if context else None
    server = await start(served.serve, sock=sock, ssl=context, ssl_handshake_timeout=patience)
    try:
        yield
    finally:
        server.close()
        await served.finish(_LAST_LINES)
        state.syslog.remove(served)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


def _heard(state: State, name: str) -> None:
    state.last_heard[name] = time.time()
