"""From paths to judged reports, in one process or in many: what comes out, and in which order, is the same.

The messages of an mbox and the files of a folder are read and judged by worker processes, a few hundred kilobytes at a
time; what no worker can share (a log, whatever is packed into one file) is read by this process.
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
from bouncewise.workers import Crowd, Piece

JUDGED = (Kind.FAILED, Kind.DELAYED)
"""Kinds whose reply means something. A complaint or a delivery needs no reading of words."""

ALONE = 16 << 20
"""Octets that this process reads before it starts others: less mail than that is read sooner than they have started."""

PIECE = 1 << 19
"""Octets of one piece of work, or one message if that is longer."""

LARGE = 1 << 20
"""Octets from which on a file is not given away whole."""

AT_ONCE = 4096
"""Reports of one log that come from another process together."""

T = TypeVar("T")


class Judged(NamedTuple):
    """A finding with its verdict, None where there is nothing to judge, and the receiver's id, '' where it is not known."""

    finding: Finding
    verdict: Verdict | None
    receiver: str


Make = Callable[[Finding, Verdict | None, str], T]
"""What is made of the parts of a Judged: itself, or something else that is wanted instead."""


def judge(report: Report, classifier: Classifier) -> Verdict | None:
    """The verdict on one report."""
    return classifier.report(report) if report.kind in JUDGED else None


def each(
    paths: Iterable[str], classifier: Classifier, make: Make[T], jobs: int = 1
) -> Iterator[tuple[str, Iterator[T | Note]]]:
    """Each of the *paths* that files.expand gave, with what *make* makes of its reports, and notes, in order.

    A path is asked for when the ones before it are read, but for small files, which are asked for ahead. Where *jobs* is more
    than 1, *make* is a function that another process can import.
    """
    work = _Work(classifier, make)
    if jobs == 1:
        yield from ((path, work.file(path)) for path in paths)
        return
    crowd = Crowd(jobs, _begin, (classifier.ruleset, make))
    try:
        yield from _Shared(work, crowd).each(paths)
    finally:
        crowd.close()


class _Work(Generic[T]):
    """Reading and judging, whichever process does it."""

    def __init__(self, classifier: Classifier, make: Make[T]) -> None:
        self.classifier = classifier
        self.make = make
        self._at: tuple[str, Iterator[T | Note]] | None = None

    def file(self, path: str) -> Iterator[T | Note]:
        return self.judged(files.read(path))

    def more(self, path: str) -> list[T | Note]:
        """The next AT_ONCE items of *path*, which is read from its beginning when it is first asked for; none at its end."""
        if self._at is None or self._at[0] != path:
            self._at = (path, self.file(path))
        return list(islice(self._at[1], AT_ONCE))

    def message(self, raw: bytes, path: str, index: int) -> Iterator[T | Note]:
        return self.judged(findings(raw, path, index))

    def judged(self, items: Iterable[Finding | Note]) -> Iterator[T | Note]:
        for item in items:
            if isinstance(item, Note):
                yield item
            else:
                report = item.report
                yield self.make(item, judge(report, self.classifier), self.classifier.receiver(report))


class _Shared(Generic[T]):
    """Reading that others share, once it is known to be much."""

    def __init__(self, work: _Work[T], crowd: Crowd) -> None:
        self._work = work
        self._crowd = crowd
        self._alone = ALONE

    def each(self, paths: Iterable[str]) -> Iterator[tuple[str, Iterator[T | Note]]]:
        for large, some in groupby(paths, lambda path: path == files.STDIN or _size(path) >= LARGE):
            for path in some if large else ():
                yield path, self._large(path)
            yield from self._small(some)

    def _small(self, paths: Iterator[str]) -> Iterator[tuple[str, Iterator[T | Note]]]:
        while self._alone > 0 and (path := next(paths, None)) is not None:
            self._alone -= _size(path)
            yield path, self._work.file(path)
        for names, found in self._crowd.in_order(Piece(_files, (names,), names[0]) for names in _together(paths)):
            for name, items in zip(names, found, strict=True):
                # What is packed may be of any size, and is read bit by bit instead.
                yield name, self._work.file(name) if items is None else iter(items)

    def _large(self, path: str) -> Iterator[T | Note]:
        """A file of any size: an mbox's messages are given away; a log, line after line, to one who reads ahead."""
        if _size(path) >= ALONE and files.format_of(path) != "mbox":
            for items in self._crowd.ahead(_more, path):
                yield from items
            return
        for item in files.read(path, self._mbox):
            if isinstance(item, Finding):
                yield from self._work.judged((item,))
            else:
                yield item

    def _mbox(self, stream: BinaryIO, path: str) -> Iterator[T | Note]:
        damage: list[Exception] = []

        def pieces() -> Iterator[Piece]:
            batch: list[bytes] = []
            size = first = 0
            try:
                for index, raw in numbered:
                    first = first if batch else index
                    batch.append(raw)
                    size += len(raw)
                    if size >= PIECE:
                        yield Piece(_messages, (batch, path, first), f"{path} #{first}")
                        batch, size = [], 0
            except files.DAMAGED as bad:
                damage.append(bad)  # told when what stood before it is
            if batch:
                yield Piece(_messages, (batch, path, first), f"{path} #{first}")

        numbered = enumerate(split(stream))
        for index, raw in numbered:
            yield from self._work.message(raw, path, index)
            self._alone -= len(raw)
            if self._alone <= 0:
                break
        for _, found in self._crowd.in_order(pieces()):
            yield from found
        if damage:
            raise damage[0]


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


def _begin(ruleset: RuleSet, make: Make[Any]) -> None:
    _here.append(_Work(Classifier(ruleset), make))


def _messages(raws: list[bytes], path: str, first: int) -> list[Any]:
    return [item for n, raw in enumerate(raws, first) for item in _here[0].message(raw, path, n)]


def _more(path: str) -> list[Any]:
    return _here[0].more(path)


def _files(paths: list[str]) -> list[list[Any] | None]:
    return [None if files.is_packed(path) else list(_here[0].file(path)) for path in paths]
