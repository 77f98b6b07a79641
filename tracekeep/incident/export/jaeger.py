"""A trace in the JSON of Jaeger's UI and query API (jaeger, internal/uimodel)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tracekeep.incident.export.whole_trace import Span, by_service


def jaeger_answer(data: Sequence[Any]) -> dict[str, Any]:
    """What Jaeger's API wraps its answers in."""
    return {"data": data, "total": len(data), "limit": 0, "offset": 0, "errors": None}


def jaeger_trace(trace_id: str, spans: Sequence[Span]) -> dict[str, Any]:
    """One element of `data`; times in µs."""
    processes, told = {}, []
    for number, members in enumerate(by_service(spans).values(), 1):
        process, first = f"p{number}", members[0]
        processes[process] = {
            "serviceName": first.service,
            "tags": _tags(first.resource_attributes),
        }
        told += [_span(trace_id, span, process) for span in members]
    return {"traceID": trace_id, "spans": told, "processes": processes, "warnings": None}


def _span(trace_id: str, span: Span, process: str) -> dict[str, Any]:
    parents = [("CHILD_OF", trace_id, span.parent_span_id)] if span.parent_span_id else []
    links = [("FOLLOWS_FROM", trace, linked) for trace, linked in span.links]
    named = {
        "span.kind": span.kind,
        "otel.scope.name": span.scope_name,
        "otel.status_code": span.status_code and span.status_code.upper(),
        "otel.status_description": span.status_message,
    }
    tags = _tags({**span.attributes, **{name: value for name, value in named.items() if value}})
    if span.status_code == "Error":
        tags = [tag for tag in tags if tag["key"] != "error"]
        tags.append({"key": "error", "type": "bool", "value": True})
    return {
        "traceID": trace_id,
        "spanID": span.span_id,
        "operationName": span.name,
        "references": [
            {"refType": kind, "traceID": trace, "spanID": other}
            for kind, trace, other in (*parents, *links)
        ],
        "startTime": span.start_ns // 1_000,
        "duration": (span.end_ns - span.start_ns) // 1_000,
        "tags": tags,
        "logs": [
            {
                "timestamp": event.time_ns // 1_000,
                "fields": _tags({"event": event.name, **event.attributes}),
            }
            for event in span.events
        ],
        "processID": process,
        "warnings": None,
    }


def _tags(named: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"key": name, "type": "string", "value": value} for name, value in named.items()]
