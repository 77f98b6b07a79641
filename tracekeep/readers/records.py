"""What readers yield: one shape of record for each Bronze table."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from tracekeep.readers.values import content_hash

Record = dict[str, Any]
"""One row: `table` and the columns of that table but those that the load stamps on.

Missing columns are null. `raw_text` is bytes here; text columns may hold any str.
"""

TABLES = ("spans", "log_records", "changes", "rejected_records")

_ATTRIBUTES = pa.map_(pa.string(), pa.string())

ARROW_TYPES = {
    "string": pa.string(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"),
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


def span_record(**columns: Any) -> Record:
    """A row of bronze.spans. Without both ids its content is its identity (R3)."""
    record = {"table": "spans", **columns}
    if columns["trace_id"] is None or columns["span_id"] is None:
        record["record_hash"] = content_hash(
            [value for key, value in columns.items() if key != "raw_text"]
        )
    return record


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


def change_record(**columns: Any) -> Record:
    """A row of bronze.changes."""
    return {"table": "changes", **columns}


def refused_record(record: Record) -> Record:
    """The row of bronze.rejected_records that a record of what was erased becomes: its place alone,
    for the books."""
    places = ("region", "source_format", "source_file", "source_position", "source_index")
    return {
        "table": "rejected_records",
        "reason": "erased",
        **{name: record[name] for name in places if name in record},
    }


def rejected_record(reason: str, raw: bytes, detail: str | None = None) -> Record:
    """A row of bronze.rejected_records."""
    return {"table": "rejected_records", "reason": reason, "detail": detail, "raw_text": raw}
