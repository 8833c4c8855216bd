"""The same verdicts on Spark: ``mapInArrow`` over the column path, aggregates, an anti-join with the suppression list.

    spark-submit --packages … -m bouncewise.bulk.spark IN.parquet OUT [--by]
    python -m bouncewise.bulk.spark IN.parquet OUT

Gives: the input's columns and the verdict's, with the rule set's version in ``rules``. The rules travel with the job;
the workers need bouncewise[scale] (docs/spark.md). Needs Java 17 and the extra ``[spark]``.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.types import ArrayType, FloatType, ShortType, StringType, StructField, StructType

from bouncewise.bulk.columns import SCHEMA
from bouncewise.model import Advice, Cause, Party, Permanence, Stage
from bouncewise.rules.load import RuleSet, load, shipped

if TYPE_CHECKING:
    import pyarrow

CHUNK = 100_000
"""Rows that Spark should hand over at once (spark.sql.execution.arrow.maxRecordsPerBatch); its own 10,000 cost a third."""

_OPEN: dict[str, Any] = {
    "reply_code": ShortType(),
    "status": StringType(),
    "confidence": FloatType(),
    "alternates": ArrayType(StringType()),
}
"""Columns of the verdict that hold anything; all others hold one of a few words each, which the rules tell beforehand."""


def session(builder: SparkSession.Builder) -> SparkSession:
    """A session that passes rows to Python and back as fast as Spark can: CHUNK at once, and not by TCP (from Spark 4.1 on)."""
    builder = builder.config("spark.sql.execution.arrow.maxRecordsPerBatch", CHUNK)
    return builder.config("spark.python.unix.domain.socket.enabled", "true").getOrCreate()


def with_verdict(
    df: DataFrame,
    reply: str = "reply",
    receiver: str | None = None,
    stage: str | None = None,
    rules: RuleSet | None = None,
) -> DataFrame:
    """*df* with the verdict on its column *reply* beside its own columns; *receiver* and *stage* name columns too.

    *rules* (by default those that come with bouncewise) travel to the workers; their version is the column ``rules``.
    """
    ruleset = rules or shipped()
    packed, words, fields = msgspec.msgpack.encode(ruleset), _words(ruleset), tuple(SCHEMA)

    def judged(batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
        os.environ.setdefault(
            "POLARS_MAX_THREADS", "1"
        )  # Spark gives a task one core; read when polars is first imported
        import polars as pl
        import pyarrow

        from bouncewise.bulk.columns import unpacked

        judge = unpacked(packed)
        types = {
            "reply_code": pyarrow.int16(),
            "status": pyarrow.string(),
            "confidence": pyarrow.float32(),
        }
        kept = (
            {name: pyarrow.int16() for name in words}
            | types
            | {"alternates": pyarrow.list_(pyarrow.string())}
        )
        for batch in batches:
            frame = pl.DataFrame(pl.from_arrow(batch))
            found = judge.columns(frame, reply, receiver=receiver, stage=stage)
            placed = found.with_columns(
                pl.col(name).cast(pl.Enum(some)).to_physical() for name, some in words.items()
            )
            columns = [placed[name].to_arrow().cast(kept[name]) for name in fields]
            names = [*batch.schema.names, *fields]
            yield pyarrow.RecordBatch.from_arrays([*batch.columns, *columns], names=names)

    own = df.schema.fields
    numbered = df.mapInArrow(
        judged, StructType([*own, *(StructField(n, _OPEN.get(n, ShortType())) for n in SCHEMA)])
    )
    # Words pass between the processes as numbers, which costs a fifth less than the words.
    told = {
        name: F.get(F.array(*map(F.lit, some)), F.col(f"`{name}`")) for name, some in words.items()
    }
    return numbered.withColumns(told).withColumn("rules", F.lit(ruleset.version))


def _words(ruleset: RuleSet) -> dict[str, list[str]]:
    """What each column may hold, where that is known."""
    return {
        "stage": [stage.value for stage in Stage],
        "receiver": [receiver.id for receiver in ruleset.receivers],
        "cause": [cause.value for cause in Cause],
        "party": [party.value for party in Party],
        "permanence": [permanence.value for permanence in Permanence],
        "advice": [advice.value for advice in Advice],
        "rule": ["none", *(rule.id for rule in ruleset.rules)],
    }


def aggregate(judged: DataFrame, recipient: str = "recipient", at: str = "at") -> DataFrame:
    """How many of each cause, by recipient's domain and day."""
    domain = F.lower(F.substring_index(F.col(recipient), "@", -1)).alias("domain")
    return judged.groupBy(domain, F.to_date(F.col(at)).alias("day"), "cause").count()


def allowed(addresses: DataFrame, suppressions: DataFrame, address: str = "email") -> DataFrame:
    """Those of *addresses* that are not among *suppressions* (columns ``address`` and ``domain``, as exported)."""
    by_name = suppressions.where(F.col("address").isNotNull()).select(
        F.lower("address").alias("_name")
    )
    by_domain = suppressions.where(F.col("domain").isNotNull()).select(
        F.lower("domain").alias("_domain")
    )
    name, domain = (
        F.lower(F.trim(F.col(address))),
        F.lower(F.substring_index(F.trim(F.col(address)), "@", -1)),
    )
    kept = addresses.join(by_name, name == by_name["_name"], "left_anti")
    return kept.join(by_domain, domain == by_domain["_domain"], "left_anti")


def main() -> None:
    """The job: Parquet in, Parquet out."""
    args = argparse.ArgumentParser(
        prog="python -m bouncewise.bulk.spark", description="Judge a Parquet data set on Spark."
    )
    args.add_argument("source", help="a Parquet file or folder that Spark can read")
    args.add_argument("target", help="where to write")
    args.add_argument("--reply", default="reply", help="the column of replies (default: reply)")
    args.add_argument("--receiver", help="a column that names the receiver, where it is known")
    args.add_argument(
        "--rules",
        action="append",
        type=Path,
        default=[],
        help="a file or folder of your own rules; repeatable",
    )
    args.add_argument(
        "--by",
        action="store_true",
        help="write counts by domain, day and cause; needs columns recipient and at",
    )
    options = args.parse_args()
    rules = load(tuple(options.rules)) if options.rules else shipped()
    spark = session(SparkSession.builder.appName(f"bouncewise {rules.version}"))
    judged = with_verdict(
        spark.read.parquet(options.source), options.reply, options.receiver, rules=rules
    )
    (aggregate(judged) if options.by else judged).write.mode("overwrite").parquet(options.target)
    spark.stop()


if __name__ == "__main__":
    main()
