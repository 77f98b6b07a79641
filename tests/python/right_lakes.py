"""Lakes that a right pipeline would build of small raw files, without one."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake
from raw_sets import SECOND

from oracle.calls import Call, calls_of
from oracle.completeness import completeness_of
from oracle.critical_paths import critical_path_of
from oracle.forest import forest_of
from oracle.paths import Step, paths_of
from oracle.verdicts import Reading, Trace, service_of, span_of
from oracle.windows import EndpointWindow, WindowKey, endpoint_windows


def build_lake(folder: Path, rows: Mapping[str, Sequence[dict[str, Any]]]) -> Path:
    """Write tables (`layer.table`) as a lake."""
    for name, found in rows.items():
        replace(folder, name, found)
    return folder


def replace(lake: Path, table: str, rows: Sequence[dict[str, Any]]) -> None:
    """Write a table anew."""
    target = str(lake.joinpath(*table.split(".")))
    write_deltalake(target, as_table(rows), mode="overwrite", schema_mode="overwrite")


def moment(time_ns: int) -> pa.Scalar:
    return pa.scalar(time_ns // 1000, pa.timestamp("us", tz="UTC"))


def lake_rows(reading: Reading) -> dict[str, list[dict[str, Any]]]:
    """The rows that a right pipeline would build; one Bronze row per event, and one for torn."""
    spans = [
        {
            "trace_id": s.trace_id, "span_id": s.span_id, "service": s.service,
            "started_at": moment(s.start_ns), "is_error": s.is_error,
            "parent_span_id": s.parent_span_id, "latency_ms": s.latency_ns / 1e6,
            "start_time_unix_nano": s.start_ns, "end_time_unix_nano": s.end_ns,
        }
        for s in reading.spans
    ]  # fmt: skip
    logs = [
        {
            "trace_id": r.trace_id, "span_id": r.span_id, "logged_at": moment(r.time_ns),
            "severity_number": r.severity_number or None,
            "time_unix_nano": r.time_ns, "observed_time_unix_nano": r.time_ns,
        }
        for r in reading.logs
    ]  # fmt: skip
    traces = [
        {
            "trace_id": t.trace_id, "sample_class": t.sample_class, "is_kept": t.is_kept,
            "is_fatal": t.is_fatal, "sampling_threshold": t.threshold, "sample_weight": t.weight,
            "span_count": len(t.spans), "latency_ms": t.latency_ns / 1e6,
            "root_count": found.root_count, "orphan_count": found.orphan_count,
            "cyclic_span_count": found.cyclic_span_count, "is_complete": found.is_complete,
            "event_dates": found.dates,
        }
        for t in reading.traces.values()
        for found in (completeness_of(t),)
    ]  # fmt: skip
    calls = list(calls_of({t.trace_id: t.spans for t in reading.traces.values() if t.spans}))
    paths = [row for trace in reading.traces.values() for row in path_rows(trace)]
    kept = {t.trace_id for t in reading.traces.values() if t.is_kept}
    errors = [
        {
            **row, "event_type": "span", "occurred_at": row["started_at"], "body": None,
            "counted_at": row["started_at"],
            "failure_id": f"{s.trace_id}{s.span_id}{number}", "environment": s.environment,
            "fingerprint": f"{failure.error_message}", **failure._asdict(),
        }
        for row, s in zip(spans, reading.spans, strict=True)
        for number, failure in enumerate(s.failures)
    ] + [
        {
            **row, "event_type": "log", "occurred_at": row["logged_at"],
            "counted_at": row["logged_at"],
            "service": service_of(r, span_of(r, reading.traces)), "error_type": None,
            "error_message": message.text, "error_stack": None,
            "body": message.text, "failure_id": f"{message.text}{r.time_ns}",
            "fingerprint": message.text, "environment": r.environment,
        }
        for row, r in zip(logs, reading.logs, strict=True)
        for message in r.messages
    ]  # fmt: skip
    return {
        "bronze.spans": [*spans, *spans[:1] * (reading.events.span_records - len(spans))],
        "bronze.log_records": logs,
        "bronze.rejected_records": [
            {"reason": reason} for reason in reading.events.rejected.elements()
        ],
        "silver.spans": spans,
        "silver.log_records": logs,
        "silver.traces": traces,
        "silver.service_calls": list(map(call_row, calls)),
        "silver.error_events": errors,
        "gold.error_events": errors,
        "gold.sampled_spans": [
            {**row, **verdict(reading, row["trace_id"])} for row in spans if row["trace_id"] in kept
        ],
        "gold.sampled_log_records": [
            {**row, **verdict(reading, row["trace_id"])} for row in logs if row["trace_id"] in kept
        ],
        "gold.endpoint_minutes": minute_rows(reading),
        "gold.endpoint_hours": hour_rows(reading),
        "gold.call_graph_minutes": edge_rows(calls, reading.window_ns),
        "gold.operation_minutes": operation_rows(reading),
        "gold.log_statement_minutes": statement_rows(reading),
        "gold.error_pattern_days": (patterns := pattern_rows(errors)),
        "gold.error_patterns": patterns,
        "gold.incident_paths": paths,
        "gold.incident_path_groups": [group_row(row) for row in paths],
    }


def verdict(reading: Reading, trace: str) -> dict[str, Any]:
    found = reading.traces[trace]
    return {
        "sample_class": found.sample_class, "sampling_threshold": found.threshold,
        "sample_weight": found.weight,
    }  # fmt: skip


def quantiles(latencies: Iterable[int]) -> list[float | None]:
    """p50, p95 and p99 in ms, as the standard library has them."""
    ordered = [latency / 1e6 for latency in latencies]
    if len(ordered) < 2:
        return [ordered[0] if ordered else None] * 3
    cuts = statistics.quantiles(ordered, n=100, method="inclusive")
    return [cuts[49], cuts[94], cuts[98]]


def window_row(
    reading: Reading, key: WindowKey, window: EndpointWindow, length: int
) -> dict[str, Any]:
    kept = sorted(t for t in window.trace_ids if reading.traces[t].is_kept)
    kept.sort(key=lambda trace: trace[-14:], reverse=True)
    count = len(window.latencies)
    return {
        "window_start": moment(key.window * length), "environment": key.environment,
        "service": key.service, "endpoint": key.endpoint, "request_count": count,
        "error_count": window.error_count, "error_log_count": window.error_log_count,
        "slow_count": window.slow_count, "trace_count": len(window.trace_ids),
        "kept_trace_count": len(kept), "sample_trace_ids": kept[:20],
        "error_rate": window.error_count / count if count else None,
        "max_latency_ms": max(window.latencies) / 1e6 if count else None,
    }  # fmt: skip


def minute_rows(reading: Reading) -> list[dict[str, Any]]:
    rows = []
    for key, window in endpoint_windows(reading, reading.window_ns).items():
        names = ("p50_latency_ms", "p95_latency_ms", "p99_latency_ms")
        told = dict(zip(names, quantiles(window.latencies), strict=True))
        rows.append({**window_row(reading, key, window, reading.window_ns), **told})
    return rows


def hour_rows(reading: Reading) -> list[dict[str, Any]]:
    rows = []
    for key, window in endpoint_windows(reading, 3600 * SECOND).items():
        buckets: Counter[int] = Counter()
        for latency in window.latencies:
            buckets[math.ceil(math.log2(max(latency, 1) / 1e6) * 16) - 1] += 1
        told = {
            "latency_sum_ms": sum(window.latencies) / 1e6 if window.latencies else None,
            "latency_buckets": [{"bucket": b, "request_count": n} for b, n in buckets.items()],
        }
        rows.append({**window_row(reading, key, window, 3600 * SECOND), **told})
    return rows


def call_row(call: Call) -> dict[str, Any]:
    names = (
        "trace_id", "source_trace_id", "source_span_id", "target_span_id", "source_service",
        "target_service", "target_type", "is_error", "is_linked", "client_missing",
    )  # fmt: skip
    told = {name: getattr(call, name) for name in names}
    wait_ms = None if call.wait_ns is None else call.wait_ns / 1e6
    return {**told, "latency_ms": call.latency_ns / 1e6, "wait_ms": wait_ms}


def operation_rows(reading: Reading) -> list[dict[str, Any]]:
    """A row for each span."""
    return [
        {
            "window_start": moment(s.start_ns // reading.window_ns * reading.window_ns),
            "environment": s.environment, "service": s.service, "span_count": 1,
            "request_count": int(s.is_request), "error_span_count": int(s.is_error),
        }
        for s in reading.spans
    ]  # fmt: skip


def statement_rows(reading: Reading) -> list[dict[str, Any]]:
    """A row for each log record."""
    return [
        {
            "window_start": moment(r.time_ns // reading.window_ns * reading.window_ns),
            "environment": r.environment if r.environment != "unknown" or s is None
            else s.environment,
            "service": service_of(r, s), "log_count": 1, "error_log_count": int(r.is_error),
        }
        for r in reading.logs
        for s in (span_of(r, reading.traces),)
    ]  # fmt: skip


def edge_rows(calls: list[Call], length: int) -> list[dict[str, Any]]:
    edges: dict[tuple[Any, ...], list[Call]] = {}
    for call in calls:
        span = call.server or call.client
        assert span
        edge = (
            span.start_ns // length * length, span.environment, call.source_service,
            call.target_service, call.target_type,
        )  # fmt: skip
        edges.setdefault(edge, []).append(call)
    rows = []
    for (start, *names), found in edges.items():
        failed = [call for call in found if call.is_error]
        slowest = max(failed, key=lambda call: call.latency_ns, default=None)
        row: dict[str, Any] = {
            "window_start": moment(start), "call_count": len(found), "error_count": len(failed),
            "error_rate": len(failed) / len(found),
            "client_missing_count": sum(call.client_missing for call in found),
            "linked_count": sum(call.is_linked for call in found),
            "trace_id": slowest and slowest.trace_id,
            "source_span_id": slowest and slowest.source_span_id,
            "target_span_id": slowest and slowest.target_span_id,
        }  # fmt: skip
        row |= zip(
            ("environment", "source_service", "target_service", "target_type"), names, strict=True
        )
        for side in ("client", "server"):
            spans = [s for call in found if (s := getattr(call, side))]
            row[f"{side}_error_count"] = sum(s.is_error for s in spans)
            told = quantiles(s.latency_ns for s in spans)
            row |= zip((f"{side}_p{n}_latency_ms" for n in (50, 95, 99)), told, strict=True)
        waits = quantiles(call.wait_ns for call in found if call.wait_ns is not None)
        row |= {"wait_p50_ms": waits[0], "wait_p95_ms": waits[1]}
        rows.append(row)
    return rows


def pattern_rows(errors: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "pattern_version": 1, "environment": environment, "fingerprint": fingerprint,
            "error_template": "boom <*>", "event_count": len(found), "failure_count": len(found),
            "first_seen_at": min(times), "last_seen_at": max(times),
        }
        for environment, fingerprint in {(e["environment"], e["fingerprint"]) for e in errors}
        for found in [
            [e for e in errors
             if (e["environment"], e["fingerprint"]) == (environment, fingerprint)]
        ]
        for times in [[e["occurred_at"].as_py() for e in found]]
    ]  # fmt: skip


def group_row(path: dict[str, Any]) -> dict[str, Any]:
    """Each path a group of its own: the sums of groups are compared."""
    steps = [(step["service"], step["endpoint"]) for step in path["steps"]]
    return {
        "environment": path["environment"], "service_path": path["service_path"],
        "error_type": path["error_type"], "path_count": 1,
        "endpoint_path": [
            {"service": step[0], "endpoint": step[1]}
            for place, step in enumerate(steps)
            if not place or step != steps[place - 1]
        ],
    }  # fmt: skip


def path_rows(trace: Trace) -> list[dict[str, Any]]:
    """The rows of a trace in `gold.incident_paths`."""
    forest = forest_of(trace.spans)
    critical = [
        {
            "span_id": step.span.span_id, "service": step.span.service,
            "endpoint": step.span.name, "added_ms": step.added_ns / 1e6,
        }
        for step in critical_path_of(forest)
    ]  # fmt: skip
    return [
        {
            "trace_id": path.trace_id, "path_rank": path.path_rank, "service": path.origin.service,
            "endpoint": path.origin.operation, "span_id": path.origin.span_id,
            "service_path": path.service_path, "steps": list(map(step_row, path.steps)),
            "marks": path.marks, "is_fatal": path.is_fatal, "step_count": path.depth,
            "critical_path": critical if path.path_rank == 1 else None,
            "environment": "unknown", "error_type": None,
        }
        for path in paths_of(trace, forest)
    ]  # fmt: skip


def step_row(step: Step) -> dict[str, Any]:
    return {
        "span_id": step.span_id, "parent_span_id": step.parent_span_id, "service": step.service,
        "endpoint": step.operation, "operation": step.operation, "kind": step.kind,
        "latency_ms": None if step.latency_ns is None else step.latency_ns / 1e6,
        "status_code": step.status_code, "is_error": step.is_error,
        "error_message": max(step.messages, default=None),
    }  # fmt: skip


def as_table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    if not rows:
        return pa.table({"reason": pa.array([], pa.string())})
    plain = [
        {k: v.as_py() if isinstance(v, pa.Scalar) else v for k, v in row.items()} for row in rows
    ]
    found = pa.Table.from_pylist(plain).schema
    return pa.Table.from_pylist(plain, pa.schema([(c.name, known(c.type)) for c in found]))


def known(kind: pa.DataType) -> pa.DataType:
    """A type with text where no value told one."""
    if pa.types.is_list(kind):
        return pa.list_(known(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, known(field.type)) for field in kind])
    return pa.string() if pa.types.is_null(kind) else kind
