"""What a statement costs on a lake: bytes that Spark read, rows and files that Delta wrote."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import processes

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

WRITTEN = ("WRITE", "MERGE", "CREATE TABLE AS SELECT", "CREATE OR REPLACE TABLE AS SELECT")


@dataclass
class Cost:
    """CPU seconds of all processes, bytes read by Spark's tasks, rows written to Silver."""

    cpu: float = 0
    bytes_read: int = 0
    rows_written: int = 0
    files_rewritten: int = 0


@contextmanager
def cost_of(spark: SparkSession, lake: Path) -> Iterator[Cost]:
    """The cost of what happens in the block; filled in when it ends."""
    # Spark does not count what Parquet's vectored reads, which run in threads of their own, read.
    spark.conf.set("parquet.hadoop.vectored.io.enabled", "false")
    cost = Cost()
    cpu, read, versions = processes.cpu_seconds(os.getpid()), _bytes_read(spark), _versions(lake)
    yield cost
    cost.cpu = processes.cpu_seconds(os.getpid()) - cpu
    cost.bytes_read = _bytes_read(spark) - read
    for table in _tables(lake):
        for commit in _history(table, since=versions.get(table, -1)):
            metrics = commit.get("operationMetrics", {})
            if commit["operation"] in WRITTEN:
                cost.rows_written += int(metrics.get("numOutputRows", 0))
                cost.files_rewritten += int(metrics.get("numTargetFilesRemoved", 0))


def _bytes_read(spark: SparkSession) -> int:
    executors = spark.sparkContext._jsc.sc().statusStore().executorList(True)
    return sum(executors.apply(n).totalInputBytes() for n in range(executors.size()))


def _tables(lake: Path) -> list[Path]:
    return sorted(log.parent for log in (lake / "silver").glob("*/_delta_log"))


def _versions(lake: Path) -> dict[Path, int]:
    from deltalake import DeltaTable

    return {table: DeltaTable(str(table)).version() for table in _tables(lake)}


def _history(table: Path, since: int) -> list[dict[str, object]]:
    from deltalake import DeltaTable

    return [commit for commit in DeltaTable(str(table)).history() if commit["version"] > since]


def column_bytes(table: Path) -> tuple[int, int, Counter[str]]:
    """Rows and bytes on disk of a table's live files, and the compressed bytes of each column."""
    import pyarrow.parquet
    from deltalake import DeltaTable

    rows, columns = 0, Counter()
    files = [Path(uri.removeprefix("file://")) for uri in DeltaTable(str(table)).file_uris()]
    for path in files:
        metadata = pyarrow.parquet.ParquetFile(path).metadata
        rows += metadata.num_rows
        for group in map(metadata.row_group, range(metadata.num_row_groups)):
            for column in map(group.column, range(group.num_columns)):
                columns[column.path_in_schema.split(".")[0]] += column.total_compressed_size
    return rows, sum(path.stat().st_size for path in files), columns
