"""What the traces that Gold keeps whole cover, beside as many traces drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tracekeep.evidence import Case, Evidence, in_cases
from tracekeep.evidence.pages import percent, table
from tracekeep.incident.delta_lake import DeltaLake, Row, UnreadableError
from tracekeep.incident.reader import AsOfReader, all_rows, queried

if TYPE_CHECKING:
    import pyarrow as pa

DRAWS = 5
_TABLES = {
    "traces": ("silver.traces", ("trace_id", "is_kept", "started_at")),
    "spans": ("silver.spans", ("trace_id", "service", "endpoint", "is_request")),
    "log_records": ("silver.log_records", ("trace_id", "service", "statement")),
    "error_events": ("gold.error_events", ("trace_id", "fingerprint")),
    "incident_paths": ("gold.incident_paths", ("trace_id", "service_path", "fingerprint")),
}
# What a trace shows, by kind: a trace id and a thing.
_SHOWN = {
    "endpoints": "select trace_id, service || ' ' || endpoint as thing from spans where is_request",
    "trace_shapes": """
        select trace_id, array_to_string(
            list_sort(list_distinct(list(service || ' ' || coalesce(endpoint, '')))), chr(31)
        ) as thing
        from spans group by trace_id
    """,
    "error_patterns": "select trace_id, fingerprint as thing from error_events",
    "path_shapes": """
        select
            trace_id,
            array_to_string(service_path, chr(31)) || coalesce(fingerprint, '') as thing
        from incident_paths
    """,
    "log_statements": "select trace_id, service || ' ' || statement as thing from log_records",
}
_COVERED = """
    with shown as ({shown}),
    asked as (select * from traces where {asked}),
    placed as (
        select trace_id, is_kept, row_number() over (order by {order}) as place from asked
    ),
    drawn as (
        select trace_id from placed where place <= (select count_if(is_kept) from asked)
    )
    select
        count(distinct thing) as all_count,
        count(distinct thing) filter (shown.trace_id in (select trace_id from drawn)) as count
    from shown
    where thing is not null and shown.trace_id in (select trace_id from asked)
"""


def measured(lake: DeltaLake, cases: Sequence[Case]) -> Evidence:
    """Figures are shares from 0 to 1. Raises UnreadableError."""
    reader = AsOfReader(lake, None)
    tables = all_rows(reader, _TABLES)
    asked_of_cases, times = in_cases(cases)
    kept = tables["traces"]["is_kept"].to_pylist()
    if not kept:
        raise UnreadableError("silver.traces has no trace")
    figures: Row = {
        "cases": len(cases),
        "traces": len(kept),
        "kept_traces": sum(kept),
        "all": {name: _covered(tables, sql, "true", {}) for name, sql in _SHOWN.items()},
        "in_cases": {
            name: _covered(tables, sql, asked_of_cases, times) for name, sql in _SHOWN.items()
        },
    }
    return Evidence(figures, _page(figures))


def _covered(tables: dict[str, pa.Table], shown: str, asked: str, times: Row) -> Row:
    """Shares of the distinct things that the kept traces show, and as many traces at random."""
    orders = ["not is_kept", *(f"hash(trace_id || '{n}')" for n in range(DRAWS))]
    rows = [
        row
        for order in orders
        for row in queried(
            tables, _COVERED.format(shown=shown, asked=asked, order=order), times
        ).to_pylist()
    ]
    whole = rows[0]["all_count"]
    if not whole:
        return {"things": 0, "kept": None, "random": None}
    at_random = sum(row["count"] for row in rows[1:]) / DRAWS
    return {"things": whole, "kept": rows[0]["count"] / whole, "random": at_random / whole}


def _page(figures: Row) -> str:
    rows = []
    for where in ("all", "in_cases"):
        for name, found in figures[where].items():
            shares = [percent(found[of]) for of in ("kept", "random")]
            rows.append(
                (where.replace("_", " "), name.replace("_", " "), str(found["things"]), *shares)
            )
    kept, of = figures["kept_traces"], figures["traces"]
    lines = [
        "# Sampling",
        "",
        f"Gold keeps {kept:,} of {of:,} traces whole ({kept / of:.1%}). Share of distinct things",
        f"that they show, beside as many traces drawn at random, mean of {DRAWS} draws; of all",
        "traces, and of those that began in a case, with as many as Gold keeps of them.",
        "",
        *table(["traces", "what", "distinct", "kept", "random"], rows),
    ]
    return "\n".join(lines) + "\n"
