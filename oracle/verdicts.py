"""Events → traces, verdicts and windows (docs/contract.md, R3); standard library only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from oracle.events import REQUEST_KINDS, Events, LogRecord, Span
from oracle.fields import workload_of

SLOW_NS = 1_000_000_000
WINDOW_NS = 60_000_000_000
THRESHOLDS: Mapping[str, str] = {"error": "0", "slow": "8", "normal": "fd70a4"}
RANDOM_DIGITS = 14


@dataclass(slots=True)
class Trace:
    """One trace and its verdict; `latency_ns` in ns, `weight` the inverse of the probability."""

    trace_id: str
    spans: list[Span] = field(default_factory=list)
    logs: list[LogRecord] = field(default_factory=list)
    latency_ns: int = 0
    sample_class: str = "normal"
    is_fatal: bool = False
    is_kept: bool = False

    @property
    def threshold(self) -> str:
        """The sampling threshold of the trace's class, hex without trailing zeros."""
        return THRESHOLDS[self.sample_class]

    @property
    def weight(self) -> float:
        """2^56 / (2^56 - T): how many traces a kept one stands for."""
        return sample_weight(self.threshold)


@dataclass(slots=True)
class WindowCounts:
    """The counts of one service in one minute."""

    request_count: int = 0
    error_count: int = 0
    error_log_count: int = 0
    slow_count: int = 0

    def as_tuple(self) -> tuple[int, int, int, int]:
        """request_count, error_count, error_log_count, slow_count."""
        return self.request_count, self.error_count, self.error_log_count, self.slow_count


@dataclass
class Reading:
    """The truth about a set. Windows of `window_ns` are keyed by their number since 1970 (UTC) and
    service.
    """

    events: Events
    spans: list[Span]
    logs: list[LogRecord]
    traces: dict[str, Trace]
    windows: dict[tuple[int, str], WindowCounts]
    window_ns: int = WINDOW_NS


def sample_weight(threshold: str) -> float:
    """2^56 / (2^56 - T) for a threshold of up to 14 hex digits."""
    whole = 1 << 56
    return whole / (whole - int(threshold.ljust(RANDOM_DIGITS, "0"), 16))


def judge(events: Events, window_ns: int = WINDOW_NS) -> Reading:
    """Group events into traces, judge each, count the windows; `events` keeps its books alone."""
    spans, logs = events.spans(), events.logs()
    events.forget_keys()
    traces = _traces_of(spans, logs)
    for trace in traces.values():
        _mark_requests(trace.spans)
        _judge_trace(trace)
    _mark_requests_without_trace(spans)
    windows: dict[tuple[int, str], WindowCounts] = defaultdict(WindowCounts)
    for span in spans:
        if span.is_request:
            counts = windows[span.start_ns // window_ns, span.service]
            counts.request_count += 1
            counts.error_count += span.is_error
            counts.slow_count += span.latency_ns > SLOW_NS
    for record in logs:
        if record.is_error:
            span = span_of(record, traces)
            start_ns = span.start_ns if span else record.time_ns
            windows[start_ns // window_ns, service_of(record, span)].error_log_count += 1
    return Reading(events, spans, logs, traces, dict(windows), window_ns)


def _traces_of(spans: Iterable[Span], logs: Iterable[LogRecord]) -> dict[str, Trace]:
    traces: dict[str, Trace] = {}
    for span in spans:
        if span.trace_id is not None:
            _trace(traces, span.trace_id).spans.append(span)
    for record in logs:
        if record.trace_id is not None:
            _trace(traces, record.trace_id).logs.append(record)
    return traces


def _trace(traces: dict[str, Trace], trace_id: str) -> Trace:
    found = traces.get(trace_id)
    if found is None:
        found = traces[trace_id] = Trace(trace_id)
    return found


def _mark_requests(spans: list[Span]) -> None:
    """Mark the RED spans of one trace."""
    services: dict[str, set[str]] = defaultdict(set)
    for span in spans:
        if span.span_id is not None:
            services[span.span_id].add(span.service)
    for span in spans:
        if span.kind is not None:
            span.is_request = span.kind in REQUEST_KINDS
        elif span.parent_span_id is None:
            span.is_request = True
        else:
            span.is_request = span.service not in services.get(span.parent_span_id, ())


def _mark_requests_without_trace(spans: Iterable[Span]) -> None:
    for span in spans:
        if span.trace_id is None:
            span.is_request = span.kind is None or span.kind in REQUEST_KINDS


def root_of(spans: Iterable[Span]) -> Span | None:
    """The span without parent id: earliest start, then smallest id; None if there is none."""
    return min(
        (span for span in spans if span.parent_span_id is None),
        key=lambda s: (s.start_ns, s.span_id is None, s.span_id or "", s.service, s.kind or ""),
        default=None,
    )


def _judge_trace(trace: Trace) -> None:
    root = root_of(trace.spans)
    trace.latency_ns = _latency_of(trace, root)
    failing_ids = {record.span_id for record in trace.logs if record.is_error}
    if failing_ids or any(span.is_error for span in trace.spans):
        trace.sample_class = "error"
        trace.is_fatal = root is not None and (
            root.is_error or (root.span_id is not None and root.span_id in failing_ids)
        )
    elif trace.latency_ns > SLOW_NS:
        trace.sample_class = "slow"
    trace.is_kept = randomness_of(trace) >= trace.threshold.ljust(RANDOM_DIGITS, "0")


def _latency_of(trace: Trace, root: Span | None) -> int:
    if root is not None:
        return root.latency_ns
    if trace.spans:
        first = min(span.start_ns for span in trace.spans)
        return max(span.start_ns + span.latency_ns for span in trace.spans) - first
    times = [record.time_ns for record in trace.logs]
    return max(times) - min(times)


def randomness_of(trace: Trace) -> str:
    """R3's R: the smallest valid `rv` of the trace's spans, else its last 14 hex digits."""
    stated = [span.random_value for span in trace.spans if span.random_value is not None]
    return min(stated, default=trace.trace_id[-RANDOM_DIGITS:])


def span_of(record: LogRecord, traces: Mapping[str, Trace]) -> Span | None:
    """The span that a log record was written in; None if it is missing."""
    if record.trace_id is None or record.span_id is None:
        return None
    return min(
        (s for s in traces[record.trace_id].spans if s.span_id == record.span_id),
        key=lambda s: (s.service != record.service, s.start_ns, s.service, s.kind or ""),
        default=None,
    )


def service_of(record: LogRecord, span: Span | None) -> str:
    """The service of a log record, given its span."""
    if record.service:
        return record.service
    if span:
        return span.service
    return workload_of(record.pod) if record.pod else "unknown_service"


def raw_figures(reading: Reading) -> dict[str, int]:
    """The figures of the raw files alone, by name."""
    events = reading.events
    classes = [trace.sample_class for trace in reading.traces.values()]
    kept = [trace for trace in reading.traces.values() if trace.is_kept]
    totals = [sum(column) for column in zip(*map(WindowCounts.as_tuple, reading.windows.values()),
                                            strict=True)] or [0] * 4  # fmt: skip
    return {
        "files_read": events.read_files,
        "files_unread": len(events.unread_files),
        "files_torn": len(events.torn_files),
        "span_records": events.span_records,
        "log_records": events.log_records,
        "rejected_records": events.rejected.total(),
        **{f"rejected_{reason}": n for reason, n in sorted(events.rejected.items())},
        "spans": len(reading.spans),
        "spans_without_trace_or_span_id": sum(
            span.trace_id is None or span.span_id is None for span in reading.spans
        ),
        "spans_with_several_versions": sum(span.versions > 1 for span in reading.spans),
        "spans_with_tied_versions": events.tied_spans,
        "error_spans": sum(span.is_error for span in reading.spans),
        "logs": len(reading.logs),
        "logs_without_trace_id": sum(record.trace_id is None for record in reading.logs),
        "error_logs": sum(record.is_error for record in reading.logs),
        "traces": len(classes),
        "error_traces": classes.count("error"),
        "slow_traces": classes.count("slow"),
        "normal_traces": classes.count("normal"),
        "fatal_traces": sum(trace.is_fatal for trace in reading.traces.values()),
        "kept_traces": len(kept),
        "kept_spans": sum(len(trace.spans) for trace in kept),
        "requests": totals[0],
        "request_errors": totals[1],
        "window_error_logs": totals[2],
        "slow_requests": totals[3],
        "windows": len({minute for minute, _ in reading.windows}),
    }
