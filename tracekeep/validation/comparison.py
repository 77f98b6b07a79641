"""The reading of the raw files against the lake: figures, and exact comparisons of sets."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

from tracekeep.validation.calls import calls_of
from tracekeep.validation.completeness import completeness_of
from tracekeep.validation.critical_paths import critical_path_of
from tracekeep.validation.events import Span
from tracekeep.validation.fields import ERROR_SEVERITY
from tracekeep.validation.forest import forest_of
from tracekeep.validation.lake_reading import Lake
from tracekeep.validation.messages import Failure, Message, short_form, short_json
from tracekeep.validation.paths import IncidentPath, paths_of
from tracekeep.validation.told_paths import ToldCriticalPath, ToldPath
from tracekeep.validation.verdicts import Reading, Trace, WindowCounts, median_of

TOLERANCE = 1e-6
SHOWN_EXAMPLES = 5
SHOWN_CHARACTERS = 2000
NS_PER_MS = 1_000_000
WINDOW_US = 60_000_000

Pairs = Iterable[tuple[Hashable, Any]]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of both sides; `raw` None: told for information, not compared."""

    name: str
    raw: int | None
    lake: int

    @property
    def is_equal(self) -> bool:
        """Whether both sides agree, or there is nothing to agree on."""
        return self.raw is None or self.raw == self.lake


@dataclass(slots=True)
class SetDifference:
    """What two multisets of (key, value) do not share. Examples are at most five of each kind."""

    name: str
    compared: int = 0
    only_raw: int = 0
    only_lake: int = 0
    differing: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """The number of differences."""
        return self.only_raw + self.only_lake + self.differing


@dataclass
class Comparison:
    """The whole result."""

    figures: list[Figure] = field(default_factory=list)
    differences: list[SetDifference] = field(default_factory=list)

    @property
    def is_equal(self) -> bool:
        """Whether every figure and every set agrees."""
        return all(f.is_equal for f in self.figures) and not any(d.count for d in self.differences)

    def figure(self, name: str, raw: int | None, lake: int) -> None:
        """Add a figure."""
        self.figures.append(Figure(name, raw, lake))


def same(raw: Any, lake: Any) -> bool:
    """Equality of values or tuples of values; floats within 1e-6."""
    if isinstance(raw, tuple):
        return len(raw) == len(lake) and all(map(same, raw, lake))
    if isinstance(raw, float) and isinstance(lake, int | float):
        return math.isclose(raw, lake, rel_tol=1e-12, abs_tol=TOLERANCE)
    return raw == lake


def difference_of(
    name: str, raw: Pairs, lake: Pairs, equal: Callable[[Any, Any], bool] = same
) -> SetDifference:
    """Compare two multisets of (key, value); values of the same key are matched by `equal`."""
    expected: dict[Hashable, list[Any]] = defaultdict(list)
    for key, value in raw:
        expected[key].append(value)
    result = SetDifference(name)
    unmatched: list[tuple[Hashable, Any]] = []
    for key, value in lake:
        result.compared += 1
        if not _take(expected, key, lambda held, value=value: equal(held, value)):
            unmatched.append((key, value))
    shown: Counter[str] = Counter()
    for key, value in unmatched:
        held = expected.get(key)
        if held:
            result.differing += 1
            both = f"raw {_cut(held.pop())}, lake {_cut(value)}"
            _show(result, shown, "differs", f"{key}: {both}")
            if not held:
                del expected[key]
        else:
            result.only_lake += 1
            _show(result, shown, "only in the lake", _shown(key, value))
    for key, values in expected.items():
        for value in values:
            result.only_raw += 1
            _show(result, shown, "only in the raw files", _shown(key, value))
    return result


def _take(
    expected: dict[Hashable, list[Any]], key: Hashable, matches: Callable[[Any], bool]
) -> bool:
    held = expected.get(key, ())
    for position, value in enumerate(held):
        if matches(value):
            del held[position]
            if not held:
                del expected[key]
            return True
    return False


def _shown(key: Hashable, value: Any) -> str:
    return str(key) if value is None else f"{key}: {_cut(value)}"


def _cut(value: Any) -> str:
    text = str(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def _show(result: SetDifference, shown: Counter[str], kind: str, text: str) -> None:
    shown[kind] += 1
    if shown[kind] <= SHOWN_EXAMPLES:
        result.examples.append(f"{kind}: {text}")


def compare(reading: Reading, lake: Lake) -> Comparison:
    """Compare a reading of raw files with a lake that holds these files and nothing else."""
    comparison = Comparison()
    _compare_bronze(reading, lake, comparison)
    _compare_spans(reading, lake, comparison)
    _compare_logs(reading, lake, comparison)
    _compare_traces(reading, lake, comparison)
    _compare_calls(reading, lake, comparison)
    for table in ("silver.error_events", "gold.error_events"):
        _compare_error_events(table, reading, lake, comparison)
    _compare_sampled_spans(reading, lake, comparison)
    _compare_windows(reading, lake, comparison)
    _compare_paths(reading, lake, comparison)
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


def _span_key(span: Span) -> tuple[str | None, str | None, str, int]:
    return span.trace_id, span.span_id, span.service, span.start_ns // 1000


def _compare_spans(reading: Reading, lake: Lake, comparison: Comparison) -> None:
    raw = (
        (_span_key(s), (s.is_error, s.parent_span_id, s.latency_ns / NS_PER_MS))
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


def _compare_calls(reading: Reading, lake: Lake, comparison: Comparison) -> None:
    calls = list(calls_of({t.trace_id: t.spans for t in reading.traces.values() if t.spans}))
    raw = (
        (
            (c.trace_id, c.source_trace_id, c.source_span_id, c.target_span_id),
            (
                c.source_service, c.target_service, c.target_type, c.latency_ns / NS_PER_MS,
                c.is_error, c.is_linked, c.client_missing,
            ),
        )
        for c in calls
    )  # fmt: skip
    rows = ((row[:4], row[4:]) for row in lake.rows("silver.service_calls"))
    difference = difference_of(
        "silver.service_calls (traces, spans): services, type, latency ms, is_error, is_linked, "
        "client_missing",
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
            (((r.trace_id, r.span_id, r.time_ns // 1000), r.messages) for r in error_logs),
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


def _compare_sampled_spans(reading: Reading, lake: Lake, comparison: Comparison) -> None:
    found: Counter[str] = Counter()
    known = {_span_key(span) for span in reading.spans if span.trace_id is None}
    strangers = 0

    def lake_rows() -> Pairs:
        nonlocal strangers
        for key in lake.rows("gold.sampled_spans"):
            if key[0] is None:
                strangers += key not in known
                continue
            found[key[0]] += 1
            yield key, None

    kept = [s for t in reading.traces.values() if t.is_kept for s in t.spans]
    difference = difference_of(
        "gold.sampled_spans of kept traces (trace, span, service, start µs)",
        ((_span_key(span), None) for span in kept), lake_rows(),
    )  # fmt: skip
    comparison.figure("gold.sampled_spans: spans of kept traces", len(kept), difference.compared)
    comparison.figure("gold.sampled_spans: unknown spans without trace id", 0, strangers)
    errors = [t for t in reading.traces.values() if t.sample_class == "error" and t.spans]
    whole = sum(found[t.trace_id] == len(t.spans) for t in errors)
    comparison.figure("gold.sampled_spans: error traces kept whole", len(errors), whole)
    comparison.differences.append(difference)


# ---------------------------------------------------------------- windows


def _compare_windows(reading: Reading, lake: Lake, comparison: Comparison) -> None:
    counts: dict[tuple[int, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    groups: dict[tuple[int, str, str], list[tuple[int, float | None]]] = defaultdict(list)
    for window_us, service, endpoint, *numbers, p50 in lake.rows("gold.endpoint_minutes"):
        minute = window_us // WINDOW_US
        held = counts[minute, service]
        for position, number in enumerate(numbers):
            held[position] += number or 0
        if numbers[0]:
            groups[minute, service, endpoint].append((numbers[0], p50))
    raw = {key: WindowCounts.as_tuple(value) for key, value in reading.windows.items()}
    names = ("request_count", "error_count", "error_log_count", "slow_count")
    for position, name in enumerate(names):
        comparison.figure(
            f"gold.endpoint_minutes: {name}",
            sum(value[position] for value in raw.values()),
            sum(value[position] for value in counts.values()),
        )
    comparison.differences.append(
        difference_of(
            f"gold.endpoint_minutes (minute, service): {', '.join(names)}",
            ((key, value) for key, value in raw.items() if any(value)),
            ((key, tuple(value)) for key, value in counts.items() if any(value)),
        )
    )
    _compare_medians(reading, groups, comparison)


def _compare_medians(
    reading: Reading,
    groups: dict[tuple[int, str, str], list[tuple[int, float | None]]],
    comparison: Comparison,
) -> None:
    """Compare p50 where the endpoint is the span name: one lake row of as many requests."""
    raw, lake = [], []
    for key, rows in groups.items():
        latencies = reading.latencies.get(key, [])
        if len(rows) == 1 and rows[0][0] == len(latencies):
            raw.append((key, median_of(latencies) / NS_PER_MS))
            lake.append((key, rows[0][1]))
    comparison.figure("gold.endpoint_minutes: rows with requests", None, len(groups))
    comparison.figure("gold.endpoint_minutes: of these p50 compared", None, len(lake))
    comparison.differences.append(
        difference_of("gold.endpoint_minutes (minute, service, endpoint): p50 ms", raw, lake)
    )


# ---------------------------------------------------------------- incident paths


def _compare_paths(reading: Reading, lake: Lake, comparison: Comparison) -> None:
    paths: list[IncidentPath] = []
    raw_critical: list[tuple[Hashable, ToldCriticalPath]] = []
    for trace in reading.traces.values():
        if trace.sample_class != "error":
            continue
        forest = forest_of(trace.spans)
        paths += paths_of(trace, forest)
        if critical := critical_path_of(forest):
            raw_critical.append(((trace.trace_id, 1), ToldCriticalPath.of_raw(critical)))
    tied_ranks = {
        (path.trace_id, path.path_rank): path.tied_rank
        for path in paths
        if path.path_rank != path.tied_rank
    }
    lake_critical: list[tuple[Hashable, ToldCriticalPath]] = []
    lake_traces: set[str] = set()

    def lake_rows() -> Pairs:
        for trace_id, rank, span_id, *told, critical in lake.rows("gold.incident_paths"):
            lake_traces.add(trace_id)
            if critical:
                lake_critical.append(((trace_id, rank), ToldCriticalPath.of_row(critical)))
            key = (trace_id, tied_ranks.get((trace_id, rank), rank), span_id)
            yield key, ToldPath.of_row(*told)

    difference = difference_of(
        "gold.incident_paths (trace, rank, origin): service, endpoint, service path, marks, "
        "is_fatal, step_count, steps",
        (((p.trace_id, p.tied_rank, p.origin.span_id), ToldPath.of_raw(p)) for p in paths),
        lake_rows(),
        equal=ToldPath.is_told_by,
    )
    found = len(paths) - difference.only_raw - difference.differing
    name = "gold.incident_paths"
    comparison.figure(f"{name}: incident paths", len(paths), difference.compared)
    comparison.figure(
        f"{name}: traces with an incident path", len({p.trace_id for p in paths}), len(lake_traces)
    )
    comparison.figure(
        f"{name}: incident paths that raw data allows that are in gold", len(paths), found
    )
    comparison.differences.append(difference)
    comparison.differences.append(
        difference_of(
            "gold.incident_paths (trace, rank 1): critical path: span, service, endpoint, added ms",
            raw_critical,
            lake_critical,
            equal=ToldCriticalPath.is_told_by,
        )
    )
