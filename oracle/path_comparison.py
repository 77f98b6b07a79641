"""Incident paths, raw files against lake; their groups; and what Option A keeps of them (R9)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from itertools import groupby
from typing import Any

from oracle.critical_paths import critical_path_of
from oracle.differences import Comparison, Pairs, difference_of
from oracle.forest import forest_of
from oracle.lake_reading import Lake
from oracle.paths import IncidentPath, paths_of
from oracle.paths_from_aggregates import AggregatedMinute, rebuilt_path_count
from oracle.told_paths import ToldCriticalPath, ToldPath
from oracle.verdicts import Reading

TABLE = "gold.incident_paths"
GROUPS = "gold.incident_path_groups"
NS_PER_US = 1000


def compare_paths(reading: Reading, lake: Lake, comparison: Comparison) -> None:
    """Compare `gold.incident_paths` path by path, its groups, and Option A's share of them."""
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
    _compare_groups(lake, comparison)
    _tell_option_a(paths, reading, lake, comparison)


def _compare_groups(lake: Lake, comparison: Comparison) -> None:
    """Hold the groups against the very rows that they are of."""
    rows = 0
    counted: Counter[Hashable] = Counter()
    for environment, service_path, steps, error_type in lake.other_rows(TABLE):
        rows += 1
        counted[environment, tuple(service_path), _endpoint_path(steps), error_type] += 1
    grouped: Counter[Hashable] = Counter()
    for environment, service_path, endpoint_path, error_type, count in lake.rows(GROUPS):
        key = (environment, tuple(service_path), _endpoint_path(endpoint_path), error_type)
        grouped[key] += count
    comparison.figure(f"{GROUPS}: path_count, of rows of {TABLE}", rows, grouped.total())
    comparison.differences.append(
        difference_of(
            f"{GROUPS} (environment, services, endpoints, error type), against {TABLE}: paths",
            counted.items(),
            grouped.items(),
        )
    )


def _endpoint_path(steps: Iterable[Mapping[str, Any]] | None) -> tuple[tuple[str, str | None], ...]:
    """Services and endpoints of steps, repeats one after the other collapsed."""
    return tuple(key for key, _ in groupby((s["service"], s["endpoint"]) for s in steps or ()))


def _tell_option_a(
    paths: list[IncidentPath], reading: Reading, lake: Lake, comparison: Comparison
) -> None:
    rows = (
        AggregatedMinute(window_us * NS_PER_US // reading.window_ns, service, error_count or 0)
        for window_us, service, error_count in lake.other_rows("gold.endpoint_minutes")
    )
    count = rebuilt_path_count(paths, rows, reading.window_ns)
    comparison.figure("incident paths that Option A alone rebuilds", None, count)
