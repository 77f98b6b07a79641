"""A trace for other tools: valid by their schemas, and all of it there."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import small_lakes
from deltalake import write_deltalake
from google.protobuf.json_format import ParseDict
from jsonschema import Draft7Validator
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace, TrackEvent
from small_lakes import DAY, FAILED, FINE, HOSTILE, START

from tracekeep.__main__ import main
from tracekeep.incident.delta_lake import DeltaLake
from tracekeep.incident.export.whole_trace import whole_traces

NOBODY = "e" * 32
TAG = {
    "type": "object",
    "required": ["key", "type", "value"],
    "properties": {
        "key": {"type": "string"},
        "type": {"enum": ["string", "bool", "int64", "float64", "binary"]},
        "value": {"type": ["string", "boolean", "number"]},
    },
    "additionalProperties": False,
}
TAGS = {"type": "array", "items": TAG}
ID = {"type": "string", "pattern": "^[0-9a-f]{16}$|^[0-9a-f]{32}$"}
WARNINGS = {"type": ["array", "null"], "items": {"type": "string"}}
JAEGER = {
    "type": "object",
    "required": ["traceID", "spans", "processes", "warnings"],
    "additionalProperties": False,
    "properties": {
        "traceID": ID,
        "warnings": WARNINGS,
        "processes": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": ["serviceName", "tags"],
                "properties": {"serviceName": {"type": "string"}, "tags": TAGS},
                "additionalProperties": False,
            },
        },
        "spans": {
            "type": "array",
            "items": {
                "type": "object",
                "required": [
                    "traceID", "spanID", "operationName", "references", "startTime", "duration",
                    "tags", "logs", "processID", "warnings",
                ],
                "properties": {
                    "traceID": ID,
                    "spanID": ID,
                    "operationName": {"type": "string"},
                    "references": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["refType", "traceID", "spanID"],
                            "properties": {
                                "refType": {"enum": ["CHILD_OF", "FOLLOWS_FROM"]},
                                "traceID": ID,
                                "spanID": ID,
                            },
                            "additionalProperties": False,
                        },
                    },
                    "startTime": {"type": "integer", "minimum": 0},
                    "duration": {"type": "integer", "minimum": 0},
                    "tags": TAGS,
                    "logs": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["timestamp", "fields"],
                            "properties": {
                                "timestamp": {"type": "integer", "minimum": 0},
                                "fields": TAGS,
                            },
                            "additionalProperties": False,
                        },
                    },
                    "processID": {"type": "string"},
                    "warnings": WARNINGS,
                },
                "additionalProperties": False,
            },
        },
    },
}  # fmt: skip
"""Jaeger's internal/uimodel/model.go, the fields that its UI reads."""


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    small_lakes.make(tmp_path, HOSTILE)
    monkeypatch.setenv("TRACEKEEP_LAKE", str(tmp_path))
    return tmp_path


def exported(capfdbinary: pytest.CaptureFixture[bytes], form: str, trace_id: str) -> bytes:
    assert main(["incident", "--trace", trace_id, "--format", form]) == 0
    return capfdbinary.readouterr().out


def otlp_spans(document: Any) -> Iterator[Any]:
    """Spans of a request, checked by the published protobuf; its JSON mapping has hexadecimal ids
    where that of protobuf has base64."""
    for resource in document["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for it in (span, *span["links"]):
                    for name in ("traceId", "spanId", "parentSpanId"):
                        if name in it:
                            it[name] = base64.b64encode(bytes.fromhex(it[name])).decode()
    for resource in ParseDict(document, TracesData()).resource_spans:
        for scope in resource.scope_spans:
            yield from scope.spans


def test_otlp_is_read_by_its_protobuf(
    lake: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    found = list(otlp_spans(json.loads(exported(capfdbinary, "otlp", FAILED))))
    assert {span.trace_id.hex() for span in found} == {FAILED}
    assert {(span.span_id.hex(), span.parent_span_id.hex()) for span in found} == {
        (f"{number:016x}", f"{number - 1:016x}" if number > 1 else "") for number in (1, 2, 3)
    }
    deepest = max(found, key=lambda span: span.span_id)
    assert deepest.kind == 2
    started = int((START + timedelta(milliseconds=3)).timestamp() * 1000) * 1_000_000
    assert deepest.start_time_unix_nano == started
    assert deepest.end_time_unix_nano == started + round(100 / 3 * 1_000_000)
    said = {
        event.name: {it.key: it.value.string_value for it in event.attributes}
        for event in deepest.events
    }
    assert said["log"] == {"message": HOSTILE, "level": "ERROR"}
    assert said["exception"]["exception.type"] == "IOError"
    assert said["exception"]["exception.message"] == HOSTILE


def test_jaeger_has_its_fields(lake: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    text = exported(capfdbinary, "jaeger", FAILED)
    assert b"\x1b" not in text
    (trace,) = json.loads(text)["data"]
    assert not list(Draft7Validator(JAEGER).iter_errors(trace))
    assert len(trace["spans"]) == 3
    assert {trace["processes"][span["processID"]]["serviceName"] for span in trace["spans"]} == {
        "gateway", "shop", "db",
    }  # fmt: skip
    assert [len(span["logs"]) for span in trace["spans"]] == [1, 1, 2]


def test_slices_of_perfetto_nest(lake: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    overlapping = [
        small_lakes.span(
            NOBODY, number, "shop", span_id=f"{number:016x}", parent_span_id=parent,
            started_at=START + timedelta(milliseconds=start), latency_ms=float(length),
        )
        for number, parent, start, length in (
            (1, None, 0, 100), (2, f"{1:016x}", 10, 50), (3, f"{1:016x}", 20, 60),
            (4, f"{3:016x}", 20, 60), (5, f"{3:016x}", 80, 0),
        )
    ]  # fmt: skip
    small_lakes.write(lake, "silver.spans", overlapping)
    listed = {**overlapping[0], "ended_at": START, "event_dates": [DAY]}
    small_lakes.write(lake, "silver.traces", [listed])
    trace = Trace.FromString(exported(capfdbinary, "perfetto", NOBODY))
    depth: dict[int, list[int]] = {}
    spans = []
    for packet in trace.packet:
        event, track = packet.track_event, packet.track_event.track_uuid
        if event.type == TrackEvent.TYPE_SLICE_BEGIN:
            depth.setdefault(track, []).append(packet.timestamp)
        elif event.type == TrackEvent.TYPE_SLICE_END:
            spans.append((depth[track].pop(), packet.timestamp))
    assert not any(depth.values())
    arrows = [
        (sorted(packet.track_event.flow_ids), sorted(packet.track_event.terminating_flow_ids))
        for packet in trace.packet
        if packet.track_event.type == TrackEvent.TYPE_SLICE_BEGIN
    ]
    begun = sorted(number for begins, _ in arrows for number in begins)
    assert begun == sorted(number for _, ends in arrows for number in ends) == [2, 3, 4, 5]
    base = int(START.timestamp()) * 10**9
    assert sorted((start - base) // 10**6 for start, _ in spans) == [0, 10, 20, 20, 80]
    assert sorted((end - start) // 10**6 for start, end in spans) == [0, 50, 60, 60, 100]
    assert len(depth) == 2  # 2 overlaps 3 and lies beside it


def test_gold_tells_what_silver_let_go(
    lake: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    before = exported(capfdbinary, "otlp", FAILED)
    for table in ("silver.spans", "silver.log_records", "silver.traces"):
        small_lakes.forget(lake, table)
    assert exported(capfdbinary, "otlp", FAILED) == before


def test_errors_that_came_late_are_told(
    lake: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    small_lakes.write(lake, "gold.error_events", small_lakes.late_errors(NOBODY))
    found = list(otlp_spans(json.loads(exported(capfdbinary, "otlp", NOBODY))))
    assert {span.trace_id.hex() for span in found} == {NOBODY}


def test_an_erased_trace_is_not_written(lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small_lakes.erase(lake, FAILED)
    assert main(["incident", "--trace", FAILED, "--format", "jaeger"]) == 4
    told = capsys.readouterr()
    assert "erased" in told.err and not told.out


def test_log_record_whose_span_is_missing_is_told_by_the_first(lake: Path) -> None:
    log = {**small_lakes.span(FINE, 7, "db"), "body": "alone", "logged_at": START}
    small_lakes.write(lake, "silver.log_records", [log])
    (span,) = whole_traces(DeltaLake(lake), [FINE])[FINE]
    assert [event.attributes["message"] for event in span.events] == ["alone"]


def test_ids_are_texts_whatever_they_hold(tmp_path: Path) -> None:
    ids = ["' or true --", "it's", "a\\", "{{ id }}", FINE]
    write_deltalake(str(tmp_path / "silver" / "spans"), pa.table({"trace_id": ids, "place": ids}))
    spans = DeltaLake(tmp_path)["silver.spans"]
    for trace_id in ids:
        assert spans.rows_of_traces([trace_id], ("place", "unknown")) == [{"place": trace_id}]
    assert len(spans.rows_of_traces(ids, ("place",))) == len(ids)
    assert spans.rows_of_traces([], ("place",)) == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--trace", NOBODY], 3),
        ([], 2),
        (["--trace", FAILED, "--json"], 2),
        (["--trace", FAILED, "--as-of", "1"], 2),
    ],
)
def test_what_cannot_be_written_is_told(
    lake: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int
) -> None:
    assert main(["incident", "--format", "otlp", *arguments]) == code
    assert capsys.readouterr().err.startswith("incident: ")
