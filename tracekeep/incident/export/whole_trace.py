"""All spans of a trace with what was said in them: from Silver, or from Gold if that has more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tracekeep.incident.layers import erased_at
from tracekeep.incident.traces import add_late_error

if TYPE_CHECKING:
    from tracekeep.incident.delta_lake import DeltaLake, Row

SPAN_COLUMNS = (
    "span_id", "parent_span_id", "record_hash", "service", "endpoint", "operation", "kind",
    "status_code", "status_message", "environment", "scope_name", "error_type", "error_message",
    "error_stack", "error_variants", "attributes", "resource_attributes", "links", "latency_ms",
    "started_at", "started_at_ns",
)  # fmt: skip
LOG_COLUMNS = (
    "span_id", "service", "event_name", "severity_text", "body", "attributes", "logged_at",
    "logged_at_ns",
)  # fmt: skip
ERROR_COLUMNS = tuple(
    dict.fromkeys(("event_type", "occurred_at", "occurred_at_ns", *SPAN_COLUMNS, *LOG_COLUMNS))
)
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
    """The spans of each trace, by start and id; none if no layer has one or it was erased. Log
    records are events of their span, of the first span if theirs is missing. Raises
    UnreadableError."""
    ids = [trace_id for trace_id in trace_ids if erased_at(lake, trace_id) is None]
    listed = lake["silver.traces"].rows_of_traces(ids, ("trace_id", "event_dates"))
    is_complete = {row["trace_id"] for row in listed} == set(ids)
    days = sorted({day for row in listed for day in row["event_dates"]}) if is_complete else []

    def rows(table: str, columns: Sequence[str]) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = defaultdict(list)
        for row in lake[table].rows_of_traces(ids, ("trace_id", *columns), days):
            found[row["trace_id"]].append(dict.fromkeys(columns) | row)
        return found

    spans, logs = rows("silver.spans", SPAN_COLUMNS), rows("silver.log_records", LOG_COLUMNS)
    # of a trace of which a day has expired in Silver, Gold may hold more; ids alone are quick
    kept = rows("gold.sampled_spans", ())
    short = [it for it in ids if len(kept.get(it, ())) > len(spans.get(it, ()))]
    if short:
        kept = rows("gold.sampled_spans", SPAN_COLUMNS)
    kept_logs = rows("gold.sampled_log_records", LOG_COLUMNS) if short else {}
    for trace_id in short:
        spans[trace_id], logs[trace_id] = kept[trace_id], kept_logs.get(trace_id, [])
    for errors in rows("gold.error_events", ERROR_COLUMNS).values():
        for event in errors:
            add_late_error(event, spans, logs)
    return {it: _whole(spans.get(it, []), logs.get(it, [])) for it in trace_ids}


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
    end = start + round((row["latency_ms"] or 0) * 1_000_000)
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
        name=row["operation"] or row["endpoint"] or "",
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
