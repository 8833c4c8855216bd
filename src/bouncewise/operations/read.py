"""Reports without a ledger: everything under some paths, with verdicts; nothing is kept."""

from __future__ import annotations

from collections.abc import Iterator

from bouncewise.classifier.classify import Classifier
from bouncewise.intake import files
from bouncewise.intake.reading import ClassifiedFinding, read_paths
from bouncewise.model import Engagement, SenderReport
from bouncewise.readers import Note


def read(
    paths: tuple[str, ...], classifier: Classifier, jobs: int = 1
) -> Iterator[ClassifiedFinding | SenderReport | Note]:
    """Every report under *paths*, in order, those on a recipient with their verdict; and notes
    where something was not understood.
    """
    for _, items in read_paths(files.expand(paths), classifier, _same, jobs):
        yield from (item for item in items if not isinstance(item, Engagement))


def _same(classified: ClassifiedFinding) -> ClassifiedFinding:
    return classified
