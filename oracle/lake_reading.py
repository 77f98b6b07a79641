"""The Delta tables of a lake, read with the `deltalake` package; no Spark.

docs/contract.md fixes the names of columns; beside them, the error events have `occurred_at`,
`error_stack` and, for log records, `body`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oracle.told_paths import CRITICAL_FIELDS, STEP_FIELDS

if TYPE_CHECKING:
    import pyarrow.dataset

ERROR_EVENT_COLUMNS = (
    "event_type", "trace_id", "span_id", "service", "occurred_at", "error_type", "error_message",
    "error_stack", "body",
)  # fmt: skip
WINDOW_COLUMNS = (
    "window_start", "environment", "service", "endpoint", "request_count", "error_count",
    "error_log_count", "slow_count", "trace_count", "kept_trace_count", "sample_trace_ids",
    "error_rate", "max_latency_ms",
)  # fmt: skip
# columns of the same tables that a further look takes
OTHER_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "gold.error_events": (
        "event_type", "environment", "fingerprint", "failure_id", "service", "body", "counted_at",
    ),
    "gold.incident_paths": ("environment", "service_path", "steps", "error_type"),
    # what Option A keeps
    "gold.endpoint_minutes": ("window_start", "service", "error_count"),
}  # fmt: skip
TABLE_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "bronze.spans": ("trace_id", "span_id", "start_time_unix_nano", "end_time_unix_nano"),
    "bronze.log_records": (
        "trace_id", "span_id", "time_unix_nano", "observed_time_unix_nano",
    ),
    "bronze.rejected_records": (),
    "silver.spans": (
        "trace_id", "span_id", "service", "started_at", "is_error", "parent_span_id", "latency_ms",
    ),
    "silver.log_records": ("trace_id", "span_id", "logged_at", "severity_number"),
    "silver.traces": (
        "trace_id", "sample_class", "is_kept", "is_fatal", "sampling_threshold", "sample_weight",
        "span_count", "latency_ms", "root_count", "orphan_count", "cyclic_span_count",
        "is_complete", "event_dates",
    ),
    "silver.service_calls": (
        "trace_id", "source_trace_id", "source_span_id", "target_span_id", "source_service",
        "target_service", "target_type", "latency_ms", "is_error", "is_linked", "client_missing",
        "wait_ms",
    ),
    "silver.error_events": ERROR_EVENT_COLUMNS,
    "gold.error_events": ERROR_EVENT_COLUMNS,
    "gold.sampled_spans": (
        "trace_id", "span_id", "service", "started_at", "sample_class", "sampling_threshold",
        "sample_weight",
    ),
    "gold.sampled_log_records": (
        "trace_id", "span_id", "logged_at", "sample_class", "sampling_threshold", "sample_weight",
    ),
    "gold.endpoint_minutes": (
        *WINDOW_COLUMNS, "p50_latency_ms", "p95_latency_ms", "p99_latency_ms",
    ),
    "gold.endpoint_hours": (*WINDOW_COLUMNS, "latency_sum_ms", "latency_buckets"),
    "gold.call_graph_minutes": (
        "window_start", "environment", "source_service", "target_service", "target_type",
        "call_count", "error_count", "client_error_count", "server_error_count",
        "client_missing_count", "linked_count", "error_rate", "client_p50_latency_ms",
        "client_p95_latency_ms", "client_p99_latency_ms", "server_p50_latency_ms",
        "server_p95_latency_ms", "server_p99_latency_ms", "wait_p50_ms", "wait_p95_ms", "trace_id",
        "source_span_id", "target_span_id",
    ),
    "gold.operation_minutes": (
        "window_start", "environment", "service", "span_count", "request_count",
        "error_span_count",
    ),
    "gold.log_statement_minutes": (
        "window_start", "environment", "service", "log_count", "error_log_count",
    ),
    "gold.error_pattern_days": (
        "pattern_version", "environment", "fingerprint", "error_template", "failure_count",
        "event_count", "first_seen_at", "last_seen_at",
    ),
    "gold.error_patterns": (
        "pattern_version", "environment", "fingerprint", "error_template", "failure_count",
        "event_count", "first_seen_at", "last_seen_at",
    ),
    "gold.incident_path_groups": (
        "environment", "service_path", "endpoint_path", "error_type", "path_count",
    ),
    "gold.incident_paths": (
        "trace_id", "path_rank", "span_id", "service", "endpoint", "service_path", "steps", "marks",
        "is_fatal", "step_count", "critical_path",
    ),
}  # fmt: skip
# fields of the structs in an array, by column
STRUCT_FIELDS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("gold.incident_paths", "steps"): STEP_FIELDS,
    ("gold.incident_paths", "critical_path"): CRITICAL_FIELDS,
    ("gold.incident_path_groups", "endpoint_path"): ("service", "endpoint"),
    ("gold.endpoint_hours", "latency_buckets"): ("bucket", "request_count"),
}


class LakeError(Exception):
    """The lake is missing, incomplete, or holds nothing to compare."""


class Lake:
    """A lake folder with `<layer>/<table>` Delta tables; rows come as plain Python tuples."""

    def __init__(self, folder: Path) -> None:
        """Open all tables of TABLE_COLUMNS at their newest version.

        Raises LakeError if the folder, a table or a column is missing, or all events are.
        """
        if not folder.is_dir():
            raise LakeError(f"no lake at {folder}: run `make run` first, or name one with --lake")
        self._tables = {name: _open(folder, name) for name in TABLE_COLUMNS}
        missing = [name for name, table in self._tables.items() if table is None]
        if missing:
            raise LakeError(
                f"the lake {folder} has no table {', '.join(missing)}: "
                "build all layers (`make run`) before it is compared"
            )
        _check_columns(self._tables)
        if not any(map(self.row_count, ("bronze.spans", "bronze.log_records"))):
            raise LakeError(
                f"the lake {folder} holds no span and no log record: nothing to compare"
            )

    def row_count(self, table: str) -> int:
        """The number of rows of a table (`layer.table`)."""
        return self._tables[table].count_rows()

    def rows(self, table: str) -> Iterator[tuple[Any, ...]]:
        """The table's rows: its TABLE_COLUMNS in their order, timestamps as µs since 1970."""
        return self._rows(table, TABLE_COLUMNS[table])

    def other_rows(self, table: str) -> Iterator[tuple[Any, ...]]:
        """The table's rows: its OTHER_COLUMNS in their order."""
        return self._rows(table, OTHER_COLUMNS[table])

    def _rows(self, table: str, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        columns = list(names)
        for batch in self._tables[table].to_batches(columns=columns):
            yield from zip(*map(_plain, batch.columns), strict=True)


def _open(folder: Path, name: str) -> pyarrow.dataset.Dataset | None:
    from deltalake import DeltaTable
    from deltalake.exceptions import TableNotFoundError

    path = folder.joinpath(*name.split("."))
    if not path.is_dir():
        return None
    try:
        return DeltaTable(str(path)).to_pyarrow_dataset()
    except TableNotFoundError:
        return None


def _check_columns(tables: Mapping[str, Any]) -> None:
    problems = [
        f"{name}.{column}"
        for name, columns in (*TABLE_COLUMNS.items(), *OTHER_COLUMNS.items())
        for column in columns
        if column not in tables[name].schema.names
    ]
    problems += [
        f"{name}.{column}.{field}"
        for (name, column), fields in STRUCT_FIELDS.items()
        if column in tables[name].schema.names
        for field in fields
        if field not in _fields_of(tables[name].schema.field(column).type)
    ]
    if problems:
        raise LakeError(f"the lake lacks the columns {', '.join(problems)}")


def _fields_of(kind: Any) -> set[str]:
    """The fields of an array of structs; none if it is something else."""
    import pyarrow

    item = getattr(kind, "value_type", kind)
    is_array = item is not kind and pyarrow.types.is_struct(item)
    return {field.name for field in item} if is_array else set()


def _plain(column: Any) -> list[Any]:
    import pyarrow
    import pyarrow.compute

    if pyarrow.types.is_timestamp(column.type):
        micros = pyarrow.timestamp("us", tz=column.type.tz)
        column = pyarrow.compute.cast(column, micros, safe=False).cast(pyarrow.int64())
    return column.to_pylist()
