"""The readers of Bronze, without Spark: bytes of files in, records out, nothing lost in silence."""

from __future__ import annotations

import gzip
import io
import json
import os
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import oddities
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reading import (
    POD,
    SPAN,
    TIME,
    TIME_NS,
    TRACE,
    docker,
    only,
    planned,
    read_part,
    records_of,
    write,
)

from tracekeep.ingest.plan import cut_batches, cut_tasks, find_files, plan_file
from tracekeep.lake import bronze_tables
from tracekeep.readers.files import Piece, read_piece, unpacked
from tracekeep.readers.records import log_record

# ---------------------------------------------------------------- pod logs


def test_cri_line_has_its_pod_time_and_ids(tmp_path: Path) -> None:
    text = f"{TIME} stderr F ERROR [trace_id={TRACE.upper()} span_id={SPAN}] card declined\n"
    record = only(write(tmp_path, POD, text))
    assert record["table"] == "log_records"
    assert (record["trace_id"], record["span_id"]) == (TRACE, SPAN)
    assert (record["time_unix_nano"], record["stream"]) == (TIME_NS, "stderr")
    assert record["severity_text"] == "ERROR"
    assert dict(record["resource_attributes"]) == {
        "k8s.namespace.name": "shop",
        "k8s.pod.name": "cart-7d9f8b6c5d-x2x4z",
        "k8s.pod.uid": "0b1c",
        "k8s.container.name": "app",
    }
    assert record["raw_text"] == text.encode().rstrip()


def test_cri_parts_are_joined_per_stream_even_inside_a_character(tmp_path: Path) -> None:
    first, second = "zahlé".encode()[:5], "zahlé".encode()[5:]
    lines = b"\n".join(
        [
            TIME.encode() + b" stdout P " + first,
            TIME.encode() + b" stderr F other",
            TIME.encode() + b" stdout F " + second,
            TIME.encode() + b" stdout P no end",
        ]
    )
    records = records_of(write(tmp_path, POD, lines))
    assert [(r["body"], r["stream"], r["is_truncated"]) for r in records] == [
        ("other", "stderr", False),
        ("zahlé", "stdout", False),
        ("no end", "stdout", True),
    ]


def test_docker_line_and_its_missing_line_end(tmp_path: Path) -> None:
    lines = "\n".join(
        [docker("whole\n"), docker("cut"), docker("x\n", time="1999-12-31T23:59:59Z")]
    )
    whole, cut, absurd = records_of(write(tmp_path, POD, lines))
    assert (whole["body"], whole["is_truncated"]) == ("whole", False)
    assert (cut["body"], cut["is_truncated"]) == ("cut", True)
    assert (absurd["table"], absurd["reason"]) == ("rejected_records", "absurd_time")


def test_json_log_line_gives_its_fields(tmp_path: Path) -> None:
    fields = {"level": "warn", "traceId": TRACE, "dd.span_id": SPAN, "order": 7, "tags": ["a", "b"]}
    record = only(write(tmp_path, POD, docker(json.dumps(fields) + "\n")))
    assert (record["trace_id"], record["span_id"]) == (TRACE, SPAN)
    assert record["severity_text"] == "warn"
    assert dict(record["attributes"])["order"] == "7"
    assert dict(record["attributes"])["tags"] == '["a","b"]'


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("no log line at all", "unknown_format"),
        (docker("a\n") + "trailing", "trailing_text"),
        ('{"log": "torn', "invalid_json"),
        ('{"log": 7}', "wrong_type"),
        ('{"log": "a\\n", "time": "yesterday"}', "no_time"),
    ],
)
def test_broken_pod_log_line_is_rejected_and_the_next_one_read(
    tmp_path: Path, line: str, reason: str
) -> None:
    broken, fine = records_of(write(tmp_path, POD, f"{line}\n{TIME} stdout F fine\n"))
    assert (broken["table"], broken["reason"]) == ("rejected_records", reason)
    assert broken["raw_text"] == line.encode()
    assert fine["body"] == "fine"


# ---------------------------------------------------------------- OTLP/JSON


def otlp_span(**fields: Any) -> dict[str, Any]:
    times = {"startTimeUnixNano": str(TIME_NS), "endTimeUnixNano": str(TIME_NS + 5)}
    return {"traceId": TRACE, "spanId": SPAN, "name": "GET /", **times, **fields}


def request_of(*spans: dict[str, Any]) -> str:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "cart"}}]}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]})


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("shape", ["lines", "document", "array", "bom"])
def test_every_shape_of_a_file_holds_the_same_spans(
    tmp_path: Path, shape: str, compress: bool
) -> None:
    requests = [request_of(otlp_span()), request_of(otlp_span(name="GET /b"))]
    texts = {
        "lines": "\n".join(requests),
        "document": json.dumps(
            {"resourceSpans": [json.loads(text)["resourceSpans"][0] for text in requests]}, indent=2
        ),
        "array": f"[{','.join(requests)}]",
        "bom": "\ufeff" + "\r\n".join(requests) + "\r\n\r\n",
    }
    content = texts[shape].encode()
    path = write(tmp_path, "spans", gzip.compress(content) if compress else content)
    records = records_of(path)
    assert [record["name"] for record in records] == ["GET /", "GET /b"]
    assert {dict(record["resource_attributes"])["service.name"] for record in records} == {"cart"}


def test_numbers_never_pass_through_a_double(tmp_path: Path) -> None:
    big = 2**63 - 1
    attributes = [
        {"key": "text", "value": {"intValue": str(big)}},
        {"key": "number", "value": {"intValue": big}},
        {"key": "list", "value": {"arrayValue": {"values": [{"intValue": str(big)}]}}},
        {"key": "none", "value": {}},
    ]
    times = {"startTimeUnixNano": TIME_NS, "endTimeUnixNano": str(TIME_NS + 1)}
    record = only(write(tmp_path, "a.json", request_of(otlp_span(attributes=attributes, **times))))
    assert (record["start_time_unix_nano"], record["end_time_unix_nano"]) == (TIME_NS, TIME_NS + 1)
    held = dict(record["attributes"])
    assert held == {"text": str(big), "number": str(big), "list": f"[{big}]", "none": ""}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"startTimeUnixNano": "0", "endTimeUnixNano": "0"}, "no_time"),
        ({"startTimeUnixNano": "1768212000"}, "absurd_time"),
        ({"endTimeUnixNano": str(2**63 - 1)}, "absurd_time"),
        ({"startTimeUnixNano": "soon"}, "wrong_type"),
        ({"startTimeUnixNano": 1.5}, "wrong_type"),
        ({"attributes": {"key": "value"}}, "wrong_type"),
    ],
)
def test_unusable_span_is_rejected_and_its_neighbour_kept(
    tmp_path: Path, fields: dict[str, Any], reason: str
) -> None:
    broken, fine = records_of(
        write(tmp_path, "a.json", request_of(otlp_span(**fields), otlp_span()))
    )
    assert (broken["table"], broken["reason"]) == ("rejected_records", reason)
    # the raw text of a reject is a request of its own: it can be read again with its resource
    (group,) = json.loads(broken["raw_text"])["resourceSpans"]
    assert group["scopeSpans"][0]["spans"] == [otlp_span(**fields)]
    assert group["resource"]["attributes"][0]["key"] == "service.name"
    assert fine["span_id"] == SPAN


def test_oddities_are_kept_with_usable_ids_or_none(tmp_path: Path) -> None:
    lines = [*oddities.timely(), *oddities.late()]
    records = records_of(write(tmp_path, "odd.jsonl", "\n".join(lines)))
    assert len(records) == len(lines)
    assert {record["table"] for record in records} == {"spans", "log_records"}
    for record in records:
        for name, digits in (("trace_id", 32), ("span_id", 16)):
            value = record[name]
            assert value is None or (len(value) == digits and value == value.lower())
        assert record["trace_id"] or record["record_hash"]


def test_half_a_surrogate_pair_costs_one_character(tmp_path: Path) -> None:
    text = request_of(otlp_span(name="a\ud83d"), otlp_span(name="\U0001f600 \\ud83d"))
    names = [record["name"] for record in records_of(write(tmp_path, "a.json", text))]
    assert names == ["a\ufffd", "\U0001f600 \\ud83d"]
    line = docker('{"level": "error", "msg": "x\\ud83d", "n": NaN, "m": 1e999}\n')
    record = only(write(tmp_path, POD, line))
    assert record["severity_text"] == "error"
    assert dict(record["attributes"])["msg"] == "x\ufffd"


@pytest.mark.parametrize("scopes", ["scopeSpans", "instrumentationLibrarySpans"])
def test_request_that_was_understood_in_part_is_no_silent_loss(tmp_path: Path, scopes: str) -> None:
    span = {"resourceSpans": [{scopes: [{"spans": [otlp_span()]}]}]}
    unknown = {"resourceSpans": [{"scope_spans": [{"spans": [otlp_span()]}]}]}
    empty = {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": []}]}]}
    found, rejected = records_of(write(tmp_path, "a.json", json.dumps([span, unknown, empty])))
    assert (found["table"], rejected["reason"]) == ("spans", "unknown_format")
    assert json.loads(rejected["raw_text"]) == unknown


def test_an_empty_uid_is_none() -> None:
    hashes = {
        log_record(
            trace_id=None, span_id=None, time_unix_nano=TIME_NS, body=body,
            attributes=[("log.record.uid", "")], resource_attributes=[],
        )["record_hash"]
        for body in ("one", "two")
    }  # fmt: skip
    assert len(hashes) == 2


def test_short_cut_gzip_is_read_as_what_it_holds(tmp_path: Path) -> None:
    packed = gzip.compress("\n".join([request_of(otlp_span())] * 10).encode())
    *spans, last = records_of(write(tmp_path, "a.jsonl.gz", packed[:-8]))
    assert [record["table"] for record in spans] == ["spans"] * 9
    assert (last["reason"], last["raw_text"]) == (
        "truncated_gzip",
        request_of(otlp_span()).encode(),
    )


def test_cut_gzip_gives_what_is_whole_and_one_reject(tmp_path: Path) -> None:
    noise = [request_of(otlp_span(name=f"GET /{n * 7919:x}")) for n in range(2000)]
    packed = gzip.compress("\n".join(noise).encode())
    records = records_of(write(tmp_path, "a.jsonl.gz", packed[: len(packed) // 2]))
    *spans, last = records
    assert len(spans) > 100
    assert (last["table"], last["reason"]) == ("rejected_records", "truncated_gzip")


# ---------------------------------------------------------------- plan


def test_a_file_that_grew_is_read_from_where_it_ended(tmp_path: Path) -> None:
    path = write(tmp_path, POD, f"{TIME} stdout F one\n{TIME} stdout F tw")
    first = plan_file(str(path), None)
    assert first is not None
    assert plan_file(str(path), first) is None
    with path.open("a") as file:
        file.write(f"o\n{TIME} stdout F three\n")
    grown = planned(path, first)
    assert [record["body"] for _, _, record in read_part(grown)] == ["two", "three"]


def test_cri_parts_that_two_readings_meet_are_one_record(tmp_path: Path) -> None:
    path = write(tmp_path, POD, f'{TIME} stdout P {{"level":"error",\n{TIME} stderr F between\n')
    first = plan_file(str(path), None)
    with path.open("a") as file:
        file.write(f'{TIME} stdout F "msg":"boom"}}\n')
    between, whole = (record for _, _, record in read_part(planned(path, first)))
    assert between["body"] == "between"
    assert (whole["body"], whole["severity_text"]) == ('{"level":"error","msg":"boom"}', "error")


@pytest.mark.parametrize("name", [POD, "a.jsonl.gz"])
def test_what_is_appended_after_the_plan_is_not_read(tmp_path: Path, name: str) -> None:
    old = f"{TIME} stdout F one".encode()
    if name.endswith(".gz"):
        old = gzip.compress(request_of(otlp_span()).encode())
    path = write(tmp_path, name, old)
    part = planned(path)
    before = read_part(part)
    with path.open("ab") as file:
        file.write(old if name.endswith(".gz") else b" more\n" + old)
    assert read_part(part) == before
    assert len(before) == 1


@pytest.mark.parametrize("count", [2, 5])
def test_a_file_that_begins_and_measures_like_the_old_one_is_another(
    tmp_path: Path, count: int
) -> None:
    long = {"attributes": [{"key": "k", "value": {"stringValue": "v" * 6000}}]}

    def requests(first: int, count: int) -> str:
        scopes = [[{"spans": [otlp_span(name=f"{first + number}")]}] for number in range(count)]
        groups = [{"resource": long, "scopeSpans": scope} for scope in scopes]
        return "\n".join(json.dumps({"resourceSpans": [group]}) for group in groups)

    path = write(tmp_path, "a.jsonl", requests(100, 2))
    first = plan_file(str(path), None)
    path.write_text(requests(200, count))
    os.utime(path, ns=(TIME_NS, TIME_NS))
    names = [record["name"] for _, _, record in read_part(planned(path, first))]
    assert names == [str(200 + number) for number in range(count)]


@pytest.mark.parametrize(
    "content", [f"{TIME} stdout F new\n", "", f"{TIME} stdout F much longer\n"]
)
def test_another_file_under_an_old_name_is_read_whole(tmp_path: Path, content: str) -> None:
    path = write(tmp_path, POD, f"{TIME} stdout F old text\n")
    first = plan_file(str(path), None)
    path.write_text(content)
    again = plan_file(str(path), first)
    if content:
        assert again is not None
        assert len(read_part(again.part)) == 1
    else:
        assert again is None


def test_a_file_that_changed_after_it_was_planned_is_a_reject(tmp_path: Path) -> None:
    path = write(tmp_path, POD, f"{TIME} stdout F old\n")
    part = planned(path)
    path.write_text("something else entirely, and longer than before\n")
    assert [record["reason"] for _, _, record in read_part(part)] == ["source_changed"]
    path.unlink()
    assert [record["reason"] for _, _, record in read_part(part)] == ["source_changed"]


def test_hidden_and_marked_folders_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, "a/.hidden", "x")
    write(tmp_path, "truth/.noingest", "")
    write(tmp_path, "truth/error_events.jsonl", "x")
    kept = write(tmp_path, "a/b.json", "x")
    assert [*find_files([tmp_path])] == [str(kept)]
    with pytest.raises(FileNotFoundError, match="no-such"):
        [*find_files([tmp_path / "no-such"])]


def test_batches_and_tasks_hold_each_file_once(tmp_path: Path) -> None:
    files = []
    for number in range(25):
        path = write(tmp_path, f"{number}.jsonl", request_of(otlp_span()) * (number + 1))
        file = plan_file(str(path), None)
        assert file is not None
        files.append(file)
    batches = [*cut_batches(files, max_files=4, max_bytes=5_000)]
    assert [file for batch in batches for file in batch] == files
    assert all(len(batch) <= 4 for batch in batches)
    parts = [file.part for file in files]
    tasks = cut_tasks(parts, 3)
    assert len(tasks) == 3
    assert sorted((p.part for task in tasks for p in task), key=parts.index) == parts
    assert cut_tasks([*reversed(parts)], 3) == tasks


@pytest.mark.parametrize("step", [1, 50, 300, 100_000])
def test_pieces_of_a_part_hold_each_line_once(tmp_path: Path, step: int) -> None:
    lines = [request_of(otlp_span(name=f"GET /{'x' * number}")) for number in range(20)]
    part = planned(write(tmp_path, "a.jsonl", "\n".join(lines)))
    cuts = [*range(0, part.to_position, step), part.to_position]
    pieces = [Piece(part, *bounds) for bounds in pairwise(cuts)]
    names = [record["name"] for piece in pieces for _, _, record in read_piece(piece)]
    assert names == [f"GET /{'x' * number}" for number in range(20)]


# ---------------------------------------------------------------- any bytes

FRAGMENTS = st.sampled_from(
    [
        request_of(otlp_span()).encode(),
        *(line.encode() for line in oddities.timely()[:8]),
        TIME.encode() + b" stdout F fine",
        TIME.encode() + b" stdout P part",
        docker("docker\n").encode(),
        b"{", b"[[[[", b"\x1f\x8b", b"\xff\xfe\x00", b'{"resourceSpans": 7}', b"[]", b"null", b"\r",
    ]
)  # fmt: skip
CONTENTS = st.one_of(
    st.binary(max_size=300), st.lists(st.one_of(FRAGMENTS, st.binary(max_size=40))).map(b"\n".join)
)


@pytest.mark.parametrize("name", ["a.json", POD])
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=CONTENTS)
def test_any_bytes_are_read_or_rejected(tmp_path: Path, name: str, content: bytes) -> None:
    path = write(tmp_path, name, content)
    file = plan_file(str(path), None)
    records = read_part(file.part) if file else []
    columns = {"table"}.union(*bronze_tables().values())
    for position, index, record in records:
        assert position >= 0
        assert index >= 0
        assert record.keys() <= columns
        assert isinstance(record["raw_text"], bytes)
    if not _is_empty(content.removeprefix(b"\xef\xbb\xbf")):
        assert records


def _is_empty(content: bytes) -> bool:
    """Whether all lines of an input are blank."""
    if content.startswith(b"\x1f\x8b"):
        return _is_whole_gzip(content) and not gzip.decompress(content).strip()
    return not content.strip()


def _is_whole_gzip(content: bytes) -> bool:
    try:
        gzip.decompress(content)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return False
    return True


def test_a_compressed_file_of_an_object_store_is_read() -> None:
    """Such a file has no descriptor, as little as one in memory."""
    assert unpacked(io.BytesIO(gzip.compress(b"a line\n"))).read() == b"a line\n"
