"""Every log reader over its fixture: what is told, whatever the newline; sniffed right, read twice alike, in constant memory."""

from __future__ import annotations

import io
import tomllib
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from bouncewise.files import FORMATS, reader_for
from bouncewise.judge import default
from bouncewise.readers import Finding

FOLDER = Path(__file__).parent / "fixtures" / "logs"
FIXTURES = sorted(p for p in FOLDER.iterdir() if p.suffix != ".toml")
ALL = {"exim", "postfix"}  # long, genuine logs of which the table holds the beginning


def findings(raw: bytes, path: str) -> list[Finding]:
    reader = reader_for(raw[:65536])
    assert reader is not None
    return [item for item in reader.read(io.BytesIO(raw), path) if isinstance(item, Finding)]


def fields(finding: Finding) -> dict[str, Any]:
    r = finding.report
    verdict = default().report(r)
    return {
        "kind": r.kind, "recipient": r.recipient, "original_recipient": r.original_recipient, "sender": r.sender,
        "at": r.at and r.at.replace(microsecond=0), "message_id": r.message_id, "remote_mta": r.remote_mta, "stage": r.stage,
        "reply_code": r.reply and r.reply.reply_code, "status": r.reply and r.reply.status,
        "label": r.esp and r.esp.label, "cause": verdict and verdict.cause,
    }  # fmt: skip


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda p: p.stem)
def test_fixture(fixture: Path, newline: bytes) -> None:
    expected = tomllib.loads(fixture.with_suffix(".toml").read_text("utf-8"))
    raw = fixture.read_bytes().replace(b"\n", newline)
    reader = reader_for(raw[:65536])
    assert reader is not None and reader.name == expected["reader"]
    items = list(reader.read(io.BytesIO(raw), str(fixture)))
    got = [fields(item) for item in items if isinstance(item, Finding)]
    wanted = expected["report"]
    if fixture.stem not in ALL:
        assert len(got) == len(wanted)
        assert len(items) - len(got) == expected.get("notes", len(items) - len(got))
    for is_, want in zip(got, wanted, strict=False):
        assert {name: is_[name] for name in want} == want


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda p: p.stem)
def test_read_twice_gives_the_same_keys(fixture: Path) -> None:
    raw = fixture.read_bytes()
    keys = [f.key for f in findings(raw, "a")]
    assert keys == [f.key for f in findings(raw, "b")]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda p: p.stem)
def test_memory_stays_constant(fixture: Path) -> None:
    raw = fixture.read_bytes()
    long = raw + b"\n" + raw * (3_000_000 // len(raw))
    reader = reader_for(raw)
    assert reader is not None
    tracemalloc.start()
    count = sum(1 for _ in reader.read(io.BytesIO(long), "x"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count > 1000
    assert peak < 12_000_000


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda p: p.stem)
def test_truncated_anywhere(fixture: Path) -> None:
    raw = fixture.read_bytes()[:4000]
    known = {f.report.recipient for f in findings(fixture.read_bytes(), "x")}
    reader = reader_for(fixture.read_bytes())
    assert reader is not None
    for end in range(len(raw)):
        for item in reader.read(io.BytesIO(raw[:end]), "x"):
            if isinstance(item, Finding):
                assert any(k.startswith(item.report.recipient) for k in known), item.report


def test_utf16_trace() -> None:
    text = (FOLDER / "exchange-trace.csv").read_text("utf-8")
    assert [f.report.recipient for f in findings(text.encode("utf-16"), "x")] == [
        "ann@there.example",
        "bob@there.example",
    ]


def test_formats_are_named_once() -> None:
    assert len({r.name for r in FORMATS}) == len(FORMATS)
    assert all(r.about for r in FORMATS)
