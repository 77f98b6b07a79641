"""What a cluster emits: OTLP/JSON request files, pod log files, and the truth beside them.

A slice (a part of an hour) is written by one ``SliceWriter``. Pod logs are first written as one
part per slice and pod; ``merge_pod_log`` joins the parts, in time order.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quote
from pathlib import Path
from typing import NamedTuple

from . import conventions as c
from .incidents import Incident
from .topology import NAMESPACE, Pod, World
from .traces import LOG_ERROR, LogEntry, Span, Trace

SECOND = 1_000_000_000
MAX_REQUEST_RECORDS = 500
CRI_PART_BYTES = 16 * 1024
GZIP_LEVEL = 4
# What breaks also delivers badly, and late errors are what is worth testing.
LATE_ERROR_FACTOR = 8
# Of each sample class, as OpenTelemetry writes them: kept are all, half, and one in a hundred.
THRESHOLDS = {"error": "0", "slow": "8", "normal": "fd70a4"}
_LEVELS = {9: "INFO", 13: "WARN", 17: "ERROR"}
_LONGEST_STALL = 240 * SECOND


class Record(NamedTuple):
    """One rendered OTLP span or log record; ``key`` (unix ns) is its place in the files."""

    key: int
    order: int
    pod: int
    scope: str
    json: str


class PodLine(NamedTuple):
    """One rendered pod log record without its CRI head; ``at`` (unix ns) is when it was written."""

    at: int
    order: int
    pod: int
    stream: str
    text: str
    truth: str


@dataclass(slots=True)
class Counts:
    """Counts of one slice or, added up, of the whole output; ``events`` = spans + logs."""

    values: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, count: int = 1) -> None:
        """Add ``count`` to ``name``."""
        self.values[name] = self.values.get(name, 0) + count

    def merge(self, other: dict[str, int]) -> None:
        """Add another slice's counts."""
        for name, count in other.items():
            self.add(name, count)


@dataclass(frozen=True, slots=True)
class Shares:
    """The delivery knobs, each 0..1; see ``generate``."""

    late: float
    duplicate: float
    out_of_order: float


class Slot(NamedTuple):
    """The time a slice covers: slice ``part`` of ``parts`` of ``hour`` of ``day``, UTC."""

    day: date
    hour: int
    part: int
    parts: int

    @property
    def start(self) -> int:
        """First ns of the slice, unix time."""
        midnight = int(
            datetime(self.day.year, self.day.month, self.day.day, tzinfo=UTC).timestamp()
        )
        return midnight * SECOND + self.hour * 3600 * SECOND + self.part * self._length

    @property
    def end(self) -> int:
        """First ns after the slice."""
        return self.start + self._length

    @property
    def _length(self) -> int:
        return 3600 * SECOND // self.parts

    @property
    def name(self) -> str:
        """Sorts in time order."""
        return f"{self.day}T{self.hour:02d}-{self.part:05d}"


class SliceWriter:
    """Collects the traces of one slice and writes them.

    ``out`` is the output folder, ``parts`` the folder of what is joined at the end.
    """

    def __init__(
        self, world: World, slot: Slot, out: Path, parts: Path, shares: Shares, rng: random.Random
    ) -> None:
        self.world = world
        self.slot = slot
        self.out = out
        self.parts = parts
        self.shares = shares
        self.rng = rng
        self.counts = Counts()
        self._order = 0
        self._spans: list[Record] = []
        self._logs: list[Record] = []
        self._late: dict[tuple[str, int], list[Record]] = {}
        self._lines: list[PodLine] = []
        self._truth: list[tuple[int, int, str]] = []
        self._verdicts: list[tuple[int, int, str]] = []

    def add(self, trace: Trace, logs: list[LogEntry]) -> None:
        """Take a trace and the log records chosen for it."""
        rng, counts = self.rng, self.counts
        late_pod, late_hours = self._lateness(trace)
        for span in trace.spans:
            self._order += 1
            key, late = span.end, span.pod.index == late_pod
            if not late and rng.random() < self.shares.out_of_order:
                key += 5 * SECOND + int(rng.random() * _LONGEST_STALL)
                counts.add("out_of_order_spans")
            scope = c.SCOPES[span.pod.service.language][span.scope]
            record = Record(
                key, self._order, span.pod.index, scope, _span_json(trace.trace_id, span)
            )
            if late:
                self._late.setdefault(("traces", late_hours), []).append(record)
                counts.add("late_spans")
            else:
                self._spans.append(record)
            if span.is_error:
                counts.add("error_spans")
                self._truth.append((span.start, self._order, _span_truth(trace.trace_id, span)))
        for log in logs:
            self._order += 1
            self._add_log(trace, log, late_pod, late_hours)
        counts.add("traces")
        counts.add("spans", len(trace.spans))
        counts.add("logs", len(logs))

    def judge(self, trace: Trace, causes: Sequence[Incident]) -> None:
        """Note the verdict of a trace by the rules of sampling; ``causes``: what touched it."""
        counts, is_fatal = self.counts, trace.is_fatal
        if trace.is_error:
            sample_class = "error"
            counts.add("error_traces")
            counts.add("error_trace_spans", len(trace.spans))
        else:
            sample_class = "slow" if trace.is_slow else "normal"
        threshold = THRESHOLDS[sample_class]
        is_kept = trace.trace_id[-14:] >= threshold.ljust(14, "0")
        counts.add("slow_traces", trace.is_slow)
        counts.add("fatal_traces", is_fatal)
        counts.add("kept_traces", is_kept)
        verdict = {
            "trace_id": trace.trace_id,
            "sample_class": sample_class,
            "is_fatal": is_fatal,
            "is_kept": is_kept,
            "sampling_threshold": threshold,
            "incident_ids": [incident.id for incident in causes],
            "root_cause_service": causes[0].service if causes and sample_class == "error" else None,
        }
        line = json.dumps(verdict, separators=(",", ":")) + "\n"
        self._verdicts.append((trace.root.start, trace.trace_id, line))

    def close(self) -> dict[str, int]:
        """Write everything; return the slice's counts."""
        self.counts.add("duplicates", 0)
        hour = f"{self.slot.hour:02d}-{self.slot.part}"
        for signal, records in (("traces", self._spans), ("logs", self._logs)):
            self._write_requests(signal, self._folder(signal, self.slot.day), hour, records, True)
        for (signal, hours), records in sorted(self._late.items()):
            arrival = self.slot.hour + hours
            day = self.slot.day + timedelta(days=arrival // 24)
            name = f"{arrival % 24:02d}-late-from-{self.slot.hour:02d}-{self.slot.part}"
            self._write_requests(signal, self._folder(signal, day), name, records, False)
        self._write_pod_parts()
        for suffix, rows in (("truth", self._truth), ("verdicts", self._verdicts)):
            if rows:
                text = "".join(line for _, _, line in sorted(rows))
                (self.parts / f"{self.slot.name}.{suffix}").write_text(text, encoding="ascii")
        return self.counts.values

    def _folder(self, signal: str, day: date) -> Path:
        return self.out / "otlp" / signal / str(day)

    def _lateness(self, trace: Trace) -> tuple[int, int]:
        """The pod whose OTLP records of this trace come late (-1: none), and by how many hours."""
        rng = self.rng
        failed = [span.pod.index for span in trace.spans if span.is_error]
        if rng.random() >= self.shares.late * (LATE_ERROR_FACTOR if failed else 1):
            return -1, 0
        pods = list(dict.fromkeys(span.pod.index for span in trace.spans))
        if len(pods) == 1:
            return -1, 0
        pod = rng.choice(failed) if failed and rng.random() < 0.6 else rng.choice(pods)
        self.counts.add("late_traces")
        if failed:
            self.counts.add("late_error_traces")
        return pod, rng.choice((1, 1, 1, 1, 2, 2, 3, 5, 9, 16, 24))

    def _add_log(self, trace: Trace, log: LogEntry, late_pod: int, late_hours: int) -> None:
        rng, counts = self.rng, self.counts
        failed = log.severity >= LOG_ERROR
        if failed:
            counts.add("error_logs")
        elif log.severity > 9:
            counts.add("warn_logs")
        pod = log.pod
        if pod.service.log_road == "otlp":
            counts.add("otlp_logs")
            uid = f"{rng.getrandbits(128):032x}"
            record = Record(
                log.at,
                self._order,
                pod.index,
                f"{pod.service.name}.service",
                _log_json(trace, log, uid),
            )
            if pod.index == late_pod:
                self._late.setdefault(("logs", late_hours), []).append(record)
                counts.add("late_logs")
            else:
                self._logs.append(record)
            if failed:
                self._truth.append((log.at, self._order, _log_truth(trace.trace_id, log, log.at)))
            return
        counts.add("pod_logs")
        if pod.service.log_road == "json":
            text = _json_line(trace, log)
            stream = "stderr" if log.severity > 9 else "stdout"
        else:
            text, stream = _text_line(trace, log), "stdout"
        truth = _log_truth(trace.trace_id, log, 0) if failed else ""
        written = log.at + 30_000 + int(rng.random() * 400_000)
        self._lines.append(PodLine(written, self._order, pod.index, stream, text, truth))

    def _write_requests(
        self, signal: str, folder: Path, name: str, records: list[Record], repeat: bool
    ) -> None:
        """Write request lines in delivery order; a share of them comes a second time, later on."""
        if not records:
            return
        rng = self.rng
        records.sort()
        folder.mkdir(parents=True, exist_ok=True)
        size = min(MAX_REQUEST_RECORDS, max(20, len(records) // 12))
        repeats: list[tuple[int, str]] = []
        with _open_gzip(folder / f"{name}.jsonl.gz") as file:
            position = number = 0
            while position < len(records):
                batch = records[position : position + int(size * (0.4 + 0.6 * rng.random())) + 1]
                position += len(batch)
                line = self._request(signal, batch)
                file.write(line.encode("ascii"))
                number += 1
                self.counts.add("requests")
                if repeat and rng.random() < self.shares.duplicate:
                    repeats.append((number + rng.randrange(1, 6), line))
                    self.counts.add("duplicates", len(batch))
                    self.counts.add("duplicate_requests")
                for due, again in [item for item in repeats if item[0] <= number]:
                    file.write(again.encode("ascii"))
                    repeats.remove((due, again))
            for _, again in repeats:
                file.write(again.encode("ascii"))

    def _request(self, signal: str, batch: list[Record]) -> str:
        """One Export…ServiceRequest line: the batch grouped by resource and scope."""
        groups: dict[int, dict[str, list[str]]] = {}
        for record in batch:
            groups.setdefault(record.pod, {}).setdefault(record.scope, []).append(record.json)
        word, scopes, items = (
            ("resourceSpans", "scopeSpans", "spans")
            if signal == "traces"
            else ("resourceLogs", "scopeLogs", "logRecords")
        )
        resources = []
        for pod, by_scope in groups.items():
            inner = ",".join(
                f'{{"scope":{{"name":{quote(scope)},"version":"1.0.0"}},"{items}":[{",".join(js)}]}}'
                for scope, js in by_scope.items()
            )
            resources.append(
                f'{{"resource":{_resource(self.world.pods[pod])},"{scopes}":[{inner}]}}'
            )
        return f'{{"{word}":[{",".join(resources)}]}}\n'

    def _write_pod_parts(self) -> None:
        """One part per pod; what was written after the slice's end goes to an overflow part."""
        end = self.slot.end
        last = [0] * len(self.world.pods)
        parts: dict[tuple[int, str], list[str]] = {}
        self._lines.sort()
        for line in self._lines:
            at = max(line.at, last[line.pod] + 1)
            text, last[line.pod] = _cri_lines(at, line.stream, line.text)
            parts.setdefault((line.pod, "over" if at >= end else "log"), []).append(text)
            if line.truth:
                self._truth.append((at, line.order, line.truth.replace('"@"', str(at), 1)))
        for (pod, suffix), texts in parts.items():
            folder = self.parts / f"pod-{pod}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{self.slot.name}.{suffix}").write_text("".join(texts), encoding="ascii")


def merge_pod_log(parts: Path, target: Path, slots: Iterable[Slot]) -> None:
    """Join the parts of one pod into its log file, in time order.

    ``slots`` are all slices in time order. Only lines that were written after their slice's end are
    sorted in; every other part is copied as it is.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    carried: list[bytes] = []
    written = {path.name for path in parts.iterdir()}
    with target.open("wb") as file:
        for slot in slots:
            part, over = parts / f"{slot.name}.log", parts / f"{slot.name}.over"
            if part.name in written:
                if carried:
                    end = _iso(slot.end // SECOND, slot.end % SECOND).encode("ascii")
                    # A record's order is that of its first CRI part, its parts stay together.
                    merged = sorted(carried + list(_cri_records(part)), key=lambda text: text[:30])
                    file.write(b"".join(text for text in merged if text[:30] < end))
                    carried = [text for text in merged if text[:30] >= end]
                else:
                    file.write(part.read_bytes())
            if over.name in written:
                carried += _cri_records(over)
        file.write(b"".join(sorted(carried, key=lambda text: text[:30])))


def pod_log_path(out: Path, pod: Pod) -> Path:
    """Where the kubelet keeps a container's log."""
    return out / "pods" / f"{NAMESPACE}_{pod.name}_{pod.uid}" / pod.service.name / "0.log"


def write_gzip(path: Path, chunks: Iterable[bytes]) -> None:
    """Write ``chunks`` as one gzip member without name or time."""
    with _open_gzip(path) as file:
        for chunk in chunks:
            file.write(chunk)


@contextmanager
def _open_gzip(path: Path) -> Iterator[gzip.GzipFile]:
    """One gzip member whose bytes depend on the content alone."""
    with (
        path.open("wb") as raw,
        gzip.GzipFile(
            filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=GZIP_LEVEL
        ) as file,
    ):
        yield file


def _cri_records(part: Path) -> Iterator[bytes]:
    """The records of a part, each with all its CRI lines."""
    held = b""
    for line in part.read_bytes().splitlines(keepends=True):
        held += line
        if line[38:39] == b"F":  # 30 for the time, stream name of 6, two spaces
            yield held
            held = b""


def _cri_lines(at: int, stream: str, text: str) -> tuple[str, int]:
    """The CRI lines of one record, and the ns of the last one."""
    head = _iso(at // SECOND, at % SECOND)
    if len(text) <= CRI_PART_BYTES:
        return f"{head} {stream} F {text}\n", at
    lines = []
    for position in range(0, len(text), CRI_PART_BYTES):
        part = text[position : position + CRI_PART_BYTES]
        tag = "P" if position + CRI_PART_BYTES < len(text) else "F"
        lines.append(f"{_iso(at // SECOND, at % SECOND)} {stream} {tag} {part}\n")
        at += 700
    return "".join(lines), at


@lru_cache(maxsize=8192)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _iso(second: int, nanosecond: int) -> str:
    return f"{_second(second)}.{nanosecond:09d}Z"


@lru_cache(maxsize=1024)
def _resource(pod: Pod) -> str:
    return c.resource_of(pod)


def _span_json(trace_id: str, span: Span) -> str:
    if span.status == c.ERROR:
        status = f'{{"message":{quote(span.status_message)},"code":2}}'
    elif span.status:
        status = '{"code":1}'
    else:
        status = "{}"
    extra = ""
    if span.events:
        extra = f',"events":[{span.events}]'
    if span.links:
        extra += f',"links":[{span.links}]'
    return (
        f'{{"traceId":"{trace_id}","spanId":"{span.span_id}","parentSpanId":"{span.parent_id}",'
        f'"flags":257,"name":"{span.name}","kind":{span.kind},'
        f'"startTimeUnixNano":"{span.start}","endTimeUnixNano":"{span.end}",'
        f'"attributes":[{span.attributes}]{extra},"status":{status}}}'
    )


def _log_json(trace: Trace, log: LogEntry, uid: str) -> str:
    attributes = [
        c.text("log.record.uid", uid),
        c.text("payments.order", trace.ids["order"]),
    ]
    if log.kind:
        attributes += [
            c.text("exception.type", log.kind),
            c.text("exception.message", log.message),
            c.text("exception.stacktrace", log.stack),
        ]
    return (
        f'{{"timeUnixNano":"{log.at}","observedTimeUnixNano":"{log.at + 1_250_000}",'
        f'"severityNumber":{log.severity},"severityText":"{_LEVELS[log.severity]}",'
        f'"body":{{"stringValue":{quote(log.message)}}},"attributes":[{",".join(attributes)}],'
        f'"flags":1,"traceId":"{trace.trace_id}","spanId":"{log.span_id}"}}'
    )


def _json_line(trace: Trace, log: LogEntry) -> str:
    """A structured line: lower-case levels in Go, capitals elsewhere; microseconds."""
    level = _LEVELS[log.severity]
    if log.pod.service.language == "go":
        level = level.lower()
    extra = ""
    if log.kind:
        extra = (
            f',"exception.type":{quote(log.kind)},"exception.message":{quote(log.message)}'
            f',"exception.stacktrace":{quote(log.stack)}'
        )
    if log.dump:
        extra += f',"dump":{quote(log.dump)}'
    return (
        f'{{"ts":"{_second(log.at // SECOND)}.{log.at % SECOND // 1000:06d}Z","level":"{level}",'
        f'"logger":"{log.pod.service.name}","msg":{quote(log.message)},'
        f'"trace_id":"{trace.trace_id}","span_id":"{log.span_id}",'
        f'"order":"{trace.ids["order"]}"{extra}}}'
    )


def _text_line(trace: Trace, log: LogEntry) -> str:
    """A plain line; the stack trace follows on the same line, its line ends written as `` | ``."""
    text = log.message
    if log.stack:
        text += " | " + log.stack.replace("\n\t", " | ").replace("\n", " | ")
    return (
        f"{_second(log.at // SECOND)}.{log.at % SECOND // 1_000_000:03d}Z "
        f"{_LEVELS[log.severity]} [trace_id={trace.trace_id} span_id={log.span_id}] "
        f"{log.pod.service.name}.{log.pod.service.name.title().replace('-', '')}Service - {text}"
    )


def _span_truth(trace_id: str, span: Span) -> str:
    code = span.http if span.http > 0 else span.grpc
    return _truth(
        "span",
        trace_id,
        span.span_id,
        span.pod.service.name,
        span.error_type or (str(code) if code > 0 else ""),
        span.error_message,
        str(span.start),
    )


def _log_truth(trace_id: str, log: LogEntry, at: int) -> str:
    """``at`` 0 leaves the mark ``"@"`` for the time, which the pod's log file decides."""
    time = str(at) if at else '"@"'
    return _truth("log", trace_id, log.span_id, log.pod.service.name, log.kind, log.message, time)


def _truth(
    event: str, trace_id: str, span_id: str, service: str, kind: str, message: str, time: str
) -> str:
    return (
        f'{{"event":"{event}","time_unix_nano":{time},"trace_id":"{trace_id}",'
        f'"span_id":"{span_id}","service":"{service}","error_type":{quote(kind)},'
        f'"error_message":{quote(message)}}}\n'
    )


def write_json(path: Path, value: object) -> None:
    """Write an indented JSON file with a final line end."""
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="ascii")
