"""Which service caused an incident: Gold's minutes of it against those of the hours around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from jinja2 import Environment

from tracekeep.incident.delta_lake import Row
from tracekeep.incident.reader import AsOfReader, queried
from tracekeep.incident.selection import TimeRange
from tracekeep.incident.windows import starts_in
from tracekeep.lake import PROJECT

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = {
    "operation_minutes": (
        "window_start", "environment", "service", "endpoint", "span_count", "request_count",
    ),
    "log_statement_minutes": (
        "window_start", "environment", "service", "endpoint", "statement", "span_count",
    ),
    "call_graph_minutes": (
        "window_start", "environment", "source_service", "target_service", "is_self_call",
        "call_count", "wait_p50_ms",
    ),
}  # fmt: skip


def suspects_of(
    reader: AsOfReader, incident: TimeRange, environment: str | None, hours: int
) -> list[Row]:
    """The suspected services of each environment, or of one, the first suspect of all first: the
    columns of gold.root_cause_candidates, by the same SQL, run by DuckDB, and `because`, a
    sentence.

    incident: whole windows; hours: how far before and after it is compared with. Empty for a Gold
    without one of the tables.
    """
    (found,) = suspects_of_each(reader, [(environment, incident)], hours)
    return found


def suspects_of_each(
    reader: AsOfReader, incidents: Sequence[tuple[str | None, TimeRange]], hours: int
) -> list[list[Row]]:
    """As `suspects_of`, of several incidents, of what is read once."""
    if not incidents:
        return []
    around = timedelta(hours=hours)
    first = min(time.start for _, time in incidents) - around
    near = starts_in(TimeRange(first, max(time.end for _, time in incidents) + around))
    tables = {name: reader.arrow(f"gold.{name}", of, near) for name, of in COLUMNS.items()}
    if any(rows is None or rows.column_names != [*COLUMNS[n]] for n, rows in tables.items()):
        return [[] for _ in incidents]
    # one at a time: what DuckDB holds of one incident is a day of minutes
    return [
        [
            {**row, "because": because(row)}
            for row in ranked(tables, incident, hours)
            if environment in (None, row["environment"])
        ]
        for environment, incident in incidents
    ]


def ranked(tables: Mapping[str, pa.Table | None], incident: TimeRange, hours: int) -> list[Row]:
    """The rows of gold.root_cause_candidates for one time, of its three tables by name, the first
    suspect of all first."""
    select = "select * from root_cause_candidates order by score desc, environment, service"
    return compared(tables, [incident], hours, select).to_pylist()


def compared(
    tables: Mapping[str, pa.Table | None], times: Sequence[TimeRange], hours: int, select: str
) -> pa.Table:
    """What `select` finds in the steps of root_cause_candidates, in which each time is an incident
    of each environment. Each step names the `incident`, as incident_windows does."""
    import pyarrow as pa

    steps = _steps("root_cause_candidates", *COLUMNS, hours)
    sql = f"""
        with incident_windows as (
            select distinct
                concat_ws(' ', environment, times.window_start) as incident,
                environment,
                times.window_start,
                times.window_end
            from operation_minutes
            cross join times
        ),
        {steps}
        {select}
    """  # noqa: S608 - the project's own SQL
    rows = [{"window_start": time.start, "window_end": time.end} for time in times]
    return queried({**tables, "times": pa.Table.from_pylist(rows)}, sql, {})


def failing_windows(minutes: pa.Table, length: int) -> list[Row]:
    """The incidents of gold.root_cause_candidates, in order: environment, window_start, window_end.

    minutes: of gold.endpoint_minutes; length: minutes of its windows.
    """
    steps = _steps("failing_windows", "endpoint_minutes", length)
    sql = f"with {steps} select * from incident_windows order by all"  # noqa: S608
    return queried({"endpoint_minutes": minutes}, sql, {}).to_pylist()


FAILING_COLUMNS = (
    "environment", "window_start", "partition_date", "error_count", "error_log_count",
)  # fmt: skip


def _steps(macro: str, *arguments: Any) -> str:
    """What a macro of dbt gives, which is the SQL of both engines."""
    path = PROJECT / "macros" / "root_cause" / f"{macro}.sql"
    template = Environment(autoescape=False).from_string(  # noqa: S701 - SQL, not HTML
        path.read_text(encoding="utf-8")
    )
    steps: str = getattr(template.make_module(), macro)(*arguments)
    return steps


def because(suspect: Row) -> str:
    """What speaks for a suspect, as a sentence."""
    before, now = suspect["value_before"], suspect["value_now"]
    if suspect["evidence_kind"] == "hop":
        return (
            f"calls from {suspect['source_service']} to {suspect['target_service']} wait "
            f"{now:,.0f} ms beyond the callee's own time, usually {before:,.0f} ms"
        )
    if suspect["evidence_kind"] == "operation":
        return f"{suspect['endpoint']} runs {now:.2f} times a request, usually {before:.2f} times"
    return (
        f"{now:.0%} of the spans of {suspect['endpoint']} reach the log statement "
        f"{suspect['statement']!r}, usually {before:.0%}"
    )
