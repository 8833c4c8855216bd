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


class Supervisor:
    """Processes, each started again whenever it ends."""

    def __init__(self, commands: list[Command]) -> None:
        self._commands = commands
        self._tasks: list[asyncio.Task[None]] = []
        self._replacing: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run them as long as this is open."""
        self._start()
        try:
            yield
        finally:
            if self._replacing is not None:
                await asyncio.gather(self._replacing, return_exceptions=True)
            await self._stop()

    def restart(self, commands: list[Command]) -> None:
        """End the processes, and run *commands* from then on; call it within the loop."""
        self._commands = commands
        if self._replacing is None or self._replacing.done():
            self._replacing = asyncio.get_running_loop().create_task(self._replace())

    async def _replace(self) -> None:
        commands: list[Command] = []
        while commands is not self._commands:  # (there may be others meanwhile)
            commands = self._commands
            await self._stop()
            self._start()

    def _start(self) -> None:
        self._tasks = [asyncio.create_task(_keep_running(command)) for command in self._commands]

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


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
