"""Windows of endpoints, raw files against lake: `gold.endpoint_minutes`, `gold.endpoint_hours`."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from oracle.differences import TOLERANCE, Comparison, difference_of
from oracle.lake_reading import WINDOW_COLUMNS, Lake
from oracle.percentiles import (
    BUCKET_ERROR,
    NS_PER_MS,
    SHARES,
    are_buckets_of,
    bucket_percentile,
    percentile_of,
)
from oracle.verdicts import Reading
from oracle.windows import EndpointWindow, WindowKey, endpoint_windows, kept_of

HOUR_NS = 3_600_000_000_000
NS_PER_US = 1000
COUNTS = ("request_count", "error_count", "error_log_count", "slow_count")
SUM_TOLERANCE = 1e-6


class ToldWindow(NamedTuple):
    """What both tables tell of an endpoint in a window, latencies aside."""

    request_count: int
    error_count: int
    error_log_count: int
    slow_count: int
    trace_count: int
    kept_trace_count: int
    sample_trace_ids: tuple[str, ...]
    error_rate: float | None
    max_latency_ms: float | None

    @classmethod
    def of_raw(cls, window: EndpointWindow, reading: Reading) -> ToldWindow:
        """A window as the raw files tell it."""
        requests, latencies = len(window.latencies), window.latencies
        return cls(
            *window.counts,
            len(window.trace_ids),
            *kept_of(window.trace_ids, reading.traces),
            window.error_count / requests if requests else None,
            max(latencies) / NS_PER_MS if requests else None,
        )

    @classmethod
    def of_row(cls, values: Iterable[Any]) -> ToldWindow:
        """A window as the lake tells it."""
        *counts, sample, error_rate, greatest = values
        return cls(*counts, tuple(sample or ()), error_rate, greatest)


@dataclass(slots=True)
class _Told:
    """The rows of one table: sums by window and service, rows by endpoint, and oddities."""

    counts: dict[tuple[int, str], list[int]] = field(
        default_factory=lambda: defaultdict(lambda: [0, 0, 0, 0])
    )
    rows: dict[WindowKey, list[tuple[ToldWindow, tuple[Any, ...]]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    elsewhere: int = 0


def compare_minutes(reading: Reading, lake: Lake, comparison: Comparison) -> None:
    """Compare `gold.endpoint_minutes`: counts, traces, and exact percentiles."""
    table = "gold.endpoint_minutes"
    told = _rows_of(table, lake, reading.window_ns, comparison)
    raw = {key: value.as_tuple() for key, value in reading.windows.items()}
    _compare_counts(table, raw, told, comparison)
    windows = endpoint_windows(reading, reading.window_ns)
    values = _comparable(table, windows, told, comparison)
    comparison.differences.append(
        difference_of(
            f"{table} (window, environment, service, endpoint): {_NAMES}",
            ((key, ToldWindow.of_raw(windows[key], reading)) for key in values.raw),
            ((key, row) for key, (row, _) in values.lake.items()),
        )
    )
    both = [key for key in values.raw if key in values.lake and windows[key].latencies]
    comparison.differences.append(
        difference_of(
            f"{table} (window, environment, service, endpoint): p50, p95, p99 ms",
            ((key, _percentiles_of(windows[key])) for key in both),
            ((key, values.lake[key][1]) for key in both),
        )
    )
    comparison.figure(f"{table}: of these exact percentiles compared", None, len(both))


def compare_hours(reading: Reading, lake: Lake, comparison: Comparison) -> None:
    """Compare `gold.endpoint_hours`: counts, traces, histograms and what is read from them."""
    table = "gold.endpoint_hours"
    told = _rows_of(table, lake, HOUR_NS, comparison)
    windows = endpoint_windows(reading, HOUR_NS)
    raw: dict[tuple[int, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for key, window in windows.items():
        for position, count in enumerate(window.counts):
            raw[key.window, key.service][position] += count
    _compare_counts(table, {key: tuple(value) for key, value in raw.items()}, told, comparison)
    values = _comparable(table, windows, told, comparison)
    comparison.differences.append(
        difference_of(
            f"{table} (hour, environment, service, endpoint): {_NAMES}",
            ((key, ToldWindow.of_raw(windows[key], reading)) for key in values.raw),
            ((key, row) for key, (row, _) in values.lake.items()),
        )
    )
    both = [key for key in values.raw if key in values.lake]
    hours = {key: _Hour.of_row(values.lake[key][1]) for key in both}
    for name, equal in (
        ("latency_sum_ms", _Hour.has_sum_of),
        ("latency_buckets", _Hour.has_buckets_of),
        ("p50, p95, p99 of latency_buckets", _Hour.has_percentiles_of),
    ):
        comparison.differences.append(
            difference_of(
                f"{table} (hour, environment, service, endpoint): {name}",
                ((key, windows[key]) for key in both),
                hours.items(),
                equal=lambda window, hour, equal=equal: equal(hour, window),
            )
        )
    comparison.figure(f"{table}: of these histograms compared", None, len(both))


_NAMES = (
    "requests, errors, error logs, slow, traces, kept traces, sample traces, error rate, "
    "max latency ms"
)


def _rows_of(table: str, lake: Lake, length_ns: int, comparison: Comparison) -> _Told:
    length_us = length_ns // NS_PER_US
    told = _Told()
    for window_us, environment, service, endpoint, *values in lake.rows(table):
        window, rest = divmod(window_us, length_us)
        told.elsewhere += rest != 0
        shared = len(WINDOW_COLUMNS) - 4
        row = ToldWindow.of_row(values[:shared])
        for position, count in enumerate(row[: len(COUNTS)]):
            told.counts[window, service][position] += count or 0
        key = WindowKey(window, environment, service, endpoint)
        told.rows[key].append((row, tuple(values[shared:])))
    comparison.figure(f"{table}: rows that start between two windows", 0, told.elsewhere)
    return told


def _compare_counts(
    table: str, raw: Mapping[Hashable, tuple[int, ...]], told: _Told, comparison: Comparison
) -> None:
    for position, name in enumerate(COUNTS):
        comparison.figure(
            f"{table}: {name}",
            sum(value[position] for value in raw.values()),
            sum(value[position] for value in told.counts.values()),
        )
    comparison.differences.append(
        difference_of(
            f"{table} (window, service): {', '.join(COUNTS)}",
            ((key, value) for key, value in raw.items() if any(value)),
            ((key, tuple(value)) for key, value in told.counts.items() if any(value)),
        )
    )


class _Comparable(NamedTuple):
    """The windows of both sides that are compared endpoint by endpoint."""

    raw: list[WindowKey]
    lake: dict[WindowKey, tuple[ToldWindow, tuple[Any, ...]]]


def _comparable(
    table: str, windows: Mapping[WindowKey, EndpointWindow], told: _Told, comparison: Comparison
) -> _Comparable:
    """Leave out what the contract leaves open.

    Where a template may change an endpoint of a service in a window, its events may stand in any
    row of them: a row is compared only if it counts no more than the raw files have under that very
    endpoint, and a row of another endpoint is not looked for. All other services are compared
    whole. Several rows of one key are of several regions, which the reading does not tell apart.
    """
    open_groups = {key[:3] for key, window in windows.items() if not window.is_sure}
    several = {key for key, rows in told.rows.items() if len(rows) > 1}
    raw: list[WindowKey] = []
    for key, window in windows.items():
        rows = told.rows.get(key, [])
        if key in several:
            continue
        if key[:3] in open_groups:
            stated = len(window.latencies), window.error_log_count
            told_counts = (rows[0][0].request_count, rows[0][0].error_log_count) if rows else (0, 0)
            is_same = bool(rows) and told_counts == stated
            is_less = told_counts[0] < stated[0] or told_counts[1] < stated[1]
            if not is_same and not (window.is_sure and is_less):
                continue
        raw.append(key)
    chosen = set(raw)
    lake = {
        key: rows[0]
        for key, rows in told.rows.items()
        if key in chosen or (key not in several and key[:3] not in open_groups)
    }
    comparison.figure(f"{table}: rows", None, sum(map(len, told.rows.values())))
    comparison.figure(f"{table}: of these compared by endpoint", None, len(lake))
    return _Comparable(raw, lake)


def _percentiles_of(window: EndpointWindow) -> tuple[float, ...]:
    ordered = sorted(window.latencies)
    return tuple(percentile_of(ordered, share) / NS_PER_MS for share in SHARES)


class _Hour(NamedTuple):
    """What an hour tells of latencies."""

    latency_sum_ms: float | None
    buckets: dict[int, int]

    @classmethod
    def of_row(cls, values: tuple[Any, ...]) -> _Hour:
        latency_sum_ms, buckets = values
        counts: Counter[int] = Counter()
        for bucket in buckets or ():
            counts[bucket["bucket"]] += bucket["request_count"]
        return cls(latency_sum_ms, dict(counts))

    def has_sum_of(self, window: EndpointWindow) -> bool:
        if not window.latencies or self.latency_sum_ms is None:
            return not window.latencies and self.latency_sum_ms is None
        return math.isclose(
            self.latency_sum_ms, sum(window.latencies) / NS_PER_MS,
            rel_tol=SUM_TOLERANCE, abs_tol=TOLERANCE,
        )  # fmt: skip

    def has_buckets_of(self, window: EndpointWindow) -> bool:
        return are_buckets_of(window.latencies, self.buckets)

    def has_percentiles_of(self, window: EndpointWindow) -> bool:
        if not window.latencies or not self.buckets:
            return not window.latencies and not self.buckets
        ordered = sorted(max(latency, 1) for latency in window.latencies)
        return all(
            math.isclose(
                bucket_percentile(self.buckets, share),
                exact := percentile_of(ordered, share) / NS_PER_MS,
                rel_tol=0,
                abs_tol=BUCKET_ERROR * exact * (1 + 1e-9),
            )
            for share in SHARES
        )
