"""Which share of the ways from a failed span up to its root Gold tells as Silver does."""

from __future__ import annotations

from collections.abc import Sequence

from tracekeep.evidence import Case, Evidence, in_cases
from tracekeep.evidence.pages import percent, share, table
from tracekeep.incident.delta_lake import DeltaLake, Row
from tracekeep.incident.reader import AsOfReader, all_rows, queried

_SPAN = ("trace_id", "span_id", "parent_span_id", "service", "endpoint")
_TABLES = {
    "silver_spans": ("silver.spans", (*_SPAN, "is_error")),
    "log_records": ("silver.log_records", ("trace_id", "span_id", "is_error")),
    "silver_traces": ("silver.traces", ("trace_id", "started_at", "is_kept")),
    "gold_spans": ("gold.sampled_spans", _SPAN),
    "incident_paths": ("gold.incident_paths", ("trace_id", "steps")),
}
# Failed spans, and those with an error log. Of equal span ids in a trace (a span id is not always
# one span) all.
_FAILED = """
    select distinct trace_id, span_id from silver_spans where is_error
    union
    select trace_id, span_id from silver_spans
    inner join log_records using (trace_id, span_id)
    where log_records.is_error
"""
# Ways of the same spans from each layer, and whether another failed span is below.
_WAYS = """
    with recursive way as (
        select failed.trace_id, failed.span_id as failed_id, spans.parent_span_id as next_id,
            [spans.service || ' ' || coalesce(spans.endpoint, '')] as steps,
            [failed.span_id] as ids
        from failed inner join {layer}_spans as spans using (trace_id, span_id)
        union all
        select way.trace_id, way.failed_id, spans.parent_span_id,
            list_append(way.steps, spans.service || ' ' || coalesce(spans.endpoint, '')),
            list_append(way.ids, spans.span_id)
        from way inner join {layer}_spans as spans
            on way.trace_id = spans.trace_id and way.next_id = spans.span_id
        where len(way.steps) < 256
    ),
    above as (select distinct trace_id, unnest(ids[2:]) as span_id from way)
    select
        trace_id, failed_id, max_by(steps, (len(steps), steps)) as steps,
        (trace_id, failed_id) in (select (trace_id, span_id) from above) as is_above
    from way group by all
"""
# The steps of gold.incident_paths from their end up.
_PATHS = """
    select
        trace_id, steps[-1].span_id as failed_id,
        list_reverse(
            [step.service || ' ' || coalesce(step.endpoint, '') for step in steps]
        ) as steps
    from incident_paths
"""
_COMPARED = """
    select
        count(*) as path_count,
        count_if(gold.steps = silver.steps) as told_count,
        count_if(len(silver.steps) > 1) as long_count,
        count_if(len(silver.steps) > 1 and gold.steps = silver.steps) as told_long_count,
        count_if(not silver.is_above) as end_count,
        count_if(
            not silver.is_above and (silver.trace_id, silver.failed_id, silver.steps)
            in (select (trace_id, failed_id, steps) from paths)
        ) as told_end_count,
        (select count_if(is_kept) / count(*) from silver_traces) as kept_share
    from silver
    inner join silver_traces as traces on silver.trace_id = traces.trace_id
    left join gold on silver.trace_id = gold.trace_id and silver.failed_id = gold.failed_id
    where {asked}
"""
_KINDS = {
    "paths": "from a failed span to its root",
    "paths_of_several_steps": "of several steps",
    "ends": "from a failed span below which none fails (gold.incident_paths)",
}


def measured(lake: DeltaLake, cases: Sequence[Case]) -> Evidence:
    """Figures are shares from 0 to 1. Raises UnreadableError."""
    tables = all_rows(AsOfReader(lake, None), _TABLES)
    tables["failed"] = queried(tables, _FAILED, {})
    for layer in ("silver", "gold"):
        tables[layer] = queried(tables, _WAYS.format(layer=layer), {})
    tables["paths"] = queried(tables, _PATHS, {})
    asked_of_cases, times = in_cases(cases)
    figures: Row = {"cases": len(cases)}
    for name, asked, values in (("all", "true", {}), ("in_cases", asked_of_cases, times)):
        (found,) = queried(tables, _COMPARED.format(asked=asked), values).to_pylist()
        counts = {
            "paths": ("path_count", "told_count"),
            "paths_of_several_steps": ("long_count", "told_long_count"),
            "ends": ("end_count", "told_end_count"),
        }
        figures[name] = {
            kind: {"number": int(found[of] or 0), "gold_b": _share(found[told], found[of])}
            for kind, (of, told) in counts.items()
        } | {"random_sample": found["kept_share"]}
    return Evidence(figures, _page(figures))


def _share(part: int | None, whole: int | None) -> float | None:
    return int(part or 0) / int(whole) if whole else None


def _page(figures: Row) -> str:
    rows = []
    for name in ("all", "in_cases"):
        for kind, title in _KINDS.items():
            found = figures[name][kind]
            told = share(found["gold_b"], found["number"])
            at_random = percent(figures[name]["random_sample"])
            number = str(found["number"])
            rows.append((name.replace("_", " "), title, number, told, "0.0%", at_random))
    lines = [
        "# Paths",
        "",
        "For each failed span of Silver, this page compares the services and endpoints up to the",
        "root, span by span: with the spans of gold.sampled_spans, and with gold.incident_paths.",
        "A span fails by its status or by an error log. Gold A has no spans. A random sample of",
        "traces would show the share of traces that Gold keeps.",
        "",
        *table(["traces", "paths", "number", "Gold B", "Gold A", "random sample"], rows),
    ]
    return "\n".join(lines) + "\n"
