"""Jaeger's JSON: what its query API answers and its UI exports, also single traces and spans.

Source: jaegertracing/jaeger, model/json. Times are microseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Raw, Struct

from tracekeep.readers.records import Record, rejected_record, span_record
from tracekeep.readers.span_tags import mapped_tags
from tracekeep.readers.values import (
    SPAN_ID_DIGITS,
    TRACE_ID_DIGITS,
    Unusable,
    attribute_text,
    padded_id,
    sorted_attributes,
    usable_times,
    whole_number,
)

NAME, SOURCE_FORMAT, RANK = "jaeger", "jaeger_json", 20
_KINDS = ("internal", "server", "client", "producer", "consumer")
_NS = 1000
_EXCEPTION_FIELDS = {
    "error.kind": "exception.type", "error.object": "exception.message",
    "message": "exception.message", "stack": "exception.stacktrace",
}  # fmt: skip
"""What OpenTracing calls the parts of an exception."""


class Tag(Struct):
    key: str = ""
    value: Any = None


class Process(Struct):
    serviceName: str | None = None
    tags: list[Tag] | None = None


class Reference(Struct):
    refType: str | None = None
    traceID: str | None = None
    spanID: str | None = None


class Log(Struct):
    timestamp: int | float | str | None = None
    fields: list[Tag] | None = None


class Span(Struct):
    traceID: str | int | None = None
    spanID: str | int | None = None
    parentSpanID: str | int | None = None
    operationName: str | None = None
    references: list[Reference] | None = None
    startTime: int | float | str | None = None
    duration: int | float | str | None = None
    tags: list[Tag] | None = None
    logs: list[Log] | None = None
    processID: str | None = None
    process: Process | None = None


class Trace(Struct):
    spans: list[Raw]
    processes: dict[str, Process] | None = None


_decode_object = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_items = msgspec.json.Decoder(list[Raw] | dict[str, Raw] | None).decode
_decode_trace = msgspec.json.Decoder(Trace).decode
_decode_span = msgspec.json.Decoder(Span).decode
_encode = msgspec.json.encode


def matches(fields: dict[str, Raw]) -> bool:
    """Whether an object is an answer of the API, a trace or a span."""
    keys = fields.keys()
    if "spans" in keys and ("processes" in keys or "traceID" in keys):
        return True
    if "traceID" in keys and "spanID" in keys:
        return True
    return "data" in keys and (
        {"total", "limit", "errors"} <= keys or b'"spans"' in bytes(fields["data"])[:100_000]
    )


def read(fields: dict[str, Raw], raw: bytes) -> Iterator[Record]:
    """Records of an API answer, a trace or a span. Never raises."""
    if "data" in fields:
        yield from _read_answer(fields["data"], raw)
    elif "spans" in fields:
        yield from _read_trace(raw)
    else:
        yield _read_or_reject(Raw(raw), {})


def _read_answer(data: Raw, raw: bytes) -> Iterator[Record]:
    try:
        traces = _decode_items(data)
    except (msgspec.DecodeError, RecursionError) as error:
        yield rejected_record("wrong_type", raw, str(error))
        return
    for trace in [data] if isinstance(traces, dict) else traces or ():
        yield from _read_trace(bytes(trace))


def _read_trace(raw: bytes) -> Iterator[Record]:
    try:
        trace = _decode_trace(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        yield rejected_record("wrong_type", raw, str(error))
        return
    for span in trace.spans:
        yield _read_or_reject(span, trace.processes or {})


def _read_or_reject(raw: Raw, processes: dict[str, Process]) -> Record:
    try:
        return _read_span(raw, processes)
    except Unusable as error:
        reason, detail = error.reason, error.detail
    except msgspec.ValidationError as error:
        reason, detail = "wrong_type", str(error)
    except (msgspec.DecodeError, RecursionError) as error:
        reason, detail = "invalid_json", str(error)
    # a trace of its own, so that it can be read again with its process
    return rejected_record(reason, _encode({"spans": [raw], "processes": processes}), detail)


def _read_span(raw: Raw, processes: dict[str, Process]) -> Record:
    span = _decode_span(raw)
    start = _nanoseconds(span.startTime) or None
    duration = _nanoseconds(span.duration)
    end = start + duration if start and duration is not None else None
    start, end = usable_times(start, end)
    trace_id = padded_id(span.traceID, TRACE_ID_DIGITS)
    texts = {tag.key: attribute_text(tag.value) for tag in span.tags or ()}
    kind = texts.pop("span.kind", "").lower()
    if kind and kind not in _KINDS:
        texts["tracekeep.unreadable.kind"] = kind
    tags = mapped_tags(texts)
    is_error = tags.attributes.get("error", "").lower() == "true"
    parent, links = _references(span, trace_id)
    return span_record(
        trace_id=trace_id,
        span_id=padded_id(span.spanID, SPAN_ID_DIGITS),
        parent_span_id=parent,
        trace_state=tags.trace_state,
        name=span.operationName or "",
        kind=kind if kind in _KINDS else None,
        start_time_unix_nano=start,
        end_time_unix_nano=end,
        status_code=tags.status_code or ("Error" if is_error else None),
        status_message=tags.status_message,
        resource_attributes=_resource(span.process or processes.get(span.processID or "")),
        attributes=sorted(tags.attributes.items()),
        events=[_event(log) for log in span.logs or ()],
        links=links,
        scope_name=tags.scope_name,
        scope_version=tags.scope_version,
        raw_text=bytes(raw),
    )


def _nanoseconds(microseconds: float | str | None) -> int | None:
    if isinstance(microseconds, float):
        if not microseconds.is_integer():
            raise Unusable("wrong_type", f"not a whole number: {microseconds}")
        microseconds = int(microseconds)
    number = whole_number(microseconds)
    return None if number is None else number * _NS


def _references(span: Span, trace_id: str | None) -> tuple[str | None, list[dict[str, Any]]]:
    """Parent, the first CHILD_OF of the same trace, and links, which are all others."""
    parent = padded_id(span.parentSpanID, SPAN_ID_DIGITS)
    links = []
    for reference in span.references or ():
        other_trace = padded_id(reference.traceID, TRACE_ID_DIGITS)
        other_span = padded_id(reference.spanID, SPAN_ID_DIGITS)
        is_parent = reference.refType == "CHILD_OF" and other_trace in (trace_id, None)
        if is_parent and parent in (None, other_span):
            parent = other_span
        else:
            links.append(
                {
                    "trace_id": other_trace,
                    "span_id": other_span,
                    "trace_state": None,
                    "attributes": [("opentracing.ref_type", (reference.refType or "").lower())],
                }
            )
    return parent, links


def _resource(process: Process | None) -> list[tuple[str, str]]:
    if process is None:
        return []
    pairs = [(tag.key, attribute_text(tag.value)) for tag in process.tags or ()]
    if process.serviceName:
        pairs.append(("service.name", process.serviceName))
    return sorted_attributes(pairs)


def _event(log: Log) -> dict[str, Any]:
    fields = {tag.key: attribute_text(tag.value) for tag in log.fields or ()}
    name = fields.pop("event", "") or fields.get("message", "")
    if name == "error":
        name = "exception"
        for own, standard in _EXCEPTION_FIELDS.items():
            if fields.get(own):
                fields.setdefault(standard, fields[own])
    time = _nanoseconds(log.timestamp)
    return {
        "time_unix_nano": time if time and abs(time) < 2**63 else None,
        "name": name,
        "attributes": sorted(fields.items()),
    }
