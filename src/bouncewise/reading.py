"""From paths to judged reports, in one process or in many: what comes out, and in which order, is the same.

The messages of an mbox and the files of a folder are read and judged by worker processes, a few hundred kilobytes at a
time; what no worker can share (a log, whatever is packed into one file) is read by this process. Bounded: each worker has
two pieces of work waiting, no more. Raises InputError that names the mail where a worker dies.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import groupby
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any, BinaryIO, Generic, NamedTuple, TypeVar

from bouncewise import files
from bouncewise.errors import InputError
from bouncewise.judge import Classifier
from bouncewise.model import Kind, Report, Verdict
from bouncewise.readers import Finding, Note
from bouncewise.readers.mail import findings, split
from bouncewise.rules.load import RuleSet

JUDGED = (Kind.FAILED, Kind.DELAYED)
"""Kinds whose reply means something. A complaint or a delivery needs no reading of words."""

ALONE = 16 << 20
"""Octets that this process reads before it starts others: less mail than that is read sooner than they have started."""

PIECE = 1 << 19
"""Octets of one piece of work, or one message if that is longer."""

LARGE = 1 << 20
"""Octets from which on a file is not given away whole."""

T = TypeVar("T")


class Judged(NamedTuple):
    """A finding with its verdict, None where there is nothing to judge."""

    finding: Finding
    verdict: Verdict | None


def judge(report: Report, classifier: Classifier) -> Verdict | None:
    """The verdict on one report."""
    return classifier.report(report) if report.kind in JUDGED else None


def cores() -> int:
    """The processes that may run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def each(
    paths: Iterable[str], classifier: Classifier, make: Callable[[Judged], T], jobs: int = 1
) -> Iterator[tuple[str, Iterator[T | Note]]]:
    """Each of the *paths* that files.expand gave, with what *make* makes of its reports, and notes, in order.

    A path is asked for when the ones before it are read, but for small files, which are asked for ahead. Where *jobs* is more
    than 1, *make* is a function that another process can import.
    """
    work = _Work(classifier, make)
    if jobs == 1:
        yield from ((path, work.file(path)) for path in paths)
        return
    crowd = _Crowd(work, jobs)
    try:
        yield from crowd.each(paths)
    finally:
        crowd.close()


class _Work(Generic[T]):
    """Reading and judging, whichever process does it."""

    def __init__(self, classifier: Classifier, make: Callable[[Judged], T]) -> None:
        self.classifier = classifier
        self.make = make

    def file(self, path: str) -> Iterator[T | Note]:
        return self.judged(files.read(path))

    def message(self, raw: bytes, path: str, index: int) -> Iterator[T | Note]:
        return self.judged(findings(raw, path, index))

    def judged(self, items: Iterable[Finding | Note]) -> Iterator[T | Note]:
        for item in items:
            yield item if isinstance(item, Note) else self.make(Judged(item, judge(item.report, self.classifier)))


class _Piece(NamedTuple):
    """Work for another process, and what to call it where it fails."""

    do: Callable[..., Any]
    given: tuple[Any, ...]
    what: str


class _Crowd(Generic[T]):
    """Processes that share the work, started when it is known to be much."""

    def __init__(self, work: _Work[T], jobs: int) -> None:
        self._work = work
        self._jobs = jobs
        self._alone = ALONE
        self._pool: ProcessPoolExecutor | None = None

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def each(self, paths: Iterable[str]) -> Iterator[tuple[str, Iterator[T | Note]]]:
        for large, some in groupby(paths, lambda path: path == files.STDIN or _size(path) >= LARGE):
            for path in some if large else ():
                yield path, self._large(path)
            yield from self._small(some)

    def _small(self, paths: Iterator[str]) -> Iterator[tuple[str, Iterator[T | Note]]]:
        while self._alone > 0 and (path := next(paths, None)) is not None:
            self._alone -= _size(path)
            yield path, self._work.file(path)
        for names, found in self._in_order(_Piece(_files, (names,), names[0]) for names in _together(paths)):
            for name, items in zip(names, found, strict=True):
                # What is packed may be of any size, and is read bit by bit instead.
                yield name, self._work.file(name) if items is None else iter(items)

    def _large(self, path: str) -> Iterator[T | Note]:
        """A file of any size: its messages, if it is an mbox, are given away; all else is read here."""
        for item in files.read(path, self._mbox):
            if isinstance(item, Finding):
                yield from self._work.judged((item,))
            else:
                yield item

    def _mbox(self, stream: BinaryIO, path: str) -> Iterator[T | Note]:
        damage: list[Exception] = []

        def pieces() -> Iterator[_Piece]:
            batch: list[bytes] = []
            size = first = 0
            try:
                for index, raw in numbered:
                    first = first if batch else index
                    batch.append(raw)
                    size += len(raw)
                    if size >= PIECE:
                        yield _Piece(_messages, (batch, path, first), f"{path} #{first}")
                        batch, size = [], 0
            except files.DAMAGED as bad:
                damage.append(bad)  # told when what stood before it is
            if batch:
                yield _Piece(_messages, (batch, path, first), f"{path} #{first}")

        numbered = enumerate(split(stream))
        for index, raw in numbered:
            yield from self._work.message(raw, path, index)
            self._alone -= len(raw)
            if self._alone <= 0:
                break
        for _, found in self._in_order(pieces()):
            yield from found
        if damage:
            raise damage[0]

    def _in_order(self, pieces: Iterator[_Piece]) -> Iterator[tuple[Any, Any]]:
        """What each piece was given first and what came of it, in order; as many waiting as keep all busy."""
        waiting: deque[tuple[_Piece, Future[Any]]] = deque()
        for piece in pieces:
            waiting.append((piece, self._send(piece)))
            if len(waiting) > 2 * self._jobs:
                yield _result(*waiting.popleft())
        while waiting:
            yield _result(*waiting.popleft())

    def _send(self, piece: _Piece) -> Future[Any]:
        try:
            if self._pool is None:
                given = (self._work.classifier.ruleset, self._work.make)
                self._pool = ProcessPoolExecutor(self._jobs, get_context("spawn"), _begin, given)
            return self._pool.submit(piece.do, *piece.given)
        except BrokenProcessPool as bad:
            dead: Future[Any] = Future()
            dead.set_exception(bad)
            return dead
        except OSError as bad:
            raise InputError(f"no process could be started to share the work ({bad}); try --jobs 1") from bad


def _result(piece: _Piece, future: Future[Any]) -> tuple[Any, Any]:
    try:
        return piece.given[0], future.result()
    except BrokenProcessPool:
        raise InputError(
            f"{piece.what}: a process that read this mail, or what comes soon after it, died, perhaps for want of memory; "
            "--jobs 1 tells which"
        ) from None


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0  # gone meanwhile: whoever reads it says so


def _together(paths: Iterable[str]) -> Iterator[list[str]]:
    """Small files by pieces of work."""
    some: list[str] = []
    size = 0
    for path in paths:
        some.append(path)
        size += _size(path) + 4096
        if size >= PIECE:
            yield some
            some, size = [], 0
    if some:
        yield some


# ── in another process ─────────────────────────────────────────────────────────────────────────────────────

_here: list[_Work[Any]] = []


def _begin(ruleset: RuleSet, make: Callable[[Judged], Any]) -> None:
    """Ctrl-C is the parent's to answer; a parent that is gone is not waited for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow, daemon=True).start()
    _here.append(_Work(Classifier(ruleset), make))


def _follow() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _messages(raws: list[bytes], path: str, first: int) -> list[Any]:
    return [item for n, raw in enumerate(raws, first) for item in _here[0].message(raw, path, n)]


def _files(paths: list[str]) -> list[list[Any] | None]:
    return [None if files.is_packed(path) else list(_here[0].file(path)) for path in paths]
