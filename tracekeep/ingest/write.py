"""Records as Parquet files of the Bronze tables. Runs where the readers run; knows no Spark."""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tracekeep.erased_ids import ErasedIds
from tracekeep.lake import bronze_tables, table_path
from tracekeep.readers.records import ARROW_TYPES, Record, refused_record

ROWS_PER_CHUNK = 4_096
BYTES_PER_CHUNK = 8 << 20
BYTES_PER_ROW_GROUP = 64 << 20
_REPEATED = (
    "span_id", "parent_span_id", "name", "kind", "status_code", "severity_text", "stream",
    "scope_name", "scope_version", "region", "source_format", "source_file", "reason", "trace_id",
)  # fmt: skip
"""Columns whose values repeat: only these are tried as dictionaries."""
_MEASURED = ("trace_id", "time_unix_nano", "start_time_unix_nano", "ingest_batch")
"""Columns whose least and greatest value the Delta log notes, so that files can be skipped."""


@dataclass(frozen=True)
class WrittenFile:
    """A Parquet file that no version of its table names yet.

    path: relative to the table; stats: Delta's statistics as JSON.
    """

    table: str
    path: str
    row_count: int
    byte_count: int
    stats: str


@dataclass(frozen=True)
class Stamp:
    """What all records of an ingest batch have in common."""

    ingest_batch: int
    region: str | None
    planned_at: datetime.datetime

    def columns(self, record: Record) -> dict[str, Any]:
        """The stamped columns of one record; its region by R16."""
        region = record.get("region") or self.region
        if region is None:
            resource = record.get("resource_attributes") or ()
            region = next((value for key, value in resource if key == "cloud.region"), "")
        return {
            "region": region or "unknown",
            "ingest_batch": self.ingest_batch,
            "ingested_at": self.planned_at,
        }


class BronzeWriter:
    """Sorts records into one Parquet file a table, opened when its first record comes.

    erased: what was erased stays out (R12): such a record is a reject without its text.
    """

    def __init__(self, stamp: Stamp, erased: ErasedIds | None) -> None:
        self._stamp = stamp
        self._erased = erased
        self._files: dict[str, _TableFile] = {}

    def add(self, record: Record) -> None:
        """Take a record; `raw_text` is bytes. Raises OSError if the disk is full."""
        if self._erased is not None and self._erased.holds(record):
            record = refused_record(record)
        table = record["table"]
        file = self._files.get(table)
        if file is None:
            file = self._files[table] = _TableFile(table, self._stamp)
        record.update(self._stamp.columns(record))
        file.add(record)

    def close(self) -> list[WrittenFile]:
        """Finish all files. Raises OSError if the disk is full."""
        return [file.close() for file in self._files.values()]


def write_rows(table: str, rows: Iterable[Record], stamp: Stamp) -> WrittenFile:
    """Whole rows of one table as one file. Raises OSError if the disk is full."""
    file = _TableFile(table, stamp)
    for row in rows:
        file.add(row)
    return file.close()


class _TableFile:
    def __init__(self, table: str, stamp: Stamp) -> None:
        columns = dict(bronze_tables()[table])
        del columns["partition_date"]  # the folder says it
        day = stamp.planned_at.date()
        self._table = table
        self._schema = pa.schema([(name, ARROW_TYPES[kind]) for name, kind in columns.items()])
        name = f"batch-{stamp.ingest_batch:010d}-{uuid.uuid4()}.zstd.parquet"
        self._path = f"partition_date={day}/{name}"
        path = table_path(f"bronze.{table}") / self._path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("wb")
        self._metadata: list[pq.FileMetaData] = []
        self._writer = pq.ParquetWriter(
            self._file,
            self._schema,
            metadata_collector=self._metadata,
            compression="zstd",
            compression_level=3,
            use_dictionary=[name for name in _REPEATED if name in columns],
            write_statistics=[name for name in _MEASURED if name in columns],
        )
        self._records: list[Record] = []
        self._record_bytes = 0
        self._chunks: list[pa.RecordBatch] = []
        self._chunk_bytes = 0

    def add(self, record: Record) -> None:
        self._records.append(record)
        raw = record.get("raw_text")
        if raw is not None:
            self._record_bytes += len(raw)
            record["raw_text"] = raw.decode("utf-8", "replace")
        if len(self._records) >= ROWS_PER_CHUNK or self._record_bytes >= BYTES_PER_CHUNK:
            self._end_chunk()

    def _end_chunk(self) -> None:
        columns = [_column(self._records, entry.name, entry.type) for entry in self._schema]
        chunk = pa.RecordBatch.from_arrays(columns, schema=self._schema)
        self._chunks.append(chunk)
        self._chunk_bytes += chunk.nbytes
        self._records, self._record_bytes = [], 0
        if self._chunk_bytes >= BYTES_PER_ROW_GROUP:
            self._end_row_group()

    def _end_row_group(self) -> None:
        rows = pa.Table.from_batches(self._chunks, self._schema)
        self._writer.write_table(rows, row_group_size=max(1, rows.num_rows))
        self._chunks, self._chunk_bytes = [], 0

    def close(self) -> WrittenFile:
        if self._records:
            self._end_chunk()
        if self._chunks:
            self._end_row_group()
        self._writer.close()
        size = self._file.tell()
        self._file.close()
        (metadata,) = self._metadata
        return WrittenFile(self._table, self._path, metadata.num_rows, size, _stats(metadata))


def _column(records: list[Record], name: str, kind: pa.DataType) -> pa.Array:
    """One column of the records. Records of one resource share its attribute list: such a list is
    converted once."""
    if name != "resource_attributes":
        return pa.array([record.get(name) for record in records], kind)
    places: dict[int, int] = {}
    distinct = []
    indices = []
    for record in records:
        value = record.get(name)
        place = places.get(id(value))
        if place is None:
            place = places[id(value)] = len(distinct)
            distinct.append(value)
        indices.append(place)
    return pa.array(distinct, kind).take(pa.array(indices, pa.int32()))


def _stats(metadata: pq.FileMetaData) -> str:
    """Delta's statistics of a file: its rows, and least and greatest values where all are known."""
    least: dict[str, Any] = {}
    greatest: dict[str, Any] = {}
    nulls: dict[str, int] = {}
    for number in range(metadata.num_columns):
        name = metadata.row_group(0).column(number).path_in_schema if metadata.num_rows else ""
        if name not in _MEASURED:
            continue
        groups = [metadata.row_group(g).column(number) for g in range(metadata.num_row_groups)]
        known = [group.statistics for group in groups if group.statistics is not None]
        if len(known) < len(groups) or not all(s.has_null_count for s in known):
            continue
        nulls[name] = sum(statistics.null_count for statistics in known)
        bounds = [statistics for statistics in known if statistics.has_min_max]
        if bounds:
            least[name] = min(statistics.min for statistics in bounds)
            greatest[name] = max(statistics.max for statistics in bounds)
    return json.dumps(
        {
            "numRecords": metadata.num_rows,
            "minValues": least,
            "maxValues": greatest,
            "nullCount": nulls,
        }
    )
