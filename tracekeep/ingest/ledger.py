"""The ledger of ingest: what was planned, what was read, what was committed.

Two Delta tables, written in this order: `bronze.ingest_files` holds a batch's plan before its
first write, `bronze.ingest_batches` its books after its last. A batch in the first alone was
interrupted and is loaded again from the same plan.
"""

from __future__ import annotations

import datetime
from collections.abc import Container, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from tracekeep.ingest.commit import commit_files
from tracekeep.ingest.plan import PlannedFile
from tracekeep.ingest.write import Stamp, write_rows
from tracekeep.lake import bronze_tables, has_table, read_table, table_path
from tracekeep.readers.files import FilePart
from tracekeep.readers.levels import number_of_word
from tracekeep.sql import literal

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

KAFKA, REPLAY, ERASURE = "kafka", "rejected_records", "erasure"
OTHER_SOURCES = (KAFKA, REPLAY, ERASURE)
"""Sources of a batch that are no files, as the plan names them in `source_format`."""

_PART_COLUMNS = tuple(FilePart.__dataclass_fields__)


class Ledger:
    """Reads the ledger without Spark; writes it through one Spark session."""

    def __init__(self, spark: SparkSession) -> None:
        self.spark = spark

    def create_tables(self) -> None:
        """Create the Bronze tables that do not exist yet, and add columns that a lake of an older
        release lacks (R15)."""
        for table, columns in bronze_tables().items():
            path = table_path(f"bronze.{table}")
            if not has_table(f"bronze.{table}"):
                self._create(table, columns)
                continue
            known = _open(table).schema().to_arrow().names
            missing = {name: kind for name, kind in columns.items() if name not in known}
            if missing:
                added = ", ".join(f"`{name}` {kind}" for name, kind in missing.items())
                self.spark.sql(f"alter table delta.`{path}` add columns ({added})")
            if "severity_source" in missing:
                self._number_levels(path)

    def _number_levels(self, path: Path) -> None:
        """Give log records of an older release, which has only the word of a level, its number."""
        unnumbered = "severity_number is null and severity_text is not null"
        texts = f"select distinct severity_text from delta.`{path}` where {unnumbered}"  # noqa: S608
        found = {row[0]: number_of_word(row[0]) for row in self.spark.sql(texts).collect()}
        cases = "".join(f" when {literal(w)} then {n}" for w, n in found.items() if n is not None)
        if cases:
            self.spark.sql(
                f"update delta.`{path}` set severity_number = case severity_text{cases} end "  # noqa: S608
                f"where {unnumbered}"
            )

    def _create(self, table: str, columns: dict[str, str]) -> None:
        from delta.tables import DeltaTable

        path = table_path(f"bronze.{table}")
        builder = DeltaTable.createIfNotExists(self.spark).location(str(path))
        for name, kind in columns.items():
            builder = builder.addColumn(name, kind)
        builder.partitionedBy("partition_date").execute()

    def latest_parts(self) -> dict[str, PlannedFile]:
        """The last planned part of each file, by path."""
        columns = [*_PART_COLUMNS, "modified_at_unix_nano", "ingest_batch"]
        rows = _rows("ingest_files", columns).to_pylist()
        rows.sort(key=lambda row: (row["ingest_batch"], row["to_position"]))
        return {row["source_file"]: _planned_file(row) for row in rows}

    def last_batch(self) -> int:
        """The greatest batch number ever planned; 0 before the first."""
        return max(self._batches("ingest_files"), default=0)

    def open_batches(self, source_formats: Container[str] | None = None) -> list[int]:
        """Batches that were planned but not committed, oldest first; None: those of files."""
        rows = _rows("ingest_files", ["ingest_batch", "source_format"])
        kinds = set(zip(*(column.to_pylist() for column in rows.columns), strict=True))
        wanted = {
            batch
            for batch, kind in kinds
            if (kind in source_formats if source_formats else kind not in OTHER_SOURCES)
        }
        return sorted(wanted - self._batches("ingest_batches"))

    def plan_without_files(self, source_format: str, source_file: str = "") -> int:
        """Plan a batch of one of OTHER_SOURCES that is not cut into parts; returns its number."""
        batch = self.last_batch() + 1
        part = FilePart(
            source_file=source_file,
            source_format=source_format,
            named_format=None,
            compression="none",
            fingerprint="",
            fingerprint_bytes=0,
            from_position=0,
            to_position=0,
        )
        now = datetime.datetime.now(datetime.UTC)
        self.store_plan({batch: [PlannedFile(part, 0)]}, None, now)
        return batch

    def close_erasure(self, batch: int) -> None:
        """Close the books of a batch without records: the next run of Silver takes it."""
        counts = ("file", "read", "span", "log_record", "change", "rejected")
        books = {f"{name}_count": 0 for name in counts}
        self.commit_batch(self.read_plan(batch)[1], books, ERASURE)

    def _batches(self, table: str) -> set[int]:
        return set(pc.unique(_rows(table, ["ingest_batch"])["ingest_batch"]).to_pylist())

    def store_plan(
        self,
        batches: dict[int, Sequence[PlannedFile]],
        region: str | None,
        now: datetime.datetime,
    ) -> None:
        """Write the plan of new batches, all in one commit.

        Raises RuntimeError if another ingest has stored a plan under these numbers meanwhile: on a
        file system whose locks do not reach that far.
        """
        rows = [
            {
                **asdict(file.part),
                "modified_at_unix_nano": file.modified_at_unix_nano,
                "ingest_batch": batch,
                "region": region,
                "planned_at": now,
            }
            for batch, files in batches.items()
            for file in files
        ]
        file = write_rows("ingest_files", rows, Stamp(max(batches), None, now))
        if not commit_files(self.spark, "ingest_files", [file], "plans", max(batches)):
            raise RuntimeError(
                f"another ingest has planned batch {max(batches)} at the same time; nothing was "
                "read. Start this ingest again"
            )

    def planned(self, fingerprint: str) -> int | None:
        """The batch with a part of this fingerprint; None if there is none."""
        rows = _rows("ingest_files", ["ingest_batch", "fingerprint"])
        found = rows.filter(pc.equal(rows["fingerprint"], fingerprint))["ingest_batch"].to_pylist()
        return max(found, default=None)

    def is_committed(self, batch: int) -> bool:
        """Whether the books of a batch are closed."""
        return batch in self._batches("ingest_batches")

    def read_plan(self, batch: int) -> tuple[list[FilePart], Stamp]:
        """File parts of a batch, and its stamp."""
        rows = _rows(
            "ingest_files",
            [*_PART_COLUMNS, "region", "planned_at"],
            [("ingest_batch", "=", batch)],
        ).to_pylist()
        parts = [FilePart(**{name: row[name] for name in _PART_COLUMNS}) for row in rows]
        return parts, Stamp(batch, rows[0]["region"], rows[0]["planned_at"])

    def held_rows(self, table: str, batch: int) -> int:
        """Rows that a Bronze table holds of a batch, by the statistics of its files."""
        actions = pa.table(_open(table).get_add_actions(flatten=True))
        if not actions.num_rows:
            return 0
        is_of_batch = pc.match_substring(actions["path"], f"/batch-{batch:010d}-")
        return pc.sum(actions.filter(is_of_batch)["num_records"]).as_py() or 0

    def commit_batch(self, stamp: Stamp, books: dict[str, int], source: str) -> None:
        """Close the books of a batch whose tables are all written."""
        row = {
            "ingest_batch": stamp.ingest_batch,
            **books,
            "planned_at": stamp.planned_at,
            "committed_at": datetime.datetime.now(datetime.UTC),
        }
        file = write_rows("ingest_batches", [row], stamp)
        commit_files(self.spark, "ingest_batches", [file], source, stamp.ingest_batch)


def _open(table: str) -> Any:
    from deltalake import DeltaTable

    return DeltaTable(str(table_path(f"bronze.{table}")))


def _rows(table: str, columns: list[str], filters: list[Any] | None = None) -> pa.Table:
    return read_table(f"bronze.{table}", columns, filters)


def _planned_file(row: dict[str, Any]) -> PlannedFile:
    part = FilePart(**{name: row[name] for name in _PART_COLUMNS})
    return PlannedFile(part, row["modified_at_unix_nano"])
