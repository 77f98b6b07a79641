"""One file of any input format → rows, read from the contract (docs/contract.md) and nothing else.

Standard library only; shares no code with the ingest. A file's format is told by its content alone:
a JSON document, JSON lines, or the lines of a container's log, plain or gzipped.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from oracle.change_formats import (
    cd_event,
    cd_event_outcome,
    kubernetes_events,
    kubernetes_outcomes,
)
from oracle.format_rows import FileReading, Outcome, Reject
from oracle.log_formats import (
    ContainerLog,
    flat_outcome,
    is_cri_line,
    is_cri_line_without_time,
    is_docker_entry,
    is_flat_log,
    text_of_line,
    valid_text,
)
from oracle.log_texts import json_of
from oracle.span_formats import (
    is_zipkin_span,
    jaeger_outcomes,
    jaeger_traces,
    otlp_document,
    otlp_outcomes,
    zipkin_outcome,
)

GZIP_MAGIC = b"\x1f\x8b"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
UNKNOWN = "unknown"
SNIFFED_LINES = 100


def read_file(path: Path) -> FileReading:
    """Read one file. Raises OSError if it cannot be opened."""
    return read_bytes(path.read_bytes())


def read_bytes(content: bytes) -> FileReading:
    """Read the content of one file."""
    reading = _Reading()
    is_torn = False
    if content.startswith(GZIP_MAGIC):
        content, is_torn = _unzipped(content)
        if is_torn:  # what was cut off is one rejected record
            content = content[: content.rfind(b"\n") + 1]
            reading.add([Reject("truncated_gzip")])
    content = content.removeprefix(BYTE_ORDER_MARK)
    lines = [line.rstrip(b"\r") for line in content.split(b"\n") if line.strip()]
    if not lines:
        pass
    elif _is_by_line(lines[0]):
        reading.read_lines(lines)
    elif (value := _value_of(content)) is not None:
        reading.take(value)
    elif not _is_broken_document(lines):
        reading.read_lines(lines)
    elif not is_torn:
        reading.add([Reject("invalid_json")])
    reading.format = " + ".join(dict.fromkeys(reading.formats)) or UNKNOWN
    return reading


def _unzipped(content: bytes) -> tuple[bytes, bool]:
    """The members of a gzip file, and whether the last one is cut off or damaged."""
    pieces = []
    while content:
        member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            pieces.append(member.decompress(content))
        except zlib.error:
            return b"".join(pieces), True
        if not member.eof:
            return b"".join(pieces), True
        content = member.unused_data.lstrip(b"\0")
    return b"".join(pieces), False


def _is_by_line(line: bytes) -> bool:
    """Whether a line stands on its own: no JSON, or JSON that ends where the line does."""
    if not line.lstrip().startswith((b"{", b"[")):
        return True
    return _value_of(line) is not None


def _is_broken_document(lines: list[bytes]) -> bool:
    """Whether lines are one document that is no JSON, rather than lines of any kind."""
    if len(lines) > 1 and all(line.startswith(b"{") for line in lines):
        return False
    return not any(
        is_cri_line(line.decode("utf-8", "surrogateescape"))
        or (line.startswith((b"{", b"[")) and _value_of(line))
        for line in lines
    )


def _is_container_line(line: bytes) -> bool:
    text = line.decode("utf-8", "surrogateescape")
    return is_cri_line(text) or (text.startswith("{") and is_docker_entry(_value_of(line)))


def _value_of(line: bytes) -> Any:
    try:
        return json_of(line.decode("utf-8", "replace"), parse_float=Decimal)
    except ValueError:
        return None


class _Reading(FileReading):
    """A reading that tells formats apart."""

    def __init__(self) -> None:
        super().__init__()
        self.formats: list[str] = []

    def read_lines(self, lines: list[bytes]) -> None:
        """Read a file line by line."""
        container = ContainerLog()
        is_container = any(map(_is_container_line, lines[:SNIFFED_LINES]))
        for raw in lines:
            line = raw.decode("utf-8", "surrogateescape")
            outcomes = container.cri(line) if is_container else None
            if outcomes is not None:
                self._note("CRI")
                self.add(outcomes)
            elif line.lstrip().startswith(("{", "[")):
                self._read_json_line(valid_line(raw), container if is_container else None)
            elif is_container and is_cri_line_without_time(line):
                self.add([Reject("no_time")])
            else:
                self.add([Reject("unknown_format")])
        self.add(container.close())

    def _read_json_line(self, line: str, container: ContainerLog | None) -> None:
        try:
            value = json_of(line, parse_float=Decimal)
        except ValueError:
            self.add([Reject("invalid_json")])
            return
        if container is None:
            self.take(value, line)
        elif is_docker_entry(value):
            self._note("docker json-file")
            self.add(container.docker(value))
        else:
            self.add([Reject("unknown_format")])

    def take(self, value: Any, line: str | None = None) -> None:
        """Take one JSON value, and each item of an array."""
        if isinstance(value, list):
            for item in value:
                self.take(item if item != {} else None)
        elif isinstance(value, dict):
            self.add(self._outcomes(value, line))
        else:
            self.add([Reject("unknown_format")])

    def _outcomes(self, value: dict[str, Any], line: str | None) -> Iterator[Outcome]:
        if (document := otlp_document(value)) is not None:
            self._note("Tempo JSON" if "batches" in document else "OTLP/JSON")
            yield from otlp_outcomes(document)
        elif (traces := jaeger_traces(value)) is not None:
            self._note("Jaeger JSON")
            for trace in traces:
                yield from jaeger_outcomes(trace)
        elif is_zipkin_span(value):
            self._note("Zipkin v2 JSON")
            yield zipkin_outcome(value)
        elif (event := cd_event(value)) is not None:
            self._note("CDEvents")
            yield cd_event_outcome(event, value)
        elif (events := kubernetes_events(value)) is not None:
            self._note("Kubernetes events")
            for item in events:
                if isinstance(item, dict) and item.get("kind", "Event") == "Event":
                    yield from kubernetes_outcomes(item)
                else:
                    yield Reject("unknown_format")
        elif is_docker_entry(value):
            self._note("docker json-file")
            container = ContainerLog()
            yield from container.docker(value)
            yield from container.close()
        elif is_flat_log(value):
            self._note("flat JSON")
            yield flat_outcome(value, text_of_line(value) if line is None else line)
        elif value:
            yield Reject("unknown_format")

    def _note(self, name: str) -> None:
        if name not in self.formats:
            self.formats.append(name)


def valid_line(raw: bytes) -> str:
    """A line of JSON; bytes that are no UTF-8 as U+FFFD."""
    return valid_text(raw.decode("utf-8", "surrogateescape"))
