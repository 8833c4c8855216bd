"""How many requests a token may make: a bucket per token, which fills by the minute.

Sources: draft-ietf-httpapi-ratelimit-headers-10 (``RateLimit-Policy``, ``RateLimit``); RFC 6585
section 4 (429).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import NamedTuple

from bouncewise.config.service import Token

DEFAULT_IN_BROWSERS = 600
"""Requests a minute of a token that pages contain."""

_WINDOW = 60.0


class Taken(NamedTuple):
    """Whether a request is allowed, and the fields of its answer."""

    is_allowed: bool
    headers: dict[str, str]


class Rates:
    """The buckets of all tokens, by name."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, token: Token) -> Taken:
        """One request of *token*."""
        limit = token.rate or (DEFAULT_IN_BROWSERS if token.origins else 0)
        if not limit:
            return Taken(True, {})
        now = self._clock()
        left, at = self._left.get(token.name, (float(limit), now))
        left = min(float(limit), left + (now - at) * limit / _WINDOW)
        is_allowed = left >= 1.0
        left -= is_allowed
        self._left[token.name] = left, now
        wait = max(1, math.ceil((1.0 - left) * _WINDOW / limit)) if left < 1.0 else 0
        headers = {
            "RateLimit-Policy": f'"minute";q={limit};w={_WINDOW:.0f}',
            "RateLimit": f'"minute";r={math.floor(left)};t={wait}',
        }
        return Taken(is_allowed, headers if is_allowed else headers | {"Retry-After": str(wait)})
