"""New error patterns as an alarm: how many are of a case, and how many cases show one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from tracekeep.evidence import Case, Evidence
from tracekeep.evidence.pages import percent, share, table
from tracekeep.incident.delta_lake import DeltaLake, Row, UnreadableError
from tracekeep.incident.reader import AsOfReader, all_rows, queried
from tracekeep.incident.suspects import FAILING_COLUMNS, failing_windows
from tracekeep.lake import project_variables

WARM_UPS = (1, 12, 24)
"""Hours after the first event of an environment in which nothing is new."""

_TABLES = {
    "error_pattern_days": (
        "gold.error_pattern_days",
        ("environment", "fingerprint", "pattern_version", "first_seen_at"),
    ),
    "endpoint_minutes": ("gold.endpoint_minutes", FAILING_COLUMNS),
    "environment_days": ("gold.environment_days", ("environment", "first_event_at")),
}
_FIRST_SEEN = """
    select environment, min(first_seen_at) as at
    from error_pattern_days
    where pattern_version = $version
    group by environment, fingerprint
    order by all
"""
# What was recorded: an alarm at each of these minutes is one at random.
_MINUTES = "select distinct environment, window_start as at from endpoint_minutes"


def measured(lake: DeltaLake, cases: Sequence[Case]) -> Evidence:
    """Figures are shares from 0 to 1. Raises UnreadableError."""
    reader = AsOfReader(lake, None)
    tables = all_rows(reader, _TABLES)
    variables = project_variables()
    first: dict[str, datetime] = {}
    for day in tables["environment_days"].to_pylist():
        name, at = day["environment"], day["first_event_at"]
        first[name] = min(at, first.get(name, at))
    if not first:
        raise UnreadableError("gold.environment_days has no day")
    minute = timedelta(minutes=variables["window_minutes"])
    failing = failing_windows(tables["endpoint_minutes"], variables["window_minutes"])
    version = {"version": variables["error_pattern_version"]}
    alarms = {
        "new_patterns": queried(tables, _FIRST_SEEN, version).to_pylist(),
        "failing_minutes": [{**row, "at": row["window_start"]} for row in failing],
        "any_minute": queried(tables, _MINUTES, {}).to_pylist(),
    }
    figures: Row = {"cases": len(cases)}
    for hours in WARM_UPS:
        warm = {name: start + timedelta(hours=hours) for name, start in first.items()}
        asked = [case for case in cases if case.time.start >= min(warm.values())]
        found: Row = {"cases": len(asked)}
        for name, rows in alarms.items():
            late = [row["at"] for row in rows if row["at"] > warm[row["environment"]]]
            found[name] = _quality(late, asked, minute)
        figures[f"warm_up_{hours}_h"] = found
    return Evidence(figures, _page(figures))


def _quality(alarms: Sequence[datetime], cases: Sequence[Case], slack: timedelta) -> Row:
    """An alarm is right in a case or a window after it."""
    times = [case.time.widened(timedelta(), slack) for case in cases]
    right = sum(any(time.holds(at) for time in times) for at in alarms)
    hit = sum(any(time.holds(at) for at in alarms) for time in times)
    return {
        "alarms": len(alarms),
        "right": right,
        "precision": right / len(alarms) if alarms else None,
        "recall": hit / len(cases) if cases else None,
    }


def _page(figures: Row) -> str:
    rows = []
    for hours in WARM_UPS:
        found = figures[f"warm_up_{hours}_h"]
        for name in ("new_patterns", "failing_minutes", "any_minute"):
            quality = found[name]
            right = f"{quality['right']} of {quality['alarms']}"
            recall = share(quality["recall"], found["cases"])
            rows.append(
                (f"{hours} h", name.replace("_", " "), right, percent(quality["precision"]), recall)
            )
    lines = [
        "# Novelty",
        "",
        f"Error patterns that were not seen before, as an alarm, on {figures['cases']} cases.",
        "Precision is the share of alarms that are in a case, recall the share of cases with an",
        "alarm. The table also shows minutes with far more failures than usual, and each recorded",
        "minute as an alarm. Alarms come in bursts, so precision has no interval.",
        "",
        *table(["warm-up", "alarm", "in a case", "precision", "recall"], rows),
    ]
    return "\n".join(lines) + "\n"
