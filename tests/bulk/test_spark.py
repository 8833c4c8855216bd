"""The same verdicts on Spark, in local mode; `make spark` installs what it needs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("pyspark", reason="make spark installs it")
import polars as pl
from pyspark.sql import SparkSession

from bouncewise.bulk.spark import aggregate, allowed, session, with_verdict
from bouncewise.classifier.classify import Classifier, default_classifier
from bouncewise.rules.load import load

EXAMPLES = Path(__file__).parents[2] / "examples"
ROWS = [
    ("ann@there.example", "2026-11-23 10:00:00", "550 5.1.1 User unknown"),
    (
        "bob@there.example",
        "2026-11-23 11:00:00",
        "550 5.4.1 Recipient address rejected: Access denied",
    ),
    ("cy@slow.example", "2026-11-24 10:00:00", "451 4.7.1 Greylisted"),
    ("dee@odd.example", "2026-11-24 10:00:00", None),
]
os.environ.setdefault("PYSPARK_PYTHON", sys.executable)


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    opened = session(builder.config("spark.sql.shuffle.partitions", "2"))
    yield opened
    opened.stop()


@pytest.fixture
def file(tmp_path: Path) -> str:
    pl.DataFrame(ROWS, schema=["recipient", "at", "reply"], orient="row").write_parquet(
        tmp_path / "in.parquet"
    )
    return str(tmp_path / "in.parquet")


def test_the_verdicts_are_the_same(spark: SparkSession, file: str) -> None:
    rows = with_verdict(spark.read.parquet(file)).orderBy("recipient").collect()
    for found, (*_, reply) in zip(rows, ROWS, strict=True):
        v = default_classifier().classify(reply or "")
        assert (found["reply_code"], found["status"], found["stage"]) == (
            v.reply_code,
            v.status,
            v.stage,
        )
        assert (found["receiver"], found["cause"], found["party"]) == (v.receiver, v.cause, v.party)
        assert (found["permanence"], found["advice"], found["rule"]) == (
            v.permanence,
            v.advice,
            v.rule,
        )
        assert round(found["confidence"], 2) == v.confidence
        assert found["alternates"] == [c.value for c in v.alternates]
        assert found["rules"] == default_classifier().ruleset.version


def test_a_sites_own_rules_travel_with_the_job(spark: SparkSession, file: str) -> None:
    own = load((EXAMPLES / "rules",))
    rule = own.rules[0]
    example = rule.example[0] if isinstance(rule.example[0], str) else rule.example[0].reply
    (found,) = with_verdict(
        spark.createDataFrame([(example,)], "reply string"), rules=own
    ).collect()
    assert found["rule"] == Classifier(own).classify(example).rule == rule.id
    assert found["rules"] == own.version != default_classifier().ruleset.version


def test_counts_and_who_is_left(spark: SparkSession, file: str) -> None:
    judged = with_verdict(spark.read.parquet(file))
    counts = {
        (r["domain"], str(r["day"]), r["cause"]): r["count"] for r in aggregate(judged).collect()
    }
    assert counts == {
        ("there.example", "2026-11-23", "mailbox-unknown"): 1,
        ("there.example", "2026-11-23", "access-denied"): 1,
        ("slow.example", "2026-11-24", "greylisted"): 1,
        ("odd.example", "2026-11-24", "unknown"): 1,
    }
    people = spark.createDataFrame(
        [("Ann@there.example",), ("bob@there.example",), ("x@gone.example",)], "email string"
    )
    gone = spark.createDataFrame(
        [("ann@there.example", None), (None, "gone.example")], "address string, domain string"
    )
    assert [r["email"] for r in allowed(people, gone).collect()] == ["bob@there.example"]


def test_a_stream_is_judged_as_it_lands(spark: SparkSession, file: str, tmp_path: Path) -> None:
    source = spark.readStream.schema("recipient string, at string, reply string").parquet(
        str(Path(file).parent)
    )
    query = (
        with_verdict(source)
        .writeStream.format("parquet")
        .option("path", str(tmp_path / "judged"))
        .option("checkpointLocation", str(tmp_path / "checkpoint"))
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()
    assert {r["cause"] for r in spark.read.parquet(str(tmp_path / "judged")).collect()} >= {
        "mailbox-unknown",
        "greylisted",
    }


def test_the_job(file: str, tmp_path: Path) -> None:
    out = tmp_path / "counts"
    command = [sys.executable, "-m", "bouncewise.bulk.spark", file, str(out), "--by"]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"SPARK_MASTER": "local[1]"}
    )
    assert done.returncode == 0, done.stderr
    found = pl.concat(map(pl.read_parquet, sorted(out.glob("*.parquet"))))
    assert sorted(zip(found["domain"], found["cause"], found["count"], strict=True))[1] == (
        "slow.example",
        "greylisted",
        1,
    )
