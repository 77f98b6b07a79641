"""The reading of the raw files against the lake: figures, and exact comparisons of sets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from oracle.call_graph_comparison import compare_call_graph
from oracle.calls import Call, calls_of
from oracle.completeness import completeness_of
from oracle.differences import Comparison, Pairs, ToMicrosecond, difference_of
from oracle.fields import ERROR_SEVERITY
from oracle.lake_reading import Lake
from oracle.messages import Failure, Message, short_form, short_json
from oracle.operation_comparison import compare_operations, compare_statements
from oracle.path_comparison import compare_paths
from oracle.pattern_comparison import compare_patterns
from oracle.sample_comparison import (
    compare_sampled_logs,
    compare_sampled_spans,
    log_key,
    span_key,
)
from oracle.truth_comparison import Truth, compare_truth
from oracle.verdicts import Reading, Trace
from oracle.window_comparison import compare_hours, compare_minutes

NS_PER_MS = 1_000_000


def compare(reading: Reading, lake: Lake, truth: Truth | None = None) -> Comparison:
    """Compare a reading of raw files with a lake that holds these files and nothing else.

    `truth` is what a generated set tells of itself.
    """
    comparison = Comparison()
    _compare_bronze(reading, lake, comparison)
    _compare_spans(reading, lake, comparison)
    _compare_logs(reading, lake, comparison)
    _compare_traces(reading, lake, comparison)
    calls = list(calls_of({t.trace_id: t.spans for t in reading.traces.values() if t.spans}))
    _compare_calls(calls, lake, comparison)
    for table in ("silver.error_events", "gold.error_events"):
        _compare_error_events(table, reading, lake, comparison)
    compare_patterns(reading, lake, comparison)
    compare_sampled_spans(reading, lake, comparison)
    compare_sampled_logs(reading, lake, comparison)
    compare_minutes(reading, lake, comparison)
    compare_hours(reading, lake, comparison)
    compare_call_graph(calls, reading.window_ns, lake, comparison)
    compare_operations(reading, lake, comparison)
    compare_statements(reading, lake, comparison)
    compare_paths(reading, lake, comparison)
    if truth:
        compare_truth(truth, lake, comparison)
    return comparison


# ---------------------------------------------------------------- Bronze


def _compare_bronze(reading: Reading, lake: Lake, comparison: Comparison) -> None:
    events = reading.events
    for table, records in (
        ("bronze.spans", events.span_records),
        ("bronze.log_records", events.log_records),
        ("bronze.rejected_records", events.rejected.total()),
    ):
        comparison.figure(f"{table}: records", records, lake.row_count(table))
    spans = {(s.trace_id, s.span_id, s.start_ns) for s in reading.spans if s.is_error}
    starts = ((t, s, start or end) for t, s, start, end in lake.rows("bronze.spans"))
    found = _keys_found(starts, spans)
    comparison.figure("bronze.spans: keys of error spans found", len(spans), found)
    logs = {(r.trace_id, r.span_id, r.time_ns) for r in reading.logs if r.is_error}
    rows = ((t, s, time or observed) for t, s, time, observed in lake.rows("bronze.log_records"))
    comparison.figure(
        "bronze.log_records: keys of error logs found", len(logs), _keys_found(rows, logs)
    )


def _keys_found(rows: Iterable[tuple[Any, ...]], wanted: set[tuple[Any, ...]]) -> int:
    return len({row for row in rows if row in wanted})


# ---------------------------------------------------------------- Silver


def _compare_spans(reading: Reading, lake: Lake, comparison: Comparison) -> None:
    raw = (
        (span_key(s), (s.is_error, s.parent_span_id, s.latency_ns / NS_PER_MS))
        for s in reading.spans
    )
    errors = 0

    def lake_rows() -> Pairs:
        nonlocal errors
        for *key, is_error, parent, latency_ms in lake.rows("silver.spans"):
            errors += bool(is_error)
            yield tuple(key), (is_error, parent, latency_ms)

    difference = difference_of(
        "silver.spans (trace, span, service, start µs): is_error, parent, latency ms",
        raw, lake_rows(),
    )  # fmt: skip
    comparison.figure("silver.spans: spans", len(reading.spans), difference.compared)
    comparison.figure("silver.spans: error spans", sum(s.is_error for s in reading.spans), errors)
    comparison.differences.append(difference)


def _compare_logs(reading: Reading, lake: Lake, comparison: Comparison) -> None:
    errors = 0

    def lake_rows() -> Pairs:
        nonlocal errors
        for trace_id, span_id, logged_at, severity in lake.rows("silver.log_records"):
            is_error = (severity or 0) >= ERROR_SEVERITY
            errors += is_error
            yield (trace_id, span_id, logged_at, is_error), None

    raw = (((r.trace_id, r.span_id, r.time_ns // 1000, r.is_error), None) for r in reading.logs)
    difference = difference_of(
        "silver.log_records (trace, span, time µs, is error)", raw, lake_rows()
    )
    comparison.figure("silver.log_records: log records", len(reading.logs), difference.compared)
    comparison.figure(
        "silver.log_records: error logs", sum(r.is_error for r in reading.logs), errors
    )
    comparison.differences.append(difference)


def _compare_traces(reading: Reading, lake: Lake, comparison: Comparison) -> None:
    counts: Counter[str] = Counter()

    def lake_rows() -> Pairs:
        for row in lake.rows("silver.traces"):
            trace_id, sample_class, is_kept, is_fatal, *others = row
            counts.update((sample_class, "kept" if is_kept else "", "fatal" if is_fatal else ""))
            *others, dates = others
            yield trace_id, (sample_class, is_kept, bool(is_fatal), *others, tuple(dates))

    raw = ((t.trace_id, _verdict_of(t)) for t in reading.traces.values())
    difference = difference_of(
        "silver.traces (trace): class, is_kept, is_fatal, threshold, weight, spans, latency ms, "
        "roots, orphans, cyclic spans, is_complete, days",
        raw, lake_rows(),
    )  # fmt: skip
    traces = reading.traces.values()
    comparison.figure("silver.traces: traces", len(traces), difference.compared)
    for name in ("error", "slow", "normal"):
        raw_count = sum(t.sample_class == name for t in traces)
        comparison.figure(f"silver.traces: {name} traces", raw_count, counts[name])
    comparison.figure("silver.traces: kept", sum(t.is_kept for t in traces), counts["kept"])
    comparison.figure("silver.traces: fatal", sum(t.is_fatal for t in traces), counts["fatal"])
    comparison.differences.append(difference)


def _verdict_of(trace: Trace) -> tuple[Any, ...]:
    found = completeness_of(trace)
    return (
        trace.sample_class, trace.is_kept, trace.is_fatal, trace.threshold, trace.weight,
        len(trace.spans), trace.latency_ns / NS_PER_MS, found.root_count, found.orphan_count,
        found.cyclic_span_count, found.is_complete, found.dates,
    )  # fmt: skip


def _compare_calls(calls: Sequence[Call], lake: Lake, comparison: Comparison) -> None:
    raw = (
        (
            (c.trace_id, c.source_trace_id, c.source_span_id, c.target_span_id),
            (
                c.source_service, c.target_service, c.target_type, c.latency_ns / NS_PER_MS,
                c.is_error, c.is_linked, c.client_missing,
                None if c.wait_ns is None else ToMicrosecond(c.wait_ns / NS_PER_MS),
            ),
        )
        for c in calls
    )  # fmt: skip
    rows = ((row[:4], row[4:]) for row in lake.rows("silver.service_calls"))
    difference = difference_of(
        "silver.service_calls (traces, spans): services, type, latency ms, is_error, is_linked, "
        "client_missing, wait ms",
        raw, rows,
    )  # fmt: skip
    comparison.figure("silver.service_calls: calls", len(calls), difference.compared)
    comparison.differences.append(difference)


# ---------------------------------------------------------------- errors, Silver and Gold


def _compare_error_events(table: str, reading: Reading, lake: Lake, comparison: Comparison) -> None:
    logs: list[tuple[Hashable, Message]] = []
    spans: list[tuple[Hashable, Failure]] = []
    for event_type, trace_id, span_id, service, occurred_at, *told, body in lake.rows(table):
        failure = Failure(*map(short_form, told))
        if event_type == "log":
            message = Message(short_form(body), short_json(body), failure)
            logs.append(((trace_id, span_id, occurred_at), message))
        else:
            spans.append(((trace_id, span_id, service), failure))
    error_logs = [r for r in reading.logs if r.is_error]
    comparison.figure(f"{table}: error logs", len(error_logs), len(logs))
    comparison.differences.append(
        difference_of(
            f"{table}: messages of logs (trace, span, time µs): text, stated exception",
            ((log_key(r), r.messages) for r in error_logs),
            logs,
            equal=lambda stated, told: any(message.is_told_by(told) for message in stated),
        )
    )
    error_spans = [s for s in reading.spans if s.is_error]
    failures = [
        ((s.trace_id, s.span_id, s.service), failure) for s in error_spans for failure in s.failures
    ]
    comparison.figure(
        f"{table}: span ids of error spans",
        len({key for key, _ in failures}),
        len({key for key, _ in spans}),
    )
    comparison.figure(f"{table}: distinct errors of spans", len(failures), len(spans))
    comparison.differences.append(
        difference_of(
            f"{table}: messages of spans (trace, span, service): type, message, stack",
            failures,
            spans,
            equal=Failure.is_told_by,
        )
    )
