"""Kubelet pod logs (CRI, docker json-file) and flat JSON lines → rows; standard library only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from oracle import fields
from oracle.format_rows import Outcome, Reject, Row, dated, decimal_of, text_of
from oracle.log_texts import told_by, told_by_fields
from oracle.stack_traces import TraceJoiner, begins_record

PART_REACH_NS = 60 * 10**9
TIME_FIELDS = (
    "timestamp", "@timestamp", "time", "ts", "Timestamp", "Time", "datetime", "date", "asctime",
    "event_time", "eventTime", "timeUnixNano", "time_unix_nano", "timeMillis", "@t", "t", "instant",
)  # fmt: skip
SERVICE_FIELDS = (
    "service.name", "service_name", "serviceName", "service", "Service", "dd.service", "app",
    "app_name", "application",
)  # fmt: skip
MESSAGE_FIELDS = (*fields.MESSAGE_FIELDS, "MESSAGE", "@message", "@m")
DOCKER_FIELDS = frozenset({"log", "stream", "time", "attrs"})
_CRI_LINE = re.compile(r"(\S+) (stdout|stderr) ([PF])(?::\S*)?(?: (.*))?", re.DOTALL)
_SPACE_BEFORE_OFFSET = re.compile(r"(?<=\d) (?=[+-]\d\d:?\d\d$)")
_LOCAL_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?")
# halves of pairs that JSON escapes may leave; the others stand for bytes that are no UTF-8
_HALF_PAIR = re.compile("[\ud800-\udc7f\udd00-\udfff]")
# up to where a number since 1970 counts seconds, milliseconds, microseconds; above it nanoseconds
_UNITS = ((Decimal(10) ** 11, 10**9), (Decimal(10) ** 14, 10**6), (Decimal(10) ** 17, 10**3))


def valid_text(text: str) -> str:
    """A text decoded with surrogates for bytes that are no UTF-8: with U+FFFD for these."""
    halves = _HALF_PAIR.sub("\ufffd", text)
    return halves.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


@dataclass
class _Stream:
    """One stream of one file: parts that wait for the rest of their line, and stack traces."""

    parts: list[str] = field(default_factory=list)
    time: object = None
    last_time: object = None
    joiner: TraceJoiner = field(default_factory=TraceJoiner)

    def part(self, time: object, text: str) -> None:
        if not self.parts:
            self.time = time
        self.last_time = time
        self.parts.append(text)

    def line(self) -> Iterator[tuple[object, str]]:
        """End the line that the parts are of."""
        if self.parts:
            text = "".join(self.parts)
            self.parts = []
            yield from self.joiner.feed(self.time, text)

    def close(self) -> Iterator[tuple[object, str]]:
        yield from self.line()
        yield from self.joiner.close()


class ContainerLog:
    """The container lines of one file; parts and stack traces are joined per stream."""

    def __init__(self) -> None:
        """Begin a file."""
        self._streams: dict[tuple[str, object], _Stream] = {}

    def cri(self, line: str) -> list[Outcome] | None:
        """Take a line; None if it is no CRI line."""
        match = _CRI_LINE.fullmatch(line)
        if not match or not is_cri_line(line):
            return None
        time, name, flag, text = match.groups()
        stream = self._streams.setdefault(("cri", name), _Stream())
        stream.part(time, text or "")
        return [_log_row(*told) for told in stream.line()] if flag == "F" else []

    def docker(self, entry: Mapping[str, Any]) -> list[Outcome]:
        """Take an entry of a docker json-file."""
        text = entry["log"]
        if not isinstance(text, str):
            return [Reject("wrong_type")]
        name, time = entry.get("stream"), entry.get("time")
        stream = self._streams.setdefault(("docker", str(name)), _Stream())
        told: list[tuple[object, str]] = []
        if stream.parts and (begins_record(text) or _is_far(stream.last_time, time)):
            told += stream.line()
        stream.part(time, text.removesuffix("\n"))
        if text.endswith("\n"):
            told += stream.line()
        return [_log_row(*record) for record in told]

    def close(self) -> Iterator[Outcome]:
        """End the file."""
        for stream in self._streams.values():
            for told in stream.close():
                yield _log_row(*told)


def is_cri_line(line: str) -> bool:
    """Whether a line is one of a CRI log."""
    match = _CRI_LINE.fullmatch(line)
    return match is not None and fields.nanoseconds_of(match.group(1)) is not None


def is_cri_line_without_time(line: str) -> bool:
    """Whether a line has the form of a CRI line, and a date that is none or has no offset."""
    match = _CRI_LINE.fullmatch(line)
    return match is not None and re.match(r"\d{4}-\d\d-\d\d", match.group(1)) is not None


def is_docker_entry(value: object) -> bool:
    """Whether a JSON value is an entry of a docker json-file."""
    if not isinstance(value, dict) or "log" not in value or not value.keys() <= DOCKER_FIELDS:
        return False
    return "stream" in value or ("time" in value and isinstance(value["log"], str))


def _is_far(earlier: object, later: object) -> bool:
    earlier_ns, later_ns = fields.nanoseconds_of(earlier), fields.nanoseconds_of(later)
    if earlier_ns is None or later_ns is None:
        return False
    return later_ns - earlier_ns > PART_REACH_NS


def _log_row(time: object, text: str) -> Outcome:
    text = valid_text(text)
    trace_id, span_id, severity = told_by(text)
    return dated(
        Row(
            "log",
            trace_id=trace_id,
            span_id=span_id,
            start_ns=fields.nanoseconds_of(time),
            text=text,
            severity=severity,
        )
    )


# ---------------------------------------------------------------- flat JSON lines


def is_flat_log(entry: Mapping[str, Any]) -> bool:
    """Whether an object is a log line: it has a message, a level, or a time beside other fields."""
    if _message_of(entry) is not None or fields.severity_of_fields(entry):
        return True
    return len(entry) > 1 and any(field_name in entry for field_name in TIME_FIELDS)


def flat_outcome(entry: Mapping[str, Any], line: str) -> Outcome:
    """The log record of a flat JSON line."""
    trace_id, span_id, severity = told_by_fields(entry, line)
    stated = fields.severity_of_record(
        entry.get("severity_number", entry.get("severityNumber")), None
    )
    message = _message_of(entry)
    return dated(
        Row(
            "log",
            trace_id=trace_id,
            span_id=span_id,
            start_ns=next((ns for f in TIME_FIELDS if (ns := time_of(entry.get(f)))), None),
            service=_service_of(entry),
            text=line if message is None else message,
            severity=stated or severity,
        )
    )


def _message_of(entry: Mapping[str, Any]) -> str | None:
    return next((text for n in MESSAGE_FIELDS if (text := text_of(entry.get(n)))), None)


def _service_of(entry: Mapping[str, Any]) -> str | None:
    values = (fields.field_of(entry, name) for name in SERVICE_FIELDS)
    return next((text_of(v) for v in values if v and not isinstance(v, dict | list)), None)


def time_of(value: object) -> int | None:
    """Nanoseconds since 1970 of a time in a log line; None if it is none, or 0.

    RFC 3339, UTC where no offset stands; a number (or its text) of seconds, milliseconds,
    microseconds or nanoseconds, told apart by its size; or an object of seconds and nanoseconds.
    """
    if isinstance(value, dict):
        seconds = decimal_of(value.get("epochSecond", value.get("seconds")))
        nanos = decimal_of(value.get("nanoOfSecond", value.get("nanos", 0)))
        if seconds is None or nanos is None:
            return None
        return int(seconds * 10**9 + nanos) or None
    if isinstance(value, str):
        text = _SPACE_BEFORE_OFFSET.sub("", value.strip())
        stated = fields.nanoseconds_of(text + "Z" if _LOCAL_TIME.fullmatch(text) else text)
        if stated is not None:
            return stated
        if not text.replace(".", "", 1).isdigit():
            return None
    number = decimal_of(value)
    if number is None:
        return None
    factor = next((factor for limit, factor in _UNITS if abs(number) < limit), 1)
    return int(number * factor) or None


def text_of_line(entry: Mapping[str, Any]) -> str:
    """A flat JSON line's object as text."""
    return text_of(dict(entry)) or ""
