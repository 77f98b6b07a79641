"""One flat shape for everything that readers yield, so that one pass fills all Bronze tables."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from tracekeep.ingest.values import content_hash
from tracekeep.lake import bronze_tables

Record = dict[str, Any]
"""One row: `table` (spans, log_records, rejected_records) and the columns of that table.

Missing columns are null. `raw_text` is bytes here; text columns may hold any str.
"""

TABLES = ("spans", "log_records", "changes", "rejected_records")

STAMPS = ("region", "ingest_batch", "ingested_at", "partition_date")
"""Columns that the load adds to each row; readers do not know them."""

_ATTRIBUTES = pa.map_(pa.string(), pa.string())

ARROW_TYPES = {
    "string": pa.string(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "boolean": pa.bool_(),
    "map<string,string>": _ATTRIBUTES,
    "array<struct<time_unix_nano:bigint,name:string,attributes:map<string,string>>>": pa.list_(
        pa.struct(
            [("time_unix_nano", pa.int64()), ("name", pa.string()), ("attributes", _ATTRIBUTES)]
        )
    ),
    "array<struct<trace_id:string,span_id:string,trace_state:string,"
    "attributes:map<string,string>>>": pa.list_(
        pa.struct(
            [
                ("trace_id", pa.string()),
                ("span_id", pa.string()),
                ("trace_state", pa.string()),
                ("attributes", _ATTRIBUTES),
            ]
        )
    ),
}


def record_columns() -> dict[str, str]:
    """Columns of a record and their Spark types: `table`, then the union of Bronze's columns."""
    columns = {"table": "string"}
    for table in TABLES:
        columns |= {
            name: kind for name, kind in bronze_tables()[table].items() if name not in STAMPS
        }
    return columns


def record_schema() -> pa.Schema:
    """Arrow schema of the records, as the readers hand them to Spark."""
    return pa.schema([(name, ARROW_TYPES[kind]) for name, kind in record_columns().items()])


def span_record(**columns: Any) -> Record:
    """A row of bronze.spans."""
    return {"table": "spans", **columns}


def log_record(**columns: Any) -> Record:
    """A row of bronze.log_records. Without a trace id its content is its identity (R3)."""
    record = {"table": "log_records", **columns}
    if record["trace_id"] is None:
        attributes = dict(record["attributes"])
        record["record_hash"] = content_hash(
            attributes["log.record.uid"]
            if attributes.get("log.record.uid")
            else [
                log_source(dict(record["resource_attributes"])),
                record["time_unix_nano"],
                record["span_id"],
                record["body"],
            ]
        )
    return record


def log_source(resource: dict[str, str]) -> list[str | None]:
    """What emitted a log record: the container of a pod, else the service."""
    if "k8s.pod.name" in resource:
        keys = ("k8s.namespace.name", "k8s.pod.name", "k8s.container.name")
        return [resource.get(key) for key in keys]
    return [resource.get("service.name")]


def rejected_record(reason: str, raw: bytes, detail: str | None = None) -> Record:
    """A row of bronze.rejected_records."""
    return {"table": "rejected_records", "reason": reason, "detail": detail, "raw_text": raw}
