"""Requests that are tried again: after 429 and 5xx, and where nobody answers.

Reads: a request that may be sent twice without harm. Gives: its Reply; of what fails for good the
last one. Refuses with BusyError where a server asks to wait for longer than MAX_WAIT, with
FetchError where it does not answer in TRIES tries. Retry-After is in seconds or a date (RFC 9110
§10.2.3).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from bouncewise.net.exchange import Reply
from bouncewise.net.https import FetchError, UnreachableError

TRIES = 6
MAX_WAIT = 120.0
"""Seconds that a server may ask to wait before the next try."""

_FIRST_WAIT = 1.0
_AGAIN = frozenset((408, 425, 429, 500, 502, 503, 504))


class BusyError(FetchError):
    """The server asks to wait for ``seconds``, which are more than MAX_WAIT."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the server asks to wait for {seconds:.0f} seconds: run it again then")
        self.seconds = seconds


class Clock(NamedTuple):
    """What waits, and what says how late it is."""

    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


def persistently(send: Callable[[], Reply], clock: Clock) -> Reply:
    """The reply to *send*, after up to TRIES tries with waits of 1, 2, 4 … seconds between them,
    or as long as the server asks.
    """
    wait = _FIRST_WAIT
    for left in reversed(range(TRIES)):
        wanted: float | None = None
        try:
            reply = send()
        except UnreachableError:
            if not left:
                raise
        else:
            if reply.status not in _AGAIN or not left:
                return reply
            wanted = _retry_after(reply, clock.now())
        if wanted is not None and wanted > MAX_WAIT:
            raise BusyError(wanted)
        clock.sleep(wait if wanted is None else max(wanted, 0.0))
        wait *= 2
    raise AssertionError


def _retry_after(reply: Reply, now: datetime) -> float | None:
    """The seconds of Retry-After; None where there is none that can be read."""
    text = reply.headers.get("retry-after", "").strip()[:100]
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() - now.timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
