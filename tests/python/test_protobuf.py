"""OTLP in protobuf: in every envelope the records of the JSON, and no byte string is fatal."""

from __future__ import annotations

import base64
import gzip
import json
import random
import struct
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from google.protobuf import json_format
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from reading import SPAN, TIME_NS, TRACE, read_part, records_of, write

from tracekeep.ingest.plan import PlannedFile, Planner
from tracekeep.readers.files import read_text
from tracekeep.readers.protobuf import is_message, read_message
from tracekeep.readers.records import Record

_IDS = ("traceId", "spanId", "parentSpanId")
_OWN = ("raw_text", "source_format")
RESOURCE = {"attributes": [{"key": "service.name", "value": {"stringValue": "pay"}}]}
VALUES = [
    {"stringValue": "ü\nx"}, {"intValue": "9007199254740993"}, {"doubleValue": 0.1},
    {"boolValue": False}, {"bytesValue": "AAEC"}, {"arrayValue": {"values": [{"intValue": "1"}]}},
    {"kvlistValue": {"values": [{"key": "k", "value": {"stringValue": "v"}}]}},
]  # fmt: skip


def _scope(name: str, records: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: [{"scope": {"name": "s", "version": "1"}, records: items}]}


def requests() -> list[dict[str, Any]]:
    """An export request of spans and one of log records, with something of everything."""
    attributes = [{"key": f"k{n}", "value": value} for n, value in enumerate(VALUES)]
    span = {
        "traceId": TRACE, "spanId": SPAN, "parentSpanId": "00f067aa0ba902b8", "name": "GET /",
        "traceState": "ot=th:8", "kind": 2, "startTimeUnixNano": str(TIME_NS),
        "endTimeUnixNano": str(TIME_NS + 5), "attributes": attributes,
        "status": {"code": 2, "message": "bad"},
        "events": [{"timeUnixNano": str(TIME_NS), "name": "exception", "attributes": attributes}],
        "links": [{"traceId": TRACE, "spanId": SPAN, "attributes": attributes}],
    }  # fmt: skip
    log = {
        "timeUnixNano": str(TIME_NS), "observedTimeUnixNano": str(TIME_NS + 1),
        "severityNumber": 17, "severityText": "ERROR", "body": {"stringValue": "boom"},
        "attributes": attributes, "traceId": TRACE, "spanId": SPAN,
    }  # fmt: skip
    plain = {"timeUnixNano": str(TIME_NS), "body": {"stringValue": "level=warn msg=slow"}}
    spans, logs = (
        _scope("scopeSpans", "spans", [span]),
        _scope("scopeLogs", "logRecords", [log, plain]),
    )
    return [
        {"resourceSpans": [{"resource": RESOURCE, **spans}]},
        {"resourceLogs": [{"resource": RESOURCE, **logs}]},
    ]


def to_protobuf(request: dict[str, Any]) -> bytes:
    message = TracesData() if "resourceSpans" in request else LogsData()
    return json_format.ParseDict(_with_base64_ids(request), message).SerializeToString()


def _with_base64_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_base64_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64encode(bytes.fromhex(inner)).decode()
        if key in _IDS
        else _with_base64_ids(inner)
        for key, inner in value.items()
    }


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


def framed(*messages: bytes) -> bytes:
    return b"".join(struct.pack(">I", len(message)) + message for message in messages)


def told(records: list[Record]) -> list[Record]:
    return [{key: r[key] for key in r if key not in _OWN} for r in records]


MESSAGES = [to_protobuf(request) for request in requests()]
LINES = "\n".join(map(json.dumps, requests())).encode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("frames", framed(*MESSAGES)),
        ("frames.gz", gzip.compress(framed(*MESSAGES))),
        ("frames.zst", zstd(framed(*MESSAGES))),
        ("frames of zstd", framed(*map(zstd, MESSAGES))),
        ("frames of JSON", framed(*(zstd(json.dumps(r).encode()) for r in requests()))),
        ("lines.zst", zstd(LINES)),
    ],
)
def test_each_envelope_holds_the_records_of_the_json(
    tmp_path: Path, name: str, content: bytes
) -> None:
    expected = told(records_of(write(tmp_path, "lines.jsonl", LINES)))
    assert len(expected) == 3
    assert told(records_of(write(tmp_path, name, content))) == expected


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd])
@pytest.mark.parametrize("number", [0, 1])
def test_a_file_or_a_value_of_kafka_is_one_message(tmp_path: Path, number: int, pack: Any) -> None:
    expected = told(records_of(write(tmp_path, "r.json", json.dumps(requests()[number]))))
    content = MESSAGES[number]
    assert told(records_of(write(tmp_path, "message", pack(content)))) == expected
    if pack is not gzip.compress:
        assert told([*read_text("", pack(content))]) == expected


def test_texts_that_begin_with_a_line_end_are_no_messages() -> None:
    for text in ('\n{\n  "a": 1}', '\n{\n "resourceSpans": []}', "\n\nINFO x", "\n" + "x" * 200):
        assert not is_message(text.encode(), len(text.encode()))


@pytest.mark.parametrize("text", ['---\n{"a": 1}\n', '"x"\n{"a": 1}', "\n\n\n\n" + '{"a": 1}'])
def test_a_text_is_no_length_before_a_message(tmp_path: Path, text: str) -> None:
    records = records_of(write(tmp_path, "text.json", gzip.compress(text.encode())))
    assert not any(record.get("source_format") == "otlp_proto" for record in records)
    assert b"".join(record["raw_text"] for record in records).endswith(b'{"a": 1}')


def test_a_file_of_messages_that_grows_is_read_from_where_it_ended(tmp_path: Path) -> None:
    first, second = framed(MESSAGES[0]), framed(MESSAGES[1])
    path = write(tmp_path, "frames", first + second[:10])
    known: dict[str, PlannedFile] = {}
    records = []
    for _ in range(2):
        file = Planner(known, [str(path)], is_live=True).plan(str(path))
        assert file is not None
        known[str(path)] = file
        records.append([record for _, _, record in read_part(file.part)])
        path.write_bytes(first + second)
    assert [len(found) for found in records] == [1, 2]


def test_what_is_cut_or_damaged_is_rejected_with_its_bytes(tmp_path: Path) -> None:
    cut = records_of(write(tmp_path, "cut", framed(MESSAGES[0]) + framed(MESSAGES[1])[:20]))
    assert [record.get("reason") for record in cut] == [None, "truncated"]
    assert base64.b64decode(cut[1]["raw_text"]) == framed(MESSAGES[1])[:20]
    torn = records_of(write(tmp_path, "torn.zst", zstd(framed(*MESSAGES) * 3000)[:-9]))
    assert torn[-1]["reason"] == "truncated"
    for name, rest in (("half a frame", zstd(LINES)[:-9]), ("no frame", b"more")):
        (*lines, end) = records_of(write(tmp_path, f"{name}.zst", zstd(LINES + b"\n") + rest))
        assert told(lines) == told(records_of(write(tmp_path, "lines", LINES)))
        assert end["reason"] == "truncated"
    (metrics,) = read_message(b"\x0a\x04\x12\x02\x2a\x00")
    assert metrics["reason"] == "unknown_format"


def test_a_byte_that_is_no_text_costs_no_other_record() -> None:
    logs = LogsData()
    records = logs.resource_logs.add().scope_logs.add().log_records
    for body in ("abc?f", "other"):
        record = records.add(time_unix_nano=TIME_NS, trace_id=b"\x01" * 8)
        record.body.string_value = body
    found = [*read_message(logs.SerializeToString().replace(b"abc?f", b"abc\xfff"))]
    assert [record["body"] for record in found] == ["abc\ufffdf", "other"]
    assert {record["trace_id"] for record in found} == {("01" * 8).zfill(32)}


def test_no_mutated_message_is_fatal_or_lost() -> None:
    assert_mutated_messages_are_read(seed=1, count=1_000)


def assert_mutated_messages_are_read(seed: int, count: int) -> None:
    """Each of `count` damaged messages gives records or a rejected one, and never raises."""
    generator = random.Random(seed)
    for _ in range(count):
        data = bytearray(generator.choice(MESSAGES))
        for _ in range(generator.randint(1, 6)):
            place = generator.randrange(max(1, len(data)))
            match generator.randint(0, 3):
                case 0:
                    data[place : place + 1] = [generator.randrange(256)]
                case 1:
                    del data[place : place + generator.randint(1, 9)]
                case 2:
                    data[place:place] = generator.randbytes(generator.randint(1, 9))
                case _:
                    del data[place + 1 :]
        records = [*read_message(bytes(data))]
        assert records or not data or _is_known(bytes(data)), bytes(data)
        for record in records:
            assert isinstance(record["raw_text"], bytes)


def _is_known(data: bytes) -> bool:
    """Whether a message is whole and holds no record."""
    for kind in (TracesData, LogsData):
        message = kind()
        message.ParseFromString(data)
        message.DiscardUnknownFields()
        if message.ByteSize() == len(data):
            return True
    return False
