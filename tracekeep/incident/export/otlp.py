"""OTLP/JSON (opentelemetry-proto, ExportTraceServiceRequest), as Grafana and collectors read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from tracekeep.incident.export.whole_trace import Span, by_service

_KINDS = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
_STATUSES = {"Ok": 1, "Error": 2}


def otlp_request(trace_id: str, spans: Sequence[Span]) -> dict[str, Any]:
    """The request; values of attributes are texts, as Silver has them."""
    resources = []
    for members in by_service(spans).values():
        of_scope = sorted(members, key=lambda span: span.scope_name or "")
        scopes = [
            {"scope": {"name": name}, "spans": [_span(trace_id, span) for span in those]}
            for name, those in groupby(of_scope, key=lambda span: span.scope_name or "")
        ]
        resource = {"attributes": _attributes(members[0].resource_attributes)}
        resources.append({"resource": resource, "scopeSpans": scopes})
    return {"resourceSpans": resources}


def _span(trace_id: str, span: Span) -> dict[str, Any]:
    told: dict[str, Any] = {
        "traceId": trace_id,
        "spanId": span.span_id,
        "name": span.name,
        "kind": _KINDS.get(span.kind or "", 0),
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": _attributes(span.attributes),
        "events": [
            {
                "timeUnixNano": str(event.time_ns),
                "name": event.name,
                "attributes": _attributes(event.attributes),
            }
            for event in span.events
        ],
        "links": [{"traceId": trace, "spanId": linked} for trace, linked in span.links],
        "status": {
            "code": _STATUSES.get(span.status_code or "", 0),
            "message": span.status_message or "",
        },
    }
    if span.parent_span_id:
        told["parentSpanId"] = span.parent_span_id
    return told


def _attributes(named: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"key": name, "value": {"stringValue": value}} for name, value in named.items()]
