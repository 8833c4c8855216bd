"""SNDS and Postmaster Tools: figures read as their makers write them, kept once, with a trend."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from bouncewise.intake.formats import reader_for
from bouncewise.model.sender_report import Signal
from bouncewise.readers.base import Note
from bouncewise.readers.reports.signals import PostmasterReader, SndsReader
from support.cli import bouncewise

TODAY = datetime.now(UTC).date()
IP = "198.51.100.7"


def snds(day: date, result: str = "GREEN", rate: str = "< 0.1%", traps: int = 0) -> str:
    begin = f"{day - timedelta(days=1):%m/%d/%Y} 7:00 PM"
    return (
        f"{IP},{begin},{day:%m/%d/%Y} 6:00 PM,1200,1100,1090,{result},{rate},,,{traps},"
        "mail.shop.example,news@shop.example,\r\n"
    )


def v2(day: date, value: dict[str, Any], metric: str = "SPAM_RATE") -> dict[str, Any]:
    return {
        "name": "domains/shop.example/domainStats/x",
        "metric": metric,
        "date": {"year": day.year, "month": day.month, "day": day.day},
        "value": value,
    }


def read(content: str) -> list[Any]:
    raw = content.encode()
    reader = reader_for(raw[:4096])
    assert isinstance(reader, SndsReader | PostmasterReader)
    return list(reader.read(BytesIO(raw), "x"))


def test_a_row_of_snds() -> None:
    found = {s.name: (s.value, s.words) for s in read(snds(date(2026, 11, 3), "YELLOW", "0.4%", 2))}
    assert found == {
        "rcpt_commands": (1200, ""),
        "data_commands": (1100, ""),
        "message_recipients": (1090, ""),
        "filter_result": (1, "YELLOW"),
        "complaint_rate": (pytest.approx(0.004), "0.4%"),
        "trap_hits": (2, ""),
    }


def test_a_bad_row_of_snds_affects_only_itself() -> None:
    good = snds(date(2026, 11, 3))
    found = read(good + "nonsense\n" + good.replace("11/03/2026", "13/45/2026") + good)
    assert sum(isinstance(item, Note) for item in found) == 2
    assert sum(isinstance(item, Signal) for item in found) == 12


def test_postmaster_tools_v1_and_v2() -> None:
    first = {
        "trafficStats": [
            {
                "name": "domains/shop.example/trafficStats/20240131",
                "userReportedSpamRatio": 0.002,
                "domainReputation": "HIGH",
                "spfSuccessRatio": 1,
            }
        ]
    }
    found = {(s.day, s.name): (s.value, s.words) for s in read(json.dumps(first))}
    day = date(2024, 1, 31)
    assert found == {
        (day, "spam_rate"): (0.002, ""),
        (day, "domain_reputation"): (None, "HIGH"),
        (day, "spf_success_rate"): (1, ""),
    }
    stats = [
        v2(day, {"doubleValue": 0.004}),
        v2(day, {"intValue": "17"}, "My errors"),
        v2(day, {"stringList": {"values": ["a", "b"]}}, "loops"),
    ]
    second = read(json.dumps({"domainStats": stats}))
    assert [(s.name, s.value, s.words) for s in second] == [
        ("spam_rate", 0.004, ""),
        ("my_errors", 17, ""),
        ("loops", None, "a, b"),
    ]
    assert {(s.subject, s.day) for s in second} == {("shop.example", day)}


@pytest.mark.parametrize(
    "stat",
    [
        None,
        7,
        {},
        {"name": 5, "metric": "x", "date": {}, "value": {}},
        v2(date(2026, 1, 1), {"doubleValue": True}),
        v2(date(2026, 1, 1), {"intValue": "1" * 5000}),
        v2(date(2026, 1, 1), {"doubleValue": 1e300}),
        {**v2(date(2026, 1, 1), {"doubleValue": 1}), "date": {"year": 2026, "month": 99, "day": 1}},
        {**v2(date(2026, 1, 1), {"doubleValue": 1}), "date": {"year": 10**400, "month": 1}},
        {**v2(date(2026, 1, 1), {"doubleValue": 1}), "metric": None},
    ],
)
def test_hostile_figures_are_noted(stat: Any) -> None:
    (found,) = read(json.dumps({"domainStats": [stat]}))
    assert isinstance(found, Note)


def test_json_cut_short_is_noted() -> None:
    (found,) = read('{"domainStats": [{"name": "domains/a')
    assert isinstance(found, Note)
    assert found.ends_early


def signals(folder: Path, code: int) -> dict[str, dict[str, Any]]:
    done = bouncewise(folder, "sender", "signals", "--json")
    assert done.returncode == code, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines() if line]
    return {row["name"]: row for row in rows}


def test_the_ledger_keeps_a_figure_once_and_shows_the_trend(tmp_path: Path) -> None:
    days = [TODAY - timedelta(days=n) for n in (3, 2, 1)]
    (tmp_path / "a.csv").write_text("".join(map(snds, days)))
    assert bouncewise(tmp_path, "ingest", "a.csv").returncode == 0
    found = signals(tmp_path, 0)
    assert found["complaint_rate"]["value"] == pytest.approx(0.001)
    assert found["complaint_rate"]["day"] == days[-1].isoformat()
    (tmp_path / "b.csv").write_text(snds(days[-1], "YELLOW", "0.3%", 1))
    bouncewise(tmp_path, "ingest", "b.csv")
    found = signals(tmp_path, 1)
    assert found["filter_result"]["finding"] == "worse than before"
    assert found["filter_result"]["before"] == 0
    assert found["complaint_rate"]["finding"]
    assert found["trap_hits"]["finding"]
    assert not found["rcpt_commands"]["finding"]
    assert b"worse than before" in bouncewise(tmp_path, "sender", "signals").stdout


def test_read_shows_figures(tmp_path: Path) -> None:
    stats = {"domainStats": [v2(TODAY, {"floatValue": 0.001})]}
    (tmp_path / "p.json").write_text(json.dumps(stats))
    done = bouncewise(tmp_path, "read", "--json", "p.json")
    row = json.loads(done.stdout)
    assert (row["kind"], row["origin"], row["name"]) == ("signal", "postmaster", "spam_rate")
    assert b"spam_rate 0.001" in bouncewise(tmp_path, "read", "p.json").stdout


def test_no_figures_are_no_finding(tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text(snds(date(2020, 1, 1), "RED"))
    bouncewise(tmp_path, "ingest", "old.csv")
    assert signals(tmp_path, 0) == {}
