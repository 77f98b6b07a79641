"""Makes a lake large for readers: `python more_traces.py N` writes each trace of TRACEKEEP_LAKE N
more times, under ids of their own, into the tables that hold traces, in the order in which their
models write. No layer is built of it."""

from __future__ import annotations

import sys

from pyspark.sql.functions import col, concat, explode, lit, md5, sequence

from tracekeep.lake import table_path
from tracekeep.session import spark_session, take_both_compilers

ORDERS = {
    "silver.traces": ("trace_id",),
    "silver.spans": ("trace_id", "started_at"),
    "silver.log_records": ("trace_id", "logged_at"),
    "gold.sampled_spans": ("trace_id", "started_at"),
    "gold.sampled_log_records": ("trace_id", "logged_at"),
    "gold.error_events": ("service", "fingerprint", "counted_at"),
}
COPIES_A_FILE = 16


def multiply(copies: int) -> None:
    """Append the copies of each table."""
    take_both_compilers()
    spark = spark_session()
    for name, order in ORDERS.items():
        rows = spark.read.format("delta").load(str(table_path(name))).where("trace_id is not null")
        numbered = rows.withColumn("copy", explode(sequence(lit(1), lit(copies))))
        copied = numbered.withColumn("trace_id", md5(concat(col("trace_id"), col("copy"))))
        files = -(-copies // COPIES_A_FILE)
        copied = copied.drop("copy").repartitionByRange(files, "partition_date", *order)
        copied = copied.sortWithinPartitions("partition_date", *order)
        copied.write.format("delta").mode("append").save(str(table_path(name)))


if __name__ == "__main__":
    multiply(int(sys.argv[1]))
