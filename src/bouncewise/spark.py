"""The same verdicts on Spark: ``mapInArrow`` over the column path, aggregates, an anti-join with the suppression list.

    spark-submit --packages … -m bouncewise.spark IN.parquet OUT [--by]      or:  python -m bouncewise.spark IN.parquet OUT

Gives: the input's columns and the verdict's, with the rule set's version in ``rules``. The rules travel with the package:
install bouncewise[spark] on the workers, or ship its wheel with --py-files. Needs Java 17 and the extra ``[spark]``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.types import ArrayType, FloatType, ShortType, StringType, StructField, StructType

from bouncewise.columns import SCHEMA
from bouncewise.judge import default

if TYPE_CHECKING:
    import pyarrow

CHUNK = 100_000
"""Rows that Spark should hand over at once (spark.sql.execution.arrow.maxRecordsPerBatch); its own 10,000 cost a third."""

_TYPES: dict[str, Any] = {"reply_code": ShortType(), "confidence": FloatType(), "alternates": ArrayType(StringType())}
VERDICT = StructType(
    [StructField(name, _TYPES.get(name, StringType())) for name in SCHEMA] + [StructField("rules", StringType())]
)


def with_verdict(
    df: DataFrame, reply: str = "reply", receiver: str | None = None, stage: str | None = None
) -> DataFrame:
    """*df* with the verdict on its column *reply* beside its own columns; *receiver* and *stage* name columns too."""

    def judged(batches: Iterator[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
        import polars as pl
        import pyarrow

        from bouncewise.columns import Judge

        judge = Judge()
        types = {
            "reply_code": pyarrow.int16(),
            "confidence": pyarrow.float32(),
            "alternates": pyarrow.list_(pyarrow.string()),
        }
        version = judge.classifier.ruleset.version
        for batch in batches:
            frame = pl.DataFrame(pl.from_arrow(batch))
            found = judge.columns(frame, reply, receiver=receiver, stage=stage)
            columns = [found[name].to_arrow().cast(types.get(name, pyarrow.string())) for name in SCHEMA]
            columns += [pyarrow.array([version] * batch.num_rows, pyarrow.string())]
            names = [*batch.schema.names, *SCHEMA, "rules"]
            yield pyarrow.RecordBatch.from_arrays([*batch.columns, *columns], names=names)

    return df.mapInArrow(judged, StructType([*df.schema.fields, *VERDICT.fields]))


def aggregate(judged: DataFrame, recipient: str = "recipient", at: str = "at") -> DataFrame:
    """How many of each cause, by recipient's domain and day."""
    domain = F.lower(F.substring_index(F.col(recipient), "@", -1)).alias("domain")
    return judged.groupBy(domain, F.to_date(F.col(at)).alias("day"), "cause").count()


def allowed(addresses: DataFrame, suppressions: DataFrame, address: str = "email") -> DataFrame:
    """Those of *addresses* that are not among *suppressions* (columns ``address`` and ``domain``, as exported)."""
    by_name = suppressions.where(F.col("address").isNotNull()).select(F.lower("address").alias("_name"))
    by_domain = suppressions.where(F.col("domain").isNotNull()).select(F.lower("domain").alias("_domain"))
    name, domain = F.lower(F.trim(F.col(address))), F.lower(F.substring_index(F.trim(F.col(address)), "@", -1))
    kept = addresses.join(by_name, name == by_name["_name"], "left_anti")
    return kept.join(by_domain, domain == by_domain["_domain"], "left_anti")


def main() -> None:
    """The job: Parquet in, Parquet out."""
    args = argparse.ArgumentParser(prog="python -m bouncewise.spark", description="Judge a Parquet data set on Spark.")
    args.add_argument("source", help="a Parquet file or folder that Spark can read")
    args.add_argument("target", help="where to write")
    args.add_argument("--reply", default="reply", help="the column of replies (default: reply)")
    args.add_argument("--receiver", help="a column that names the receiver, where it is known")
    args.add_argument(
        "--by", action="store_true", help="write counts by domain, day and cause; needs columns recipient and at"
    )
    options = args.parse_args()
    spark = SparkSession.builder.appName(f"bouncewise {default().ruleset.version}").getOrCreate()
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", CHUNK)
    judged = with_verdict(spark.read.parquet(options.source), options.reply, options.receiver)
    (aggregate(judged) if options.by else judged).write.mode("overwrite").parquet(options.target)
    spark.stop()


if __name__ == "__main__":
    main()
