"""Loading one planned batch into the Bronze tables."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Iterator
from functools import reduce
from typing import TYPE_CHECKING

import pyarrow as pa

from tracekeep.ingest.ledger import Ledger, append_once
from tracekeep.ingest.plan import cut_tasks
from tracekeep.ingest.readers.files import FilePart, Piece, read_piece
from tracekeep.ingest.records import TABLES, Record, record_columns, record_schema
from tracekeep.lake import bronze_tables

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_ROWS_PER_ARROW_BATCH = 2_000
_BYTES_PER_ARROW_BATCH = 8 << 20


def load_batch(ledger: Ledger, batch: int, is_repeated: bool = False) -> dict[str, int]:
    """Load a planned batch and close its books; returns them.

    Safe to repeat after a crash anywhere: the plan is stored, each table takes the batch once.
    Where a file was changed or removed before the repetition, the books say what the tables hold.
    Raises RuntimeError if the tables do not hold what the readers met in a first try.
    """
    from pyspark import StorageLevel

    parts, region, planned_at = ledger.read_plan(batch)
    records = _stamped(_records(ledger, parts), batch, region, planned_at)
    records = records.persist(StorageLevel.DISK_ONLY)
    try:
        met = {row["table"]: row["count"] for row in records.groupBy("table").count().collect()}
        for table in TABLES:
            if met.get(table):
                rows = records.where(f"table = '{table}'").select(*bronze_tables()[table])
                append_once(rows, table, batch)
    finally:
        records.unpersist()
    held = _held(ledger, batch, planned_at.date())
    books = {
        "file_count": len(parts),
        "read_count": sum(met.values()),
        "span_count": held["spans"],
        "log_record_count": held["log_records"],
        "change_count": held["changes"],
        "rejected_count": held["rejected_records"],
    }
    if books["read_count"] != sum(held.values()):
        difference = f"the readers met {met}, the tables hold {held}"
        if not is_repeated:
            raise RuntimeError(f"the books of ingest batch {batch} do not add up: {difference}")
        print(
            f"ingest: batch {batch}: a file changed after the try that was cut short: {difference}",
            file=sys.stderr,
        )
        books["read_count"] = sum(held.values())
    ledger.commit_batch(batch, books, planned_at)
    return books


def _held(ledger: Ledger, batch: int, day: datetime.date) -> dict[str, int]:
    """Rows of a batch that each table holds; one query, because each costs a plan of its own."""
    from pyspark.sql import DataFrame
    from pyspark.sql import functions as f

    counts = [
        ledger.rows(table)
        .where((f.col("partition_date") == f.lit(day)) & (f.col("ingest_batch") == batch))
        .agg(f.lit(table).alias("table"), f.count("*").alias("count"))
        for table in TABLES
    ]
    return {row["table"]: row["count"] for row in reduce(DataFrame.union, counts).collect()}


def _records(ledger: Ledger, parts: list[FilePart]) -> DataFrame:
    """One row per record of the parts, read by Python workers, one task at a time each."""
    spark = ledger.spark
    tasks = cut_tasks(parts, spark.sparkContext.defaultParallelism)
    schema = record_schema()
    ddl = ", ".join(f"`{name}` {kind}" for name, kind in record_columns().items())

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for numbers in batches:
            for number in numbers.column(0).to_pylist():
                yield from _arrow_batches(tasks[number], schema)

    return spark.range(0, len(tasks), 1, len(tasks)).mapInArrow(read, ddl)


def _arrow_batches(pieces: list[Piece], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    rows: list[Record] = []
    size = 0
    for piece in pieces:
        part = piece.part
        for position, index, record in read_piece(piece):
            size += len(record["raw_text"])
            record["raw_text"] = record["raw_text"].decode("utf-8", "replace")
            record["source_format"] = part.source_format
            record["source_file"] = part.source_file
            record["source_position"] = position
            record["source_index"] = index
            rows.append(record)
            if len(rows) >= _ROWS_PER_ARROW_BATCH or size >= _BYTES_PER_ARROW_BATCH:
                yield _arrow_batch(rows, schema)
                rows, size = [], 0
    if rows:
        yield _arrow_batch(rows, schema)


def _arrow_batch(rows: list[Record], schema: pa.Schema) -> pa.RecordBatch:
    columns = [pa.array([row.get(entry.name) for row in rows], entry.type) for entry in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _stamped(
    records: DataFrame, batch: int, region: str | None, planned_at: datetime.datetime
) -> DataFrame:
    """Records with region (R16), batch and arrival time."""
    from pyspark.sql import functions as f

    return records.withColumns(
        {
            "region": f.coalesce(
                f.lit(region), f.col("resource_attributes")["cloud.region"], f.lit("unknown")
            ),
            "ingest_batch": f.lit(batch).cast("bigint"),
            "ingested_at": f.lit(planned_at),
            "partition_date": f.lit(planned_at.date()),
        }
    )
