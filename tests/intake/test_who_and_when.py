"""Whom a report concerns, and when it happened, where the message leaves that open."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path

import pytest

from support.cli import bouncewise
from support.postfix import ACCEPTED, UNKNOWN, log_lines

FIELDS = (
    "Reporting-MTA: dns; mx.b.example\n\nFinal-Recipient: rfc822; jo@b.example\nAction: failed\n"
    "Status: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 User unknown\n"
)
REPORT = (
    "MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
    f"--b\nContent-Type: text/plain\n\nSorry.\n--b\nContent-Type: message/delivery-status\n\n"
    f"{FIELDS}\n--b--\n"
)


def line(day: int, hour: int, name: str, *, refused: bool) -> str:
    at = f"2026-03-{day:02}T{hour:02}:00:00+00:00"
    return log_lines(at, name, UNKNOWN if refused else ACCEPTED, queue=day * 100 + hour)


def rows(folder: Path, text: str, name: str = "m.eml") -> list[dict[str, object]]:
    (folder / name).write_text(text)
    done = bouncewise(folder, "read", "--json", name)
    assert done.returncode == 0, done.stderr
    return [json.loads(row) for row in done.stdout.splitlines()]


def decision(folder: Path, name: str, *, at: str) -> str:
    done = bouncewise(folder, "check", "--json", "--at", at, "--db", "l", name)
    return str(json.loads(done.stdout)["state"])


def ingest(folder: Path, text: str, name: str) -> None:
    (folder / name).write_text(text)
    done = bouncewise(folder, "ingest", "--db", "l", name)
    assert done.returncode == 0, done.stderr


def test_no_delivery_is_placed_before_the_moment_that_is_asked_about(tmp_path: Path) -> None:
    text = [line(2, 8, "jo@b.example", refused=False), line(2, 10, "jo@b.example", refused=True)]
    ingest(tmp_path, "".join(text), "before.log")
    then = decision(tmp_path, "jo@b.example", at="2026-03-02T12:00:00Z")
    ingest(tmp_path, line(2, 23, "jo@b.example", refused=False), "after.log")
    assert decision(tmp_path, "jo@b.example", at="2026-03-02T12:00:00Z") == then != "ok"


def test_an_undated_notice_is_of_the_time_of_its_arrival(tmp_path: Path) -> None:
    received = (
        "Received: from mx.b.example by mx.s.example; Mon, 04 Nov 2024 09:00:00 +0000\n"
        "Received: from x by y; Mon, 02 Mar 2026 09:00:00 +0000\n"
    )
    head = "Return-Path: <>\nFrom: MAILER-DAEMON@mx.b.example\nTo: b@s.example\n"
    assert [row["at"] for row in rows(tmp_path, received + head + REPORT)] == [
        "2024-11-04T09:00:00Z"
    ]
    later = "Date: Mon, 02 Mar 2026 09:00:00 +0000\n"
    assert [row["at"] for row in rows(tmp_path, received + later + head + REPORT)] == [
        "2024-11-04T09:00:00Z"
    ]


@pytest.mark.parametrize("subject", ["Automatic reply: March", "Re: March"])
def test_a_person_who_pastes_a_notice_reports_no_failure(tmp_path: Path, subject: str) -> None:
    head = (
        "Return-Path: <ann@c.example>\nFrom: Ann <ann@c.example>\nTo: support@s.example\n"
        f"Date: Mon, 02 Mar 2026 09:00:00 +0000\nSubject: {subject}\n"
    )
    if subject.startswith("Auto"):
        head += "Auto-Submitted: auto-replied\n"
    text = f"I am out, and got this:\n\n-----Original Message-----\n\n{FIELDS}"
    found = rows(tmp_path, f"{head}\n{text}")
    assert "failed" not in {row["kind"] for row in found}


@pytest.mark.parametrize(
    ("fields", "header"),
    [
        ("", "List-Unsubscribe: <https://s.example/?list=news@s.example&id=77>\n"),
        ("", "List-Unsubscribe: <mailto:news-leave@s.example>\n"),
        (
            "Original-Rcpt-To: 8f14e45f@b.example\n",
            "Return-Path: <bounces+jo=b.example@s.example>\n",
        ),
    ],
)
def test_a_complaint_concerns_the_recipient_and_not_the_list(
    tmp_path: Path, fields: str, header: str
) -> None:
    text = (
        "Return-Path: <fbl@b.example>\nFrom: fbl@b.example\nTo: fbl@s.example\n"
        "Date: Mon, 02 Mar 2026 09:00:00 +0000\nMIME-Version: 1.0\n"
        "Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n"
        "--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nVersion: 1\n"
        f"{fields}\n--b\nContent-Type: message/rfc822\n\n{header}From: news@s.example\n"
        "To: jo@b.example\nSubject: x\nMessage-ID: <1@s.example>\n\ntext\n--b--\n"
    )
    ingest(tmp_path, text, "fbl.eml")
    told = bouncewise(tmp_path, "history", "--json", "--db", "l", "news@s.example").stdout
    assert b"complaint" not in told
    assert (
        b"complaint"
        in bouncewise(tmp_path, "history", "--json", "--db", "l", "jo@b.example").stdout
    )


def test_of_one_second_the_order_of_the_lines_decides_nothing(tmp_path: Path) -> None:
    found = []
    for refused_first in (True, False):
        folder = tmp_path / str(refused_first)
        folder.mkdir()
        pair = [line(2, 9, "jo@b.example", refused=r) for r in (refused_first, not refused_first)]
        ingest(folder, "".join(pair), "log")
        found.append(decision(folder, "jo@b.example", at="2026-03-02T12:00:00Z"))
    assert found[0] == found[1] != "suppressed"


def test_a_file_of_line_breaks_is_read_in_seconds(tmp_path: Path) -> None:
    (tmp_path / "log.gz").write_bytes(gzip.compress(b"\n" * (64 << 20), 1))
    begun = time.process_time()
    assert bouncewise(tmp_path, "read", "log.gz").returncode == 0
    assert time.process_time() - begun < 5
