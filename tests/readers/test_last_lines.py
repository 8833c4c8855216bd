"""A last line that is still being written is never judged differently from the whole line."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from bouncewise.classifier.classify import default_classifier
from bouncewise.intake.formats import FORMATS
from bouncewise.intake.reading import verdict_of
from bouncewise.model import Finding
from bouncewise.readers import Note
from bouncewise.readers.base import Reader
from support.cli import bouncewise

FIXTURES = [
    path
    for path in sorted((Path(__file__).parents[1] / "fixtures" / "logs").iterdir())
    if path.suffix != ".toml"
]
LIVE = [path for path in FIXTURES if not path.stem.startswith("exchange")]
"""Logs that a server writes; a message trace is exported when it is complete."""
STEP = 5  # every fifth place is tried: 6,000 in all


def reader_of(raw: bytes) -> Reader:
    return next(reader for reader in FORMATS if reader.sniff(raw[:65536]))


def judged(reader: Reader, raw: bytes) -> list[tuple[object, ...]]:
    found = [i for i in reader.read(io.BytesIO(raw), "x") if isinstance(i, Finding)]
    verdicts = [verdict_of(f.report, default_classifier()) for f in found]
    return [
        (f.key, f.report.recipient, f.report.kind, v and v.cause, v and v.advice)
        for f, v in zip(found, verdicts, strict=True)
    ]


def ends(raw: bytes) -> list[tuple[bytes, bytes]]:
    """The first lines of a log and the next one, for the last eight lines."""
    lines = raw.splitlines(keepends=True)
    return [(b"".join(lines[:n]), lines[n]) for n in range(max(1, len(lines) - 8), len(lines))]


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda p: p.stem)
def test_half_a_line_is_judged_as_the_whole_line_or_not_at_all(fixture: Path) -> None:
    raw = fixture.read_bytes()
    reader = reader_of(raw)
    for before, line in ends(raw):
        whole = {row[1:] for row in judged(reader, before + line)}
        for end in range(1, len(line) - 1, STEP):
            halves = {row[1:] for row in judged(reader, before + line[:end])}
            assert halves <= whole, line[:end]


@pytest.mark.parametrize("fixture", LIVE, ids=lambda p: p.stem)
def test_a_line_that_was_read_by_half_counts_once(fixture: Path) -> None:
    raw = fixture.read_bytes()
    reader = reader_of(raw)
    for before, line in ends(raw):
        whole = {row[0] for row in judged(reader, before + line)}
        for end in range(1, len(line) - 1, STEP):
            assert {row[0] for row in judged(reader, before + line[:end])} <= whole, line[:end]


def test_half_a_line_that_may_be_a_whole_one_gives_a_note() -> None:
    raw = next(p for p in LIVE if p.stem == "exim").read_bytes()
    cut = raw[: raw.index(b"\n", raw.rindex(b" ** ")) - 4]
    notes = [i for i in reader_of(raw).read(io.BytesIO(cut), "x") if isinstance(i, Note)]
    assert [note.text.split(";")[0] for note in notes] == [
        "the last line has no end and may be half of one"
    ]
    assert not any(note.ends_early for note in notes)


@pytest.mark.parametrize("fixture", LIVE, ids=lambda p: p.stem)
def test_a_log_that_grows_by_half_lines_is_counted_once(fixture: Path, tmp_path: Path) -> None:
    raw = fixture.read_bytes()
    log = tmp_path / fixture.name
    new = []
    for end in (len(raw) // 3, len(raw) // 2, len(raw) - 15, len(raw)):
        log.write_bytes(raw[:end])
        done = bouncewise(tmp_path, "ingest", "--json", "--db", "grown", log)
        assert done.returncode == 0, done.stderr
        new.append(json.loads(done.stdout)["new"])
    at_once = bouncewise(tmp_path, "ingest", "--json", "--db", "at-once", log)
    assert sum(new) == json.loads(at_once.stdout)["new"]
