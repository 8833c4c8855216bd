"""Whether the clock of this machine was set while the service runs."""

from __future__ import annotations

import time

JUMP = 300.0
"""Seconds from which on a difference is a jump; NTP corrects smaller ones without notice."""


class Clock:
    """The clock as it was when this was made."""

    def __init__(self) -> None:
        self._ahead = time.time() - time.monotonic()

    def jump(self) -> float:
        """Seconds by which the clock was set since then, forward or (negative) back; 0 where they
        are less than JUMP.
        """
        found = time.time() - time.monotonic() - self._ahead
        return found if abs(found) >= JUMP else 0.0
