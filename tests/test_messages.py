"""Messages: each fixture is read as its .toml says, whatever its newlines; only the fields that are named there count."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from bouncewise.classifier.classify import default
from bouncewise.model import Report
from bouncewise.readers.messages.interpret import read

FIXTURES = sorted((Path(__file__).parent / "fixtures" / "messages").glob("*.eml"))
NEWLINES = {"LF": b"\n", "CRLF": b"\r\n", "CR": b"\r"}


def fields(report: Report) -> dict[str, Any]:
    verdict = default().report(report)
    return {
        "kind": report.kind.value, "recipient": report.recipient, "original_recipient": report.original_recipient,
        "message_id": report.message_id, "sender": report.sender, "remote_mta": report.remote_mta,
        "stage": report.stage and report.stage.value, "reply_code": report.reply and report.reply.reply_code,
        "status": report.reply and report.reply.status, "cause": verdict and verdict.cause.value,
        "receiver": verdict and verdict.receiver,
    }  # fmt: skip


@pytest.mark.parametrize("newline", NEWLINES)
@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda p: p.stem)
def test_fixture(fixture: Path, newline: str) -> None:
    expected = tomllib.loads(fixture.with_suffix(".toml").read_text("utf-8"))
    raw = fixture.read_bytes().replace(b"\n", NEWLINES[newline])
    got = [fields(report) for report in read(raw, fixture.name, 0)]
    assert [g["recipient"] for g in got] == [e["recipient"] for e in expected["report"]]
    for is_, wanted in zip(got, expected["report"], strict=True):
        assert {name: is_[name] for name in wanted} == wanted


def test_there_are_fixtures() -> None:
    assert len(FIXTURES) >= 25


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda p: p.stem)
def test_truncation_anywhere_never_raises_nor_invents(fixture: Path) -> None:
    raw = fixture.read_bytes()
    known = {report.recipient for report in read(raw, "", 0)}
    for at in range(len(raw)):
        for report in read(raw[:at], "", 0):
            # A cut address is a beginning of a known one; nobody else may appear.
            assert report.recipient in known or any(k.startswith(report.recipient) for k in known) or not known, report
