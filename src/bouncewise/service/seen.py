"""Tokens of Mailgun that were accepted: its signature covers the token and not the event, so that
each may be used only once. They are kept in a file, for as long as Mailgun tries again.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from bouncewise.service.hooks import MAILGUN_RETRIES

_KEPT = 2 * MAILGUN_RETRIES
_NAME = "mailgun-tokens"
_PRUNE = 10_000


class SeenTokens:
    """The tokens that were accepted, by their digests."""

    def __init__(self, folder: Path, now: float) -> None:
        """Those in *folder*; *now*: seconds since 1970. Raises OSError."""
        self._path = folder / _NAME
        self._seen: dict[str, float] = {}
        if self._path.exists():
            for line in self._path.read_text("ascii", "replace").splitlines():
                digest, _, at = line.partition(" ")
                if at.replace(".", "", 1).isdigit():
                    self._seen[digest] = float(at)
        self._rewrite(now)

    def reserve(self, token: str, now: float) -> bool:
        """Whether *token* is new; from now on it is not."""
        digest = _digest(token)
        if digest in self._seen:
            return False
        self._seen[digest] = now
        return True

    def keep(self, token: str, now: float) -> None:
        """The request with *token* is stored: remember it beyond a restart."""
        # (on a full disk it is remembered until the restart; the event is stored already)
        with contextlib.suppress(OSError), self._path.open("a", encoding="ascii") as stream:
            stream.write(f"{_digest(token)} {now:.0f}\n")
        if len(self._seen) % _PRUNE == 0:
            self._rewrite(now)

    def release(self, token: str) -> None:
        """The request with *token* could not be stored: it may come again."""
        self._seen.pop(_digest(token), None)

    def _rewrite(self, now: float) -> None:
        self._seen = {digest: at for digest, at in self._seen.items() if now - at < _KEPT}
        lines = "".join(f"{digest} {at:.0f}\n" for digest, at in self._seen.items())
        temporary = self._path.with_suffix(".new")
        temporary.write_text(lines, "ascii")
        temporary.replace(self._path)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()[:32]
