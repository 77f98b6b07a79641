"""All spans of a trace with what was said in them: from Silver, or from Gold if that has more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tracekeep.incident.delta_lake import DeltaLake, Row

SPAN_COLUMNS = (
    "span_id", "parent_span_id", "record_hash", "service", "operation", "kind", "status_code",
    "status_message", "environment", "scope_name", "error_type", "error_message", "error_stack",
    "error_variants", "attributes", "resource_attributes", "links", "latency_ms", "started_at",
    "started_at_ns",
)  # fmt: skip
LOG_COLUMNS = (
    "span_id", "service", "event_name", "severity_text", "body", "attributes", "logged_at",
    "logged_at_ns",
)  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Event:
    """What was said in a span; time in ns since 1970 UTC."""

    time_ns: int
    name: str
    attributes: dict[str, str]


@dataclass(frozen=True, slots=True)
class Span:
    """A span; times in ns since 1970 UTC. kind and status_code as in Silver. `links` are pairs of
    trace and span id."""

    span_id: str
    parent_span_id: str | None
    service: str
    name: str
    kind: str | None
    status_code: str | None
    status_message: str | None
    scope_name: str | None
    start_ns: int
    end_ns: int
    attributes: dict[str, str]
    resource_attributes: dict[str, str]
    links: list[tuple[str, str]]
    events: list[Event]


def whole_traces(lake: DeltaLake, trace_ids: Sequence[str]) -> dict[str, list[Span]]:
    """The spans of each trace, by start and id; none if no layer has one. Log records are events of
    their span, of the first span if theirs is missing. Raises UnreadableError."""
    import pyarrow.compute as pc

    is_wanted = pc.field("trace_id").isin(list(trace_ids))
    listed = lake["silver.traces"].rows(("event_dates",), is_wanted)
    days = sorted({day for row in listed for day in row["event_dates"]})
    of_days = is_wanted & pc.field("partition_date").isin(days)
    where = {"silver": of_days, "gold": of_days if len(listed) == len(trace_ids) else is_wanted}

    def rows(table: str, columns: Sequence[str]) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = defaultdict(list)
        for row in lake[table].rows(("trace_id", *columns), where[table.partition(".")[0]]):
            found[row["trace_id"]].append(row)
        return found

    spans = rows("silver.spans", SPAN_COLUMNS) if days else {}
    logs = rows("silver.log_records", LOG_COLUMNS) if days else {}
    kept = rows("gold.sampled_spans", SPAN_COLUMNS)
    # of a trace of which a day has expired in Silver, Gold may hold more
    short = [it for it in trace_ids if len(kept.get(it, ())) > len(spans.get(it, ()))]
    kept_logs = rows("gold.sampled_log_records", LOG_COLUMNS) if short else {}
    found = {}
    for trace_id in trace_ids:
        by_layer = (kept, kept_logs) if trace_id in short else (spans, logs)
        found[trace_id] = _whole(*(layer.get(trace_id, []) for layer in by_layer))
    return found


def _whole(spans: Sequence[Row], logs: Sequence[Row]) -> list[Span]:
    held = sorted(map(_span, spans), key=lambda span: (span.start_ns, span.span_id))
    by_id: dict[str, Span] = {}
    for span in held:
        by_id.setdefault(span.span_id, span)
    for row in logs if held else ():
        by_id.get(row["span_id"] or "", held[0]).events.append(_log(row))
    for span in held:
        span.events.sort(key=lambda it: (it.time_ns, it.name, sorted(it.attributes.items())))
    return held


def _span(row: Row) -> Span:
    start = _nanoseconds(row["started_at"], row["started_at_ns"])
    end = start + round(row["latency_ms"] * 1_000_000)
    named = {
        "exception.type": "error_type",
        "exception.message": "error_message",
        "exception.stacktrace": "error_stack",
    }
    events = [
        Event(end, "exception", said)
        for error in row.get("error_variants") or [row]
        if (said := {name: error[of] for name, of in named.items() if error[of] is not None})
    ]
    resource = {
        "deployment.environment.name": row["environment"],
        **(row["resource_attributes"] or {}),
        "service.name": row["service"],
    }
    links = [(link["trace_id"], link["span_id"]) for link in row["links"] or []]
    return Span(
        span_id=row["span_id"] or row["record_hash"][:16],
        parent_span_id=row["parent_span_id"],
        service=row["service"],
        name=row["operation"] or "",
        kind=row["kind"],
        status_code=row["status_code"],
        status_message=row["status_message"],
        scope_name=row["scope_name"],
        start_ns=start,
        end_ns=end,
        attributes=row["attributes"] or {},
        resource_attributes=resource,
        links=[(trace, span) for trace, span in links if trace and span],
        events=events,
    )


def _log(row: Row) -> Event:
    said = {"message": row["body"], "level": row["severity_text"]}
    attributes = {**(row["attributes"] or {}), **{k: v for k, v in said.items() if v is not None}}
    time = _nanoseconds(row["logged_at"], row["logged_at_ns"])
    return Event(time, row["event_name"] or "log", attributes)


def _nanoseconds(time: datetime, rest: int | None) -> int:
    since = time - _EPOCH
    return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1_000 + (rest or 0)


def by_service(spans: Iterable[Span]) -> dict[tuple[str, str], list[Span]]:
    """Spans that share a service and resource, in order; the key's second part tells resources of
    one service apart."""
    found: dict[tuple[str, str], list[Span]] = defaultdict(list)
    for span in spans:
        found[span.service, repr(sorted(span.resource_attributes.items()))].append(span)
    return dict(found)
