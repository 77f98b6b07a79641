"""Which windows and traces an incident is told by; all functions of rows, without I/O."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tracekeep.incident.delta_lake import Row
from tracekeep.incident.reader import queried

if TYPE_CHECKING:
    import pyarrow as pa

FAILING_RATE = 0.5
"""A window fails if more than this share of its requests do (R11, issue's `error_rate > 0.5`)."""

GAP = timedelta(minutes=5)
"""Failing windows this far apart are one incident."""

LONGEST = timedelta(hours=6)
"""An incident that was found, not asked for, reaches this far from its worst window at most."""

POINTS = 240
"""Points of a timeline at most; minutes are put together to so many."""


@dataclass(frozen=True, slots=True)
class TimeRange:
    """From a time up to, and without, another one, UTC."""

    start: datetime
    end: datetime

    def holds(self, time: datetime) -> bool:
        """Whether a time lies in it."""
        return self.start <= time < self.end

    def widened(self, before: timedelta, after: timedelta) -> TimeRange:
        """A range that begins earlier and ends later."""
        return TimeRange(self.start - before, self.end + after)


def weight(window: Row) -> int:
    """How many errors a window shows: failed requests, or error logs where no request failed."""
    return window["error_count"] or window["error_log_count"]


CHOICE_COLUMNS = (
    "window_start", "environment", "region", "service", "endpoint", "error_rate", "error_count",
    "error_log_count",
)  # fmt: skip

_WORST = """
    with weighed as (
        select
            *,
            case when error_count > 0 then error_count else error_log_count end as weight,
            case
                -- error logs without a request count as a rate of 1
                when coalesce(error_rate > $rate, true) then 1
                when error_count > 0 then 2
                else 3
            end as choice
        from windows
    ),

    compared as (
        select
            *,
            sum(weight) over (
                partition by environment
                order by date_trunc('minute', window_start)
                range between interval 5 minutes preceding and interval 5 minutes following
            ) as weight_near
        from weighed
    )

    select place, environment, window_start, error_rate
    from compared
    where weight > 0
    order by
        choice, weight desc, weight_near desc, window_start, service, endpoint, region, environment
    limit 1
"""
"""Five minutes are `GAP`."""

_ALIKE = """
    select distinct window_start
    from windows
    where
        environment = $environment
        and window_start between $first and $last
        and (error_count > 0 or error_log_count > 0)
        and coalesce(error_rate >= $rate, true)
"""


def worst_window(windows: pa.Table, rate: float = FAILING_RATE) -> Row | None:
    """The window with most errors of those that fail, else of those where a request failed, else of
    those with error logs; None if none has an error.

    Of equal ones that with most errors near it in its environment, then the earliest, then by name.
    windows: `CHOICE_COLUMNS`. Returns its `place` among them, environment, window_start and
    error_rate.
    """
    import pyarrow as pa

    places = pa.array(range(len(windows)), pa.int64())
    found = queried({"windows": windows.append_column("place", places)}, _WORST, {"rate": rate})
    return next(iter(found.to_pylist()), None)


def incident_range(windows: pa.Table, worst: Row, length: timedelta) -> TimeRange:
    """The time around the worst window in which windows of its environment fail as it does: with
    errors, at half its rate or more, gaps of five minutes allowed.

    length: that of a window.
    """
    rate = 1.0 if worst["error_rate"] is None else worst["error_rate"]
    at = worst["window_start"]
    asked = {
        "environment": worst["environment"], "rate": min(FAILING_RATE, rate / 2),
        "first": at - LONGEST, "last": at + LONGEST,
    }  # fmt: skip
    found = queried({"windows": windows}, _ALIKE, asked)["window_start"].to_pylist()
    first = last = at
    for start in sorted((s for s in found if s < first), reverse=True):
        if first - start > GAP + length:
            break
        first = start
    for start in sorted(s for s in found if s > last):
        if start - last > GAP + length:
            break
        last = start
    return TimeRange(first, last + length)


def timeline(windows: Iterable[Row], shown: TimeRange, length: timedelta) -> list[Row]:
    """Requests, errors, error rate and the highest p95 of any endpoint, ms, by time; at most
    `POINTS`, each of as many windows as that takes. Times without a request are left out."""
    span = max(shown.end - shown.start, length)
    step = length * max(1, -(-span // (length * POINTS)))
    points: dict[datetime, Row] = {}
    for window in windows:
        if not shown.holds(window["window_start"]):
            continue
        at = shown.start + (window["window_start"] - shown.start) // step * step
        point = points.setdefault(
            at,
            {
                "window_start": at,
                "request_count": 0,
                "error_count": 0,
                "error_log_count": 0,
                "slowest_p95_latency_ms": None,
            },
        )
        for count in ("request_count", "error_count", "error_log_count"):
            point[count] += window[count]
        latencies = (point["slowest_p95_latency_ms"], window.get("p95_latency_ms"))
        point["slowest_p95_latency_ms"] = max((x for x in latencies if x is not None), default=None)
    for point in points.values():
        requests = point["request_count"]
        point["error_rate"] = point["error_count"] / requests if requests else None
    return [points[at] for at in sorted(points)]


def call_graph(calls: Iterable[Row]) -> list[Row]:
    """Edges of a time range from its windows: calls and errors added up, the highest p95 of the
    callee's (else the caller's) latency, a failed call as example. Most errors first."""
    edges: dict[tuple[str, str, str], Row] = {}
    for call in calls:
        key = (call["source_service"], call["target_service"], call["target_type"])
        edge = edges.setdefault(
            key,
            {
                "source_service": key[0],
                "target_service": key[1],
                "target_type": key[2],
                "call_count": 0,
                "error_count": 0,
                "highest_p95_latency_ms": None,
                "trace_id": None,
            },
        )
        edge["call_count"] += call["call_count"]
        edge["error_count"] += call["error_count"]
        latency = call["server_p95_latency_ms"]
        latency = call["client_p95_latency_ms"] if latency is None else latency
        latencies = [x for x in (edge["highest_p95_latency_ms"], latency) if x is not None]
        edge["highest_p95_latency_ms"] = max(latencies, default=None)
        ids = [x for x in (edge["trace_id"], call["trace_id"]) if x]
        edge["trace_id"] = min(ids, default=None)
    for edge in edges.values():
        edge["error_rate"] = edge["error_count"] / edge["call_count"] if edge["call_count"] else 0.0
    return sorted(
        edges.values(),
        key=lambda e: (
            -e["error_count"],
            -e["call_count"],
            e["source_service"],
            e["target_service"],
            e["target_type"],
        ),
    )


def path_groups(paths: Iterable[Row]) -> list[Row]:
    """Paths of one shape together, as gold.incident_path_groups does: most traces first, the traces
    of each from its earliest on."""
    groups: dict[tuple[object, ...], Row] = {}
    for path in sorted(paths, key=lambda p: (p["started_at"], p["trace_id"], p["path_rank"])):
        key = (
            path["environment"],
            tuple(path["service_path"]),
            path["endpoint"],
            path["error_type"],
            path["fingerprint"],
        )
        group = groups.setdefault(
            key,
            {
                "environment": path["environment"],
                "service_path": path["service_path"],
                "endpoint": path["endpoint"],
                "error_type": path["error_type"],
                "error_message": path["error_message"],
                "fingerprint": path["fingerprint"],
                "suspected_root_cause": path["suspected_root_cause"],
                "path_count": 0,
                "first_seen_at": path["started_at"],
                "last_seen_at": path["started_at"],
                "trace_ids": [],
            },
        )
        group["path_count"] += 1
        group["last_seen_at"] = path["started_at"]
        if path["trace_id"] not in group["trace_ids"]:
            group["trace_ids"].append(path["trace_id"])
    for group in groups.values():
        group["trace_count"] = len(group["trace_ids"])
    return sorted(
        groups.values(), key=lambda g: (-g["trace_count"], g["first_seen_at"], g["service_path"])
    )


def traces_to_show(groups: Sequence[Row], more: Iterable[str], limit: int) -> list[str]:
    """Trace ids, at most `limit`: the first of each group, then the second of each, and so on; then
    others."""
    deepest = max((len(group["trace_ids"]) for group in groups), default=0)
    wanted = [
        group["trace_ids"][turn]
        for turn in range(deepest)
        for group in groups
        if turn < len(group["trace_ids"])
    ]
    return list(dict.fromkeys([*wanted, *more]))[:limit]


def service_names(path: Row) -> set[str]:
    """The services on an incident path, and the one that it suspects."""
    return {*path["service_path"], path["service"], path["suspected_root_cause"]}


def step_tree(paths: Sequence[Row]) -> list[Row]:
    """The paths of one trace as a tree, in the order of reading: steps that paths share stand once.

    Each is its step with `depth`, `is_last` (the last child of its parent), `is_end` and
    `error_type` where a path ends, which may be a step on the way of another. Flat, since a path
    may be 10,000 steps deep.
    """
    roots: list[Row] = []
    children: dict[int, list[Row]] = {}
    for path in sorted(paths, key=lambda p: p["path_rank"]):
        level, node = roots, None
        for depth, step in enumerate(path["steps"] or []):
            span_id = step["span_id"]
            node = next((n for n in level if span_id and n["span_id"] == span_id), None)
            if node is None:
                node = {**step, "depth": depth, **_NO_END}
                level.append(node)
            level = children.setdefault(id(node), [])
        if node is not None:
            node["is_end"] = True
            node["error_type"] = node["error_type"] or path["error_type"]
            node["error_message"] = node["error_message"] or path["error_message"]
    for level in (roots, *children.values()):
        if level:
            level[-1]["is_last"] = True
    ordered: list[Row] = []
    stack = roots[::-1]
    while stack:
        node = stack.pop()
        ordered.append(node)
        stack.extend(reversed(children.get(id(node), [])))
    return ordered


def in_tree_order(spans: Sequence[Row]) -> list[Row]:
    """The spans of a trace as a waterfall shows them: children below their parent, by start; each
    with `depth`. Spans in a circle, or whose parent is missing, stand at the top."""
    ordered = sorted(
        spans, key=lambda s: (s["started_at"], s["started_at_ns"] or 0, str(s["span_id"]))
    )
    by_parent: Mapping[str, list[Row]] = _children(ordered)
    ids = {span["span_id"] for span in ordered}
    shown: list[Row] = []
    done: set[int] = set()
    tops = [s for s in ordered if s["parent_span_id"] not in ids]
    for top in [*tops, *ordered]:
        stack = [(top, 0)]
        while stack:
            span, depth = stack.pop()
            if id(span) in done:
                continue
            done.add(id(span))
            shown.append({**span, "depth": depth})
            children = by_parent.get(span["span_id"], []) if span["span_id"] else []
            stack.extend((child, depth + 1) for child in reversed(children))
    return shown


def _children(spans: Iterable[Row]) -> dict[str, list[Row]]:
    children: dict[str, list[Row]] = defaultdict(list)
    for span in spans:
        if span["parent_span_id"]:
            children[span["parent_span_id"]].append(span)
    return children


_NO_END = {"is_last": False, "is_end": False, "error_type": None}
