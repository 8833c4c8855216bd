"""Keeps the ledger process, and that of the inputs, running beside the front process."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from typing import NamedTuple

from bouncewise.service.drain import Tell

STOP = 8.0
"""Seconds that a process gets to end what it does."""

_WAITS = (0.5, 1.0, 2.0, 5.0, 15.0, 30.0)  # seconds before it is started again
_STEADY = 60.0  # seconds after which a fault is the first again


class Command(NamedTuple):
    """How a process is started, and what it is called."""

    arguments: tuple[str, ...]
    tell: Tell
    name: str = "ledger"


@contextlib.asynccontextmanager
async def processes(commands: list[Command]) -> AsyncIterator[None]:
    """Processes, each started again whenever it ends, as long as this is open."""
    tasks = [asyncio.create_task(_keep_running(command)) for command in commands]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _keep_running(command: Command) -> None:
    loop, faults = asyncio.get_running_loop(), 0
    while True:
        begun = loop.time()
        process = await asyncio.create_subprocess_exec(
            *command.arguments, stdin=asyncio.subprocess.PIPE, start_new_session=True
        )
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            await _end(process)
            raise
        faults = 0 if loop.time() - begun > _STEADY else faults + 1
        wait = _WAITS[min(faults, len(_WAITS)) - 1]
        command.tell(
            f"the {command.name} process {_end_of(code)}; it is started again in {wait:g} s"
        )
        await asyncio.sleep(wait)


def _end_of(code: int) -> str:
    """How a process ended, in words."""
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"ended with {code}"


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ask it to end by closing its standard input; kill it if it does not."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), STOP)
    except TimeoutError:
        process.kill()
        await process.wait()
