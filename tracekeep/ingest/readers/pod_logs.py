"""Kubelet pod logs: CRI lines and docker json-file lines, and what stands in the text.

Sources: Kubernetes CRI logging format (`<time> <stream> <P|F>[:tags] <text>`), docker's json-file
driver, kubelet's folders `<namespace>_<pod>_<uid>/<container>/<restart>.log`.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from tracekeep.ingest.records import Record, log_record, rejected_record
from tracekeep.ingest.values import (
    SPAN_ID_DIGITS,
    TRACE_ID_DIGITS,
    Unusable,
    attribute_text,
    decoded,
    hex_id,
    rfc3339_nanoseconds,
    sorted_attributes,
    text_of,
    usable_time,
    valid_utf8,
    whole_characters,
)

CRI_LINE = re.compile(rb"(\S+) (stdout|stderr) ([PF](?::\S*)?)(?: (.*))?", re.DOTALL)
_POD_FOLDER = re.compile(
    r"(?P<namespace>[a-z0-9]([-a-z0-9]*[a-z0-9])?)_(?P<pod>[a-z0-9]([-.a-z0-9]*[a-z0-9])?)"
    r"_(?P<uid>[0-9a-zA-Z-]+)"
)


_LONGEST_RECORD_BYTES = 4 << 20


class DockerLine(msgspec.Struct):
    """A line of docker's json-file driver."""

    log: str
    stream: str | None = None
    time: str | None = None


_decode_docker_line = msgspec.json.Decoder(DockerLine).decode
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass
class _Partial:
    """Parts of one record that its stream has not finished."""

    position: int
    time: str
    lines: list[bytes] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)


def pod_of_path(path: str) -> list[tuple[str, str]]:
    """Resource attributes that kubelet's folders tell; empty for a file that lies elsewhere."""
    parts = PurePosixPath(path).parts
    match = _POD_FOLDER.fullmatch(parts[-3]) if len(parts) >= 3 else None
    if match is None:
        return []
    return sorted_attributes(
        [
            ("k8s.container.name", parts[-2]),
            ("k8s.namespace.name", match["namespace"]),
            ("k8s.pod.name", match["pod"]),
            ("k8s.pod.uid", match["uid"]),
        ]
    )


def read_pod_log(path: str, lines: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, Record]]:
    """Records of one container's log with the position of their first line.

    lines: (byte position, line without its line end), in file order. Never raises: a line of
    neither format is a rejected record. CRI parts of a stream are joined; a part whose end is
    missing is a record, marked truncated.
    """
    resource = pod_of_path(path)
    partials: dict[bytes, _Partial] = {}
    for position, line in lines:
        if line[:1] == b"{":
            yield position, _read_docker_line(line, resource)
            continue
        match = CRI_LINE.fullmatch(line)
        if match is None:
            yield position, rejected_record("unknown_format", line, "no CRI or docker line")
            continue
        time, stream, flag, text = match.groups()
        partial = partials.setdefault(stream, _Partial(position, time.decode("ascii", "replace")))
        partial.lines.append(line)
        partial.texts.append(text or b"")
        if flag[:1] == b"F":
            del partials[stream]
            yield partial.position, _join(partial, stream, resource, is_truncated=False)
    for stream, partial in sorted(partials.items()):
        yield partial.position, _join(partial, stream, resource, is_truncated=True)


def unfinished_record_start(path: str, end: int) -> int:
    """Start of the oldest CRI record that has parts in the lines before `end` but no end yet;
    `end` if there is none. Looks back as far as a record may reach. Raises OSError."""
    start = max(0, end - _LONGEST_RECORD_BYTES)
    with open(path, "rb") as file:
        file.seek(start)
        lines = file.read(end - start).splitlines(keepends=True)
    unfinished: dict[bytes, int] = {}
    for line in lines:
        match = CRI_LINE.fullmatch(line.rstrip(b"\r\n"))
        if match and match[3][:1] == b"P":
            unfinished.setdefault(match[2], start)
        elif match:
            unfinished.pop(match[2], None)
        start += len(line)
    return min(unfinished.values(), default=end)


def _join(
    partial: _Partial, stream: bytes, resource: list[tuple[str, str]], is_truncated: bool
) -> Record:
    return _application_log(
        text=b"".join(partial.texts).decode("utf-8", "replace"),
        time=partial.time,
        stream=stream.decode(),
        resource=resource,
        raw=b"\n".join(partial.lines),
        is_truncated=is_truncated,
    )


def _read_docker_line(line: bytes, resource: list[tuple[str, str]]) -> Record:
    try:
        docker = decoded(_decode_docker_line, valid_utf8(line))
    except msgspec.ValidationError as error:
        return rejected_record("wrong_type", line, str(error))
    except (msgspec.DecodeError, RecursionError) as error:
        reason = "trailing_text" if "trailing characters" in str(error) else "invalid_json"
        return rejected_record(reason, line, str(error))
    return _application_log(
        text=docker.log.removesuffix("\n"),
        time=docker.time or "",
        stream=docker.stream,
        resource=resource,
        raw=line,
        is_truncated=not docker.log.endswith("\n"),
    )


def _application_log(
    text: str,
    time: str,
    stream: str | None,
    resource: list[tuple[str, str]],
    raw: bytes,
    is_truncated: bool,
) -> Record:
    try:
        nanoseconds = usable_time(rfc3339_nanoseconds(time))
    except Unusable as error:
        return rejected_record(error.reason, raw, error.detail)
    if nanoseconds is None:
        return rejected_record("no_time", raw, f"not a time: {time[:80]!r}")
    fields = _json_fields(text)
    return log_record(
        trace_id=_found_id(fields, text, "trace_id", TRACE_ID_DIGITS),
        span_id=_found_id(fields, text, "span_id", SPAN_ID_DIGITS),
        time_unix_nano=nanoseconds,
        observed_time_unix_nano=None,
        **_severity(fields, text),
        event_name=None,
        body=text,
        stream=stream,
        is_truncated=is_truncated,
        resource_attributes=resource,
        attributes=sorted_attributes((key, attribute_text(value)) for key, value in fields.items()),
        raw_text=raw,
    )


@cache
def _policy() -> dict[str, Any]:
    path = Path(__file__).parents[1] / "log_patterns.toml"
    policy = tomllib.loads(path.read_text(encoding="utf-8"))
    return {
        "fields": policy["fields"],
        "patterns": {name: re.compile(text) for name, text in policy["patterns"].items()},
    }


def _json_fields(text: str) -> dict[str, Any]:
    """The fields of a line that is one JSON object; empty for any other line."""
    if not text.startswith("{"):
        return {}
    try:
        return _decode_object(text)
    except (msgspec.DecodeError, RecursionError):
        pass
    try:  # NaN, numbers beyond a double, half surrogate pairs: loggers write them
        fields = json.loads(whole_characters(text.encode()))
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _field(fields: dict[str, Any], meaning: str) -> Any:
    if not fields:
        return None
    lowered = {key.lower(): value for key, value in fields.items()}
    names = _policy()["fields"][meaning]
    return next((lowered[name] for name in names if lowered.get(name) not in (None, "")), None)


def _found_id(fields: dict[str, Any], text: str, meaning: str, digits: int) -> str | None:
    found = hex_id(_field(fields, meaning), digits)
    if found is None:
        match = _policy()["patterns"][meaning].search(text)
        found = hex_id(match[1], digits) if match else None
    return found


def _severity(fields: dict[str, Any], text: str) -> dict[str, Any]:
    level = _field(fields, "severity")
    if level is None and not fields:
        match = _policy()["patterns"]["severity"].match(text)
        level = (match[1] or match[2]) if match else None
    return {
        "severity_number": None,
        "severity_text": None if level is None else text_of(level),
    }
