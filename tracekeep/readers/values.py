"""Ids, times and attribute values as Bronze holds them."""

from __future__ import annotations

import base64
import binascii
import calendar
import hashlib
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

TRACE_ID_DIGITS = 32
SPAN_ID_DIGITS = 16

_ZEROS = {TRACE_ID_DIGITS: "0" * TRACE_ID_DIGITS, SPAN_ID_DIGITS: "0" * SPAN_ID_DIGITS}
_HEX = frozenset("0123456789abcdef")
_EARLIEST_NS = calendar.timegm((2000, 1, 1, 0, 0, 0)) * 10**9
_LATEST_NS = calendar.timegm((2201, 1, 1, 0, 0, 0)) * 10**9
_NUMBER = re.compile(r"-?\d{1,20}(?:\.\d{1,20})?(?:[eE][+-]?\d{1,2})?", re.ASCII)
_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9})\d*)?"
    # behind the offset Go writes the zone's name, and its clock, Java the name in brackets
    r"(?: ?[Zz](?:\[[\w/+-]+\])?| ?UTC"
    r"| ?([+-])(\d\d)(?::?(\d\d))?(?:\[[\w/+-]+\]|(?: [A-Z]{2,5})?(?: m=[+-][\d.]+)?))",
    re.ASCII,
)
_TIME_OF_DAY = r"(?P<time>\d\d:\d\d:\d\d(?:[.,]\d{1,9})?)"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NAMED_DATES = (
    # RFC 1123, the common log format; C's ctime; nginx
    rf"(?:\w{{3}}, ?)?(?P<day>\d\d?)[ /-](?P<month>\w{{3}})[ /-](?P<year>\d{{4}})[ :]{_TIME_OF_DAY}"
    r" ?(?P<zone>GMT|UTC|[+-]\d\d:?\d\d)?",
    rf"(?:\w{{3}} )?(?P<month>\w{{3}}) +(?P<day>\d\d?) {_TIME_OF_DAY} (?P<zone>UTC|GMT)? ?"
    r"(?P<year>\d{4})",
    rf"(?P<year>\d{{4}})/(?P<month>\d\d)/(?P<day>\d\d) {_TIME_OF_DAY}(?P<zone>)",
)
_DATED = tuple(re.compile(pattern, re.ASCII) for pattern in _NAMED_DATES)

_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET = re.compile(rb"[][{}]")
_DEEPEST = 128
_MOST_DECIMALS = 20

encode_sorted = msgspec.json.Encoder(order="sorted", decimal_format="number").encode


class Unusable(ValueError):
    """A record that cannot be kept as it is; `reason` is one of Bronze's documented reasons."""

    def __init__(self, reason: str, detail: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


def hex_id(value: Any, digits: int) -> str | None:
    """An id as lowercase hex of `digits` digits; None if it is empty, all zero or no id at all.

    Some exporters write ids as base64 of the bytes; such a text is decoded. A trace id of 16 digits
    is one of 64 bits: it is padded.
    """
    if not isinstance(value, str) or not value:
        return None
    text = value.lower()
    if len(text) == SPAN_ID_DIGITS and digits == TRACE_ID_DIGITS:
        text = text.zfill(digits)
    if len(text) != digits or not _HEX.issuperset(text):
        text = _from_base64(value, digits // 2)
        if not text and value.endswith("="):
            text = _from_base64(value, SPAN_ID_DIGITS // 2).zfill(digits)
    return text if text and text != _ZEROS[digits] else None


def padded_id(value: Any, digits: int) -> str | None:
    """An id of a format that drops leading zeros, as `hex_id`; None for more digits than that."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        value = f"{value:x}"
    if not isinstance(value, str) or not 0 < len(value) <= digits:
        return None
    text = value.lower()
    if not _HEX.issuperset(text) or not text.strip("0"):
        return None
    return text.zfill(digits)


def _from_base64(value: str, length: int) -> str:
    """Base64 in either alphabet, padded or not, as hex; empty for anything else."""
    bare = value.rstrip("=")
    if len(bare) != -(-length * 4 // 3) or len(value) - len(bare) not in (0, -len(bare) % 4):
        return ""
    standard = bare.replace("-", "+").replace("_", "/") + "=" * (-len(bare) % 4)
    try:
        return base64.b64decode(standard, validate=True).hex()
    except (binascii.Error, ValueError):
        return ""


def small_number(text: str) -> int | None:
    """The number that decimal digits stand for, if they are no more than those of 64 bits."""
    return int(text) if text.isdecimal() and len(text) <= _MOST_DECIMALS else None


def is_deep(text: bytes | str) -> bool:
    """Whether JSON nests deeper than any program's does: Python could not go all the way down."""
    braces, brackets = ("{", "[") if isinstance(text, str) else (b"{", b"[")
    if text.count(braces) + text.count(brackets) <= _DEEPEST:
        return False
    text = text.encode("utf-8", "replace") if isinstance(text, str) else text
    depth = deepest = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", text)):
        depth += 1 if bracket in b"{[" else -1
        deepest = max(deepest, depth)
    return deepest > _DEEPEST


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


def usable_times(start: int | None, end: int | None) -> tuple[int | None, int | None]:
    """Start and end of a span in ns, None where missing; an end before the start counts as
    missing when it is no usable time.

    Raises Unusable: absurd_time, or no_time if both are missing.
    """
    usable_start = usable_time(start)
    try:
        usable_end = usable_time(end)
    except Unusable:
        if usable_start is None or (end or 0) > usable_start:
            raise
        usable_end = None
    if usable_start is None and usable_end is None:
        raise Unusable("no_time")
    return usable_start, usable_end


def epoch_nanoseconds(value: Any) -> int | None:
    """A time that loggers write as number or text: seconds, milliseconds, microseconds or
    nanoseconds since 1970 by its size, or a date and time (UTC where it has no offset), in ns; also
    as RFC 1123, the common log format, ctime and Go write them.

    So are objects of seconds and nanoseconds (protobuf's and Log4j's) and of a date (MongoDB's).
    None if it is no time. A number keeps its digits: no detour through a double.
    """
    if isinstance(value, dict):
        date = value.get("$date")
        if isinstance(date, dict):
            date = date.get("$numberLong")
        return _of_seconds_and_nanos(value) if date is None else epoch_nanoseconds(date)
    if isinstance(value, bool) or value is None:
        return None
    text = str(value)
    text = text.strip()
    if _NUMBER.fullmatch(text):
        number = Decimal(text)
        for limit, factor in ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3)):
            if abs(number) < limit:
                return int(number * factor)
        return int(number)
    found = rfc3339_nanoseconds(text)
    if found is None:
        found = rfc3339_nanoseconds(text + "Z")
    return rfc3339_nanoseconds(_dated(text)) if found is None else found


def _dated(text: str) -> str:
    """A time whose date has another form as RFC 3339; empty for anything else."""
    match = next(filter(None, (pattern.fullmatch(text) for pattern in _DATED)), None)
    if match is None:
        return ""
    month = match["month"].title()
    number = f"{_MONTHS.index(month) + 1:02}" if month in _MONTHS else month
    zone = (match["zone"] or "UTC").replace("GMT", "UTC")
    return f"{match['year']}-{number}-{match['day']:0>2} {match['time']} {zone}"


def _of_seconds_and_nanos(value: dict[str, Any]) -> int | None:
    for seconds, nanos in (("seconds", "nanos"), ("epochSecond", "nanoOfSecond")):
        whole, rest = value.get(seconds), value.get(nanos, 0)
        if type(whole) is int and type(rest) is int:
            return whole * 10**9 + rest
    return None


def rfc3339_nanoseconds(text: str) -> int | None:
    """Time of day and date with offset as ns since 1970 UTC; None if the text is no such time."""
    if text[-1:] == "Z" and text[19:20] == "." and text[17:19].isdecimal() and text.isascii():
        fraction = text[20:-1]
        minute = _minute(text[:17])
        if minute is not None and fraction.isdecimal() and int(text[17:19]) <= 60:
            return minute + int(text[17:19]) * 10**9 + int(fraction[:9].ljust(9, "0"))
    return _rfc3339_nanoseconds(text)


@lru_cache(maxsize=4096)
def _minute(text: str) -> int | None:
    """`2026-01-12T10:00:` in ns since 1970; None if it is no such minute."""
    return _rfc3339_nanoseconds(text + "00Z")


def _rfc3339_nanoseconds(text: str) -> int | None:
    match = _RFC3339.fullmatch(text)
    if match is None:
        return None
    date, hour, minute, second, fraction, sign, offset_hour, offset_minute = match.groups()
    midnight = _midnight(date)
    is_off = int(offset_hour or 0) > 23 or int(offset_minute or 0) > 59
    if midnight is None or int(hour) > 23 or int(minute) > 59 or int(second) > 60 or is_off:
        return None
    seconds = midnight + int(hour) * 3600 + int(minute) * 60 + int(second)
    if sign:
        offset = int(offset_hour) * 3600 + int(offset_minute or 0) * 60
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


def with_unreadable(
    attributes: list[tuple[str, str]], name: str, value: Any
) -> list[tuple[str, str]]:
    """Attributes and, as text, a field whose value no column can take (R15)."""
    return sorted_attributes([*attributes, (f"tracekeep.unreadable.{name}", text_of(value))])
