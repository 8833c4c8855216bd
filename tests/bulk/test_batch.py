"""``bouncewise batch``: every input, the same bytes twice, goes on where it stopped, counts; and
the same on Spark.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

pl = pytest.importorskip("polars")

from bouncewise.classifier.classify import default_classifier  # noqa: E402
from bouncewise.cli import bouncewise  # noqa: E402
from bouncewise.errors import InputError  # noqa: E402
from bouncewise.intake import files  # noqa: E402
from bouncewise.model import Finding, Kind  # noqa: E402

LOGS = Path(__file__).parents[1] / "fixtures" / "logs"
ROWS = [
    ("ann@there.example", "2026-11-23 10:00:00", "550 5.1.1 User unknown"),
    (
        "bob@there.example",
        "2026-11-23 11:00:00",
        "550 5.4.1 Recipient address rejected: Access denied",
    ),
    ("cy@slow.example", "2026-11-24 10:00:00", "451 4.7.1 Greylisted"),
]


def call(*args: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "bouncewise", "batch", *args], capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def table(tmp_path: Path) -> pl.DataFrame:
    frame = pl.DataFrame(ROWS, schema=["recipient", "at", "reply"], orient="row")
    frame.write_parquet(tmp_path / "in.parquet")
    frame.write_csv(tmp_path / "in.csv")
    frame.write_ndjson(tmp_path / "in.ndjson")
    return frame


@pytest.mark.parametrize("name", ["in.parquet", "in.csv", "in.ndjson"])
def test_columns_beside_their_own(name: str, table: pl.DataFrame, tmp_path: Path) -> None:
    call(str(tmp_path / name), "-o", str(tmp_path / "out"))
    (part,) = (tmp_path / "out").glob("*.parquet")
    found = pl.read_parquet(part)
    assert found.columns[:3] == ["recipient", "at", "reply"]
    assert found["cause"].to_list() == [default_classifier().classify(r[2]).cause for r in ROWS]
    assert found["advice"].to_list() == ["suppress-address", "suppress-address", "retry-later"]


def test_logs_by_their_own_readers(tmp_path: Path) -> None:
    call(
        str(LOGS / "powermta.csv"),
        str(LOGS / "kumomta.jsonl"),
        str(LOGS / "sendmail.log"),
        "-o",
        str(tmp_path),
    )
    causes = {
        log: pl.read_parquet(part)
        for part in tmp_path.glob("*.parquet")
        for log in ("powermta", "kumomta", "sendmail")
        if f"{log}." in part.name
    }
    assert causes["kumomta"]["cause"].to_list()[0] == "mailbox-unknown"
    assert causes["sendmail"].height == 4
    assert causes["powermta"]["cause"].to_list()[0] == "access-denied"


def test_same_bytes_twice_and_resumes(table: pl.DataFrame, tmp_path: Path) -> None:
    out = tmp_path / "out"
    both = [str(tmp_path / "in.csv"), str(tmp_path / "in.parquet")]
    call(*both, "-o", str(out))
    first = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in out.iterdir()}
    assert json.loads(call(*both, "-o", str(out), "--json"))["rows"] == 0
    next(iter(out.iterdir())).unlink()
    assert json.loads(call(*both, "-o", str(out), "--json", "--jobs", "2"))["rows"] == 3
    assert {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in out.iterdir()} == first


def test_counts(table: pl.DataFrame, tmp_path: Path) -> None:
    call(
        str(tmp_path / "in.csv"),
        str(tmp_path / "in.parquet"),
        "-o",
        str(tmp_path / "out"),
        "--by",
        "domain,day,cause",
    )
    assert (tmp_path / "out" / "counts.csv").read_text().splitlines() == [
        "domain,day,cause,count",
        "slow.example,2026-11-24,greylisted,2",
        "there.example,2026-11-23,access-denied,2",
        "there.example,2026-11-23,mailbox-unknown,2",
    ]


def test_says_what_to_do(table: pl.DataFrame, tmp_path: Path) -> None:
    plain = tmp_path / "no.csv"
    plain.write_text("a,b\n1,2\n")
    for args, words in [
        ((str(plain),), "name one of a, b with --reply"),
        ((str(tmp_path / "in.csv"), "--reply", "nope"), "no column 'nope'"),
        ((str(tmp_path / "in.csv"), "--by", "moon"), "choose from domain"),
        (("-",), "not standard input"),
    ]:
        assert words in call(*args, "-o", str(tmp_path / "o"), code=2)


def test_deliveries_in_a_log_have_no_verdict(tmp_path: Path) -> None:
    reports = files.read(str(LOGS / "sendmail.log"))
    kinds = Counter(item.report.kind for item in reports if isinstance(item, Finding))
    call(str(LOGS / "sendmail.log"), "-o", str(tmp_path), "--by", "cause")
    rows = (tmp_path / "counts.csv").read_text().splitlines()[1:]
    counts = {cause: int(n) for cause, n in (row.split(",") for row in rows)}
    assert counts[""] == kinds[Kind.DELIVERED] > 0
    assert sum(counts.values()) == kinds.total()


def test_a_missing_library_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delitem(sys.modules, "bouncewise.bulk.batch", raising=False)
    monkeypatch.delattr("bouncewise.bulk.batch", raising=False)
    monkeypatch.setitem(sys.modules, "polars", None)
    done = CliRunner().invoke(bouncewise, ["batch", "x.csv", "-o", str(tmp_path)])
    assert isinstance(done.exception, InputError)
    assert "pip install '.[scale]'" in str(done.exception)
