"""Every log reader over its fixture: what is told, whatever the newline; sniffed right, read twice
alike, in constant memory.
"""

from __future__ import annotations

import io
import random
import time
import tomllib
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from bouncewise.classifier.classify import default_classifier
from bouncewise.intake.formats import FORMATS, reader_for
from bouncewise.model import Finding, Kind

FOLDER = Path(__file__).parents[1] / "fixtures" / "logs"
FIXTURES = sorted(p for p in FOLDER.iterdir() if p.suffix != ".toml")
ALL = {"exim", "postfix"}  # long, genuine logs of which the table holds the beginning


def findings(raw: bytes, path: str) -> list[Finding]:
    reader = reader_for(raw[:65536])
    assert reader is not None
    return [item for item in reader.read(io.BytesIO(raw), path) if isinstance(item, Finding)]


def fields(finding: Finding) -> dict[str, Any]:
    r = finding.report
    verdict = default_classifier().classify_report(r)
    return {
        "kind": r.kind,
        "recipient": r.recipient,
        "original_recipient": r.original_recipient,
        "sender": r.sender,
        "at": r.at and r.at.replace(microsecond=0),
        "message_id": r.message_id,
        "remote_mta": r.remote_mta,
        "stage": r.stage,
        "reply_code": r.reply and r.reply.reply_code,
        "status": r.reply and r.reply.status,
        "label": r.esp and r.esp.label,
        "cause": verdict and verdict.cause,
    }


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
    told = [f.key for f in findings(raw, "a") if f.report.kind is not Kind.DELIVERED]
    assert len(set(told)) == len(told)


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda p: p.stem)
def test_memory_stays_constant(fixture: Path) -> None:
    raw = fixture.read_bytes()
    long = raw + b"\n" + raw * (5_000_000 // len(raw))
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
    raw = fixture.read_bytes()
    known = {f.report.recipient for f in findings(raw, "x")}
    reader = reader_for(raw)
    assert reader is not None
    ends = sorted(
        {*range(min(len(raw), 1500)), *random.Random(7).sample(range(len(raw)), min(200, len(raw)))}
    )
    for end in ends:
        for item in reader.read(io.BytesIO(raw[:end]), "x"):
            if isinstance(item, Finding):
                assert any(k.startswith(item.report.recipient) for k in known), item.report


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda p: p.stem)
def test_damaged_anywhere_never_raises(fixture: Path) -> None:
    raw, chance = fixture.read_bytes(), random.Random(11)
    reader = reader_for(raw)
    assert reader is not None
    for _ in range(200):
        bad = bytearray(raw)
        for _ in range(chance.randrange(1, 30)):
            bad[chance.randrange(len(bad))] = chance.choice(b'\0\n\r"@<>[]{},;=:\\ \xff\xfe5')
        list(reader.read(io.BytesIO(bytes(bad)), "x"))
        reader_for(bytes(bad))


# What makes a careless pattern look again and again: the parts that formats repeat, tens of
# thousands of times in a line.
BAIT = [
    "@",
    "<a@b",
    "<",
    '"',
    "=",
    ", stat=",
    ", delay=",
    ", reply=",
    " stat=",
    " R=x",
    ": ",
    "{LED=",
    "##",
    ";",
    ",",
    " ",
    "\\",
    "[",
    "(a) ",
    " to=<",
    "a@",
]


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda p: p.stem)
def test_a_hostile_line_takes_no_time(fixture: Path) -> None:
    raw = fixture.read_bytes()
    reader = reader_for(raw)
    assert reader is not None
    starts = {
        line[:at]
        for line in raw.splitlines()[:12]
        for at in (0, len(line) // 3, len(line) // 2, len(line))
    }
    header = raw.splitlines()[0] + b"\n" if fixture.suffix == ".csv" else b""
    for bait in BAIT:
        line = (bait * 65536).encode()
        for start in starts:
            began = time.perf_counter()
            list(reader.read(io.BytesIO(header + start + line[:60000] + b"\n"), "x"))
            assert time.perf_counter() - began < 1.5, (start, bait)
        began = time.perf_counter()
        reader.sniff(line[:65536])
        assert time.perf_counter() - began < 1.5, bait


def test_utf16_trace() -> None:
    text = (FOLDER / "exchange-trace.csv").read_text("utf-8")
    assert [f.report.recipient for f in findings(text.encode("utf-16"), "x")] == [
        "ann@there.example",
        "bob@there.example",
    ]


def test_formats_are_named_once() -> None:
    assert len({r.name for r in FORMATS}) == len(FORMATS)
    assert all(r.about for r in FORMATS)


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda p: p.stem)
def test_no_other_reader_takes_it_for_its_own(fixture: Path) -> None:
    head = fixture.read_bytes()[:65536]
    # Bare replies are what nearly anything could be; that reader is asked last.
    assert (
        len(
            [
                r.name
                for r in FORMATS
                if r.name not in ("replies", "esp-payload", "sns-mail") and r.sniff(head)
            ]
        )
        == 1
    )


def test_an_answer_cannot_forge_fields() -> None:
    line = (
        b"Nov 23 10:00:05 out smtpd[8]: 5a1f0c2b3d4e5f62 mta delivery evpid=9b8a7c6d5e4f3a24 "
        b"from=<l@s.example> to=<a@evil.example> "
        b'rcpt=<-> source="192.0.2.1" relay="192.0.2.66 (mx)" delay=1s result="Ok" stat="250 '
        b'ok" to=<v@good.example> result="PermFail"\n'
    )
    assert [(f.report.recipient, f.report.kind) for f in findings(line, "x")] == [
        ("a@evil.example", "delivered")
    ]


def test_rows_after_an_unclosed_quote_are_read() -> None:
    text = (
        b'type,timeLogged,rcpt,dsnDiag\nb,1,a@x.example,"550 cut\nb,2,b@x.example,"550 '
        b'no"\nb,3,c@x.example,550 no\n'
    )
    assert [f.report.recipient for f in findings(text, "x")] == ["b@x.example", "c@x.example"]


def test_one_mail_cannot_fill_the_memory() -> None:
    lines = b"".join(
        b"2026-11-23 10:00:00 1xVcQB-0004dh-2c == u%d@x.example R=a T=b defer (0): 451 no\n" % i
        for i in range(40_000)
    )
    reader = reader_for(lines[:65536])
    assert reader is not None
    tracemalloc.start()
    assert sum(1 for _ in reader.read(io.BytesIO(lines), "x")) == 40_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12_000_000


def test_a_zonemta_host_without_end_takes_no_time() -> None:
    fixture = FOLDER / "zonemta-lines.log"
    raw = fixture.read_bytes()
    start = (
        next(line for line in raw.splitlines() if b" mx=" in line).partition(b" mx=")[0] + b" mx="
    )
    reader = reader_for(raw)
    assert reader is not None
    began = time.perf_counter()
    list(reader.read(io.BytesIO(start + b"a" * 60_000 + b"\n"), "x"))
    assert time.perf_counter() - began < 1.5
