"""Reports without a ledger: everything under some paths, judged; nothing is kept."""

from __future__ import annotations

from collections.abc import Iterator

from bouncewise.classifier.classify import Classifier
from bouncewise.intake import files
from bouncewise.intake.reading import Judged, read_paths
from bouncewise.readers import Note


def read(paths: tuple[str, ...], classifier: Classifier, jobs: int = 1) -> Iterator[Judged | Note]:
    """Every report under *paths*, judged, in order, and notes where something was not
    understood.
    """
    for _, items in read_paths(files.expand(paths), classifier, Judged, jobs):
        yield from items
