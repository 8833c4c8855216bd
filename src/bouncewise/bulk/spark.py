"""The same verdicts on Spark, with ``mapInArrow`` over the columns of ``bulk.columns``.

    spark-submit --packages … -m bouncewise.bulk.spark IN.parquet OUT [--by]
    python -m bouncewise.bulk.spark IN.parquet OUT

Reads: a Spark DataFrame with a column of replies. Gives: its columns and those of the verdict, with
the version of the rules in ``rules``; counts by domain, day and cause; a list without suppressed
addresses. The rules are sent with the job; the workers need bouncewise[scale] (docs/spark.md).
Needs Java 17 and the extra ``[spark]``.
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
from bouncewise.classifier.classify import NO_RULE
from bouncewise.classifier.combine import MODEL_RULE
from bouncewise.model import Advice, Cause, Party, Permanence, Stage
from bouncewise.rules.load import RuleSet, load, shipped

if TYPE_CHECKING:
    import pyarrow

ARROW_ROWS = 100_000
"""Rows that Spark passes to Python at once (spark.sql.execution.arrow.maxRecordsPerBatch).

With Spark's default of 10,000, the job takes a third longer.
"""

_OPEN_TYPES: dict[str, Any] = {
    "reply_code": ShortType(),
    "status": StringType(),
    "confidence": FloatType(),
    "alternates": ArrayType(StringType()),
}
"""The types of the columns whose values are open; each other column has one of a few words."""


def session(builder: SparkSession.Builder) -> SparkSession:
    """A session in which rows are passed to Python and back as fast as Spark can.

    It passes ARROW_ROWS rows at once, and uses a Unix socket instead of TCP (from Spark 4.1 on).
    """
    builder = builder.config("spark.sql.execution.arrow.maxRecordsPerBatch", ARROW_ROWS)
    return builder.config("spark.python.unix.domain.socket.enabled", "true").getOrCreate()


def with_verdict(
    df: DataFrame,
    reply: str = "reply",
    receiver: str | None = None,
    stage: str | None = None,
    rules: RuleSet | None = None,
) -> DataFrame:
    """*df* with the columns of the verdict behind its own.

    *reply*, *receiver* and *stage* are names of columns. *rules* are sent to the workers (default:
    the rules that come with bouncewise); their version is the column ``rules``.
    """
    ruleset = rules or shipped()
    packed, words, fields = msgspec.msgpack.encode(ruleset), _words(ruleset), tuple(SCHEMA)

    def classified(batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
        # Spark gives a task one core; polars reads this when it is first imported.
        os.environ.setdefault("POLARS_MAX_THREADS", "1")
        import polars as pl
        import pyarrow

        from bouncewise.bulk.columns import classifier_of

        classifier = classifier_of(packed)
        types = {name: pyarrow.int16() for name in fields}
        types |= {"status": pyarrow.string(), "confidence": pyarrow.float32()}
        types |= {"alternates": pyarrow.list_(pyarrow.string())}
        for batch in batches:
            frame = pl.DataFrame(pl.from_arrow(batch))
            verdict = classifier.verdict_columns(frame, reply, receiver=receiver, stage=stage)
            numbered = verdict.with_columns(
                pl.col(name).cast(pl.Enum(choices)).to_physical() for name, choices in words.items()
            )
            columns = [numbered[name].to_arrow().cast(types[name]) for name in fields]
            names = [*batch.schema.names, *fields]
            yield pyarrow.RecordBatch.from_arrays([*batch.columns, *columns], names=names)

    # Words are passed between the processes as numbers, which takes a fifth less time.
    added = [StructField(name, _OPEN_TYPES.get(name, ShortType())) for name in SCHEMA]
    numbered = df.mapInArrow(classified, StructType([*df.schema.fields, *added]))
    word_columns = {
        name: F.get(F.array(*map(F.lit, choices)), F.col(f"`{name}`"))
        for name, choices in words.items()
    }
    return numbered.withColumns(word_columns).withColumn("rules", F.lit(ruleset.version))


def _words(ruleset: RuleSet) -> dict[str, list[str]]:
    """The words that each column can have, for the columns in which they are few."""
    return {
        "stage": [stage.value for stage in Stage],
        "receiver": [receiver.id for receiver in ruleset.receivers],
        "cause": [cause.value for cause in Cause],
        "party": [party.value for party in Party],
        "permanence": [permanence.value for permanence in Permanence],
        "advice": [advice.value for advice in Advice],
        "rule": [NO_RULE, MODEL_RULE, *(rule.id for rule in ruleset.rules)],
    }


def aggregate(classified: DataFrame, recipient: str = "recipient", at: str = "at") -> DataFrame:
    """The number of replies by the recipient's domain, day and cause."""
    domain = F.lower(F.substring_index(F.col(recipient), "@", -1)).alias("domain")
    return classified.groupBy(domain, F.to_date(F.col(at)).alias("day"), "cause").count()


def allowed(addresses: DataFrame, suppressions: DataFrame, address: str = "email") -> DataFrame:
    """The rows of *addresses* whose *address* is not suppressed, nor its domain.

    *suppressions* has the columns ``address`` and ``domain``, as `suppressions export` writes them.
    """
    by_name = suppressions.where(F.col("address").isNotNull()).select(
        F.lower("address").alias("_name")
    )
    by_domain = suppressions.where(F.col("domain").isNotNull()).select(
        F.lower("domain").alias("_domain")
    )
    name = F.lower(F.trim(F.col(address)))
    domain = F.lower(F.substring_index(F.trim(F.col(address)), "@", -1))
    not_by_name = addresses.join(by_name, name == by_name["_name"], "left_anti")
    return not_by_name.join(by_domain, domain == by_domain["_domain"], "left_anti")


def main() -> None:
    """Read Parquet, classify, and write Parquet."""
    parser = argparse.ArgumentParser(
        prog="python -m bouncewise.bulk.spark",
        description="Classify the replies of a Parquet data set on Spark.",
    )
    parser.add_argument("source", help="a Parquet file or folder that Spark can read")
    parser.add_argument("target", help="the folder to write to; its content is replaced")
    parser.add_argument("--reply", default="reply", help="the column of replies (default: reply)")
    parser.add_argument("--receiver", help="a column with the id of the receiver, if there is one")
    parser.add_argument(
        "--rules",
        action="append",
        type=Path,
        default=[],
        help="a file or folder of your own rules; repeatable",
    )
    parser.add_argument(
        "--by",
        action="store_true",
        help="write counts by domain, day and cause; needs columns recipient and at",
    )
    options = parser.parse_args()
    rules = load(tuple(options.rules)) if options.rules else shipped()
    spark = session(SparkSession.builder.appName(f"bouncewise {rules.version}"))
    source = spark.read.parquet(options.source)
    classified = with_verdict(source, options.reply, options.receiver, rules=rules)
    result = aggregate(classified) if options.by else classified
    result.write.mode("overwrite").parquet(options.target)
    spark.stop()


if __name__ == "__main__":
    main()
