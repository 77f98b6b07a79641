"""Flat JSON lines: one log record an object, its fields under the names that loggers use."""

from __future__ import annotations

import json
from collections.abc import Iterator

import msgspec
from msgspec import Raw

from tracekeep.readers.log_fields import LogFields, decode_object
from tracekeep.readers.log_texts import RESOURCE_MEANINGS, told_by
from tracekeep.readers.policy import policy
from tracekeep.readers.records import Record, log_record, rejected_record
from tracekeep.readers.values import (
    Unusable,
    epoch_nanoseconds,
    is_deep,
    sorted_attributes,
    text_of,
    usable_time,
    whole_characters,
)

NAME, SOURCE_FORMAT, RANK = "logs", "json_log", 60


def matches(fields: dict[str, Raw]) -> bool:
    """Whether an object has a field that a log record has: a time, a message or a level."""
    names = {key.lower() for key in fields}
    known = policy().fields
    return any(not names.isdisjoint(known[name]) for name in ("time", "message", "severity"))


def read(fields: dict[str, Raw], raw: bytes) -> Iterator[Record]:
    """The record of one object; a rejected one if it has no usable time. Never raises."""
    del fields  # only their keys were looked at
    if is_deep(raw):
        yield rejected_record("invalid_json", raw, "objects or lists nested too deeply")
        return
    try:
        content = decode_object(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        lenient = read_lenient(raw)
        yield lenient or rejected_record("invalid_json", raw, str(error))
        return
    yield _record(LogFields(content), raw)


def read_lenient(raw: bytes) -> Record | None:
    """The record of a line with NaN or numbers beyond a double, which loggers write though it is
    no JSON; None if it is still unreadable, or no log."""
    if is_deep(raw):
        return None
    try:
        content = json.loads(whole_characters(raw))
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or not matches(content):
        return None
    return {**_record(LogFields(content), raw), "source_format": SOURCE_FORMAT}


def _record(fields: LogFields, raw: bytes) -> Record:
    time, error = _time_of(fields)
    if time is None:
        return rejected_record(error.reason, raw, error.detail)
    message = fields.get("message")
    body = raw.decode("utf-8", "replace") if message is None else text_of(message)
    return log_record(
        time_unix_nano=time,
        observed_time_unix_nano=None,
        event_name=None,
        body=body,
        stream=None,
        is_truncated=None,
        resource_attributes=sorted_attributes(fields.texts(*RESOURCE_MEANINGS)),
        raw_text=raw,
        **told_by(body, fields),
    )


def _time_of(fields: LogFields) -> tuple[int | None, Unusable]:
    """The first usable time that a field states, in ns; or None, and what is wrong with it."""
    error = Unusable("no_time")
    for _, stated in fields.all("time"):
        try:
            time = usable_time(epoch_nanoseconds(stated))
        except Unusable as absurd:
            error = absurd
            continue
        if time is not None:
            return time, error
        if error.detail is None:
            error = Unusable("no_time", f"{stated!r:.80}")
    return None, error
