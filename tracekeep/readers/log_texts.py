"""What an application's log tells of its record: ids, level, fields, exception."""

from __future__ import annotations

import re
from textwrap import dedent
from typing import Any

from tracekeep.readers.exceptions import STACK, exception_of, stack_in, thrown_by
from tracekeep.readers.levels import level_of
from tracekeep.readers.log_fields import Attributes, LogFields
from tracekeep.readers.policy import policy, stack_language
from tracekeep.readers.values import (
    SPAN_ID_DIGITS,
    TRACE_ID_DIGITS,
    attribute_text,
    hex_id,
    small_number,
    sorted_attributes,
)

RESOURCE_MEANINGS = (
    "service.name", "service.version", "deployment.environment.name", "cloud.region",
    "k8s.namespace.name", "k8s.pod.name", "k8s.pod.uid", "k8s.container.name",
)  # fmt: skip
_BRACKET_CHARACTERS = 300
Ids = tuple[str | None, str | None]


def told_by(text: str, fields: LogFields | None) -> dict[str, Any]:
    """Columns trace_id, span_id, severity_number, severity_text, severity_source and attributes of
    a log record by its text, and by its fields if the text is JSON."""
    trace_id, span_id = ids_of(text, fields)
    level = level_of(text, fields)
    return {
        "trace_id": trace_id,
        "span_id": span_id,
        "severity_number": level.number,
        "severity_text": level.text,
        "severity_source": level.source,
        "attributes": _attributes_of(text, fields),
    }


def exception_in(text: str) -> Attributes:
    """Type and message of the exception whose stack trace a text is, with the stack trace too where
    more stands before it; empty for any other text."""
    head, _, rest = text.partition("\n")
    if stack_language(head) is not None:
        return sorted_attributes(thrown_by(text))
    if not rest or not policy().continued["head"].match(head):
        return []
    stack = stack_in(dedent(rest))
    return sorted_attributes([*thrown_by(stack), (STACK, stack)]) if stack else []


def _attributes_of(text: str, fields: LogFields | None) -> Attributes:
    """All fields as text, and an exception under its standard names beside its own."""
    if fields is None:
        return exception_in(text)
    own = [(key, attribute_text(value)) for key, value in fields.fields.items()]
    uid = fields.texts("log.record.uid")
    return sorted_attributes([*exception_of(fields), *uid, *own])


def ids_of(text: str, fields: LogFields | None) -> Ids:
    """Trace and span id by the fields, else by the text; None where there is none."""
    trace_id = span_id = None
    if fields is not None:
        trace_id = _field_id(fields, "trace_id", TRACE_ID_DIGITS)
        span_id = _field_id(fields, "span_id", SPAN_ID_DIGITS)
        for _, value in fields.all("trace_context") if fields.may_have("trace_context") else ():
            context = policy().trace_contexts["header"].fullmatch(str(value).lower())
            trace_id, span_id = _with_context((trace_id, span_id), context)
    if trace_id is None or span_id is None:
        lowered = text.lower()
        trace_id = trace_id or _id_in(lowered, "trace", TRACE_ID_DIGITS)
        span_id = span_id or _id_in(lowered, "span", SPAN_ID_DIGITS)
        if trace_id is None:
            trace_id, span_id = _context_in(lowered, (trace_id, span_id))
    return trace_id, span_id


def _field_id(fields: LogFields, meaning: str, digits: int) -> str | None:
    """The first field of a meaning that holds a usable id. Datadog writes decimal numbers, Google a
    path."""
    for name, value in fields.all(meaning):
        if isinstance(value, str) and "/traces/" in value:
            value = value.rpartition("/")[2]
        found = _decimal_id(str(value), digits) if name.startswith("dd.") else None
        found = found or hex_id(value, digits)
        if found is not None:
            return found
    return None


def _decimal_id(value: str, digits: int) -> str | None:
    """A 64-bit number in decimal as hex of `digits` digits; None for anything else."""
    number = small_number(value)
    return f"{number:0{digits}x}" if number and number < 1 << 64 else None


def _id_in(lowered: str, label: str, digits: int) -> str | None:
    """The first usable id that a text in lower case names by its label."""
    pattern = policy().ids[label]
    place = lowered.find(label)
    while place >= 0:
        match = pattern.match(lowered, place)
        if match is not None:
            decimal = match["decimal"]
            found = _decimal_id(decimal, digits) if decimal else hex_id(match[2], digits)
            if found is not None:
                return found
        place = lowered.find(label, place + 1)
    return None


def _context_in(lowered: str, ids: Ids) -> Ids:
    """Ids with those of a header that a text in lower case names, or of brackets near its start."""
    contexts = policy().trace_contexts
    if "traceparent" in lowered or "b3" in lowered:
        ids = _with_context(ids, contexts["named"].search(lowered))
    if ids[0] is None and "[" in lowered:
        ids = _with_context(ids, contexts["bracketed"].search(lowered, 0, _BRACKET_CHARACTERS))
    return ids


def _with_context(ids: Ids, context: re.Match[str] | None) -> Ids:
    if context is None or ids[0] is not None:
        return ids
    trace_id = hex_id(context["trace"], TRACE_ID_DIGITS)
    return (trace_id, ids[1] or hex_id(context["span"], SPAN_ID_DIGITS)) if trace_id else ids
