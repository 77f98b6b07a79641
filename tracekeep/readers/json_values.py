"""JSON values of any known format: the keys of an object say which one reads it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec import Raw

from tracekeep.readers.formats import FORMATS, Format, json_log
from tracekeep.readers.records import Record, rejected_record
from tracekeep.readers.values import valid_utf8, whole_characters

Fields = dict[str, Raw]

_decode_value = msgspec.json.Decoder(dict[str, Raw] | list[Raw]).decode
_DEEPEST_LIST = 3  # Zipkin answers with a list of traces, which are lists of spans


def read_json(text: bytes, named: str | None = None) -> Iterator[Record]:
    """Records of one JSON value: an object of a known format, or a list of such.

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
        record = json_log.read_lenient(text) if reason == "invalid_json" else None
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
    found = FORMATS.get(named) if named else _format_of(value)
    if found is None:
        if value:
            yield rejected_record("unknown_format", raw, "JSON of no known kind")
        else:
            yield rejected_record("unknown_format", raw, "an empty object")
        return
    for record in found.read(value, raw):
        record["source_format"] = found.SOURCE_FORMAT
        yield record


def _format_of(fields: Fields) -> Format | None:
    """The format of an object; None for an unknown one."""
    return next((each for each in FORMATS.values() if each.matches(fields)), None)


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
