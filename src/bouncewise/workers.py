"""Processes that share work and give back its results in the order in which it came.

Bounded: each process has two pieces of work waiting, AHEAD where it reads one file. They start with the first piece, ignore
Ctrl-C, which is the first process's to answer, and end when it is gone.
Raises InputError that names the piece where a process dies.
"""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import repeat
from multiprocessing import get_context, parent_process
from typing import Any, NamedTuple

from bouncewise.errors import InputError


def cores() -> int:
    """The processes that may run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


AHEAD = 32
"""Pieces of one file that are read before they are asked for, while what came before is written, say."""


class Piece(NamedTuple):
    """Work for another process: a function that it can import, what it is given, and what to call it where it fails."""

    do: Callable[..., Any]
    given: tuple[Any, ...]
    what: str


class Crowd:
    """*jobs* processes, each prepared by ``begin(*given)``."""

    def __init__(self, jobs: int, begin: Callable[..., None], given: tuple[Any, ...] = ()) -> None:
        self._jobs = jobs
        self._begin = (begin, given)
        self._pool: ProcessPoolExecutor | None = None

    def close(self) -> None:
        """End them; what they have not begun is not done."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def in_order(self, pieces: Iterator[Piece], most: int = 0) -> Iterator[tuple[Any, Any]]:
        """What each piece was given first and what came of it, in order; *most* wait, or as many as keep all busy."""
        most = most or 2 * self._jobs
        waiting: deque[tuple[Piece, Future[Any]]] = deque()
        for piece in pieces:
            waiting.append((piece, self._send(piece)))
            if len(waiting) > most:
                yield _result(*waiting.popleft())
        while waiting:
            yield _result(*waiting.popleft())

    def ahead(self, do: Callable[[str], list[Any]], given: str) -> Iterator[list[Any]]:
        """What *do* gives, asked again and again of one process, until that is nothing; AHEAD times before that is asked for."""
        one = Crowd(1, *self._begin)
        try:
            for _, some in one.in_order((Piece(do, (given,), given) for _ in repeat(None)), AHEAD):
                if not some:
                    break
                yield some
        finally:
            one.close()

    def _send(self, piece: Piece) -> Future[Any]:
        try:
            if self._pool is None:
                self._pool = ProcessPoolExecutor(self._jobs, get_context("spawn"), _start, self._begin)
            return self._pool.submit(piece.do, *piece.given)
        except BrokenProcessPool as bad:
            dead: Future[Any] = Future()
            dead.set_exception(bad)
            return dead
        except OSError as bad:
            raise InputError(f"no process could be started to share the work ({bad}); try --jobs 1") from bad


def _result(piece: Piece, future: Future[Any]) -> tuple[Any, Any]:
    try:
        return piece.given[0], future.result()
    except BrokenProcessPool:
        raise InputError(
            f"{piece.what}: a process that read this, or what comes soon after it, died, perhaps for want of memory; "
            "--jobs 1 tells which"
        ) from None


def _start(begin: Callable[..., None], given: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow, daemon=True).start()
    gc.freeze()
    gc.set_threshold(100_000)  # what is read leaves no cycles behind but in errors, and there is much of it
    begin(*given)


def _follow() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
