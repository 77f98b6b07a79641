"""What Gold keeps raw, against the raw files: sampled spans and log records (R2, R3)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

from oracle.differences import Comparison, Pairs, difference_of, same
from oracle.events import LogRecord, Span
from oracle.lake_reading import Lake
from oracle.verdicts import THRESHOLDS, Reading, Trace, sample_weight

Verdict = tuple[str, str, float]


def compare_sampled_spans(reading: Reading, lake: Lake, comparison: Comparison) -> None:
    """Compare `gold.sampled_spans` with the spans of kept traces and their verdicts."""
    found = _compare(
        "gold.sampled_spans", "spans", "trace, span, service, start µs", reading, lake, comparison,
        reading.spans, lambda trace: trace.spans, span_key,
    )  # fmt: skip
    errors = [t for t in reading.traces.values() if t.sample_class == "error" and t.spans]
    whole = sum(found[t.trace_id] == len(t.spans) for t in errors)
    comparison.figure("gold.sampled_spans: error traces kept whole", len(errors), whole)


def compare_sampled_logs(reading: Reading, lake: Lake, comparison: Comparison) -> None:
    """Compare `gold.sampled_log_records` with the records of kept traces and their verdicts."""
    found = _compare(
        "gold.sampled_log_records", "log records", "trace, span, time µs", reading, lake,
        comparison, reading.logs, lambda trace: trace.logs, log_key,
    )  # fmt: skip
    errors = [t for t in reading.traces.values() if t.sample_class == "error" and t.logs]
    whole = sum(found[t.trace_id] == len(t.logs) for t in errors)
    comparison.figure("gold.sampled_log_records: error traces with all logs", len(errors), whole)


def span_key(span: Span) -> tuple[str | None, str | None, str, int]:
    """Trace, span, service and start in µs."""
    return span.trace_id, span.span_id, span.service, span.start_ns // 1000


def log_key(record: LogRecord) -> tuple[str | None, str | None, int]:
    """Trace, span and time in µs."""
    return record.trace_id, record.span_id, record.time_ns // 1000


def _compare(
    table: str,
    what: str,
    key_names: str,
    reading: Reading,
    lake: Lake,
    comparison: Comparison,
    events: Sequence[Any],
    events_of: Callable[[Trace], Iterable[Any]],
    key_of: Callable[[Any], tuple[Hashable, ...]],
) -> Counter[str]:
    """Compare one table; returns the lake's rows by trace.

    Of an event without a trace id the contract leaves R open: one that failed has to be there, of
    the others those that are there have to be known.
    """
    found: Counter[str] = Counter()
    lost: dict[Hashable, set[Verdict]] = defaultdict(set)
    for event in events:
        if event.trace_id is None:
            lost[key_of(event)].add(_verdict_of("error" if event.is_error else "normal"))
    strangers = lost_errors = 0

    def lake_rows() -> Pairs:
        nonlocal strangers, lost_errors
        for *key, sample_class, threshold, weight in lake.rows(table):
            verdict = (sample_class, threshold, weight)
            if key[0] is not None:
                found[key[0]] += 1
                yield tuple(key), verdict
                continue
            lost_errors += sample_class == "error"
            strangers += not any(same(known, verdict) for known in lost.get(tuple(key), ()))

    kept = [
        (key_of(event), _verdict_of(trace.sample_class))
        for trace in reading.traces.values()
        if trace.is_kept
        for event in events_of(trace)
    ]
    difference = difference_of(
        f"{table} of kept traces ({key_names}): class, threshold, weight", kept, lake_rows()
    )
    comparison.figure(f"{table}: {what} of kept traces", len(kept), difference.compared)
    comparison.figure(f"{table}: unknown {what} without trace id", 0, strangers)
    comparison.figure(
        f"{table}: error {what} without trace id",
        sum(event.is_error for event in events if event.trace_id is None),
        lost_errors,
    )
    comparison.differences.append(difference)
    return found


def _verdict_of(sample_class: str) -> Verdict:
    threshold = THRESHOLDS[sample_class]
    return sample_class, threshold, sample_weight(threshold)
