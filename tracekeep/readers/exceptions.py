"""Exceptions of log records: type, message and stack, under whatever names loggers write them."""

from __future__ import annotations

import re
from typing import Any

from tracekeep.readers.log_fields import Attributes, LogFields
from tracekeep.readers.policy import policy, stack_language
from tracekeep.readers.values import text_of

TYPE, MESSAGE, STACK = "exception.type", "exception.message", "exception.stacktrace"
_MOST_CHARACTERS = 1_000_000
_TRACEBACK = "Traceback (most recent call last):"
_CHAINED = re.compile(
    r"^(?:During handling of the above exception|The above exception was the direct cause).*\n",
    re.M,
)
_GROUP = re.compile(r"\s*\+ Exception Group Traceback.*?^ *\| ([\w.<>]+): ([^\n]*)", re.M | re.S)
_RAISED = re.compile(r"^([A-Za-z_][\w.<>]*)(?::[ ]?([^\n]*))?$", re.MULTILINE)
_THROWN = re.compile(
    r"(?:Exception in thread \"[^\"]*\" |Unhandled [Ee]xception[.:] "
    r"|(?:NOTICE: PHP message: )?(?:PHP Fatal error: +)?Uncaught |\[object\] \("
    r"|(?:\*\* \(\w+\) an exception was raised:\s+)?\*\* \()?"
    r"((?:[A-Za-z_$][\w$]*[.\\/:]{1,2})*[\w$`]*(?:Exception|Error|Throwable|Failure)[\w$]*"
    r"|(?:[A-Za-z_$][\w$]*[.\\])+[A-Z][\w$`]*)(?: \[\w+\]|\(code: [^)]{0,64}\))?"
    r"(?:\)|(?=[:\s]|$))(?::? ?([^\n]*))?"
)
_PANIC = re.compile(
    r"(?:panic: |fatal error: )([^\n]*)|thread '[^']*' .*?panicked at "
    r"(?:'([^\n]*)', \S+:\d+$|([^\n]*)\n?([^\n]*))",
    re.M,
)
_RUBY = re.compile(
    r"\S+\.r[bu]:\d+:in [`'][^']*': (?P<message>[^\n]*) \((?P<kind>[\w:]+)\)$"
    r"|(?:\[[\w-]+\] )?(?P<rails>[A-Z][\w:]*) \((?P<told>.*)\):$",
    re.M,
)
_NODE_CLASS = re.compile(r"([A-Z]\w*)(?: \[\w+\])?(?:: ([^\n]*))?$", re.M)
_NODE_HEAD = re.compile(r"\S+:\d+\n.*\n\s*\^+\n\s*", re.ASCII)


def exception_of(fields: LogFields) -> Attributes:
    """The exception that fields tell of, as OpenTelemetry's attributes."""
    if not fields.may_have("exception", TYPE, MESSAGE, "exception.stack"):
        return []
    found = {
        TYPE: _plain(fields, "exception.type"),
        MESSAGE: _plain(fields, "exception.message"),
        STACK: next(filter(None, (_stack(v) for _, v in fields.all("exception.stack"))), None),
    }
    for _, holder in fields.all("exception"):
        for name, value in _held(holder).items():
            found[name] = found[name] or value
    if found[STACK] and not found[TYPE]:
        thrown = dict(thrown_by(found[STACK]))
        found = {name: value or thrown.get(name) for name, value in found.items()}
    return [(name, value) for name, value in found.items() if value]


def thrown_by(text: str) -> Attributes:
    """Type and message of the exception whose stack trace a text begins with: of a chain, the one
    that was raised last. Empty for any other text."""
    text = text[:_MOST_CHARACTERS].strip()
    if _TRACEBACK in text:
        last = _CHAINED.split(text)[-1]
        raised = _GROUP.match(last) or _RAISED.search(last.rpartition(_TRACEBACK)[2])
        return _pairs(raised[1], raised[2]) if raised else []
    ruby = _RUBY.match(text)
    if ruby:
        return _pairs(ruby["kind"] or ruby["rails"], ruby["message"] or ruby["told"])
    head = _NODE_HEAD.match(text)
    match = _THROWN.match(text, head.end() if head else 0)
    if match is None and head is not None:
        match = _NODE_CLASS.match(text, head.end())
    if match:
        return _pairs(match[1], match[2])
    panic = _PANIC.match(text)
    return _pairs(None, panic[1] or panic[2] or panic[4] or panic[3]) if panic else []


def stack_in(text: str) -> str:
    """The stack trace that stands behind other lines of a text; empty if there is none."""
    lines = text[:_MOST_CHARACTERS].split("\n")
    start = next((n for n, line in enumerate(lines) if stack_language(line)), len(lines))
    return "\n".join(lines[start:])


def _pairs(kind: str | None, message: str | None) -> Attributes:
    return [(name, value) for name, value in ((TYPE, kind), (MESSAGE, message)) if value]


def _plain(fields: LogFields, meaning: str) -> str | None:
    return next(filter(None, (_text(value) for _, value in fields.all(meaning))), None)


def _text(value: Any) -> str | None:
    """A value as text; None for an object, a list or none."""
    return None if value is None or isinstance(value, dict | list) else text_of(value)


def _stack(value: Any) -> str | None:
    """A stack trace as text: as it is, or a list's items as lines."""
    if isinstance(value, list):
        return "\n".join(map(text_of, value)) or None
    return value if isinstance(value, str) and value.strip() else None


def _held(holder: Any) -> dict[str, str | None]:
    """What an object, the first one of a list, or a stack trace as text tells of an exception."""
    if isinstance(holder, list) and holder and isinstance(holder[0], dict):
        holder = holder[0]
    if isinstance(holder, dict):
        inner = {key.lower(): value for key, value in holder.items()}
        parts = {
            part: next((inner[name] for name in names if inner.get(name)), None)
            for part, names in policy().exceptions.items()
        }
        return {
            TYPE: _text(parts["type"]),
            MESSAGE: _text(parts["message"]),
            STACK: _stack(parts["stack"]),
        }
    if isinstance(holder, str):
        stack, thrown = holder, dict(thrown_by(holder))
        if not thrown:
            stack = stack_in(holder)
            thrown = dict(thrown_by(stack))
        if TYPE in thrown and ("\n" in stack or "." in thrown[TYPE]):
            return {**thrown, STACK: stack}
    return {}
