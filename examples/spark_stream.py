"""Structured Streaming: bounce files are judged as they land in a folder.

    spark-submit examples/spark_stream.py landing/ judged/

Each Parquet file in landing/ has a column "reply". Replace the source by .format("kafka") and the same line judges it.
"""

import sys

from pyspark.sql import SparkSession

from bouncewise.bulk.spark import session, with_verdict

landing, judged = sys.argv[1:3]
spark = session(SparkSession.builder.appName("bouncewise-stream"))
replies = spark.readStream.schema("recipient string, at timestamp, reply string").parquet(landing)
query = (
    with_verdict(replies)
    .writeStream.format("parquet")
    .option("path", judged)
    .option("checkpointLocation", f"{judged}/_checkpoint")
    .start()
)
query.awaitTermination()
