"""A lake of a few rows, written without Spark: one incident, known to the row."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from tracekeep.erased_ids import TRACE, id_hash

START = datetime(2026, 1, 12, 10, 15, tzinfo=UTC)
DAY = START.date()
ARRIVAL = datetime(2026, 1, 13, 1, tzinfo=UTC)
BUILD = "20260113T020000Z-aaaaaaaa"
FAILED, FINE, LEFT_OUT = "a" * 32, "b" * 32, "c" * 32
"""A failed trace; one without an error that Gold keeps, and one that it does not."""

HOSTILE = (
    "</script><script>document.title='owned'</script>\x1b[2J\x1b]0;owned\x07\r\nIncident\u202e"
)
TEXT, NUMBER, REAL, BOOL = pa.string(), pa.int64(), pa.float64(), pa.bool_()
TIME, DATE = pa.timestamp("us", tz="UTC"), pa.date32()
MAP = pa.map_(TEXT, TEXT)
LINK = pa.struct({"trace_id": TEXT, "span_id": TEXT, "trace_state": TEXT, "attributes": MAP})
STEP = pa.struct({
    "span_id": TEXT, "parent_span_id": TEXT, "service": TEXT, "endpoint": TEXT, "operation": TEXT,
    "kind": TEXT, "latency_ms": REAL, "status_code": TEXT, "http_status_code": pa.int32(),
    "rpc_status_code": pa.int32(), "is_error": BOOL, "error_message": TEXT,
})  # fmt: skip
PATTERN = pa.struct({
    "fingerprint": TEXT, "error_message": TEXT, "failure_count": NUMBER, "trace_id": TEXT,
})  # fmt: skip
NAMED = {"bronze_version": NUMBER, "silver_version": NUMBER, "build_id": TEXT}
ARRIVED = {"first_arrival_at": TIME, "last_arrival_at": TIME, "partition_date": DATE}
SPAN = {
    "trace_id": TEXT, "span_id": TEXT, "parent_span_id": TEXT, "service": TEXT, "endpoint": TEXT,
    "operation": TEXT, "kind": TEXT, "status_code": TEXT, "status_message": TEXT,
    "error_type": TEXT, "error_message": TEXT, "error_stack": TEXT, "environment": TEXT,
    "pod": TEXT, "service_version": TEXT, "http_status_code": pa.int32(),
    "rpc_status_code": pa.int32(), "latency_ms": REAL, "is_error": BOOL, "started_at": TIME,
    "started_at_ns": pa.int16(), "record_hash": TEXT, "scope_name": TEXT, "attributes": MAP,
    "resource_attributes": MAP, "links": pa.list_(LINK), **ARRIVED, **NAMED,
}  # fmt: skip
LOG = {
    "trace_id": TEXT, "span_id": TEXT, "service": TEXT, "severity_text": TEXT,
    "severity_number": pa.int32(), "body": TEXT, "error_type": TEXT, "is_error": BOOL, "pod": TEXT,
    "logged_at": TIME, "logged_at_ns": pa.int16(), "event_name": TEXT, "attributes": MAP,
    **ARRIVED, **NAMED,
}  # fmt: skip
RAW = {
    "trace_id": TEXT, "span_id": TEXT, "raw_text": TEXT, "source_format": TEXT,
    "source_file": TEXT, "source_position": NUMBER, "partition_date": DATE,
}  # fmt: skip
SCHEMAS: dict[str, dict[str, pa.DataType]] = {
    "gold.endpoint_minutes": {
        "window_start": TIME, "environment": TEXT, "region": TEXT, "service": TEXT,
        "endpoint": TEXT, "sample_trace_ids": pa.list_(TEXT), "error_patterns": pa.list_(PATTERN),
        "pattern_count": NUMBER, "request_count": NUMBER, "error_count": NUMBER,
        "error_log_count": NUMBER, "slow_count": NUMBER, "trace_count": NUMBER, "error_rate": REAL,
        "p50_latency_ms": REAL, "p95_latency_ms": REAL, "p99_latency_ms": REAL,
        "max_latency_ms": REAL, "partition_date": DATE, **NAMED,
    },
    "gold.incident_paths": {
        "trace_id": TEXT, "span_id": TEXT, "service": TEXT, "endpoint": TEXT, "fingerprint": TEXT,
        "error_type": TEXT, "error_message": TEXT, "suspected_root_cause": TEXT,
        "service_path": pa.list_(TEXT), "steps": pa.list_(STEP),
        "critical_path": pa.list_(pa.struct({
            "span_id": TEXT, "service": TEXT, "endpoint": TEXT, "added_ms": REAL,
        })),
        "marks": pa.list_(TEXT), "environment": TEXT, "path_rank": pa.int32(),
        "path_count": pa.int32(), "is_fatal": BOOL, "started_at": TIME, "partition_date": DATE,
        **NAMED,
    },
    "gold.sampled_spans": {**SPAN, "sample_class": TEXT, "sample_weight": REAL},
    "gold.sampled_log_records": LOG,
    "gold.call_graph_minutes": {
        "window_start": TIME, "environment": TEXT, "source_service": TEXT, "target_service": TEXT,
        "target_type": TEXT, "trace_id": TEXT, "call_count": NUMBER, "error_count": NUMBER,
        "client_p95_latency_ms": REAL, "server_p95_latency_ms": REAL, "partition_date": DATE,
    },
    "gold.change_effects": {
        "change_key": TEXT, "change_source": TEXT, "change_kind": TEXT, "change_type": TEXT,
        "change_id": TEXT, "service": TEXT, "environment": TEXT, "service_version": TEXT,
        "changed_at": TIME, "neighbour_count": NUMBER, "new_pattern_count": NUMBER,
        "error_rate_before": REAL, "error_rate_after": REAL, "p95_latency_ms_before": REAL,
        "p95_latency_ms_after": REAL, "error_rate_effect": REAL, "p95_latency_effect": REAL,
        "request_count_before": NUMBER, "request_count_after": NUMBER, "partition_date": DATE,
    },
    "gold.environment_days": {"environment": TEXT, "first_event_at": TIME},
    "gold.error_pattern_days": {
        "environment": TEXT, "fingerprint": TEXT, "pattern_version": pa.int32(),
        "first_seen_at": TIME, "service": TEXT, "error_type": TEXT, "error_template": TEXT,
        "top_frame": TEXT, "trace_id": TEXT, "partition_date": DATE,
    },
    "bronze.ingest_batches": {
        "ingest_batch": NUMBER, "committed_at": TIME, "partition_date": DATE,
    },
    "gold.error_patterns": {
        "environment": TEXT, "fingerprint": TEXT, "service": TEXT, "error_type": TEXT,
        "error_template": TEXT, "error_message": TEXT, "top_frame": TEXT, "trace_id": TEXT,
        "first_seen_at": TIME, "last_seen_at": TIME, "failure_count": NUMBER,
    },
    "gold.build_versions": {"build_id": TEXT, "table_name": TEXT, "table_version": NUMBER},
    "control.expired_days": {
        "table_name": TEXT, "partition_date": DATE, "expired_at": TIME, "record_count": NUMBER,
        "bytes": NUMBER,
    },
    "silver.spans": SPAN,
    "silver.log_records": LOG,
    "silver.traces": {
        "trace_id": TEXT, "sample_class": TEXT, "is_kept": BOOL, "started_at": TIME,
        "ended_at": TIME, "bronze_version": NUMBER, "build_id": TEXT,
        "event_dates": pa.list_(DATE), **ARRIVED,
    },
    "bronze.spans": {**RAW, "start_time_unix_nano": NUMBER},
    "bronze.log_records": {**RAW, "time_unix_nano": NUMBER},
}  # fmt: skip
SCHEMAS["bronze.erased_ids"] = {
    "id_kind": TEXT, "subject_key": TEXT, "salt": TEXT, "id_hash": TEXT, "erased_at": TIME,
    "partition_date": DATE,
}  # fmt: skip
SCHEMAS["gold.error_events"] = {
    "event_type": TEXT, "occurred_at": TIME, "occurred_at_ns": pa.int16(), **LOG, **SPAN,
}  # fmt: skip
SCHEMAS["gold.endpoint_hours"] = SCHEMAS["gold.endpoint_minutes"]

Row = dict[str, Any]


def write(lake: Path, table: str, rows: list[Row], **options: Any) -> None:
    """Append rows to a table, which is created by the first; columns left out are null."""
    schema = pa.schema(SCHEMAS[table])
    filled = [{name: row.get(name) for name in schema.names} for row in rows]
    folder = lake.joinpath(*table.split("."))
    folder.parent.mkdir(parents=True, exist_ok=True)
    parts = ["partition_date"] if "partition_date" in schema.names else None
    data = pa.Table.from_pylist(filled, schema=schema)
    write_deltalake(str(folder), data, mode="append", partition_by=parts, **options)


def forget(lake: Path, table: str) -> None:
    """Delete all rows of a table; old versions stay."""
    DeltaTable(str(lake.joinpath(*table.split(".")))).delete()


def expire(lake: Path, table: str, day: date, at: datetime) -> None:
    """Remove a day with its files and record it, as expiry does."""
    folder = lake.joinpath(*table.split("."))
    DeltaTable(str(folder)).delete(f"partition_date = '{day}'")
    for path in folder.glob(f"partition_date={day}/*.parquet"):
        path.unlink()
    write(
        lake,
        "control.expired_days",
        [{"table_name": table, "partition_date": day, "expired_at": at}],
    )


def erase(lake: Path, trace_id: str) -> None:
    """Note in the list of erased ids that a trace was erased when the records arrived."""
    entry = {
        "id_kind": TRACE, "subject_key": None, "salt": "salt", "id_hash": id_hash("salt", trace_id),
        "erased_at": ARRIVAL, "partition_date": ARRIVAL.date(),
    }  # fmt: skip
    write(lake, "bronze.erased_ids", [entry])


def span(trace_id: str, number: int, service: str, **columns: Any) -> Row:
    """A span of a trace: number 1 is the root, each other a child of the one before."""
    return {
        **dict.fromkeys(SPAN),
        "trace_id": trace_id,
        "span_id": f"{number:016x}",
        "parent_span_id": f"{number - 1:016x}" if number > 1 else None,
        "service": service,
        "endpoint": f"/{service}",
        "operation": f"GET /{service}",
        "kind": "server",
        "environment": "production",
        "latency_ms": 100.0 / number,
        "is_error": False,
        "started_at": START + timedelta(milliseconds=number),
        "first_arrival_at": ARRIVAL,
        "last_arrival_at": ARRIVAL,
        "partition_date": DAY,
        "bronze_version": 0,
        "silver_version": 0,
        "build_id": BUILD,
        **columns,
    }


def make(lake: Path, message: str = "disk full", raw: str = '{"name":"GET /db"}') -> None:
    """Write the lake: gateway calls shop, shop calls db, which fails with a message."""
    failing = {"is_error": True, "error_type": "IOError", "error_message": message}
    failed = [
        span(FAILED, 1, "gateway", **failing),
        span(FAILED, 2, "shop", **failing),
        span(FAILED, 3, "db", **failing, error_stack=f"IOError: {message}\n at db.c"),
    ]
    fine, left_out = span(FINE, 1, "gateway"), span(LEFT_OUT, 1, "gateway")
    log = {
        **span(FAILED, 3, "db"), "severity_text": "ERROR", "severity_number": 17, "body": message,
        "is_error": True, "logged_at": START + timedelta(milliseconds=4),
    }  # fmt: skip
    write(lake, "silver.spans", [*failed, fine, left_out])
    write(lake, "silver.log_records", [log])
    write(
        lake,
        "silver.traces",
        [
            {
                **row,
                "is_kept": row is not left_out,
                "ended_at": row["started_at"],
                "event_dates": [row["partition_date"]],
            }
            for row in (failed[0], fine, left_out)
        ],
    )
    error, normal = (
        {"sample_class": name, "sample_weight": weight}
        for name, weight in (("error", 1.0), ("normal", 100.0))
    )
    write(lake, "gold.sampled_spans", [*({**row, **error} for row in failed), {**fine, **normal}])
    write(lake, "gold.sampled_log_records", [log])
    line = {"raw_text": raw, "source_file": "/in/a.jsonl", "source_position": 0}
    records = [
        {**row, **line, "start_time_unix_nano": place, "partition_date": ARRIVAL.date()}
        for place, row in enumerate([*failed, fine, left_out])
    ]
    write(lake, "bronze.spans", records)
    write(
        lake,
        "bronze.log_records",
        [{**log, **line, "time_unix_nano": 9, "partition_date": ARRIVAL.date()}],
    )
    write(lake, "gold.endpoint_minutes", [window(0, "db", 2, 2, message), window(1, "db", 3, 0)])
    write(
        lake,
        "gold.incident_paths",
        [
            {
                **failed[2], "fingerprint": "f" * 16, "suspected_root_cause": "db",
                "service_path": ["gateway", "shop", "db"], "steps": failed, "marks": [],
                "critical_path": [{"span_id": failed[2]["span_id"], "added_ms": 33.0}],
                "path_rank": 1, "path_count": 1, "is_fatal": True,
            }
        ],
    )  # fmt: skip
    call = {
        "window_start": START, "environment": "production", "source_service": "shop",
        "target_service": "db", "target_type": "service", "trace_id": FAILED, "call_count": 2,
        "error_count": 2, "server_p95_latency_ms": 33.0, "partition_date": DAY,
    }  # fmt: skip
    write(lake, "gold.call_graph_minutes", [call])
    change = {
        "change_key": "d" * 32, "change_kind": "deployment", "service": "db",
        "environment": "production", "service_version": message, "partition_date": DAY,
        "changed_at": START - timedelta(minutes=4), "error_rate_before": 0.0,
        "error_rate_after": 0.6, "request_count_before": 40, "request_count_after": 5,
    }  # fmt: skip
    write(lake, "gold.change_effects", [change])
    pattern = {
        "environment": "production", "fingerprint": "f" * 16, "service": "db",
        "error_type": "IOError", "error_template": message, "trace_id": FAILED,
        "first_seen_at": START,
    }  # fmt: skip
    write(lake, "gold.error_patterns", [pattern])
    day = {"environment": "production", "first_event_at": START - timedelta(days=1)}
    write(lake, "gold.environment_days", [day])
    write(lake, "gold.build_versions", builds(BUILD, 0))


def builds(build_id: str, version: int) -> list[Row]:
    """Rows of gold.build_versions: all tables at one version."""
    return [
        {"build_id": build_id, "table_name": name, "table_version": version} for name in SCHEMAS
    ]


def late_errors(trace_id: str) -> list[Row]:
    """A span and a log record of a trace, as gold.error_events holds them."""
    failed = {"error_type": "IOError", "error_message": "late and new", "occurred_at": START}
    return [
        {**span(trace_id, 9, "bank"), **failed, "event_type": "span"},
        {
            **span(trace_id, 8, "bank"), **failed, "event_type": "log", "body": "ERROR late",
            "severity_text": "ERROR",
        },
    ]  # fmt: skip


def window(minute: int, service: str, requests: int, errors: int, message: str = "") -> Row:
    """A window of gold.endpoint_minutes, so many minutes after the start."""
    patterns = [{"fingerprint": "f" * 16, "error_message": message, "failure_count": errors}]
    return {
        "window_start": START + timedelta(minutes=minute),
        "environment": "production",
        "region": "eu",
        "service": service,
        "endpoint": f"/{service}",
        "sample_trace_ids": [FAILED] if errors else [FINE],
        "error_patterns": patterns if errors else [],
        "request_count": requests,
        "error_count": errors,
        "error_log_count": 0,
        "error_rate": errors / requests if requests else None,
        "p95_latency_ms": 100.0,
        "partition_date": (START + timedelta(minutes=minute)).date(),
        "bronze_version": 0,
        "silver_version": 0,
        "build_id": BUILD,
    }
