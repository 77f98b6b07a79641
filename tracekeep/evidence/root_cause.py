"""How often the true culprit is among the first suspects: from Gold, from counts and latencies
alone (Gold A), and by the same method from all of Silver."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import pairwise

from tracekeep.evidence import Case, Evidence
from tracekeep.evidence.line_charts import Chart, Line
from tracekeep.evidence.pages import COLORS, LAYERS, percent, share, table
from tracekeep.evidence.silver_minutes import silver_minutes
from tracekeep.incident.delta_lake import DeltaLake, Row
from tracekeep.incident.reader import AsOfReader, rows_of
from tracekeep.incident.selection import TimeRange
from tracekeep.incident.suspects import (
    COLUMNS,
    FAILING_COLUMNS,
    failing_windows,
    queried,
    ranked,
    suspects_of,
)
from tracekeep.incident.windows import starts_in, windows_of
from tracekeep.lake import project_variables

DEPTHS = (1, 3, 5)
_ASKED = {**LAYERS, "view": "Gold B, at its own times"}
# Option A: counts and percentiles of endpoints. Score of a service: the greatest change of an
# endpoint's error rate or of its error logs per request, or growth of an endpoint's p95 by the p95
# now, each less 1.64 times its spread.
_GOLD_A = """
    with minutes as (
        select *, window_start >= $start and window_start < $end as is_now from endpoint_minutes
    ),
    rates as (
        select
            environment, service, endpoint, is_now, request_count,
            error_count / request_count as rate, p95_latency_ms
        from minutes where request_count > 0
        union all
        select
            environment, service, null, is_now, sum(request_count),
            sum(error_log_count) / sum(request_count), null
        from minutes group by environment, service, window_start, is_now
        having sum(request_count) > 0
    ),
    changes as (
        select
            environment, service, endpoint,
            avg(rate) filter (is_now) as rate_now,
            avg(rate) filter (not is_now) as rate_then,
            mad(rate) filter (not is_now) as rate_spread,
            sum(request_count) filter (is_now) as request_count,
            median(p95_latency_ms) filter (is_now) as p95_now,
            median(p95_latency_ms) filter (not is_now) as p95_then,
            mad(p95_latency_ms) filter (not is_now) as p95_spread
        from rates
        group by all
        having count_if(is_now) > 0 and count_if(not is_now) > 0
    )
    select service, max(greatest(
        rate_now - rate_then - 1.64 * greatest(rate_spread, 0.5 / sqrt(request_count)),
        (p95_now - p95_then - 1.64 * p95_spread) / (p95_now + 5)
    )) as score
    from changes
    group by 1
    having score > 0
    order by score desc, service
"""
_A_COLUMNS = (
    "window_start", "environment", "service", "endpoint", "request_count", "error_count",
    "error_log_count", "p95_latency_ms",
)  # fmt: skip


def measured(lake: DeltaLake, cases: Sequence[Case]) -> Evidence:
    """Figures are shares from 0 to 1. Raises UnreadableError."""
    variables = project_variables()
    around = timedelta(hours=variables["root_cause_reference_hours"])
    length = timedelta(minutes=variables["window_minutes"])
    reader = AsOfReader(lake, None)
    failing = failing_windows(
        rows_of(reader, "gold.endpoint_minutes", FAILING_COLUMNS), variables["window_minutes"]
    )
    found = []
    for case in cases:
        windows = windows_of(case.time, length)
        near = starts_in(windows.widened(around, around))
        from_gold = suspects_of(reader, windows, None, variables["root_cause_reference_hours"])
        silver = silver_minutes(COLUMNS, reader, case.time, around, length)
        from_silver = ranked(silver, case.time, variables["root_cause_reference_hours"])
        minutes = rows_of(reader, "gold.endpoint_minutes", _A_COLUMNS, near)
        times = {"start": windows.start, "end": windows.end}
        from_a = queried({"endpoint_minutes": minutes}, _GOLD_A, times).to_pylist()
        found.append(
            {
                "case": case.name,
                "service": case.service,
                "gold_b": _place(case, from_gold),
                "gold_a": _place(case, from_a),
                "silver": _place(case, from_silver),
                "view": _place(case, _of_view(reader, failing, case.time)),
                "is_path_right": bool(from_gold)
                and _is_in_a_trace(reader, case.time, from_gold[0]["service_path"]),
                "first": from_gold[0] if from_gold else None,
            }
        )
    figures: Row = {"cases": len(found), "found": found}
    for name in _ASKED:
        places = [row[name] for row in found if row[name] is not None]
        figures[name] = {
            f"as{depth}": sum(place <= depth for place in places) / len(found) for depth in DEPTHS
        }
    hits = [row for row in found if row["gold_b"] == 1]
    figures["gold_b"]["path"] = (
        sum(row["is_path_right"] for row in hits) / len(hits) if hits else None
    )
    return Evidence(figures, _page(figures), [_chart(figures)])


def _of_view(reader: AsOfReader, failing: Sequence[Row], time: TimeRange) -> list[Row]:
    """The rows of gold.root_cause_candidates for its first incident that overlaps a time."""
    hours = project_variables()["root_cause_reference_hours"]
    for incident in failing:
        if incident["window_start"] < time.end and incident["window_end"] > time.start:
            own = TimeRange(incident["window_start"], incident["window_end"])
            return suspects_of(reader, own, incident["environment"], hours)[:5]
    return []


def _place(case: Case, suspects: Iterable[Row]) -> int | None:
    """At which place the culprit is suspected, from 1; None if it is not."""
    services = list(dict.fromkeys(row["service"] for row in suspects))
    return services.index(case.service) + 1 if case.service in services else None


def _is_in_a_trace(reader: AsOfReader, time: TimeRange, path: Sequence[str]) -> bool:
    """Whether one trace of the time has a call for each step of a path."""
    if len(path) < 2:
        return True
    rows = reader.arrow(
        "silver.service_calls",
        ("trace_id", "source_service", "target_service", "server_started_at"),
        starts_in(time, "server_started_at"),
    )
    steps = list(pairwise(path))
    calls: dict[str, set[tuple[str, str]]] = {}
    for row in rows.to_pylist() if rows is not None else []:
        step = (row["source_service"], row["target_service"])
        if step in steps:
            calls.setdefault(row["trace_id"], set()).add(step)
    return any(len(found) == len(set(steps)) for found in calls.values())


def _chart(figures: Row) -> Chart:
    """How many of the first suspects one has to look at."""
    lines = []
    for name, title in _ASKED.items():
        places = [row[name] or math.inf for row in figures["found"]]
        shares = [sum(at <= depth for at in places) / len(places) for depth in range(1, 11)]
        points = [(0.0, 0.0), *((float(n), share) for n, share in enumerate(shares, 1))]
        lines.append(Line(title, points, COLORS[name], is_dashed=name in ("silver", "view")))
    return Chart(
        "Share of cases whose culprit is among the first suspects", "suspects looked at", "", lines
    )


def _page(figures: Row) -> str:
    count = figures["cases"]
    lines = [
        "# Root cause",
        "",
        f"Share of {count} cases whose culprit is the first suspect, or among the first three or",
        "five, with 95 % intervals (Wilson). Each method is given the time of the case. Gold B:",
        "`tracekeep root-cause`. Gold A: error rates, error logs and p95 of endpoints. Silver: the",
        "method of Gold B on all events, in windows that begin with the case. At its own times:",
        "gold.root_cause_candidates, which looks for failing minutes and knows no case. A path is",
        "right if one trace of the time has all of its calls.",
        "",
    ]
    rows = []
    for name, title in _ASKED.items():
        shares = [share(figures[name][f"as{depth}"], count) for depth in DEPTHS]
        rows.append((title, *shares, percent(figures[name].get("path"))))
    lines += table(["from", "AS@1", "AS@3", "AS@5", "path right, of AS@1"], rows)
    rows = []
    for row in figures["found"]:
        places = ["-" if row[name] is None else str(row[name]) for name in _ASKED]
        first = row["first"]
        told = f"{first['service']}: {first['because']}" if first else "nobody"
        rows.append((row["case"], row["service"], *places, told))
    names = ["case", "culprit", *_ASKED.values(), "first suspect of Gold B"]
    return "\n".join([*lines, "", *table(names, rows)]) + "\n"
