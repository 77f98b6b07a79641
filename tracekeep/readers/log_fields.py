"""The fields of an application log that is one JSON object, by what they mean."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from tracekeep.readers.policy import policy
from tracekeep.readers.values import is_deep, text_of, whole_characters

decode_object = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode
"""JSON objects with numbers that keep their digits."""
Attributes = list[tuple[str, str]]

_MOST_KEPT_KEYS = 256
"""Objects with more keys are none of a program's usual logs, and would fill the memory."""


class LogFields:
    """The fields of an object, found by their meaning (log_patterns.toml).

    Names are compared without regard to case; a dotted name also finds nested objects.
    """

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = fields
        find = _known_fields if len(fields) <= _MOST_KEPT_KEYS else _known_fields.__wrapped__
        self._known = find(tuple(fields))

    def may_have(self, *meanings: str) -> bool:
        """Whether there is a field, or an object that may hold one, of any of these meanings."""
        return not self._known.keys().isdisjoint(meanings)

    def get(self, meaning: str) -> Any:
        """The first known field of a meaning that has a value; None if there is none."""
        if meaning not in self._known:
            return None
        return next((value for _, value in self.all(meaning)), None)

    def all(self, meaning: str) -> Iterator[tuple[str, Any]]:
        """Names and values of all known fields of a meaning, the most telling name first."""
        for name, key, path in self._known.get(meaning, ()):
            value = self.fields[key]
            for part in path:
                value = inner(value, part)
            if value is not None and value != "":
                yield name, value

    def texts(self, *meanings: str) -> Attributes:
        """(meaning, text) of those that have a value that is no object or list."""
        found = ((meaning, self.get(meaning)) for meaning in meanings)
        return [
            (meaning, text_of(value))
            for meaning, value in found
            if value is not None and not isinstance(value, dict | list)
        ]


@lru_cache(maxsize=4096)
def _known_fields(keys: tuple[str, ...]) -> dict[str, list[tuple[str, str, tuple[str, ...]]]]:
    """Of each meaning the known names that an object with these keys may hold: name, key, and the
    path inside that key's object. Logs of one program have the same keys again and again."""
    lowered = {key.lower().lstrip("_"): key for key in keys}
    lowered |= {key.lower(): key for key in keys} | {key: key for key in keys}
    nested = [lowered[name] for name in lowered if name in policy().nested]
    known: dict[str, list[tuple[str, str, tuple[str, ...]]]] = {}
    for meaning, names in policy().fields.items():
        places = []
        for name in names:
            head, *path = name.split(".")
            if name in lowered:
                places.append((name, lowered[name], ()))
            elif path and head in lowered:
                places.append((name, lowered[head], tuple(path)))
        if meaning in policy().nested_meanings:
            for key in nested:
                places += [(name, key, (name,)) for name in names]
                places += [(name, key, tuple(name.split("."))) for name in names if "." in name]
        codes = policy().coded_levels.get(meaning)
        if places and (codes is None or codes.beside <= lowered.keys()):
            known[meaning] = places
    return known


def inner(value: Any, part: str) -> Any:
    """A field of an object, or of the first one of a list that has it, whatever the case of its
    name; None if there is none."""
    if isinstance(value, list):
        found = (inner(item, part) for item in value if isinstance(item, dict))
        return next((each for each in found if each is not None), None)
    if not isinstance(value, dict):
        return None
    if part in value:
        return value[part]
    return next((inner for key, inner in value.items() if key.lower() == part), None)


def json_fields(text: str) -> LogFields | None:
    """The fields of a text that is one JSON object; None for any other text."""
    if not text.startswith("{") or is_deep(text):
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
