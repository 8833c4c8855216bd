"""From paths to judged reports, in one process or in many: the results, and their order, are the same.

The messages of an mbox and the small files of a folder are read and judged by worker processes, some hundred kilobytes at a
time; what cannot be divided (a log, an archive) is read by one process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, islice
from pathlib import Path
from typing import Any, BinaryIO, Generic, NamedTuple, TypeVar

from bouncewise.classifier.classify import Classifier
from bouncewise.intake import files
from bouncewise.model import Kind, Report, Verdict
from bouncewise.readers import Finding, Note
from bouncewise.readers.messages.mbox import findings, split
from bouncewise.rules.load import RuleSet
from bouncewise.workers import Task, WorkerPool

JUDGED = (Kind.FAILED, Kind.DELAYED)
"""Kinds whose reply is judged. A complaint or a delivery needs no reading of words."""

INLINE_BYTES = 16 << 20
"""Octets that this process reads before it starts others: less mail than that is read sooner than they have started."""

TASK_BYTES = 1 << 19
"""Octets of one task, or one message if that is longer."""

LARGE_BYTES = 1 << 20
"""Octets from which on a file is not a task as a whole."""

LOG_BATCH = 4096
"""Reports of one log that another process returns together."""

_FILE_COST = 4096  # octets whose reading takes as long as opening a file

T = TypeVar("T")


class Judged(NamedTuple):
    """A finding with its verdict, None where there is nothing to judge, and the receiver's id, '' where it is not known."""

    finding: Finding
    verdict: Verdict | None
    receiver: str


Transform = Callable[[Finding, Verdict | None, str], T]
"""What is made of a finding, its verdict and its receiver: a Judged, or something else that is wanted instead."""


def judge(report: Report, classifier: Classifier) -> Verdict | None:
    """The verdict on one report."""
    return classifier.report(report) if report.kind in JUDGED else None


def read_paths(
    paths: Iterable[str], classifier: Classifier, transform: Transform[T], jobs: int = 1
) -> Iterator[tuple[str, Iterator[T | Note]]]:
    """Each of the *paths* that files.expand gave, with what *transform* makes of its reports, and notes, in order.

    Where *jobs* is more than 1, *transform* is a function that another process can import.
    """
    work = _Work(classifier, transform)
    if jobs == 1:
        yield from ((path, work.file(path)) for path in paths)
        return
    pool = WorkerPool(jobs, _initialize, (classifier.ruleset, transform))
    try:
        yield from _SharedWork(work, pool).read_paths(paths)
    finally:
        pool.close()


class _Work(Generic[T]):
    """Reading and judging, whichever process does it."""

    def __init__(self, classifier: Classifier, transform: Transform[T]) -> None:
        self.classifier = classifier
        self.transform = transform
        self._current: tuple[str, Iterator[T | Note]] | None = None

    def file(self, path: str) -> Iterator[T | Note]:
        return self.judged(files.read(path))

    def next_batch(self, path: str) -> list[T | Note]:
        """The next LOG_BATCH items of *path*, from its beginning at the first call; none at its end."""
        if self._current is None or self._current[0] != path:
            self._current = (path, self.file(path))
        return list(islice(self._current[1], LOG_BATCH))

    def message(self, raw: bytes, path: str, index: int) -> Iterator[T | Note]:
        return self.judged(findings(raw, path, index))

    def judged(self, items: Iterable[Finding | Note]) -> Iterator[T | Note]:
        for item in items:
            if isinstance(item, Note):
                yield item
            else:
                report = item.report
                yield self.transform(
                    item, judge(report, self.classifier), self.classifier.receiver(report)
                )


class _SharedWork(Generic[T]):
    """Reading that worker processes share, once there is known to be much of it."""

    def __init__(self, work: _Work[T], pool: WorkerPool) -> None:
        self._work = work
        self._pool = pool
        self._inline = INLINE_BYTES

    def read_paths(self, paths: Iterable[str]) -> Iterator[tuple[str, Iterator[T | Note]]]:
        for large, group in groupby(
            paths, lambda path: path == files.STDIN or _size(path) >= LARGE_BYTES
        ):
            for path in group if large else ():
                yield path, self._large(path)
            yield from self._small(group)

    def _small(self, paths: Iterator[str]) -> Iterator[tuple[str, Iterator[T | Note]]]:
        while self._inline > 0 and (path := next(paths, None)) is not None:
            self._inline -= _size(path)
            yield path, self._work.file(path)
        tasks = (Task(_files, (names,), names[0]) for names in _chunk_small_files(paths))
        for names, found in self._pool.map_ordered(tasks):
            for name, items in zip(names, found, strict=True):
                # A compressed file may hold any amount, and is streamed instead.
                yield name, self._work.file(name) if items is None else iter(items)

    def _large(self, path: str) -> Iterator[T | Note]:
        """A file of any size: the messages of an mbox are shared; a log is read ahead, line after line, by one process."""
        if _size(path) >= INLINE_BYTES and files.format_of(path) != "mbox":
            for batch in self._pool.prefetch(_next_batch, path):
                yield from batch
            return
        for item in files.read(path, self._mbox):
            if isinstance(item, Finding):
                yield from self._work.judged((item,))
            else:
                yield item

    def _mbox(self, stream: BinaryIO, path: str) -> Iterator[T | Note]:
        damage: list[Exception] = []
        numbered = enumerate(split(stream))
        for index, raw in numbered:
            yield from self._work.message(raw, path, index)
            self._inline -= len(raw)
            if self._inline <= 0:
                break
        for _, found in self._pool.map_ordered(_message_tasks(numbered, path, damage)):
            yield from found
        if damage:
            raise damage[0]  # reported behind what was before it


def _message_tasks(
    numbered: Iterator[tuple[int, bytes]], path: str, damage: list[Exception]
) -> Iterator[Task]:
    """The messages of an mbox as tasks; *damage* gets the exception that ended the reading."""
    batch: list[bytes] = []
    size = first = 0
    try:
        for index, raw in numbered:
            first = first if batch else index
            batch.append(raw)
            size += len(raw)
            if size >= TASK_BYTES:
                yield Task(_messages, (batch, path, first), f"{path} #{first}")
                batch, size = [], 0
    except files.DAMAGED as bad:
        damage.append(bad)
    if batch:
        yield Task(_messages, (batch, path, first), f"{path} #{first}")


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0  # deleted meanwhile: reading it makes a note


def _chunk_small_files(paths: Iterable[str]) -> Iterator[list[str]]:
    """Small files, in chunks of about TASK_BYTES."""
    chunk: list[str] = []
    size = 0
    for path in paths:
        chunk.append(path)
        size += _size(path) + _FILE_COST
        if size >= TASK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


# ── in another process ─────────────────────────────────────────────────────────────────────────────────────

_worker: list[_Work[Any]] = []  # of this process, set by the pool's initializer


def _initialize(ruleset: RuleSet, transform: Transform[Any]) -> None:
    _worker.append(_Work(Classifier(ruleset), transform))


def _messages(raws: list[bytes], path: str, first: int) -> list[Any]:
    return [item for n, raw in enumerate(raws, first) for item in _worker[0].message(raw, path, n)]


def _next_batch(path: str) -> list[Any]:
    return _worker[0].next_batch(path)


def _files(paths: list[str]) -> list[list[Any] | None]:
    return [None if files.is_packed(path) else list(_worker[0].file(path)) for path in paths]
