"""OTLP/JSON, Tempo's JSON, Jaeger's query JSON and Zipkin v2 JSON → rows; standard library only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from oracle import fields
from oracle.fields import SPAN_ID_BYTES, TRACE_ID_BYTES
from oracle.format_rows import (
    Outcome,
    Reject,
    Row,
    dated,
    is_whole,
    nanoseconds_of_micros,
    object_at,
    objects_of,
    padded_id,
    text_at,
    text_of,
    whole_nanoseconds,
)

OTLP_KEYS = frozenset({"resourceSpans", "batches", "resourceLogs", "resourceMetrics"})
KINDS = (None, "internal", "server", "client", "producer", "consumer")
STATUSES = (None, "Ok", "Error")
ZIPKIN_KEYS = frozenset(
    {"timestamp", "duration", "localEndpoint", "remoteEndpoint", "annotations", "tags", "kind"}
)
# What the readers of a format tell in columns, or what only says how the span travelled.
TOLD_IN_COLUMNS = frozenset(
    {
        "span.kind", "error", "otel.status_code", "otel.status_description", "otel.scope.name",
        "otel.scope.version", "otel.library.name", "otel.library.version", "internal.span.format",
        "w3c.tracestate",
    }
)  # fmt: skip


def attributes_told(attributes: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """The attributes of a span that no column tells, sorted by key."""
    return tuple(sorted((k, v) for k, v in attributes.items() if k not in TOLD_IN_COLUMNS))


# ---------------------------------------------------------------- OTLP, Tempo


def otlp_document(value: dict[str, Any]) -> dict[str, Any] | None:
    """The document with OTLP/JSON's or Tempo's lists, from its envelope if it has one."""
    if OTLP_KEYS & value.keys():
        return value
    for envelope in ("trace", "result"):
        inner = value.get(envelope)
        if isinstance(inner, dict) and OTLP_KEYS & inner.keys():
            return inner
    return None


def otlp_outcomes(document: dict[str, Any]) -> Iterator[Outcome]:
    """The spans and log records of one document."""
    for name in ("resourceSpans", "batches"):
        for service, span in _otlp_records(document.get(name), "Spans", "spans"):
            yield span if isinstance(span, Reject) else _otlp_span(span, service)
    for service, record in _otlp_records(document.get("resourceLogs"), "Logs", "logRecords"):
        yield record if isinstance(record, Reject) else _otlp_log_record(record, service)


def _otlp_records(
    blocks: Any, scope_name: str, record_name: str
) -> Iterator[tuple[str | None, dict[str, Any] | Reject]]:
    """Each record with its service."""
    for block in objects_of(blocks):
        if isinstance(block, Reject):
            yield None, block
            continue
        known = fields.attributes_of(object_at(block, "resource").get("attributes"), _SERVICE)
        service = text_of(known.get("service.name")) or None
        scopes = block.get(f"scope{scope_name}") or block.get(f"instrumentationLibrary{scope_name}")
        for scope in objects_of(scopes):
            if isinstance(scope, Reject):
                yield service, scope
                continue
            for record in objects_of(scope.get(record_name)):
                yield service, record


_SERVICE = frozenset({"service.name"})


def _has_wrong_type(raw: dict[str, Any], *times: str) -> bool:
    """Whether a field holds what its type cannot be: such a record is rejected (R15)."""
    numbers = (raw.get(name) for name in times)
    return (
        not isinstance(raw.get("name"), str | None)
        or not isinstance(raw.get("attributes"), list | None)
        or any(n not in (None, "") and not is_whole(n) for n in numbers)
    )


def _otlp_span(raw: dict[str, Any], service: str | None) -> Outcome:
    if _has_wrong_type(raw, "startTimeUnixNano", "endTimeUnixNano"):
        return Reject("wrong_type")
    end_ns = whole_nanoseconds(raw.get("endTimeUnixNano"))
    return dated(
        Row(
            "span",
            trace_id=fields.normal_id(raw.get("traceId"), TRACE_ID_BYTES),
            span_id=fields.normal_id(raw.get("spanId"), SPAN_ID_BYTES),
            parent_span_id=fields.normal_id(raw.get("parentSpanId"), SPAN_ID_BYTES),
            # an end is a usable time too: where it stands alone, it is the start
            start_ns=whole_nanoseconds(raw.get("startTimeUnixNano")) or end_ns,
            end_ns=end_ns,
            status=_member(object_at(raw, "status").get("code"), "STATUS_CODE_", STATUSES),
            service=service,
            name=text_at(raw, "name"),
            kind=_member(raw.get("kind"), "SPAN_KIND_", KINDS),
            events=_length(raw.get("events")),
            links=_length(raw.get("links")),
            attributes=attributes_told(_otlp_attributes(raw.get("attributes"))),
        )
    )


def _otlp_log_record(raw: dict[str, Any], service: str | None) -> Outcome:
    if _has_wrong_type(raw, "timeUnixNano", "observedTimeUnixNano"):
        return Reject("wrong_type")
    time_ns = whole_nanoseconds(raw.get("timeUnixNano"))
    return dated(
        Row(
            "log",
            trace_id=fields.normal_id(raw.get("traceId"), TRACE_ID_BYTES),
            span_id=fields.normal_id(raw.get("spanId"), SPAN_ID_BYTES),
            start_ns=time_ns or whole_nanoseconds(raw.get("observedTimeUnixNano")),
            service=service,
            text=text_of(fields.plain_value(raw.get("body"))),
            severity=fields.severity_of_record(raw.get("severityNumber"), raw.get("severityText")),
        )
    )


def _otlp_attributes(pairs: Any) -> dict[str, str]:
    found = {}
    for pair in pairs if isinstance(pairs, list) else ():
        if isinstance(pair, dict) and isinstance(pair.get("key"), str):
            value = text_of(fields.plain_value(pair.get("value")))
            if value is not None:
                found[pair["key"]] = value
    return found


def _member(value: object, prefix: str, members: tuple[str | None, ...]) -> str | None:
    """The member of an enumeration by its number or name; None if it is unset or unknown."""
    if isinstance(value, str) and not value.isdigit():
        name = value.upper().removeprefix(prefix)
        return next((member for member in members if member and member.upper() == name), None)
    number = fields.whole_number(value) or 0
    return members[number] if 0 <= number < len(members) else None


def _length(value: object) -> int:
    return len(value) if isinstance(value, list) else 0


# ---------------------------------------------------------------- Jaeger


def jaeger_traces(value: dict[str, Any]) -> list[Any] | None:
    """The traces of a Jaeger document: a list, one trace, or a bare trace; None if it is none."""
    if _is_jaeger_trace(value):
        return [value]
    data = value.get("data")
    if isinstance(data, dict) and _is_jaeger_trace(data):
        return [data]
    if isinstance(data, list) and (not data or any(map(_is_jaeger_trace, data))):
        return data
    return None


def _is_jaeger_trace(value: object) -> bool:
    return (
        isinstance(value, dict) and "spans" in value and bool({"traceID", "processes"} & set(value))
    )


def jaeger_outcomes(trace: Any) -> Iterator[Outcome]:
    """The spans of one trace."""
    if not _is_jaeger_trace(trace):
        yield Reject("wrong_type")
        return
    processes = object_at(trace, "processes")
    for span in objects_of(trace.get("spans")):
        yield span if isinstance(span, Reject) else _jaeger_span(span, trace, processes)


def _jaeger_span(raw: dict[str, Any], trace: dict[str, Any], processes: dict[str, Any]) -> Outcome:
    tags = _jaeger_tags(raw.get("tags"))
    process_id = raw.get("processID")
    process = object_at(processes, process_id) if isinstance(process_id, str) else {}
    start_ns = nanoseconds_of_micros(raw.get("startTime")) or None
    duration_ns = nanoseconds_of_micros(raw.get("duration"))
    kind = (text_of(tags.get("span.kind")) or "").lower()
    trace_id = raw.get("traceID", trace.get("traceID"))
    references = [r for r in raw.get("references") or () if isinstance(r, dict)]
    parent = _jaeger_parent(raw, trace_id, references)
    return dated(
        Row(
            "span",
            trace_id=padded_id(trace_id, TRACE_ID_BYTES),
            span_id=padded_id(raw.get("spanID"), SPAN_ID_BYTES),
            parent_span_id=padded_id(parent, SPAN_ID_BYTES),
            start_ns=start_ns,
            end_ns=None if start_ns is None or duration_ns is None else start_ns + duration_ns,
            status=_jaeger_status(tags),
            service=text_at(process or object_at(raw, "process"), "serviceName"),
            name=text_at(raw, "operationName"),
            kind=kind if kind in KINDS else None,
            events=_length(raw.get("logs")),
            links=len(references) - any(_is_parent(r, trace_id) for r in references),
            attributes=attributes_told(_texts(tags)),
        )
    )


def _jaeger_tags(tags: Any) -> dict[str, Any]:
    """Tags by key; an `error` that is true is not hidden by another tag of that name."""
    found: dict[str, Any] = {}
    for tag in tags if isinstance(tags, list) else ():
        if isinstance(tag, dict) and isinstance(tag.get("key"), str):
            key, value = tag["key"], tag.get("value")
            if not (key == "error" and _is_true(found.get(key))):
                found[key] = value
    return found


def _jaeger_status(tags: dict[str, Any]) -> str | None:
    stated = _member(tags.get("otel.status_code"), "STATUS_CODE_", STATUSES)
    return stated or ("Error" if _is_true(tags.get("error")) else None)


def _is_true(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _is_parent(reference: dict[str, Any], trace_id: object) -> bool:
    if reference.get("refType") != "CHILD_OF":
        return False
    other = reference.get("traceID", trace_id)
    if other == trace_id:
        return True
    known = padded_id(trace_id, TRACE_ID_BYTES)
    return known is not None and padded_id(other, TRACE_ID_BYTES) == known


def _jaeger_parent(
    raw: dict[str, Any], trace_id: object, references: list[dict[str, Any]]
) -> object:
    for reference in references:
        if _is_parent(reference, trace_id):
            return reference.get("spanID")
    return raw.get("parentSpanID")


def _texts(values: dict[str, Any]) -> dict[str, str]:
    texts = {key: text_of(value) for key, value in values.items()}
    return {key: text for key, text in texts.items() if text is not None}


# ---------------------------------------------------------------- Zipkin


def is_zipkin_span(value: dict[str, Any]) -> bool:
    """Whether an object is a span of Zipkin's v2 format."""
    if "traceId" not in value or "id" not in value:
        return False
    is_log = any(isinstance(value.get(name), str) for name in ("message", "msg", "level"))
    return not is_log and (bool(ZIPKIN_KEYS & value.keys()) or value.keys() <= _ZIPKIN_BARE)


_ZIPKIN_BARE = frozenset({"traceId", "id", "parentId", "name", "shared", "debug"})


def zipkin_outcome(raw: dict[str, Any]) -> Outcome:
    """One span."""
    tags = object_at(raw, "tags")
    annotations = [a for a in raw.get("annotations") or () if isinstance(a, dict)]
    times = (nanoseconds_of_micros(a.get("timestamp")) for a in annotations)
    start_ns = nanoseconds_of_micros(raw.get("timestamp")) or min(filter(None, times), default=None)
    duration_ns = nanoseconds_of_micros(raw.get("duration"))
    kind = (text_at(raw, "kind") or "").lower()
    return dated(
        Row(
            "span",
            trace_id=padded_id(raw.get("traceId"), TRACE_ID_BYTES),
            span_id=padded_id(raw.get("id"), SPAN_ID_BYTES),
            parent_span_id=padded_id(raw.get("parentId"), SPAN_ID_BYTES),
            start_ns=start_ns,
            end_ns=None if start_ns is None or duration_ns is None else start_ns + duration_ns,
            status="Error" if "error" in tags else None,
            service=text_at(object_at(raw, "localEndpoint"), "serviceName"),
            name=text_at(raw, "name"),
            kind=kind if kind in KINDS else None,
            events=len(annotations),
            attributes=attributes_told(_texts(tags)),
        )
    )
