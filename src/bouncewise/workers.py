"""Worker processes that share tasks and return the results in the order of the tasks.

Reads: tasks, each a function that another process can import, with its arguments. Gives: the
results. Memory is bounded: at most two tasks per process wait, or PREFETCH tasks when one process
reads ahead in one file. The processes start with the first task, ignore SIGINT (the parent handles
Ctrl-C) and exit when the parent exits. Raises InputError with the name of the task if a process
dies, and if no process can be started.
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
"""Batches of one file that a worker may read ahead of the consumer."""

# The objects made here form no reference cycles except in errors, and the search for cycles takes
# time.
_GC_THRESHOLD = 100_000


def cores() -> int:
    """The number of processes that can run at the same time."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Task(NamedTuple):
    """Work for another process; *name* identifies the input in error messages."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    name: str


class WorkerPool:
    """*jobs* processes, each of which first calls ``initializer(*arguments)``."""

    def __init__(
        self, jobs: int, initializer: Callable[..., None], arguments: tuple[Any, ...] = ()
    ) -> None:
        self._jobs = jobs
        self._initializer = (initializer, arguments)
        self._pool: ProcessPoolExecutor | None = None

    def close(self) -> None:
        """End the processes and cancel the tasks that have not started."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def map_ordered(self, tasks: Iterator[Task], max_pending: int = 0) -> Iterator[tuple[Any, Any]]:
        """The first argument and the result of each task, in the order of the tasks.

        At most *max_pending* tasks wait for a process; 0 means two per process.
        """
        max_pending = max_pending or 2 * self._jobs
        pending: deque[tuple[Task, Future[Any]]] = deque()
        for task in tasks:
            pending.append((task, self._submit(task)))
            if len(pending) > max_pending:
                yield _result(*pending.popleft())
        while pending:
            yield _result(*pending.popleft())

    def prefetch(self, function: Callable[[str], list[Any]], argument: str) -> Iterator[list[Any]]:
        """The results of repeated calls of *function* in one process, until a result is empty.

        The process is at most PREFETCH calls ahead of the consumer.
        """
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
        except BrokenProcessPool as error:
            broken: Future[Any] = Future()
            broken.set_exception(error)
            return broken
        except OSError as error:
            raise InputError(
                f"no worker process could be started ({error}); try --jobs 1"
            ) from error


def _result(task: Task, future: Future[Any]) -> tuple[Any, Any]:
    try:
        return task.arguments[0], future.result()
    except BrokenProcessPool:
        raise InputError(
            f"{task.name}: the worker process that read this input, or input soon after it, died,"
            " perhaps for lack of memory; --jobs 1 shows which input"
        ) from None


def _start(initializer: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)
    initializer(*arguments)


def _exit_with_parent() -> None:
    """End this process when its parent has ended, for whatever reason."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
