"""The ledger of ingest: what was planned, what was read, what was committed.

Two Delta tables, written in this order: `bronze.ingest_files` holds a batch's plan before its
first write, `bronze.ingest_batches` its books after its last. A batch in the first alone was
interrupted and is loaded again from the same plan.
"""

from __future__ import annotations

import datetime
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tracekeep.ingest.plan import PlannedFile
from tracekeep.ingest.readers.files import FilePart
from tracekeep.lake import bronze_properties, bronze_tables, table_path

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_PART_COLUMNS = tuple(FilePart.__dataclass_fields__)


class Ledger:
    """Reads and writes the ledger through one Spark session."""

    def __init__(self, spark: SparkSession) -> None:
        self.spark = spark

    def create_tables(self) -> None:
        """Create the Bronze tables that do not exist yet."""
        from delta.tables import DeltaTable

        for table, columns in bronze_tables().items():
            path = table_path(f"bronze.{table}")
            if (path / "_delta_log").exists():
                continue
            builder = DeltaTable.createIfNotExists(self.spark).location(str(path))
            for name, kind in columns.items():
                builder = builder.addColumn(name, kind)
            for key, value in bronze_properties().items():
                builder = builder.property(key, value)
            builder.partitionedBy("partition_date").execute()

    def rows(self, table: str) -> DataFrame:
        """A Bronze table as it stands."""
        return self.spark.read.format("delta").load(str(table_path(f"bronze.{table}")))

    def latest_parts(self) -> dict[str, PlannedFile]:
        """The last planned part of each file, by path."""
        from pyspark.sql import functions as f

        latest = (
            self.rows("ingest_files")
            .groupBy("source_file")
            .agg(
                f.max_by(
                    f.struct(*_PART_COLUMNS, "modified_at_unix_nano"),
                    f.struct("ingest_batch", "to_position"),
                ).alias("part")
            )
        )
        return {row["source_file"]: _planned_file(row["part"]) for row in latest.collect()}

    def last_batch(self) -> int:
        """The greatest batch number ever planned; 0 before the first."""
        (row,) = self.rows("ingest_files").agg({"ingest_batch": "max"}).collect()
        return int(row[0] or 0)

    def open_batches(self) -> list[int]:
        """Batches that were planned but not committed, oldest first."""
        return sorted(self._batches("ingest_files") - self._batches("ingest_batches"))

    def _batches(self, table: str) -> set[int]:
        numbers = self.rows(table).select("ingest_batch").distinct().collect()
        return {row["ingest_batch"] for row in numbers}

    def store_plan(
        self, batches: dict[int, list[PlannedFile]], region: str | None, now: datetime.datetime
    ) -> None:
        """Write the plan of new batches, all in one commit."""
        rows = [
            {
                **asdict(file.part),
                "modified_at_unix_nano": file.modified_at_unix_nano,
                "ingest_batch": batch,
                "region": region,
                "planned_at": now,
                "partition_date": now.date(),
            }
            for batch, files in batches.items()
            for file in files
        ]
        self._append("ingest_files", rows, max(batches))

    def read_plan(self, batch: int) -> tuple[list[FilePart], str | None, datetime.datetime]:
        """File parts, region and planning time (UTC) of a batch."""
        rows = self.rows("ingest_files").where(f"ingest_batch = {batch:d}").collect()
        parts = [FilePart(**{name: row[name] for name in _PART_COLUMNS}) for row in rows]
        # Spark hands out times without a zone, in that of this machine
        return parts, rows[0]["region"], rows[0]["planned_at"].astimezone(datetime.UTC)

    def commit_batch(
        self, batch: int, books: dict[str, Any], planned_at: datetime.datetime
    ) -> None:
        """Close the books of a batch whose tables are all written."""
        row = {
            "ingest_batch": batch,
            **books,
            "planned_at": planned_at,
            "committed_at": datetime.datetime.now(datetime.UTC),
            "partition_date": planned_at.date(),
        }
        self._append("ingest_batches", [row], batch)

    def _append(self, table: str, rows: list[dict[str, Any]], version: int) -> None:
        columns = bronze_tables()[table]
        schema = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        values = [tuple(row[name] for name in columns) for row in rows]
        frame = self.spark.createDataFrame(values, schema).coalesce(1)
        append_once(frame, table, version)


def append_once(frame: DataFrame, table: str, version: int) -> None:
    """Append rows to a Bronze table; a repeated call with the same version does nothing."""
    (
        frame.write.format("delta")
        .mode("append")
        .option("txnAppId", f"tracekeep-ingest-{table}")
        .option("txnVersion", version)
        .save(str(table_path(f"bronze.{table}")))
    )


def _planned_file(row: Any) -> PlannedFile:
    part = FilePart(**{name: row[name] for name in _PART_COLUMNS})
    return PlannedFile(part, row["modified_at_unix_nano"])
