"""What a service tells systemd (sd_notify(3)); nothing where systemd did not start it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket


def notify(state: str) -> None:
    """Send one state, such as ``READY=1``."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = f"\0{address[1:]}"
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect(address)
        sock.send(state.encode())


async def feed_watchdog() -> None:
    """Tell the watchdog that the loop is alive, twice as often as it asks for (WATCHDOG_USEC)."""
    period = os.environ.get("WATCHDOG_USEC", "")
    if not period.isdigit() or int(period) == 0:
        return
    while True:
        notify("WATCHDOG=1")
        await asyncio.sleep(int(period) / 2_000_000)
