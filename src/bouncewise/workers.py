"""Worker processes that share tasks and return their results in the order of the tasks.

Bounded: each process has two tasks waiting, PREFETCH where it reads one file. The processes start with the first task, leave
Ctrl-C to the first process, and end when it ends. Raises InputError that names the task where a process dies.
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

PREFETCH = 32
"""Batches of one file that are read before they are needed, while what is before them is written."""

_GC_THRESHOLD = (
    100_000  # findings make no reference cycles but in errors, and looking for cycles takes time
)


def cores() -> int:
    """The number of processes that can run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Task(NamedTuple):
    """Work for another process: a function that it can import, its arguments, and a name for error messages."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    name: str


class WorkerPool:
    """*jobs* processes, each prepared by ``initializer(*arguments)``."""

    def __init__(
        self, jobs: int, initializer: Callable[..., None], arguments: tuple[Any, ...] = ()
    ) -> None:
        self._jobs = jobs
        self._initializer = (initializer, arguments)
        self._pool: ProcessPoolExecutor | None = None

    def close(self) -> None:
        """End the processes; tasks that have not begun are cancelled."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def map_ordered(self, tasks: Iterator[Task], max_pending: int = 0) -> Iterator[tuple[Any, Any]]:
        """The first argument and the result of each task, in order; *max_pending* (0: two a process) wait."""
        max_pending = max_pending or 2 * self._jobs
        pending: deque[tuple[Task, Future[Any]]] = deque()
        for task in tasks:
            pending.append((task, self._submit(task)))
            if len(pending) > max_pending:
                yield _result(*pending.popleft())
        while pending:
            yield _result(*pending.popleft())

    def prefetch(self, function: Callable[[str], list[Any]], argument: str) -> Iterator[list[Any]]:
        """The results of *function* in one process, called again and again until one is empty, PREFETCH calls ahead."""
        single = WorkerPool(1, *self._initializer)
        try:
            tasks = (Task(function, (argument,), argument) for _ in repeat(None))
            for _, batch in single.map_ordered(tasks, PREFETCH):
                if not batch:
                    break
                yield batch
        finally:
            single.close()

    def _submit(self, task: Task) -> Future[Any]:
        try:
            if self._pool is None:
                self._pool = ProcessPoolExecutor(
                    self._jobs, get_context("spawn"), _start, self._initializer
                )
            return self._pool.submit(task.function, *task.arguments)
        except BrokenProcessPool as bad:
            broken: Future[Any] = Future()
            broken.set_exception(bad)
            return broken
        except OSError as bad:
            raise InputError(f"no worker process could be started ({bad}); try --jobs 1") from bad


def _result(task: Task, future: Future[Any]) -> tuple[Any, Any]:
    try:
        return task.arguments[0], future.result()
    except BrokenProcessPool:
        raise InputError(
            f"{task.name}: the process that read this, or what follows soon after it, died, perhaps for lack of memory;"
            " --jobs 1 shows which"
        ) from None


def _start(initializer: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)
    initializer(*arguments)


def _exit_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
