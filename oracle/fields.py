"""Single values of a raw record: ids, times, severities, attributes (docs/contract.md, R14).

Everything here is a pure function of its arguments and uses the standard library alone.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Container, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

TRACE_ID_BYTES = 16
SPAN_ID_BYTES = 8
ERROR_SEVERITY = 17
EARLIEST_NS = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * 10**9
LATEST_NS = int(datetime(2201, 1, 1, tzinfo=UTC).timestamp()) * 10**9

TRACE_ID_FIELDS = (
    "trace_id", "traceId", "TraceID", "TraceId", "traceID", "traceid", "trace.id", "dd.trace_id",
    "mdc.traceId", "mdc.trace_id", "contextMap.traceId", "contextMap.trace_id",
)  # fmt: skip
SPAN_ID_FIELDS = (
    "span_id", "spanId", "SpanID", "SpanId", "spanID", "spanid", "span.id", "dd.span_id",
    "mdc.spanId", "mdc.span_id", "contextMap.spanId", "contextMap.span_id",
)  # fmt: skip
SEVERITY_FIELDS = (
    "severity", "level", "severity_text", "severityText", "Severity", "Level", "log.level",
    "levelname", "loglevel", "log_level", "logLevel", "lvl", "@level", "@l",
)  # fmt: skip
MESSAGE_FIELDS = ("message", "msg", "Message", "text", "body", "log", "event")

SEVERITY_NUMBERS: Mapping[str, int] = {
    **dict.fromkeys(("TRACE", "VERBOSE", "FINEST"), 1),
    **dict.fromkeys(("DEBUG", "FINE", "FINER"), 5),
    **dict.fromkeys(("INFO", "INFORMATION", "INFORMATIONAL", "CONFIG"), 9),
    "NOTICE": 10,
    **dict.fromkeys(("WARN", "WARNING"), 13),
    **dict.fromkeys(("ERROR", "ERR", "SEVERE"), 17),
    **dict.fromkeys(
        ("FATAL", "CRITICAL", "CRIT", "PANIC", "DPANIC", "ALERT", "EMERGENCY", "EMERG"), 21
    ),
}
LEVEL_WORD_REACH = 64
_LEVEL_WORD = re.compile(
    r"(?<![A-Za-z0-9_])(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|SEVERE|FATAL|CRITICAL|PANIC"
    r"|ALERT|EMERGENCY)(?![A-Za-z0-9_])"
)
_ID_LABEL = r"(?<![a-z0-9_])(?<!parent[.\-]){}[_\-. ]?id[\"']?\s*[:=]\s*[\"']?({})(?![0-9a-z])"
_HEX_16 = "[0-9a-f]{16}"
_TRACE_ID_IN_TEXT = re.compile(_ID_LABEL.format("trace", f"{_HEX_16}{_HEX_16}|{_HEX_16}"), re.I)
_SPAN_ID_IN_TEXT = re.compile(_ID_LABEL.format("span", _HEX_16), re.I)
_HEX = re.compile(r"[0-9a-fA-F]+")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d):(\d\d)(?:[.,](\d+))?(Z|z|[+-]\d\d:?\d\d)")
_RANDOM_VALUE = re.compile(r"[0-9a-f]{14}")
_SEVERITY_RANK = re.compile(r"^(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)([1-4])$")
# kubernetes writes random pod suffixes in an alphabet without vowels (rand.SafeEncodeString)
_REPLICA_SET_POD = re.compile(r"-(?=[a-f]*[0-9])[0-9a-f]{6,10}-[a-z0-9]{5}$")
_GENERATED_POD = re.compile(r"-[bcdfghjklmnpqrstvwxz2456789]{5}$")


def normal_id(value: object, size: int) -> str | None:
    """Lower-case hex of an id of `size` bytes; None if it is no such id or all zero.

    Hex of exactly 2·size digits in any case, or base64 (either alphabet, padded or not) of
    `size` bytes. A trace id of 16 hex digits is one of 64 bits, padded.
    """
    if not isinstance(value, str):
        return None
    if size == TRACE_ID_BYTES and len(value) == 2 * SPAN_ID_BYTES and _HEX.fullmatch(value):
        value = value.rjust(2 * size, "0")
    if len(value) == 2 * size and _HEX.fullmatch(value):
        text = value.lower()
    else:
        text = _hex_of_base64(value, size)
    return text if text.strip("0") else None


def _hex_of_base64(value: str, size: int) -> str:
    padded_length = (size + 2) // 3 * 4
    padding = padded_length - (size * 8 + 5) // 6
    bare = value.rstrip("=")
    if len(bare) != padded_length - padding or len(value) not in (len(bare), padded_length):
        return ""
    try:
        standard = bare.replace("-", "+").replace("_", "/") + "=" * padding
        return base64.b64decode(standard, validate=True).hex()
    except (binascii.Error, ValueError):
        return ""


def ids_of_text(text: str) -> tuple[str | None, str | None]:
    """Trace id and span id named in a log text (`TraceID: …`, `span_id=…`), None where absent."""
    trace_id = _first_id(_TRACE_ID_IN_TEXT, text)
    padded = trace_id and trace_id.rjust(2 * TRACE_ID_BYTES, "0")
    return padded, _first_id(_SPAN_ID_IN_TEXT, text)


def _first_id(pattern: re.Pattern[str], text: str) -> str | None:
    for match in pattern.finditer(text):
        found = match.group(1).lower()
        if found.strip("0"):
            return found
    return None


def field_of(fields: Mapping[str, Any], name: str) -> Any:
    """The value of `name` in a JSON log line: a flat key, else a dotted path; None if absent."""
    if name in fields or "." not in name:
        return fields.get(name)
    value: Any = fields
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def ids_of_fields(fields: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Trace id and span id from the fields of a JSON log line, None where absent or invalid."""
    return (
        _first_field_id(fields, TRACE_ID_FIELDS, TRACE_ID_BYTES),
        _first_field_id(fields, SPAN_ID_FIELDS, SPAN_ID_BYTES),
    )


def _first_field_id(fields: Mapping[str, Any], names: Iterable[str], size: int) -> str | None:
    for name in names:
        found = normal_id(field_of(fields, name), size)
        if found:
            return found
    return None


def message_of_fields(fields: Mapping[str, Any]) -> str | None:
    """The message of a JSON log line, None if no known field holds a text."""
    return next((v for n in MESSAGE_FIELDS if isinstance(v := fields.get(n), str)), None)


def severity_of_word(word: object) -> int:
    """OpenTelemetry's severity number (1-24) of a level word in any case; 0 if unknown."""
    if not isinstance(word, str):
        return 0
    upper = word.strip().upper()
    ranked = _SEVERITY_RANK.match(upper)
    if ranked:
        return SEVERITY_NUMBERS[ranked.group(1)] + int(ranked.group(2)) - 1
    return SEVERITY_NUMBERS.get(upper, 0)


def severity_of_fields(fields: Mapping[str, Any]) -> int:
    """Severity number from the level field of a JSON log line; 0 if none says one."""
    return next((n for f in SEVERITY_FIELDS if (n := severity_of_word(field_of(fields, f)))), 0)


def severity_of_text(text: str) -> int:
    """Severity number of the first upper-case level word near the start of a line; 0 if none."""
    match = _LEVEL_WORD.search(text.split("\n", 1)[0], 0, LEVEL_WORD_REACH)
    return SEVERITY_NUMBERS[match.group(1)] if match else 0


def severity_of_record(number: object, text: object) -> int:
    """Severity number of an OTLP log record: its number (or enum name), else its text; 0: none."""
    if isinstance(number, str) and not number.isdigit():
        value = severity_of_word(number.upper().removeprefix("SEVERITY_NUMBER_"))
    else:
        value = whole_number(number) or 0
    return value or severity_of_word(text)


def whole_number(value: object) -> int | None:
    """An int from JSON's int, integral float or decimal string (64-bit numbers are strings)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            return None
    return None


@lru_cache(maxsize=4096)
def _epoch_of_minute(day: str, minute: str, offset: str) -> int | None:
    try:
        moment = datetime.fromisoformat(f"{day}T{minute}:00+00:00")
    except ValueError:
        return None
    seconds = int((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(seconds=1))
    if offset in "Zz":
        return seconds
    away = int(offset[1:3]) * 3600 + int(offset[-2:]) * 60
    return seconds - away if offset[0] == "+" else seconds + away


def nanoseconds_of(text: object) -> int | None:
    """Nanoseconds since 1970 (UTC) of an RFC 3339 time with an offset; None if it is none."""
    match = _TIME.fullmatch(text) if isinstance(text, str) else None
    if not match:
        return None
    day, minute, second, fraction, offset = match.groups()
    start = _epoch_of_minute(day, minute, offset)
    if start is None:
        return None
    return (start + int(second)) * 10**9 + int((fraction or "0")[:9].ljust(9, "0"))


def is_absurd(time_ns: int) -> bool:
    """Whether a time lies before the year 2000 or after the year 2200: from 2201 on."""
    return not EARLIEST_NS <= time_ns < LATEST_NS


def attributes_of(pairs: object, wanted: Container[str]) -> dict[str, Any]:
    """The wanted attributes of an OTLP key-value list as plain values; later keys win."""
    found: dict[str, Any] = {}
    if not isinstance(pairs, list):
        return found
    for pair in pairs:
        if isinstance(pair, dict) and pair.get("key") in wanted:
            value = pair.get("value")
            if isinstance(value, dict) and value:
                found[pair["key"]] = plain_value(value)
    return found


def text_of(value: object) -> str | None:
    """A plain value as text: a string as it is, anything else as JSON; None stays None."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def first_text(*values: object) -> str | None:
    """The first value that is there, as text."""
    return next((text_of(value) for value in values if value is not None), None)


def plain_value(value: object) -> Any:
    """An OTLP value (`{"stringValue": …}`, nested ones too) as plain JSON data; None: none."""
    if not isinstance(value, dict) or not value:
        return None
    kind, inner = next(iter(value.items()))
    if kind == "intValue":
        return whole_number(inner)
    if kind not in ("arrayValue", "kvlistValue"):
        return inner
    items = inner.get("values") or () if isinstance(inner, dict) else ()
    if kind == "arrayValue":
        return [plain_value(item) for item in items]
    return {i.get("key"): plain_value(i.get("value")) for i in items if isinstance(i, dict)}


def random_value_of(trace_state: object) -> str | None:
    """The valid `rv` (14 lower-case hex digits) of a W3C tracestate's `ot` entry, else None."""
    if not isinstance(trace_state, str) or "rv:" not in trace_state:
        return None
    for member in trace_state.split(","):
        key, _, value = member.strip().partition("=")
        if key == "ot":
            for part in value.split(";"):
                name, _, digits = part.partition(":")
                if name == "rv" and _RANDOM_VALUE.fullmatch(digits):
                    return digits
    return None


def workload_of(pod: str) -> str:
    """The workload's name: a pod's name without its replica set's hash and random suffix."""
    shorter = _REPLICA_SET_POD.sub("", pod)
    return shorter if shorter != pod else _GENERATED_POD.sub("", pod)
