"""Whether a change of the culprit came before a case, and whether Gold's effects point to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from tracekeep.evidence import Case, Evidence
from tracekeep.evidence.pages import percent, share, table
from tracekeep.incident.delta_lake import DeltaLake, Row
from tracekeep.incident.reader import AsOfReader, rows_of
from tracekeep.lake import project_variables

HOURS = 1
"""How long before the start of a case a change counts."""
_COLUMNS = ("service", "changed_at", "error_rate_effect", "new_pattern_count")


def measured(lake: DeltaLake, cases: Sequence[Case]) -> Evidence:
    """Figures are shares from 0 to 1. Raises UnreadableError."""
    reader = AsOfReader(lake, None)
    changes = rows_of(reader, "gold.change_effects", _COLUMNS)
    rows = sorted(changes.to_pylist(), key=lambda row: (row["changed_at"], row["service"] or ""))
    found = []
    for case in cases:
        near = _before(case, rows)
        last = near[-1]["service"] if near else None
        effects = [row for row in near if row["error_rate_effect"] is not None]
        worst = max(effects, key=lambda row: row["error_rate_effect"], default=None)
        found.append(
            {
                "case": case.name,
                "service": case.service,
                "changes": len(near),
                "has_change_of_culprit": any(row["service"] == case.service for row in near),
                "last_is_culprit": last == case.service,
                "worst_is_culprit": worst is not None and worst["service"] == case.service,
            }
        )
    figures: Row = {"cases": len(cases), "changes": len(rows), "found": found}
    changed = [row for row in found if row["changes"]]
    figures["cases_after_a_change"] = len(changed)
    for name in ("has_change_of_culprit", "last_is_culprit", "worst_is_culprit"):
        hits = sum(row[name] for row in changed)
        figures[name] = hits / len(changed) if changed else None
    figures["any_time"] = _at_any_time(rows, cases)
    return Evidence(figures, _page(figures))


def _before(case: Case, rows: Sequence[Row]) -> list[Row]:
    """Changes in the hours before a case, and in its first window."""
    minute = timedelta(minutes=project_variables()["window_minutes"])
    start, end = case.time.start - timedelta(hours=HOURS), case.time.start + minute
    return [row for row in rows if start <= row["changed_at"] < end]


def _at_any_time(rows: Sequence[Row], cases: Sequence[Case]) -> float | None:
    """How often a change of the culprit came before a case of another service, of the cases after
    a change."""
    changed = {case: near for case in cases if (near := _before(case, rows))}
    found = [
        any(row["service"] == case.service for row in near)
        for case in cases
        for other, near in changed.items()
        if case.service != other.service
    ]
    return sum(found) / len(found) if found else None


def _page(figures: Row) -> str:
    count = figures["cases_after_a_change"]
    names = {
        "has_change_of_culprit": "a change of the culprit is among them",
        "last_is_culprit": "the last one is of the culprit",
        "worst_is_culprit": "the one with the greatest effect on the error rate is of the culprit",
    }
    rows = [(told, share(figures[name], count)) for name, told in names.items()]
    rows.append(("a change of the culprit before another case", percent(figures["any_time"])))
    lines = [
        "# Changes",
        "",
        f"{figures['changes']} changes of gold.change_effects; {count} of {figures['cases']} cases",
        f"began within {HOURS} hour after one. Of those, with 95 % intervals (Wilson):",
        "",
        *table(["of the changes before a case", "share of cases"], rows),
    ]
    return "\n".join(lines) + "\n"
