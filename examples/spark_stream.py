"""Structured Streaming: files of bounces are classified as they arrive in a folder.

    spark-submit examples/spark_stream.py landing/ classified/

Each Parquet file in landing/ has a column "reply". With .format("kafka") as the source, the same line classifies a topic.
"""

import sys

from pyspark.sql import SparkSession

from bouncewise.bulk.spark import session, with_verdict

landing, classified = sys.argv[1:3]
spark = session(SparkSession.builder.appName("bouncewise-stream"))
replies = spark.readStream.schema("recipient string, at timestamp, reply string").parquet(landing)
query = (
    with_verdict(replies)
    .writeStream.format("parquet")
    .option("path", classified)
    .option("checkpointLocation", f"{classified}/_checkpoint")
    .start()
)
query.awaitTermination()
