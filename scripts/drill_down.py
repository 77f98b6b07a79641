"""From windows to raw lines in PySpark: the drill-down for people who train models.

Three steps, each with Delta's time travel, read by path: no metastore, no dbt. Change what you
like; as it is, it prints a few rows of each step for the lake in TRACEKEEP_LAKE.

    python scripts/drill_down.py                              # as of what Gold names
    python scripts/drill_down.py --as-of 2026-11-20T08:00     # as of a time since it was built
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tracekeep.lake import table_path
from tracekeep.session import spark_session

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def read(spark: SparkSession, table: str, as_of: int | datetime | None = None) -> DataFrame:
    """A table of the lake, `layer.table`, as of a version or a time (None: now).

    Without the days that have expired since: old versions name files of theirs that are gone.
    Delta takes a time up to the last commit; a later one means that commit. Raises Delta's error
    for what can no longer be travelled to.
    """
    path = str(table_path(table))
    reader = spark.read.format("delta")
    if isinstance(as_of, datetime):
        last = spark.sql(f"describe history delta.`{path}` limit 1").first()
        if as_of.timestamp() < last.timestamp.timestamp():
            reader = reader.option("timestampAsOf", f"{as_of.astimezone(UTC):%F %T.%f}")
    elif as_of is not None:
        reader = reader.option("versionAsOf", as_of)
    rows = reader.load(path)
    days = expired_days(spark, table)
    return rows.where(~rows.partition_date.isin(days)) if days else rows


def expired_days(spark: SparkSession, table: str) -> list[date]:
    """The days that expiry has removed from a table."""
    path = table_path("control.expired_days")
    if not path.is_dir():
        return []
    days = spark.read.format("delta").load(str(path))
    days = days.where(days.table_name == table).select("partition_date").distinct()
    return [row.partition_date for row in days.collect()]


def incident_windows(
    spark: SparkSession, min_error_rate: float = 0.5, as_of: int | datetime | None = None
) -> DataFrame:
    """Step 1, Gold: windows that fail more often than a rate. as_of: of gold.endpoint_minutes."""
    windows = read(spark, "gold.endpoint_minutes", as_of)
    return windows.where(windows.error_rate > min_error_rate)


def versions_of(spark: SparkSession, build_id: str) -> dict[str, int]:
    """The Delta versions of all tables that a row of Gold was made of, by its build."""
    builds = read(spark, "gold.build_versions")
    rows = builds.where(builds.build_id == build_id).select("table_name", "table_version").collect()
    return {row.table_name: row.table_version for row in rows}


def trace_spans(
    spark: SparkSession, trace_ids: list[str], as_of: int | datetime | None = None
) -> DataFrame:
    """Step 2, Silver: the spans of whole traces. as_of: of silver.spans."""
    spans = read(spark, "silver.spans", as_of)
    return spans.where(spans.trace_id.isin(trace_ids))


def raw_lines(
    spark: SparkSession, trace_ids: list[str], as_of: int | datetime | None = None
) -> DataFrame:
    """Step 3, Bronze: the raw text of these spans, not masked. as_of: of bronze.spans."""
    spans = read(spark, "bronze.spans", as_of)
    return spans.where(spans.trace_id.isin(trace_ids)).select("trace_id", "span_id", "raw_text")


def main() -> None:
    """Print a few rows of each step, for the windows with most errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--as-of", type=datetime.fromisoformat, metavar="TIME", help="UTC")
    time = parser.parse_args().as_of
    if time is not None and time.tzinfo is None:
        time = time.replace(tzinfo=UTC)

    spark = spark_session()
    windows = incident_windows(spark, as_of=time).orderBy("error_count", ascending=False)
    worst = windows.first()
    if worst is None:
        sys.exit("drill_down: no window failed more often than not")
    windows.select("window_start", "service", "endpoint", "error_count", "error_rate").show(5)
    versions = versions_of(spark, worst.build_id)
    silver = time or versions["silver.spans"]
    bronze = time or versions["bronze.spans"]
    spans = trace_spans(spark, worst.sample_trace_ids, silver)
    spans.select("trace_id", "service", "endpoint", "latency_ms", "error_message").show(10)
    raw_lines(spark, worst.sample_trace_ids, bronze).show(5, truncate=120)


if __name__ == "__main__":
    main()
