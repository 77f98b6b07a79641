"""What stands in the text of an application log: ids, level, fields."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from tracekeep.readers.policy import policy
from tracekeep.readers.values import (
    SPAN_ID_DIGITS,
    TRACE_ID_DIGITS,
    attribute_text,
    hex_id,
    sorted_attributes,
    text_of,
    whole_characters,
)

decode_object = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode
"""JSON objects with numbers that keep their digits."""
Attributes = list[tuple[str, str]]

RESOURCE_MEANINGS = (
    "service.name", "service.version", "deployment.environment.name", "cloud.region",
    "k8s.namespace.name", "k8s.pod.name", "k8s.pod.uid", "k8s.container.name",
)  # fmt: skip
_ATTRIBUTE_MEANINGS = (
    "exception.type", "exception.message", "exception.stacktrace", "log.record.uid",
)  # fmt: skip
_MOST_KEPT_KEYS = 256
"""Objects with more keys are none of a program's usual logs, and would fill the memory."""


class LogFields:
    """The fields of a log that is one JSON object, found by their meaning (log_patterns.toml).

    Names are compared without regard to case; a dotted name also finds nested objects.
    """

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = fields
        find = _known_fields if len(fields) <= _MOST_KEPT_KEYS else _known_fields.__wrapped__
        self._known = find(tuple(fields))

    def get(self, meaning: str) -> Any:
        """The first known field of a meaning that has a value; None if there is none."""
        return next((value for _, value in self.all(meaning)), None)

    def all(self, meaning: str) -> Iterator[tuple[str, Any]]:
        """Names and values of all known fields of a meaning, the most telling name first."""
        for name, key, path in self._known.get(meaning, ()):
            value = self.fields[key]
            for part in path:
                value = _inner(value, part)
            if value is not None and value != "":
                yield name, value

    def id(self, meaning: str, digits: int) -> str | None:
        """The first field of a meaning that holds a usable id. Datadog writes decimal numbers."""
        for name, value in self.all(meaning):
            found = hex_id(value, digits)
            if found is None and name.startswith("dd.") and str(value).isdecimal():
                found = f"{int(value):0{digits}x}" if 0 < int(value) < 1 << 64 else None
            if found is not None:
                return found
        return None

    def texts(self, *meanings: str) -> Attributes:
        """(meaning, text) of those that have a value that is no object or list."""
        found = ((meaning, self.get(meaning)) for meaning in meanings)
        return [
            (meaning, text_of(value))
            for meaning, value in found
            if value is not None and not isinstance(value, dict | list)
        ]

    def attributes(self) -> Attributes:
        """All fields as text, and exceptions under their standard names beside their own."""
        own = [(key, attribute_text(value)) for key, value in self.fields.items()]
        return sorted_attributes([*self.texts(*_ATTRIBUTE_MEANINGS), *own])


@lru_cache(maxsize=4096)
def _known_fields(keys: tuple[str, ...]) -> dict[str, list[tuple[str, str, tuple[str, ...]]]]:
    """Of each meaning the known names that an object with these keys may hold: name, key, and the
    path inside that key's object. Logs of one program have the same keys again and again."""
    lowered = {key.lower(): key for key in keys}
    known: dict[str, list[tuple[str, str, tuple[str, ...]]]] = {}
    for meaning, names in policy().fields.items():
        for name in names:
            head, *path = name.split(".")
            if name in lowered:
                known.setdefault(meaning, []).append((name, lowered[name], ()))
            elif path and head in lowered:
                known.setdefault(meaning, []).append((name, lowered[head], tuple(path)))
    return known


def _inner(value: Any, part: str) -> Any:
    """A field of an object, whatever the case of its name; None if there is none."""
    if not isinstance(value, dict):
        return None
    if part in value:
        return value[part]
    return next((inner for key, inner in value.items() if key.lower() == part), None)


def json_fields(text: str) -> LogFields | None:
    """The fields of a text that is one JSON object; None for any other text."""
    if not text.startswith("{"):
        return None
    try:
        return LogFields(decode_object(text))
    except (msgspec.DecodeError, RecursionError):
        pass
    try:  # NaN, numbers beyond a double, half surrogate pairs: loggers write them
        fields = json.loads(whole_characters(text.encode()))
    except (ValueError, RecursionError):
        return None
    return LogFields(fields) if isinstance(fields, dict) else None


def _id_in(lowered: str, label: str, digits: int) -> str | None:
    """The first usable id that a text in lower case names by its label."""
    pattern = policy().ids[label]
    place = lowered.find(label)
    while place >= 0:
        match = pattern.match(lowered, place)
        found = hex_id(match[1], digits) if match else None
        if found is not None:
            return found
        place = lowered.find(label, place + 1)
    return None


def _severity_number(level: Any, fields: LogFields) -> int | None:
    """A severity number that the fields state, or what a numeric level stands for."""
    stated = fields.get("severity_number")
    if isinstance(stated, str) and stated.isdecimal():
        stated = int(stated)
    if type(stated) is int and 1 <= stated <= 24:
        return stated
    return policy().numeric_levels.get(level) if type(level) is int else None


def told_by(text: str, fields: LogFields | None) -> dict[str, Any]:
    """Columns trace_id, span_id, severity_text and attributes of a log record by its text."""
    trace_id = span_id = level = number = None
    attributes: Attributes = []
    levelled = text
    if fields is not None:
        trace_id = fields.id("trace_id", TRACE_ID_DIGITS)
        span_id = fields.id("span_id", SPAN_ID_DIGITS)
        level = fields.get("severity")
        number = _severity_number(level, fields)
        attributes = fields.attributes()
        levelled = fields.get("message")
    if trace_id is None or span_id is None:
        lowered = text.lower()
        trace_id = trace_id or _id_in(lowered, "trace", TRACE_ID_DIGITS)
        span_id = span_id or _id_in(lowered, "span", SPAN_ID_DIGITS)
    if level is None and number is None and isinstance(levelled, str):
        match = policy().severity.match(levelled)
        level = (match[1] or match[2]) if match else None
    return {
        "trace_id": trace_id,
        "span_id": span_id,
        "severity_number": number,
        "severity_text": None if level is None else text_of(level),
        "attributes": attributes,
    }
