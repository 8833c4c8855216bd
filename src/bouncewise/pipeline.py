"""The whole way from paths to verdicts: what the command line, the service and Spark all walk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from bouncewise import files
from bouncewise.classify import Classifier
from bouncewise.model import Kind, Report, Verdict
from bouncewise.readers import Finding, Note

JUDGED = (Kind.FAILED, Kind.DELAYED)
"""Kinds whose reply means something. A complaint or a delivery needs no reading of words."""


class Judged(NamedTuple):
    """A finding with its verdict, None where there is nothing to judge."""

    finding: Finding
    verdict: Verdict | None


def read(paths: tuple[str, ...], classifier: Classifier) -> Iterator[Judged | Note]:
    """Every report under *paths*, judged, in order; notes where something was odd. No state is kept."""
    for path in files.expand(paths):
        for item in files.read(path):
            yield item if isinstance(item, Note) else Judged(item, judge(item.report, classifier))


def judge(report: Report, classifier: Classifier) -> Verdict | None:
    """The verdict on one report."""
    return classifier.report(report) if report.kind in JUDGED else None
