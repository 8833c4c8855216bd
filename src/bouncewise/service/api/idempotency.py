"""Answers of requests with an Idempotency-Key: a request that comes again gets the same answer, and
nothing is done twice.

Source: draft-ietf-httpapi-idempotency-key-header. Reads and writes: a file per key, in a folder
beside the spool, for a day. A request that the end of the process interrupted is carried out when
it comes again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from pathlib import Path
from typing import NamedTuple

import msgspec

KEPT = 86_400.0
"""Seconds for which an answer is kept."""

_PRUNE = 3600.0


class Done(NamedTuple):
    """What is kept of a request: what was asked, the status and the body of the answer; None
    where it did not end.
    """

    digest: bytes
    status: int
    body: bytes | None


class Idempotency:
    """The answers in *folder*."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pruned = 0.0
        self.running: set[str] = set()

    def prune(self) -> None:
        """Remove answers that are a day old; looks once an hour."""
        now = time.time()
        if now - self._pruned < _PRUNE:
            return
        self._pruned = now
        with contextlib.suppress(OSError):
            for path in self._folder.iterdir():
                if now - path.stat().st_mtime >= KEPT:
                    path.unlink()

    def find(self, key: str) -> Done | None:
        """What is kept under *key*; None where it is new or a day old."""
        path = self._folder / key
        try:
            if time.time() - path.stat().st_mtime >= KEPT:
                return None
            return msgspec.msgpack.decode(path.read_bytes(), type=Done)
        except (OSError, msgspec.MsgspecError):  # (a torn file: its request did not end)
            return None

    def begin(self, key: str, digest: bytes) -> None:
        """A request with *key* is carried out now. Raises OSError where that cannot be kept."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._write(key, Done(digest, 0, None))

    def end(self, key: str, done: Done) -> None:
        """It was answered. On a full disk the request may be carried out again."""
        with contextlib.suppress(OSError):
            self._write(key, done)

    def give_up(self, key: str) -> None:
        """It failed, and changed nothing."""
        with contextlib.suppress(OSError):
            (self._folder / key).unlink()

    def _write(self, key: str, done: Done) -> None:
        temporary = self._folder / f"{key}.new"
        with temporary.open("wb") as stream:
            stream.write(msgspec.msgpack.encode(done))
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(self._folder / key)


def key_of(author: str, key: str) -> str:
    """The name under which the answer to the request with *key* is kept; each *author* has keys
    of its own.
    """
    return hashlib.sha256(f"{author}\0{key}".encode()).hexdigest()


def digest_of(method: str, target: str, body: bytes) -> bytes:
    """What distinguishes a request from another with the same key."""
    return hashlib.sha256(f"{method} {target}\n".encode() + body).digest()
