"""Zipkin v2 JSON: spans, lists of spans (traces) and lists of traces.

Source: openzipkin/zipkin-api, zipkin2-api.yaml. Times are microseconds.
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

NAME, SOURCE_FORMAT, RANK = "zipkin", "zipkin_json", 30
_KINDS = ("server", "client", "producer", "consumer")
_NS = 1000


class Endpoint(Struct):
    serviceName: str | None = None
    ipv4: str | None = None
    ipv6: str | None = None
    port: int | str | None = None


class Annotation(Struct):
    timestamp: int | str | None = None
    value: Any = None


class Span(Struct):
    traceId: str | None = None
    id: str | None = None
    parentId: str | None = None
    kind: str | None = None
    name: str | None = None
    timestamp: int | str | None = None
    duration: int | str | None = None
    localEndpoint: Endpoint | None = None
    remoteEndpoint: Endpoint | None = None
    annotations: list[Annotation] | None = None
    tags: dict[str, Any] | None = None
    shared: bool | None = None
    debug: bool | None = None


_decode_span = msgspec.json.Decoder(Span).decode


def matches(fields: dict[str, Raw]) -> bool:
    """Whether an object is a span of Zipkin's."""
    return "traceId" in fields and "id" in fields


def read(fields: dict[str, Raw], raw: bytes) -> Iterator[Record]:
    """The record of one span. Never raises."""
    del fields  # only their keys were looked at
    try:
        yield _read_span(raw)
    except Unusable as error:
        yield rejected_record(error.reason, raw, error.detail)
    except msgspec.ValidationError as error:
        yield rejected_record("wrong_type", raw, str(error))
    except (msgspec.DecodeError, RecursionError) as error:
        yield rejected_record("invalid_json", raw, str(error))


def _read_span(raw: bytes) -> Record:
    span = _decode_span(raw)
    events = [_event(annotation) for annotation in span.annotations or ()]
    start, end = _times(span, events)
    local, remote = span.localEndpoint or Endpoint(), span.remoteEndpoint or Endpoint()
    tags = mapped_tags({key: attribute_text(value) for key, value in (span.tags or {}).items()})
    attributes = tags.attributes
    for name, value in (
        ("peer.service", remote.serviceName),
        ("network.peer.address", remote.ipv4 or remote.ipv6),
        ("network.peer.port", remote.port),
        ("network.local.address", local.ipv4 or local.ipv6),
        ("network.local.port", local.port),
        ("zipkin.shared", span.shared or None),
        ("zipkin.debug", span.debug or None),
    ):
        if value not in (None, "", 0):
            attributes.setdefault(name, attribute_text(value))
    kind = (span.kind or "").lower()
    if kind and kind not in _KINDS:
        attributes["tracekeep.unreadable.kind"] = span.kind or ""
    error = attributes.get("error")
    return span_record(
        trace_id=padded_id(span.traceId, TRACE_ID_DIGITS),
        span_id=padded_id(span.id, SPAN_ID_DIGITS),
        parent_span_id=padded_id(span.parentId, SPAN_ID_DIGITS),
        trace_state=tags.trace_state,
        name=span.name or "",
        kind=kind if kind in _KINDS else None,
        start_time_unix_nano=start,
        end_time_unix_nano=end,
        status_code=tags.status_code or (None if error is None else "Error"),
        status_message=tags.status_message or (error if error not in ("", "true") else None),
        resource_attributes=[("service.name", local.serviceName)] if local.serviceName else [],
        attributes=sorted(attributes.items()),
        events=events,
        links=[],
        scope_name=tags.scope_name,
        scope_version=tags.scope_version,
        raw_text=raw,
    )


def _times(span: Span, events: list[dict[str, Any]]) -> tuple[int | None, int | None]:
    """Start and end in ns; without a timestamp the earliest annotation says when it was."""
    microseconds = whole_number(span.timestamp)
    start = microseconds * _NS if microseconds else None
    if start is None:
        times = [event["time_unix_nano"] for event in events if event["time_unix_nano"]]
        start = min(times, default=None)
    duration = whole_number(span.duration)
    end = start + duration * _NS if start is not None and duration is not None else None
    return usable_times(start, end)


def _event(annotation: Annotation) -> dict[str, Any]:
    microseconds = whole_number(annotation.timestamp)
    time = microseconds * _NS if microseconds else None
    return {
        "time_unix_nano": time if time and abs(time) < 2**63 else None,
        "name": attribute_text(annotation.value),
        "attributes": sorted_attributes([]),
    }
