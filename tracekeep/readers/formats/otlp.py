"""OTLP/JSON: export requests of traces and logs.

Source: OpenTelemetry protocol 1.x, JSON encoding and file exporter.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from tracekeep.readers.exceptions import exception_of
from tracekeep.readers.levels import (
    STATED,
    Level,
    level_of,
    level_of_fields,
    number_of_word,
)
from tracekeep.readers.log_fields import LogFields, json_fields
from tracekeep.readers.log_texts import exception_in, ids_of
from tracekeep.readers.records import Record, log_record, rejected_record, span_record
from tracekeep.readers.values import (
    SPAN_ID_DIGITS,
    TRACE_ID_DIGITS,
    Unusable,
    attribute_text,
    hex_id,
    small_number,
    sorted_attributes,
    usable_time,
    usable_times,
    whole_number,
    with_unreadable,
)

NAME, SOURCE_FORMAT, RANK = "otlp", "otlp_json", 10
SPAN_KINDS = (None, "internal", "server", "client", "producer", "consumer")
STATUS_CODES = (None, "Ok", "Error")


class AnyValue(Struct, rename="camel"):
    """One of OTLP's values; `UNSET` where the kind is another one."""

    string_value: str | msgspec.UnsetType = msgspec.UNSET
    bool_value: bool | msgspec.UnsetType = msgspec.UNSET
    int_value: int | str | msgspec.UnsetType = msgspec.UNSET
    double_value: float | str | msgspec.UnsetType = msgspec.UNSET
    array_value: ArrayValue | msgspec.UnsetType = msgspec.UNSET
    kvlist_value: KeyValueList | msgspec.UnsetType = msgspec.UNSET
    bytes_value: str | msgspec.UnsetType = msgspec.UNSET


class KeyValue(Struct):
    key: str = ""
    value: AnyValue | None = None


class ArrayValue(Struct):
    values: list[AnyValue] | None = None


class KeyValueList(Struct):
    values: list[KeyValue] | None = None


class Resource(Struct):
    attributes: list[KeyValue] | None = None


class Scope(Struct):
    name: str | None = None
    version: str | None = None


class ScopeGroup(Struct, rename="camel"):
    """`instrumentation_library` is what OTLP called the scope before 0.16, as below."""

    scope: Scope | None = None
    instrumentation_library: Scope | None = None
    spans: list[Raw] | None = None
    log_records: list[Raw] | None = None


class ResourceGroup(Struct, rename="camel"):
    resource: Resource | None = None
    scope_spans: list[ScopeGroup] | None = None
    scope_logs: list[ScopeGroup] | None = None
    instrumentation_library_spans: list[ScopeGroup] | None = None
    instrumentation_library_logs: list[ScopeGroup] | None = None


class Status(Struct):
    code: int | str | None = None
    message: str | None = None


class Event(Struct, rename="camel"):
    time_unix_nano: int | str | None = None
    name: str | None = None
    attributes: list[KeyValue] | None = None


class Link(Struct, rename="camel"):
    trace_id: Any = None
    span_id: Any = None
    trace_state: str | None = None
    attributes: list[KeyValue] | None = None


class Span(Struct, rename="camel"):
    """Ids are of any type: what is no id counts as missing."""

    trace_id: Any = None
    span_id: Any = None
    parent_span_id: Any = None
    trace_state: str | None = None
    name: str | None = None
    kind: int | str | None = None
    start_time_unix_nano: int | str | None = None
    end_time_unix_nano: int | str | None = None
    attributes: list[KeyValue] | None = None
    events: list[Event] | None = None
    links: list[Link] | None = None
    status: Status | None = None


class LogRecord(Struct, rename="camel"):
    time_unix_nano: int | str | None = None
    observed_time_unix_nano: int | str | None = None
    severity_number: int | str | None = None
    severity_text: str | None = None
    event_name: str | None = None
    body: AnyValue | None = None
    attributes: list[KeyValue] | None = None
    trace_id: Any = None
    span_id: Any = None


_decode_groups = msgspec.json.Decoder(list[ResourceGroup] | None).decode
_decode_items = msgspec.json.Decoder(list[Raw] | None).decode
_decode_group = msgspec.json.Decoder(ResourceGroup).decode
_decode_span = msgspec.json.Decoder(Span).decode
_decode_log_record = msgspec.json.Decoder(LogRecord).decode
_encode = msgspec.json.encode

SIGNALS = {
    "resourceSpans": "spans",
    "batches": "spans",  # Tempo
    "resourceLogs": "log_records",
}
_KEYS = SIGNALS.keys() | {"resourceMetrics"}
_decode_fields = msgspec.json.Decoder(dict[str, Raw]).decode


def is_request(fields: dict[str, Raw]) -> bool:
    """Whether an object is an export request, or Tempo's form of one."""
    return not fields.keys().isdisjoint(_KEYS)


def enveloped(fields: dict[str, Raw]) -> Raw | None:
    """The export request that the newer APIs of Tempo and Jaeger put under a key; None for none."""
    for key in ("trace", "result"):
        if (
            key in fields
            and bytes(fields[key])[:1] == b"{"
            and is_request(_decode_fields(fields[key]))
        ):
            return fields[key]
    return None


def matches(fields: dict[str, Raw]) -> bool:
    """Whether an object is an export request."""
    return is_request(fields) and "batches" not in fields


def read(fields: dict[str, Raw], raw: bytes) -> Iterator[Record]:
    """Records of one export request, also in an envelope; a rejected record for a request with
    something in it that is none. Never raises."""
    inner = None if is_request(fields) else enveloped(fields)
    if inner is None:
        yield from _read_request(fields, raw)
    else:
        yield from _read_request(_decode_fields(inner), bytes(inner))


def _read_request(request: dict[str, Raw], raw: bytes) -> Iterator[Record]:
    is_empty = True
    for key, signal in SIGNALS.items():
        if key in request:
            for record in _read_groups(request[key], key, signal):
                is_empty = False
                yield record
    if is_empty and not _is_empty(msgspec.json.decode(raw), _EXPORT_KEYS):
        yield rejected_record("unknown_format", raw, "no spans or log records in the request")


def _read_groups(text: Raw, key: str, signal: str) -> Iterator[Record]:
    try:
        groups = _decode_groups(text) or ()
    except msgspec.ValidationError as error:
        yield from _read_groups_one_by_one(text, key, signal, error)
        return
    for group in groups:
        yield from _read_group(group, signal)


def _read_groups_one_by_one(
    text: Raw, key: str, signal: str, error: msgspec.ValidationError
) -> Iterator[Record]:
    """Of groups that are not all well-typed those that are; the others are rejected."""
    try:
        items = _decode_items(text) or ()
    except msgspec.ValidationError:
        yield rejected_record("wrong_type", _encode({key: text}), str(error))
        return
    for item in items:
        try:
            group = _decode_group(item)
        except msgspec.ValidationError as reason:
            yield rejected_record("wrong_type", _encode({key: [item]}), str(reason))
        else:
            yield from _read_group(group, signal)


_EXPORT_KEYS = (
    {"resourceSpans", "resourceLogs", "batches"},
    {"scopeSpans", "scopeLogs", "instrumentationLibrarySpans", "instrumentationLibraryLogs"},
    {"spans", "logRecords"},
)
"""Of a request, a resource's group and a scope's group: the keys that lists stand under."""
_DESCRIBING_KEYS = {"resource", "scope", "instrumentationLibrary", "schemaUrl"}


def _is_empty(group: Any, keys: Sequence[set[str]]) -> bool:
    """Whether a group has nothing in it but descriptions and empty lists."""
    if not isinstance(group, dict):
        return False
    listed = {key: value for key, value in group.items() if key not in _DESCRIBING_KEYS}
    return listed.keys() <= keys[0] and all(
        len(keys) > 1 and all(_is_empty(item, keys[1:]) for item in value)
        for value in listed.values()
        if value
    )


def _read_group(group: ResourceGroup, signal: str) -> Iterator[Record]:
    pairs = group.resource.attributes if group.resource else None
    try:
        resource = attribute_pairs(pairs)
    except Unusable as error:  # the records are kept; only the broken resource is not
        resource = [("tracekeep.unreadable.resource", error.detail or error.reason)]
    if signal == "spans":
        scopes = group.scope_spans or group.instrumentation_library_spans
        read, keys = _read_span, ("resourceSpans", "scopeSpans", "spans")
    else:
        scopes = group.scope_logs or group.instrumentation_library_logs
        read, keys = _read_log_record, ("resourceLogs", "scopeLogs", "logRecords")
    for scope_group in scopes or ():
        scope = scope_group.scope or scope_group.instrumentation_library or Scope()
        for raw in getattr(scope_group, signal) or ():
            try:
                yield read(raw, resource, scope)
                continue
            except Unusable as error:
                reason, detail = error.reason, error.detail
            except msgspec.ValidationError as error:
                reason, detail = "wrong_type", str(error)
            except (msgspec.DecodeError, RecursionError) as error:
                reason, detail = "invalid_json", str(error)
            yield rejected_record(reason, _alone(raw, group, scope, keys), detail)


def _alone(raw: Raw, group: ResourceGroup, scope: Scope, keys: tuple[str, str, str]) -> bytes:
    """A record as an export request of its own, so that it can be read again with its resource."""
    outer, middle, inner = keys
    scopes = {"scope": scope, inner: [raw]}
    return _encode({outer: [{"resource": group.resource or {}, middle: [scopes]}]})


def _read_span(raw: Raw, resource: list[tuple[str, str]], scope: Scope) -> Record:
    span = _decode_span(raw)
    start, end = usable_times(
        whole_number(span.start_time_unix_nano), whole_number(span.end_time_unix_nano)
    )
    trace_id = hex_id(span.trace_id, TRACE_ID_DIGITS)
    span_id = hex_id(span.span_id, SPAN_ID_DIGITS)
    status = span.status or Status()
    kind = enum_name(span.kind, SPAN_KINDS, "SPAN_KIND_")
    status_code = enum_name(status.code, STATUS_CODES, "STATUS_CODE_")
    attributes = attribute_pairs(span.attributes)
    if kind is None and span.kind not in _UNSET:
        attributes = with_unreadable(attributes, "kind", span.kind)
    if status_code is None and status.code not in _UNSET:
        attributes = with_unreadable(attributes, "status_code", status.code)
    return span_record(
        trace_id=trace_id,
        span_id=span_id,
        parent_span_id=hex_id(span.parent_span_id, SPAN_ID_DIGITS),
        trace_state=span.trace_state or None,
        name=span.name or "",
        kind=kind,
        start_time_unix_nano=start,
        end_time_unix_nano=end,
        status_code=status_code,
        status_message=status.message or None,
        resource_attributes=resource,
        attributes=attributes,
        events=[_event(event) for event in span.events or ()],
        links=[_link(link) for link in span.links or ()],
        scope_name=scope.name or None,
        scope_version=scope.version or None,
        raw_text=bytes(raw),
    )


def _read_log_record(raw: Raw, resource: list[tuple[str, str]], scope: Scope) -> Record:
    log = _decode_log_record(raw)
    observed = whole_number(log.observed_time_unix_nano)
    time = usable_time(whole_number(log.time_unix_nano)) or usable_time(observed)
    if time is None:
        raise Unusable("no_time")
    attributes = attribute_pairs(log.attributes)
    level = _stated_level(log)
    if level.number is None and log.severity_number not in _UNSET:
        attributes = with_unreadable(attributes, "severity_number", log.severity_number)
    body = attribute_text(plain_value(log.body))
    trace_id = hex_id(log.trace_id, TRACE_ID_DIGITS)
    span_id = hex_id(log.span_id, SPAN_ID_DIGITS)
    # an agent may pass on what an application wrote, as it read it: in attributes, or as the body
    fields, of_attributes = json_fields(body), LogFields(dict(attributes))
    if level.number is None:
        told = level_of_fields(of_attributes)
        told = told if told.number is not None else level_of(body, fields)
        level = told if told.number is not None else level
    if not (trace_id or span_id):
        trace_id, span_id = ids_of("", of_attributes)
        if not (trace_id or span_id):
            trace_id, span_id = ids_of(body, fields)
    attributes = _with_exception(attributes, of_attributes, fields, body)
    return log_record(
        trace_id=trace_id,
        span_id=span_id,
        time_unix_nano=time,
        observed_time_unix_nano=observed if observed and abs(observed) < 2**63 else None,
        severity_number=level.number,
        severity_text=level.text,
        severity_source=level.source,
        event_name=log.event_name or None,
        body=body,
        resource_attributes=resource,
        attributes=attributes,
        scope_name=scope.name or None,
        scope_version=scope.version or None,
        raw_text=bytes(raw),
    )


def _with_exception(
    attributes: list[tuple[str, str]],
    of_attributes: LogFields,
    fields: LogFields | None,
    body: str,
) -> list[tuple[str, str]]:
    """Attributes with the exception, under its standard names, that they or the body tell of."""
    if any(name.startswith("exception.") for name, _ in attributes):
        return attributes
    told = exception_of(of_attributes) or (exception_of(fields) if fields else exception_in(body))
    return sorted_attributes([*attributes, *told]) if told else attributes


_UNSET = (None, "", 0, "0", "SPAN_KIND_UNSPECIFIED", "STATUS_CODE_UNSET",
          "SEVERITY_NUMBER_UNSPECIFIED")  # fmt: skip
"""What stands for no kind, status or severity."""


def _event(event: Event) -> dict[str, Any]:
    time = whole_number(event.time_unix_nano)
    return {
        "time_unix_nano": time if time and abs(time) < 2**63 else None,
        "name": event.name or "",
        "attributes": attribute_pairs(event.attributes),
    }


def _link(link: Link) -> dict[str, Any]:
    return {
        "trace_id": hex_id(link.trace_id, TRACE_ID_DIGITS),
        "span_id": hex_id(link.span_id, SPAN_ID_DIGITS),
        "trace_state": link.trace_state or None,
        "attributes": attribute_pairs(link.attributes),
    }


def attribute_pairs(attributes: list[KeyValue] | None) -> list[tuple[str, str]]:
    """OTLP attributes as (key, text) pairs, sorted by key.

    Raises Unusable (wrong_type) for a number that is none.
    """
    if not attributes:
        return []
    pairs = []
    for attribute in attributes:
        value = attribute.value
        if value is not None and value.string_value is not msgspec.UNSET:
            pairs.append((attribute.key, value.string_value))
        else:
            pairs.append((attribute.key, attribute_text(plain_value(value))))
    return sorted_attributes(pairs)


def plain_value(value: AnyValue | None) -> Any:
    """An OTLP value as plain JSON data. Raises Unusable (wrong_type) for a number that is none."""
    if value is None:
        return None
    if value.string_value is not msgspec.UNSET:
        return value.string_value
    if value.int_value is not msgspec.UNSET:
        return whole_number(value.int_value)
    if value.bool_value is not msgspec.UNSET:
        return value.bool_value
    if value.double_value is not msgspec.UNSET:
        return value.double_value
    if value.array_value is not msgspec.UNSET:
        return [plain_value(item) for item in value.array_value.values or ()]
    if value.kvlist_value is not msgspec.UNSET:
        return {item.key: plain_value(item.value) for item in value.kvlist_value.values or ()}
    if value.bytes_value is not msgspec.UNSET:
        return _checked_base64(value.bytes_value)
    return None


def _checked_base64(text: str) -> str:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Unusable("wrong_type", "bytesValue is no base64") from None
    return text


def enum_name(value: int | str | None, names: tuple[str | None, ...], prefix: str) -> str | None:
    """Name of an enum that JSON may hold as number or name; None for unset or unknown."""
    if isinstance(value, str):
        number = small_number(value)
        value = value if number is None else number
    if isinstance(value, int):
        return names[value] if 0 <= value < len(names) else None
    if isinstance(value, str):
        short = value.upper().removeprefix(prefix).lower()
        return next((name for name in names if name and name.lower() == short), None)
    return None


def _stated_level(log: LogRecord) -> Level:
    """The level that a log record's own fields state."""
    number, text = log.severity_number, log.severity_text or None
    if isinstance(number, str):
        number = small_number(number) or number_of_word(number)
    if not number or number < 0:
        number = None if text is None else number_of_word(text)
    number = min(number, 24) if number else None
    return Level(number, text, STATED if number else None)
