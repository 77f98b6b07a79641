"""JSON as RFC 8259 has it, and what a log text tells about its record; standard library only."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from oracle import fields


def json_of(text: str, parse_float: Callable[[str], Any] = float) -> Any:
    """Parse strict JSON; raises ValueError for anything else, also text after it."""
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=parse_float)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def told_by(text: str) -> tuple[str | None, str | None, int]:
    """Trace id, span id and severity number (0: none) that a log text tells.

    A text that is a JSON object tells them by its fields, then by its message.
    """
    entry = json_object_in(text)
    if entry is None:
        return *fields.ids_of_text(text), fields.severity_of_text(text)
    return told_by_fields(entry, text)


def told_by_fields(entry: dict[str, Any], text: str) -> tuple[str | None, str | None, int]:
    """Trace id, span id and severity number (0: none) of a JSON log line and its object."""
    trace_id, span_id = fields.ids_of_fields(entry)
    message = fields.message_of_fields(entry)
    if trace_id is None or span_id is None:
        text_trace_id, text_span_id = fields.ids_of_text(text if message is None else message)
        trace_id, span_id = trace_id or text_trace_id, span_id or text_span_id
    severity = fields.severity_of_fields(entry)
    if not severity and message is not None:
        severity = fields.severity_of_text(message)
    return trace_id, span_id, severity


def json_object_in(text: str) -> dict[str, Any] | None:
    """The JSON object that a text is, None if it is none."""
    stripped = text.strip()
    if not (stripped.startswith("{") and stripped.endswith("}")):
        return None
    try:
        value = json_of(stripped)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
