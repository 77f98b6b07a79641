"""New error patterns as an alarm: how many are of a case, and how many cases show one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from tracekeep.evidence import Case, Evidence
from tracekeep.evidence.lake_rows import all_rows
from tracekeep.evidence.pages import share, table
from tracekeep.incident.delta_lake import DeltaLake, Row, UnreadableError
from tracekeep.incident.reader import AsOfReader
from tracekeep.incident.suspects import queried
from tracekeep.lake import project_variables

WARM_UPS = (1, 12, 24)
"""Hours after the first event of an environment in which nothing is new."""

_TABLES = {
    "error_pattern_days": (
        "gold.error_pattern_days",
        ("environment", "fingerprint", "pattern_version", "first_seen_at"),
    ),
    "endpoint_minutes": (
        "gold.endpoint_minutes",
        ("environment", "window_start", "error_count", "error_log_count"),
    ),
    "environment_days": (
        "gold.environment_days",
        ("environment", "first_event_at", "last_event_at"),
    ),
}
_FIRST_SEEN = """
    select environment, min(first_seen_at) as first_seen_at
    from error_pattern_days
    where pattern_version = $version
    group by environment, fingerprint
    order by all
"""
# Minutes that fail far more than most of their day, as gold.root_cause_candidates takes them; an
# alarm is the first of those with less than five others between them.
_FAILING = """
    with minutes as (
        select environment, window_start, sum(error_count + error_log_count) as failure_count
        from endpoint_minutes group by all
    ),
    failing as (
        select *,
            lag(window_start) over (partition by environment order by window_start) as last_start
        from (
            select *, median(failure_count) over (
                partition by environment, window_start::date
            ) as usual_count
            from minutes
        )
        where failure_count > 3 * (usual_count + 1)
    )
    select environment, window_start from failing
    where last_start is null or window_start > last_start + interval 5 minutes
    order by all
"""


def measured(lake: DeltaLake, cases: Sequence[Case]) -> Evidence:
    """Figures are shares from 0 to 1. Raises UnreadableError."""
    reader = AsOfReader(lake, None)
    tables = all_rows(reader, _TABLES)
    version = {"version": project_variables()["error_pattern_version"]}
    seen = queried(tables, _FIRST_SEEN, version).to_pylist()
    failing = queried(tables, _FAILING, {}).to_pylist()
    days = tables["environment_days"].to_pylist()
    if not days:
        raise UnreadableError("gold.environment_days has no day")
    first = {
        name: min(day["first_event_at"] for day in days if day["environment"] == name)
        for name in {day["environment"] for day in days}
    }
    last = max(day["last_event_at"] for day in days)
    minute = timedelta(minutes=project_variables()["window_minutes"])
    figures: Row = {"cases": len(cases)}
    for hours in WARM_UPS:
        warm = {name: start + timedelta(hours=hours) for name, start in first.items()}
        asked = [case for case in cases if case.time.start >= min(warm.values())]
        told = {
            "new_patterns": [(row["environment"], row["first_seen_at"]) for row in seen],
            "failing_minutes": [(row["environment"], row["window_start"]) for row in failing],
        }
        found: Row = {"cases": len(asked)}
        for name, alarms in told.items():
            late = [at for environment, at in alarms if at > warm[environment]]
            found[name] = _quality(late, asked, minute)
        total = (last - min(warm.values())).total_seconds()
        of_cases = sum((case.time.end - case.time.start).total_seconds() for case in asked)
        found["time_in_cases"] = of_cases / total if total > 0 else None
        figures[f"warm_up_{hours}_h"] = found
    return Evidence(figures, _page(figures))


def _quality(alarms: Sequence[datetime], cases: Sequence[Case], slack: timedelta) -> Row:
    """An alarm is right in a case or a window after it."""
    times = [case.time.widened(timedelta(), slack) for case in cases]
    right = sum(any(time.holds(at) for time in times) for at in alarms)
    hit = sum(any(time.holds(at) for at in alarms) for time in times)
    return {
        "alarms": len(alarms),
        "precision": right / len(alarms) if alarms else None,
        "recall": hit / len(cases) if cases else None,
    }


def _page(figures: Row) -> str:
    rows = []
    for hours in WARM_UPS:
        found = figures[f"warm_up_{hours}_h"]
        for name in ("new_patterns", "failing_minutes"):
            told, of = found[name], f"{hours} h"
            precision = share(told["precision"] or 0, told["alarms"])
            recall = share(told["recall"] or 0, found["cases"])
            rows.append((of, name.replace("_", " "), str(told["alarms"]), precision, recall))
        at_random = found["time_in_cases"]
        rows.append(
            (f"{hours} h", "any time", "", "-" if at_random is None else f"{at_random:.1%}", "")
        )
    lines = [
        "# Novelty",
        "",
        f"Error patterns that were not seen before, as an alarm, on {figures['cases']} cases.",
        "Precision: alarms that are in a case. Recall: cases with an alarm. Beside them minutes in",
        "which far more fails than in most of the day, and the share of all time that is in cases.",
        "",
        *table(["warm-up", "alarm", "alarms", "precision", "recall"], rows),
    ]
    return "\n".join(lines) + "\n"
