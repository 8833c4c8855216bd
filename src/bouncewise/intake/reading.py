"""From paths to findings with verdicts, in one process or several, with the same results in the
same order.

Reads: the files that ``files.expand`` found. Worker processes share the messages of an mbox and the
small files of a folder, TASK_BYTES at a time. A log or an archive cannot be divided: one process
reads it. Gives: for each path its notes, its reports about our own mail, and what a
function of the caller makes of each finding.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, islice
from typing import Any, BinaryIO, Generic, NamedTuple, TypeAlias, TypeVar, cast

import msgspec

from bouncewise.classifier.classify import Classifier
from bouncewise.intake import files
from bouncewise.intake.provenance import Examiner
from bouncewise.model import (
    Engagement,
    Finding,
    Kind,
    Report,
    SenderReport,
    Source,
    Verdict,
)
from bouncewise.readers import Note
from bouncewise.readers.base import Item
from bouncewise.readers.logs.timestamps import use_zone
from bouncewise.readers.messages.mbox import findings, split
from bouncewise.rules.load import RuleSet
from bouncewise.workers import Task, WorkerPool

CLASSIFIED_KINDS = (Kind.FAILED, Kind.DELAYED)
"""Kinds of reports that get a verdict. A complaint or a delivery needs none."""

INLINE_BYTES = 16 << 20
"""Octets that this process reads before it starts others, which takes longer than reading less."""

TASK_BYTES = 1 << 19
"""Octets of one task, or one message if that is longer."""

LARGE_BYTES = 1 << 20
"""Octets from which on a file is too large to be part of a task."""

LOG_BATCH = 4096
"""Reports of one log that a worker process returns together."""

_FILE_COST = 4096  # octets that take as long to read as a file takes to open

T = TypeVar("T")
Read: TypeAlias = T | SenderReport | Engagement | Note
"""What a file gives: what the caller makes of findings, and everything else as it was read."""


class ClassifiedFinding(NamedTuple):
    """A finding, its verdict (None if its kind gets none), the receiver's id ('' if unknown), and
    whether the host that answered is the receiver's own (None if that is not known).
    """

    finding: Finding
    verdict: Verdict | None
    receiver: str
    is_own_host: bool | None


Transform = Callable[[ClassifiedFinding], T]
"""Makes what the caller needs of a classified finding, in the process that read it."""


def verdict_of(report: Report, classifier: Classifier) -> Verdict | None:
    """The verdict on *report*; None if its kind gets none."""
    return classifier.classify_report(report) if report.kind in CLASSIFIED_KINDS else None


def classify_finding(finding: Finding, classifier: Classifier) -> ClassifiedFinding:
    """*finding* with what *classifier* knows of it."""
    report = finding.report
    return ClassifiedFinding(
        finding,
        verdict_of(report, classifier),
        classifier.receiver_of(report),
        classifier.is_own_host(report),
    )


def read_paths(
    paths: Iterable[str],
    classifier: Classifier,
    transform: Transform[T],
    jobs: int = 1,
    examiner: Examiner | None = None,
) -> Iterator[tuple[str, Iterator[Read[T]]]]:
    """Each path with its notes and what *transform* makes of its findings, in order.

    With *jobs* greater than 1, *transform* must be a function that another process can import.
    """
    work = _Work(classifier, transform, examiner)
    if jobs == 1:
        yield from ((path, work.file(path)) for path in paths)
        return
    pool = WorkerPool(jobs, _initialize, (classifier.ruleset, transform, examiner))
    try:
        yield from _SharedWork(work, pool).read_paths(paths)
    finally:
        pool.close()


class _Work(Generic[T]):
    """Reads and classifies, in any process."""

    def __init__(
        self, classifier: Classifier, transform: Transform[T], examiner: Examiner | None
    ) -> None:
        self.classifier = classifier
        self.examiner = examiner
        use_zone(examiner.time_zone if examiner else "")
        self.transform = transform
        self._current: tuple[str, Iterator[Read[T]]] | None = None

    def file(self, path: str) -> Iterator[Read[T]]:
        return self.classify(files.read(path))

    def next_batch(self, path: str) -> list[Read[T]]:
        """The next LOG_BATCH items of *path*, first those at its beginning; [] at its end."""
        if self._current is None or self._current[0] != path:
            self._current = (path, self.file(path))
        return list(islice(self._current[1], LOG_BATCH))

    def message(self, raw: bytes, path: str, index: int) -> Iterator[Read[T]]:
        return self.classify(findings(raw, path, index))

    def classify(self, items: Iterable[Item]) -> Iterator[Read[T]]:
        for item in items:
            if isinstance(item, Note):
                yield item
            elif not isinstance(item, Finding):
                yield msgspec.structs.replace(item, source=_in_utf8(item.source))
            else:
                named = item if item.report.source.path.isascii() else _named_in_utf8(item)
                examined = named if self.examiner is None else self.examiner.examine(named)
                yield self.transform(classify_finding(examined, self.classifier))


def _named_in_utf8(finding: Finding) -> Finding:
    report = finding.report
    named = msgspec.structs.replace(report, source=_in_utf8(report.source))
    return msgspec.structs.replace(finding, report=named)


def _in_utf8(source: Source) -> Source:
    """*source* with a path that can be stored and printed: octets that are no UTF-8 are shown."""
    path = os.fsencode(source.path).decode("utf-8", "backslashreplace")
    return msgspec.structs.replace(source, path=path)


class _SharedWork(Generic[T]):
    """Reads with worker processes, as soon as more than INLINE_BYTES have to be read."""

    def __init__(self, work: _Work[T], pool: WorkerPool) -> None:
        self._work = work
        self._pool = pool
        self._inline_left = INLINE_BYTES

    def read_paths(self, paths: Iterable[str]) -> Iterator[tuple[str, Iterator[Read[T]]]]:
        for is_large, group in groupby(
            paths, lambda path: path == files.STDIN or files.size(path) >= LARGE_BYTES
        ):
            for path in group if is_large else ():
                yield path, self._read_large(path)
            yield from self._read_small(group)

    def _read_small(self, paths: Iterator[str]) -> Iterator[tuple[str, Iterator[Read[T]]]]:
        while self._inline_left > 0 and (path := next(paths, None)) is not None:
            self._inline_left -= files.size(path)
            yield path, self._work.file(path)
        tasks = (Task(_files, (chunk,), chunk[0]) for chunk in _chunk_small_files(paths))
        for chunk, results in self._pool.map_ordered(tasks):
            for path, items in zip(chunk, results, strict=True):
                # A compressed file may contain any amount. It is streamed here instead.
                yield path, self._work.file(path) if items is None else iter(items)

    def _read_large(self, path: str) -> Iterator[Read[T]]:
        """A file of any size. Workers share an mbox; one of them reads a large log ahead."""
        if files.size(path) >= INLINE_BYTES and files.format_of(path) != "mbox":
            for batch in self._pool.prefetch(_next_batch, path):
                yield from batch
            return
        for item in files.read(path, self._read_mbox):
            if isinstance(item, Finding | SenderReport | Engagement):
                yield from self._work.classify((item,))
            else:
                yield cast("Read[T]", item)

    def _read_mbox(self, stream: BinaryIO, path: str) -> Iterator[Read[T]]:
        errors: list[Exception] = []
        numbered = enumerate(split(stream))
        for index, raw in numbered:
            yield from self._work.message(raw, path, index)
            self._inline_left -= len(raw)
            if self._inline_left <= 0:
                break
        for _, items in self._pool.map_ordered(_message_tasks(numbered, path, errors)):
            yield from items
        if errors:
            raise errors[0]  # after everything that was read before it


def _message_tasks(
    numbered: Iterator[tuple[int, bytes]], path: str, errors: list[Exception]
) -> Iterator[Task]:
    """The messages of an mbox as tasks; the exception that ends the reading goes to *errors*."""
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
    except files.READ_ERRORS as error:
        errors.append(error)
    if batch:
        yield Task(_messages, (batch, path, first), f"{path} #{first}")


def _chunk_small_files(paths: Iterable[str]) -> Iterator[list[str]]:
    """*paths* in chunks of about TASK_BYTES."""
    chunk: list[str] = []
    size = 0
    for path in paths:
        chunk.append(path)
        size += files.size(path) + _FILE_COST
        if size >= TASK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


# ── in a worker process ────────────────────────────────────────────────────────────────────────

_worker: list[_Work[Any]] = []  # the one of this process, set by the pool's initializer


def _initialize(ruleset: RuleSet, transform: Transform[Any], examiner: Examiner | None) -> None:
    _worker.append(_Work(Classifier(ruleset), transform, examiner))


def _messages(raws: list[bytes], path: str, first: int) -> list[Any]:
    return [item for n, raw in enumerate(raws, first) for item in _worker[0].message(raw, path, n)]


def _next_batch(path: str) -> list[Any]:
    return _worker[0].next_batch(path)


def _files(paths: list[str]) -> list[list[Any] | None]:
    return [None if files.is_compressed(path) else list(_worker[0].file(path)) for path in paths]
