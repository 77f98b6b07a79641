"""JSON values of any known kind: the reader of each is found by its keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec
from msgspec import Raw

from tracekeep.ingest.readers import changes_json, jaeger_json, log_lines, otlp_json, zipkin_json
from tracekeep.ingest.records import Record, rejected_record
from tracekeep.ingest.values import valid_utf8, whole_characters

Fields = dict[str, Raw]
Reader = Callable[[Fields, bytes], Iterator[Record]]

_decode_value = msgspec.json.Decoder(dict[str, Raw] | list[Raw]).decode
_decode_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_DEEPEST_LIST = 3  # Zipkin answers with a list of traces, which are lists of spans

_READERS: Mapping[str, tuple[str, Reader]] = {
    "otlp": ("otlp_json", otlp_json.read_request),
    "tempo": ("tempo_json", otlp_json.read_request),
    "jaeger": ("jaeger_json", jaeger_json.read_value),
    "zipkin": ("zipkin_json", zipkin_json.read_span),
    "logs": ("json_log", log_lines.read_log),
    "changes": ("change_json", changes_json.read_change),
}
"""By the name that `--format` takes: what Bronze calls the format, and its reader."""


def read_json(text: bytes, named: str | None = None) -> Iterator[Record]:
    """Records of one JSON value: an object of a known kind, or a list of such.

    named: one of `--format`'s names, or None to go by the keys. Never raises: what cannot be read
    is a rejected record, the whole text if it is no JSON.
    """
    clean = _decodable(text)
    try:
        value = _decode_value(clean)
    except msgspec.ValidationError as error:
        yield rejected_record("unknown_format", text, str(error))
        return
    except (msgspec.DecodeError, RecursionError) as error:
        reason = "trailing_text" if "trailing characters" in str(error) else "invalid_json"
        record = log_lines.read_lenient(text) if reason == "invalid_json" else None
        yield record or rejected_record(reason, text, str(error))
        return
    yield from _read_value(value, clean, named, _DEEPEST_LIST)


def _decodable(text: bytes) -> bytes:
    """The text with U+FFFD for bytes that are no UTF-8 and for escapes of half a surrogate pair,
    which exporters leave when they cut texts."""
    clean = valid_utf8(text)
    return whole_characters(clean) if b"\\ud" in clean or b"\\uD" in clean else clean


def read_json_start(line: bytes) -> bool:
    """Whether a line is a JSON object or list on its own."""
    try:
        _decode_value(_decodable(line.rstrip(b"\r\n")))
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _read_value(
    value: Fields | list[Raw], raw: bytes, named: str | None, depth: int
) -> Iterator[Record]:
    if isinstance(value, list):
        yield from _read_list(value, raw, named, depth)
        return
    kind = named or _kind_of(value)
    if kind is None:
        if value:
            yield rejected_record("unknown_format", raw, "JSON of no known kind")
        else:
            yield rejected_record("unknown_format", raw, "an empty object")
        return
    if kind in ("tempo", "otlp") and value.keys().isdisjoint(_OTLP_KEYS):
        envelope = _envelope_of(value)
        if envelope is not None:
            raw = bytes(value[envelope])
            value = _decode_fields(raw)
    source_format, read = _READERS[kind]
    for record in read(value, raw):
        record["source_format"] = source_format
        yield record


def _read_list(items: list[Raw], raw: bytes, named: str | None, depth: int) -> Iterator[Record]:
    if depth == 0 or not items:
        detail = "lists in lists" if items else "an empty list"
        yield rejected_record("unknown_format", raw, detail)
        return
    for item in items:
        text = bytes(item)
        try:
            value = _decode_value(text)
        except msgspec.ValidationError as error:
            yield rejected_record("unknown_format", text, str(error))
            continue
        except (msgspec.DecodeError, RecursionError) as error:
            yield rejected_record("invalid_json", text, str(error))
            continue
        yield from _read_value(value, text, named, depth - 1)


_OTLP_KEYS = otlp_json.SIGNALS.keys() | {"resourceMetrics"}


def _envelope_of(fields: Fields) -> str | None:
    """The key under which Tempo's and Jaeger's newer APIs put an export request; None for none."""
    for key in ("trace", "result"):
        if key in fields and bytes(fields[key])[:1] == b"{":
            inner = _decode_fields(fields[key])
            if not inner.keys().isdisjoint(_OTLP_KEYS):
                return key
    return None


def _kind_of(fields: Fields) -> str | None:
    """The kind of an object by its keys; None for an unknown one."""
    keys = fields.keys()
    if not keys.isdisjoint(_OTLP_KEYS):
        return "tempo" if "batches" in keys else "otlp"
    if jaeger_json.is_jaeger(fields):
        return "jaeger"
    if zipkin_json.is_zipkin(fields):
        return "zipkin"
    if changes_json.is_change(fields):
        return "changes"
    if _envelope_of(fields) is not None:
        return "tempo"
    return "logs" if log_lines.is_log(fields) else None
