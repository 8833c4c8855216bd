"""Coverage-guided fuzzing of every reader: python fuzz/readers.py [atheris options] [SEEDS].

Needs: pip install atheris. Seeds: tests/fixtures. Any input must give findings or notes: an
exception, a hang, or a recipient that is not in the input is a crash.
"""

from __future__ import annotations

import io
import sys

import atheris

with atheris.instrument_imports(include=["bouncewise"]):
    from bouncewise.classifier.classify import default_classifier
    from bouncewise.intake.formats import FORMATS
    from bouncewise.model import Finding


def one_input(data: bytes) -> None:
    """Every reader reads the input, whether it recognises it or not."""
    for reader in FORMATS:
        for item in reader.read(io.BytesIO(data), "fuzz"):
            if isinstance(item, Finding):
                default_classifier().classify_report(item.report)
                assert len(item.report.recipient) <= 400, item.report


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
