"""Ids, times and attribute values as Bronze holds them."""

from __future__ import annotations

import base64
import binascii
import calendar
import hashlib
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import msgspec

TRACE_ID_DIGITS = 32
SPAN_ID_DIGITS = 16

_HEX = frozenset("0123456789abcdef")
_EARLIEST_NS = calendar.timegm((2000, 1, 1, 0, 0, 0)) * 10**9
_LATEST_NS = calendar.timegm((2201, 1, 1, 0, 0, 0)) * 10**9
_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9})\d*)?"
    r"(?:[Zz]|([+-])(\d\d):?(\d\d))"
)

_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)

encode_sorted = msgspec.json.Encoder(order="sorted").encode


class Unusable(ValueError):
    """A record that cannot be kept as it is; `reason` is one of Bronze's documented reasons."""

    def __init__(self, reason: str, detail: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


def hex_id(value: Any, digits: int) -> str | None:
    """An id as lowercase hex of `digits` digits; None if it is empty, all zero or no id at all.

    Some exporters write ids as base64 of the bytes; such a text is decoded.
    """
    if not isinstance(value, str) or not value:
        return None
    text = value.lower()
    if len(text) != digits or not _HEX.issuperset(text):
        text = _from_base64(value, digits // 2)
    return text if text.strip("0") else None


def _from_base64(value: str, length: int) -> str:
    if len(value) != -(-length // 3) * 4:
        return ""
    try:
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return decoded.hex() if len(decoded) == length else ""


def whole_number(value: Any) -> int | None:
    """A 64-bit number that JSON may hold as number or text, never through a double.

    Raises Unusable (wrong_type) for anything but a whole number, None or an empty text.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            raise Unusable("wrong_type", f"not a whole number: {value[:80]!r}") from None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise Unusable("wrong_type", f"not a whole number: {str(value)[:80]}")


def usable_time(nanoseconds: int | None) -> int | None:
    """A time in ns since 1970 UTC, or None where it is missing (absent or 0).

    Raises Unusable (absurd_time) before 2000 and after 2200.
    """
    if not nanoseconds:
        return None
    if not _EARLIEST_NS <= nanoseconds < _LATEST_NS:
        raise Unusable("absurd_time", f"{nanoseconds} ns")
    return nanoseconds


def rfc3339_nanoseconds(text: str) -> int | None:
    """Time of day and date with offset as ns since 1970 UTC; None if the text is no such time."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        return None
    date, hour, minute, second, fraction, sign, offset_hour, offset_minute = match.groups()
    midnight = _midnight(date)
    if midnight is None or int(hour) > 23 or int(minute) > 59 or int(second) > 60:
        return None
    seconds = midnight + int(hour) * 3600 + int(minute) * 60 + int(second)
    if sign:
        offset = int(offset_hour) * 3600 + int(offset_minute) * 60
        seconds += -offset if sign == "+" else offset
    return seconds * 10**9 + (int(fraction.ljust(9, "0")) if fraction else 0)


@lru_cache(maxsize=1024)
def _midnight(date: str) -> int | None:
    import datetime

    try:
        day = datetime.date.fromisoformat(date)
    except ValueError:
        return None
    return calendar.timegm(day.timetuple())


def content_hash(*parts: Any) -> str:
    """32 hex digits that depend on the content of the parts alone: the identity of a record
    without ids."""
    return hashlib.sha256(encode_sorted(parts)).hexdigest()[:32]


def decoded(decode: Callable[[bytes], Any], text: bytes) -> Any:
    """What a msgspec decoder makes of a JSON text whose half surrogate pairs, which exporters leave
    when they cut texts, count as U+FFFD. Raises what the decoder raises."""
    try:
        return decode(text)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        mended = whole_characters(text)
        if mended == text:
            raise
        return decode(mended)


def whole_characters(text: bytes) -> bytes:
    """A JSON text with U+FFFD for each escape that is half a surrogate pair."""
    return _ESCAPE.sub(lambda match: rb"\ufffd" if match[1] else match[0], text)


def valid_utf8(data: bytes) -> bytes:
    """The bytes, with each byte that is no UTF-8 replaced by U+FFFD."""
    if data.isascii():
        return data
    try:
        data.decode()
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace").encode()
    return data


def attribute_text(value: Any) -> str:
    """An attribute's value as text; one without a value is empty."""
    return "" if value is None else text_of(value)


def text_of(value: Any) -> str:
    """A value as text: strings as they are, everything else as JSON."""
    return value if isinstance(value, str) else encode_sorted(value).decode()


def sorted_attributes(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Attributes sorted by key, one value a key: the last one, as in a JSON object."""
    return sorted(dict(pairs).items())
