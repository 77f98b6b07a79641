"""Which share of the ways from a failed span up to its root Gold tells as Silver does."""

from __future__ import annotations

from collections.abc import Sequence

from tracekeep.evidence import Case, Evidence
from tracekeep.evidence.lake_rows import all_rows, in_cases
from tracekeep.evidence.pages import share, table
from tracekeep.incident.delta_lake import DeltaLake, Row
from tracekeep.incident.reader import AsOfReader
from tracekeep.incident.suspects import queried

_SPAN = ("trace_id", "span_id", "parent_span_id", "service", "endpoint")
_TABLES = {
    "silver_spans": ("silver.spans", (*_SPAN, "is_error")),
    "silver_traces": ("silver.traces", ("trace_id", "started_at", "is_kept")),
    "gold_spans": ("gold.sampled_spans", _SPAN),
}
# Ways of the same failed spans, which Silver names, from each layer; of equal span ids in a trace
# (a span id is not always one span) all.
_WAYS = """
    with recursive failed as (
        select distinct trace_id, span_id from silver_spans where is_error
    ),
    way as (
        select failed.trace_id, failed.span_id as failed_id, spans.parent_span_id as next_id,
            [spans.service || ' ' || coalesce(spans.endpoint, '')] as steps
        from failed inner join {layer}_spans as spans using (trace_id, span_id)
        union all
        select way.trace_id, way.failed_id, spans.parent_span_id,
            list_append(way.steps, spans.service || ' ' || coalesce(spans.endpoint, ''))
        from way inner join {layer}_spans as spans
            on way.trace_id = spans.trace_id and way.next_id = spans.span_id
        where len(way.steps) < 256
    ),
    longest as (
        select trace_id, failed_id, max_by(steps, (len(steps), steps)) as steps
        from way group by all
    )
    select * from longest
"""
_COMPARED = """
    select
        count(*) as path_count,
        count_if(gold.steps = silver.steps)::bigint as told_count,
        count_if(len(silver.steps) > 1)::bigint as long_count,
        count_if(len(silver.steps) > 1 and gold.steps = silver.steps)::bigint as told_long_count,
        (select count_if(is_kept)::double / count(*) from silver_traces) as kept_share
    from silver
    inner join silver_traces as traces on silver.trace_id = traces.trace_id
    left join gold on silver.trace_id = gold.trace_id and silver.failed_id = gold.failed_id
    where {asked}
"""


def measured(lake: DeltaLake, cases: Sequence[Case]) -> Evidence:
    """Figures are shares from 0 to 1. Raises UnreadableError."""
    reader = AsOfReader(lake, None)
    tables = all_rows(reader, _TABLES)
    for layer in ("silver", "gold"):
        tables[layer] = queried(tables, _WAYS.format(layer=layer), {})
    asked_of_cases, times = in_cases(cases)
    figures: Row = {"cases": len(cases)}
    for name, asked, values in (("all", "true", {}), ("in_cases", asked_of_cases, times)):
        found = queried(tables, _COMPARED.format(asked=asked), values).to_pylist()[0]
        figures[name] = {
            "paths": found["path_count"],
            "gold_b": _of(found["told_count"], found["path_count"]),
            "paths_of_several_steps": found["long_count"],
            "gold_b_of_several_steps": _of(found["told_long_count"], found["long_count"]),
            "random_sample": found["kept_share"],
        }
    return Evidence(figures, _page(figures))


def _of(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _page(figures: Row) -> str:
    rows = []
    for name in ("all", "in_cases"):
        found = figures[name]
        for what, of, several in (
            ("all", found["paths"], ""),
            ("of several steps", found["paths_of_several_steps"], "_of_several_steps"),
        ):
            told = share(found[f"gold_b{several}"] or 0, of)
            at_random = found["random_sample"]
            expected = "-" if at_random is None else f"{at_random:.1%}"
            rows.append((name.replace("_", " "), what, str(of), told, "0.0%", expected))
    lines = [
        "# Paths",
        "",
        "Of each failed span of Silver the services and endpoints up to the root, span by span:",
        "share for which the spans in gold.sampled_spans give the same. Gold A has no spans.",
        "Random sample: the share of traces that Gold keeps.",
        "",
        *table(["traces", "paths", "number", "Gold B", "Gold A", "random sample"], rows),
    ]
    return "\n".join(lines) + "\n"
