"""Raw files → deduplicated events, read from the contract (docs/contract.md) and nothing else.

Standard library only; shares no code with the ingest. Two kinds of files are read below a folder:

- OTLP/JSON: documents with `resourceSpans` and/or `resourceLogs`, one a line or one a file
- kubelet pod logs `<namespace>_<pod>_<uid>/<container>/N.log`: docker json-file or CRI lines

plain or gzipped. Folders that hold a file `.noingest` are skipped; files of any other kind are
listed in `Events.unread_files`, never passed over in silence.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from oracle import fields
from oracle.endpoints import endpoint_source_of
from oracle.events import UNKNOWN_ENVIRONMENT, Events, LogRecord, Span
from oracle.log_texts import json_of, told_by
from oracle.messages import Failure, Message, short_form, short_json

DOCUMENT_KEYS = frozenset({"resourceSpans", "resourceLogs", "resourceMetrics"})
ENVIRONMENT = ("deployment.environment.name", "deployment.environment")
RESOURCE_ATTRIBUTES = frozenset(
    {"service.name", "k8s.pod.name", "k8s.container.name", "container.name", *ENVIRONMENT}
)
ENDPOINT_ATTRIBUTES = frozenset(
    {"http.route", "rpc.method", "messaging.destination.name", "messaging.destination"}
)
HTTP_STATUS = ("http.response.status_code", "http.status_code")
RPC_STATUS = ("rpc.grpc.status_code", "rpc.response.status_code")
EXCEPTION_ATTRIBUTES = ("exception.type", "exception.message", "exception.stacktrace")
PEER_ADDRESS = (
    "peer.service", "server.address", "net.peer.name", "network.peer.address",
    "net.sock.peer.name", "net.peer.ip", "net.sock.peer.addr",
)  # fmt: skip
PEER_SYSTEM = ("db.system.name", "db.system", "messaging.system", "rpc.system")
SPAN_ATTRIBUTES = ENDPOINT_ATTRIBUTES.union(
    HTTP_STATUS, RPC_STATUS, EXCEPTION_ATTRIBUTES, PEER_ADDRESS, PEER_SYSTEM,
    {"error", "error.type", "rpc.service"},
)  # fmt: skip
LOG_ATTRIBUTES = frozenset({"log.record.uid", *EXCEPTION_ATTRIBUTES})
KINDS = (None, "internal", "server", "client", "producer", "consumer")
GRPC_CODES = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
    "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED",
    "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip
# OpenTelemetry's conventions for gRPC: what a server answers for; a client fails on all but OK
GRPC_SERVER_ERRORS = frozenset({2, 4, 12, 13, 14, 15})
SNIFFED_BYTES = 1 << 16

_POD_LOG_NAME = re.compile(r"\d+\.log(\.[0-9-]+)?(\.gz)?")
_DOCUMENT_NAME = re.compile(r".*\.(json|jsonl|ndjson)(\.gz)?", re.IGNORECASE)
_CRI_LINE = re.compile(r"(\S+) (stdout|stderr) ([PF])(?::\S*)?(?: (.*))?", re.DOTALL)


class UnreadableSetError(Exception):
    """The set does not exist or is no folder."""


@dataclass(frozen=True, slots=True)
class PodLog:
    """The source of a pod log file."""

    pod: str
    container: str


def read_set(folder: Path, progress: Callable[[int, int, Events], None] | None = None) -> Events:
    """Read every raw file below a folder.

    `progress(done, files, events)` is called after each file.
    Raises UnreadableSetError if `folder` is no folder.
    """
    if not folder.is_dir():
        raise UnreadableSetError(f"{folder} is not a folder: name one with raw files")
    paths = sorted(_files_below(folder))
    events = Events()
    for done, path in enumerate(paths, start=1):
        _read_file(path, folder, events)
        if progress:
            progress(done, len(paths), events)
    return events


def _files_below(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        if ".noingest" in names:
            folders.clear()
            continue
        yield from (Path(parent, name) for name in names)


def _read_file(path: Path, folder: Path, events: Events) -> None:
    source = _pod_log_of(path.absolute())
    if source:
        _read_pod_log(_lines(path, events), source, events)
    elif not _looks_like_documents(path) or not _read_documents(path, events):
        events.unread_files.append(str(path.relative_to(folder)))
        return
    events.read_files += 1


def _pod_log_of(path: Path) -> PodLog | None:
    parts = path.parent.parent.name.split("_")
    if len(parts) != 3 or not all(parts) or not _POD_LOG_NAME.fullmatch(path.name):
        return None
    return PodLog(parts[1], path.parent.name)


def _looks_like_documents(path: Path) -> bool:
    if _DOCUMENT_NAME.fullmatch(path.name):
        return True
    with _open(path) as stream:
        try:
            head = stream.read(SNIFFED_BYTES)
        except (OSError, EOFError, zlib.error):
            return False
    return b'"resourceSpans"' in head or b'"resourceLogs"' in head


# ---------------------------------------------------------------- files


def _open(path: Path) -> Any:
    stream = path.open("rb")
    if stream.read(2) == b"\x1f\x8b":
        stream.close()
        return gzip.open(path, "rb")
    stream.seek(0)
    return stream


def _lines(path: Path, events: Events) -> Iterator[str]:
    """The file's lines but blank ones, without line end; what is cut off is one rejected record.

    Bytes that are no UTF-8 stand as surrogates, for `_valid` once the text is whole.
    """
    is_first = True
    with _open(path) as stream:
        try:
            for raw in stream:
                line = raw.decode("utf-8", "surrogateescape").rstrip("\r\n")
                if is_first:
                    line, is_first = line.removeprefix("\ufeff"), False
                if line.strip():
                    yield line
        except (EOFError, gzip.BadGzipFile, zlib.error):
            events.torn_files.append(str(path))
            events.reject("torn_file")


def _valid(text: str) -> str:
    """The text with U+FFFD for bytes that are no UTF-8."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _is_json(text: str) -> bool:
    try:
        json_of(text)
    except ValueError:
        return False
    return True


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _digest(*parts: object) -> bytes:
    state = blake2b(digest_size=16)
    for part in parts:
        text = "\x01" if part is None else f"\x02{part}"
        encoded = text.encode("utf-8", "surrogatepass")
        state.update(len(encoded).to_bytes(8, "little"))
        state.update(encoded)
    return state.digest()


# ---------------------------------------------------------------- OTLP documents


def _read_documents(path: Path, events: Events) -> bool:
    """Read an OTLP/JSON file; False if it is valid JSON of another kind throughout."""
    foreign, has_document = 0, False
    for text in _documents(path, events):
        try:
            document = json_of(text)
        except ValueError:
            events.reject("invalid_json")
            has_document = True
            continue
        if isinstance(document, dict) and (not document or DOCUMENT_KEYS & document.keys()):
            _read_document(document, events)
            has_document = True
        else:
            foreign += 1
    if foreign and has_document:
        events.reject("not_otlp", foreign)
    return has_document or not foreign


def _documents(path: Path, events: Events) -> Iterator[str]:
    """One text per document: the file's lines, or the whole file if it is one document."""
    lines = map(_valid, _lines(path, events))
    first = next(lines, None)
    if first is None:
        return
    if _is_json(first):
        yield first
        yield from lines
        return
    held = [first, *lines]
    whole = "\n".join(held)
    if _is_json(whole) or not _is_line_by_line(held):
        yield whole
    else:
        yield from held


def _is_line_by_line(lines: list[str]) -> bool:
    return all(line.startswith("{") for line in lines) or any(
        line.startswith("{") and _is_json(line) for line in lines
    )


def _read_document(document: dict[str, Any], events: Events) -> None:
    for block in _objects(document.get("resourceSpans"), events):
        resource = _resource_of(block)
        for scope in _objects(_scopes(block, "Spans"), events):
            for span in _objects(scope.get("spans"), events):
                _read_span(span, resource, events)
    for block in _objects(document.get("resourceLogs"), events):
        resource = _resource_of(block)
        for scope in _objects(_scopes(block, "Logs"), events):
            for record in _objects(scope.get("logRecords"), events):
                _read_log_record(record, resource, events)


def _scopes(block: dict[str, Any], what: str) -> Any:
    return block.get(f"scope{what}") or block.get(f"instrumentationLibrary{what}")


def _objects(value: Any, events: Events) -> Iterator[dict[str, Any]]:
    """The objects of a JSON array; anything else in its place is a rejected record."""
    if value is None:
        return
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict) and isinstance(value, list):
            yield item
        else:
            events.reject("not_otlp")


def _resource_of(block: dict[str, Any]) -> dict[str, Any]:
    resource = block.get("resource")
    pairs = resource.get("attributes") if isinstance(resource, dict) else None
    known = fields.attributes_of(pairs, RESOURCE_ATTRIBUTES)
    service = known.get("service.name")
    pod = known.get("k8s.pod.name")
    return {
        "service": str(service) if service else None,
        "pod": str(pod) if pod else None,
        "container": known.get("k8s.container.name") or known.get("container.name"),
        "environment": sys.intern(
            next((str(known[n]) for n in ENVIRONMENT if known.get(n)), UNKNOWN_ENVIRONMENT)
        ),
    }


def _time_problem(*times_ns: int) -> str | None:
    return "absurd_time" if any(map(fields.is_absurd, times_ns)) else None


def _read_span(raw: dict[str, Any], resource: dict[str, Any], events: Events) -> None:
    end_ns = fields.whole_number(raw.get("endTimeUnixNano")) or 0
    # an end is a usable time too: where it stands alone, it is the start
    start_ns = fields.whole_number(raw.get("startTimeUnixNano")) or end_ns
    if not start_ns:
        events.reject("no_time")
        return
    if problem := _time_problem(start_ns, max(start_ns, end_ns)):
        events.reject(problem)
        return
    known = fields.attributes_of(raw.get("attributes"), SPAN_ATTRIBUTES)
    kind = _kind_of(raw.get("kind"))
    pod = resource["pod"]
    service = resource["service"] or (fields.workload_of(pod) if pod else "unknown_service")
    is_error = _is_error_span(raw.get("status"), kind, known)
    events.add_span(
        Span(
            trace_id=fields.normal_id(raw.get("traceId"), fields.TRACE_ID_BYTES),
            span_id=fields.normal_id(raw.get("spanId"), fields.SPAN_ID_BYTES),
            parent_span_id=fields.normal_id(raw.get("parentSpanId"), fields.SPAN_ID_BYTES),
            service=service,
            name=str(raw.get("name") or ""),
            kind=kind,
            start_ns=start_ns,
            end_ns=end_ns,
            is_error=is_error,
            random_value=fields.random_value_of(raw.get("traceState")),
            has_plain_endpoint=ENDPOINT_ATTRIBUTES.isdisjoint(known),
            digest=_digest(service, pod, _canonical(raw)),
            failures=frozenset([_failure_of(raw, known)] if is_error else ()),
            peer=next((str(known[n]) for n in (*PEER_ADDRESS, *PEER_SYSTEM) if known.get(n)), None),
            peer_type=_peer_type_of(known),
            links=tuple(map(_link_of, raw.get("links") or ())),
            status_code=_status_of(raw.get("status")),
            endpoint=sys.intern(endpoint_source_of(str(raw.get("name") or ""), known)),
            environment=resource["environment"],
        )
    )


def _peer_type_of(known: dict[str, Any]) -> str:
    if known.get("db.system.name") or known.get("db.system"):
        return "database"
    return "queue" if known.get("messaging.system") else "external"


def _link_of(link: Any) -> tuple[str | None, str | None]:
    stated = link if isinstance(link, dict) else {}
    return (
        fields.normal_id(stated.get("traceId"), fields.TRACE_ID_BYTES),
        fields.normal_id(stated.get("spanId"), fields.SPAN_ID_BYTES),
    )


def _kind_of(value: object) -> str | None:
    if isinstance(value, str) and not value.isdigit():
        name = value.upper().removeprefix("SPAN_KIND_").lower()
        return name if name in KINDS else None
    number = fields.whole_number(value) or 0
    return KINDS[number] if 0 <= number < len(KINDS) else None


def _status_of(status: object) -> str | None:
    code = status.get("code") if isinstance(status, dict) else None
    if isinstance(code, str) and not code.isdigit():
        return {"OK": "Ok", "ERROR": "Error"}.get(code.upper().removeprefix("STATUS_CODE_"))
    return {1: "Ok", 2: "Error"}.get(fields.whole_number(code) or 0)


def _is_error_span(status: object, kind: str | None, known: dict[str, Any]) -> bool:
    """The word 'error span': the status where there is one, else what attributes say."""
    stated = _status_of(status)
    if stated:
        return stated == "Error"
    http = _http_code(known)
    if http >= (400 if kind == "client" else 500):
        return True
    grpc = _grpc_code(known)
    if grpc > 0 and (kind == "client" or grpc in GRPC_SERVER_ERRORS):
        return True
    mark = known.get("error")
    return mark is True or (isinstance(mark, str) and mark.lower() == "true")


def _http_code(known: dict[str, Any]) -> int:
    """The HTTP status of a span by the first attribute that has one; 0: none."""
    return next((n for a in HTTP_STATUS if (n := fields.whole_number(known.get(a)))), 0)


def _grpc_code(known: dict[str, Any]) -> int:
    """The gRPC status of a span, by name or number; 0: none, or OK."""
    for attribute in RPC_STATUS:
        value = known.get(attribute)
        if isinstance(value, str) and value.upper() in GRPC_CODES:
            value = GRPC_CODES.index(value.upper())
        if code := fields.whole_number(value):
            return code
    return 0


def _failure_of(raw: dict[str, Any], known: dict[str, Any]) -> Failure:
    """What an error span says: by its last exception event, its attributes, its status."""
    events = raw.get("events")
    exceptions = [e for e in events or () if isinstance(e, dict) and e.get("name") == "exception"]
    last = exceptions[-1].get("attributes") if exceptions else None
    told = fields.attributes_of(last, EXCEPTION_ATTRIBUTES)
    kind, message, stack = (fields.first_text(told.get(a), known.get(a))
                            for a in EXCEPTION_ATTRIBUTES)  # fmt: skip
    http, grpc = _http_code(known), _grpc_code(known)
    codes = (http if http >= 400 else None, grpc if grpc > 0 else None)
    status = raw.get("status")
    stated = status.get("message") if isinstance(status, dict) else None
    return Failure(
        short_form(fields.first_text(kind, known.get("error.type"), *codes)),
        short_form(fields.first_text(message, stated or None)),
        short_form(stack),
    )


def _read_log_record(raw: dict[str, Any], resource: dict[str, Any], events: Events) -> None:
    time_ns = (
        fields.whole_number(raw.get("timeUnixNano"))
        or fields.whole_number(raw.get("observedTimeUnixNano"))
        or 0
    )
    if not time_ns:
        events.reject("no_time")
        return
    if problem := _time_problem(time_ns):
        events.reject(problem)
        return
    known = fields.attributes_of(raw.get("attributes"), LOG_ATTRIBUTES)
    record = LogRecord(
        trace_id=fields.normal_id(raw.get("traceId"), fields.TRACE_ID_BYTES),
        span_id=fields.normal_id(raw.get("spanId"), fields.SPAN_ID_BYTES),
        service=resource["service"],
        pod=resource["pod"],
        time_ns=time_ns,
        severity_number=fields.severity_of_record(
            raw.get("severityNumber"), raw.get("severityText")
        ),
        environment=resource["environment"],
    )
    if record.is_error:
        record.messages = frozenset([_message_of(raw.get("body"), known)])
    uid = known.get("log.record.uid")
    if uid:
        events.add_log(_digest("uid", uid), record)
        return
    if resource["pod"]:
        source = ("pod", resource["pod"], resource["container"])
    else:
        source = ("service", resource["service"], None)
    events.add_log(_log_key(source, record, _body_text(raw.get("body"))), record)


def _body_text(body: object) -> str:
    if isinstance(body, dict) and isinstance(body.get("stringValue"), str):
        return body["stringValue"]
    return "" if body is None else _canonical(body)


def _message_of(body: object, known: dict[str, Any]) -> Message:
    failure = Failure(
        *(short_form(fields.text_of(known.get(name))) for name in EXCEPTION_ATTRIBUTES)
    )
    value = "" if body is None else fields.plain_value(body)
    if isinstance(value, str):
        return Message(short_form(value), None, failure)
    return Message(None, short_json(fields.text_of(value) or "null"), failure)


def _log_key(source: tuple[object, ...], record: LogRecord, text: str) -> bytes:
    return _digest(*source, record.time_ns, record.trace_id, record.span_id, text)


# ---------------------------------------------------------------- pod logs


def _read_pod_log(lines: Iterator[str], source: PodLog, events: Events) -> None:
    parts: dict[str, tuple[str, list[str]]] = {}
    for line in lines:
        if line.startswith("{"):
            _read_docker_line(_valid(line), source, events)
            continue
        match = _CRI_LINE.fullmatch(line)
        if not match or fields.nanoseconds_of(match.group(1)) is None:
            events.reject("unparseable_line")
            continue
        time, stream, flag, text = match.groups()
        first_time, texts = parts.setdefault(stream, (time, []))
        texts.append(text or "")
        if flag == "F":
            del parts[stream]
            _read_pod_text(first_time, "".join(texts), source, events)
    for first_time, texts in parts.values():
        _read_pod_text(first_time, "".join(texts), source, events)


def _read_docker_line(line: str, source: PodLog, events: Events) -> None:
    try:
        entry = json_of(line)
    except ValueError:
        events.reject("invalid_json")
        return
    text = entry.get("log")
    if isinstance(text, str):
        _read_pod_text(entry.get("time"), text.removesuffix("\n"), source, events)
    else:
        events.reject("unparseable_line")


def _read_pod_text(time: object, text: str, source: PodLog, events: Events) -> None:
    time_ns = fields.nanoseconds_of(time)
    if time_ns is None:
        events.reject("no_time")
        return
    if problem := _time_problem(time_ns):
        events.reject(problem)
        return
    text = _valid(text)
    trace_id, span_id, severity = told_by(text)
    record = LogRecord(trace_id, span_id, None, source.pod, time_ns, severity)
    if record.is_error:
        record.messages = frozenset([Message(short_form(text), None, Failure(None, None, None))])
    events.add_log(_log_key(("pod", source.pod, source.container), record, text), record)
