"""The independent reading of raw files, and that its comparison finds what differs."""

from __future__ import annotations

import argparse
import base64
import dataclasses
import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from tracekeep import validation
from tracekeep.validation import fields, messages
from tracekeep.validation.calls import calls_of
from tracekeep.validation.comparison import compare
from tracekeep.validation.completeness import completeness_of
from tracekeep.validation.critical_paths import critical_path_of
from tracekeep.validation.forest import forest_of
from tracekeep.validation.lake_reading import Lake, LakeError
from tracekeep.validation.paths import Step, paths_of
from tracekeep.validation.raw_reading import read_set
from tracekeep.validation.verdicts import (
    Reading,
    Trace,
    judge,
    median_of,
    raw_figures,
    sample_weight,
)

SECOND = 10**9
NOON = 1_704_110_400 * SECOND  # 2024-01-01T12:00:00Z
KEPT = "f" * 14
DROPPED = "0" * 14


def trace_id(number: int, randomness: str = DROPPED) -> str:
    return f"{number:018x}{randomness}"


def span_id(number: int) -> str:
    return f"{number:016x}"


def attribute(key: str, value: Any) -> dict[str, Any]:
    kind = "boolValue" if isinstance(value, bool) else "stringValue"
    return {"key": key, "value": {kind: value}}


def span(trace: str, number: int, parent: int | None = None, **changes: Any) -> dict[str, Any]:
    start = changes.pop("start", NOON)
    duration = changes.pop("duration", 1_000_000)
    return {
        "traceId": trace,
        "spanId": span_id(number),
        "name": f"op-{number}",
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + duration),
        **({"parentSpanId": span_id(parent)} if parent else {}),
        **changes,
    }


def request(*spans: dict[str, Any], service: str = "shop") -> dict[str, Any]:
    resource = {"attributes": [attribute("service.name", service)]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": list(spans)}]}]}


def log_request(*records: dict[str, Any], **attributes: str) -> dict[str, Any]:
    resource = {"attributes": [attribute(k, v) for k, v in attributes.items()]}
    scopes = [{"logRecords": list(records)}]
    return {"resourceLogs": [{"resource": resource, "scopeLogs": scopes}]}


def write(folder: Path, *documents: Any, name: str = "spans.jsonl") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    texts = [d if isinstance(d, str) else json.dumps(d) for d in documents]
    content = ("\n".join(texts) + "\n").encode()
    folder.joinpath(name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    return folder


def write_pod_log(folder: Path, *lines: str, pod: str = "pay-7d9f8b6c5d-h5m2n") -> Path:
    target = folder / "pods" / f"prod_{pod}_0b1c" / "server"
    write(target, *lines, name="0.log")
    return folder


def docker(text: str, time: str = "2024-01-01T12:00:00.5Z") -> str:
    return json.dumps({"log": text + "\n", "stream": "stdout", "time": time})


def read(folder: Path) -> Reading:
    return judge(read_set(folder))


# ---------------------------------------------------------------- single values


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ABCDEF0123456789ABCDEF0123456789", "abcdef0123456789abcdef0123456789"),
        (base64.b64encode(bytes(range(16))).decode(), bytes(range(16)).hex()),
        (base64.b64encode(bytes(range(16))).decode().rstrip("="), bytes(range(16)).hex()),
        ("0" * 32, None),
        (base64.b64encode(bytes(16)).decode(), None),
        ("abcdef0123456789", None),
        ("g" * 32, None),
        ("", None),
        (None, None),
        (17, None),
    ],
)
def test_ids_are_lower_case_hex_or_nothing(value: object, expected: str | None) -> None:
    assert fields.normal_id(value, fields.TRACE_ID_BYTES) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("16:42:14.624 ERROR a.b.C#95 TraceID: …", 17),
        ("2026-01-01T00:00:00Z WARN [x] ERROR later", 13),
        ("[ERROR] boom", 17),
        ("an error happened", 0),
        ("TERROR and ERRORS", 0),
        ("x" * 80 + " ERROR", 0),
        ("first line\nERROR in the second", 0),
    ],
)
def test_a_level_word_counts_near_the_start_in_upper_case(text: str, expected: int) -> None:
    assert fields.severity_of_text(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2024-01-01T12:00:00.123456789Z", NOON + 123_456_789),
        ("2024-01-01T14:00:00.5+02:00", NOON + SECOND // 2),
        ("2024-13-01T12:00:00Z", None),
        ("yesterday", None),
        (None, None),
    ],
)
def test_times_are_nanoseconds(text: object, expected: int | None) -> None:
    assert fields.nanoseconds_of(text) == expected


def test_random_value_is_the_valid_rv_of_ot_alone() -> None:
    assert fields.random_value_of("x=1,ot=th:8;rv:00ff00ff00ff00") == "00ff00ff00ff00"
    assert fields.random_value_of("ot=rv:00FF00FF00FF00") is None
    assert fields.random_value_of("ot=rv:00ff") is None
    assert fields.random_value_of("zz=rv:00ff00ff00ff00") is None


@pytest.mark.parametrize(
    ("pod", "workload"),
    [
        ("ts-food-service-6f6cfc45b-h5m2n", "ts-food-service"),
        ("node-agent-x7k2p", "node-agent"),
        ("redis-0", "redis-0"),
        ("my-facade-store", "my-facade-store"),
    ],
)
def test_workload_is_the_pod_without_hash_suffixes(pod: str, workload: str) -> None:
    assert fields.workload_of(pod) == workload


def test_median_and_weight() -> None:
    assert median_of([3, 1, 2]) == 2
    assert median_of([4, 1]) == 2.5
    assert sample_weight("0") == 1
    assert sample_weight("8") == 2
    assert sample_weight("fd70a4") == pytest.approx(100.0000954)


# ---------------------------------------------------------------- records and duplicates


def test_duplicates_and_upper_case_ids_are_one_span(tmp_path: Path) -> None:
    once = span(trace_id(0xAB), 0xCD)
    upper = {**once, "traceId": once["traceId"].upper(), "spanId": once["spanId"].upper()}
    reading = read(write(tmp_path, request(once, once), request(upper)))
    assert reading.events.span_records == 3
    assert [s.trace_id for s in reading.spans] == [trace_id(0xAB)]


def test_role_service_and_start_make_another_span(tmp_path: Path) -> None:
    one = span(trace_id(1), 1, kind=3)
    server = {**one, "kind": "SPAN_KIND_SERVER"}
    later = span(trace_id(1), 1, kind=3, start=NOON + 1)
    write(tmp_path, request(one, server, later), request(one, service="other"))
    assert len(read(tmp_path).spans) == 4


@pytest.mark.parametrize("is_reversed", [False, True])
def test_versions_resolve_by_error_then_end(tmp_path: Path, is_reversed: bool) -> None:
    versions = [
        span(trace_id(1), 1, duration=5),
        span(trace_id(1), 1, duration=3, status={"code": 2}),
        span(trace_id(1), 1, duration=4, status={"code": "STATUS_CODE_ERROR"}),
    ]
    ordered = reversed(versions) if is_reversed else versions
    (kept,) = read(write(tmp_path, *map(request, ordered))).spans
    assert (kept.is_error, kept.latency_ns, kept.versions) == (True, 4, 3)


def test_spans_without_ids_are_kept_apart(tmp_path: Path) -> None:
    lost = span("", 1)
    other = span("0" * 32, 1, name="other")
    no_span_id = {**span(trace_id(1), 1), "spanId": ""}
    reading = read(write(tmp_path, request(lost, lost, other, no_span_id)))
    assert len(reading.spans) == 3
    assert list(reading.traces) == [trace_id(1)]


def test_unparseable_lines_and_times_are_rejected(tmp_path: Path) -> None:
    good = request(span(trace_id(1), 1))
    write(
        tmp_path,
        good,
        json.dumps(good) + "tail",
        '{"resourceSpans": [',
        '{"other": 1}',
        request(
            span(trace_id(1), 2, start=1),
            span(trace_id(1), 3, startTimeUnixNano="0", endTimeUnixNano="0"),
            span(trace_id(1), 4, endTimeUnixNano="0"),
            span(trace_id(1), 5, endTimeUnixNano=str(8 * 10**18)),
        ),
        log_request({"body": {"stringValue": "no time"}}),
        log_request({"observedTimeUnixNano": str(NOON)}),
    )
    events = read_set(tmp_path)
    assert events.rejected == {"invalid_json": 2, "not_otlp": 1, "absurd_time": 2, "no_time": 2}
    assert (events.span_records, events.log_records) == (2, 1)
    assert [s.latency_ns for s in events.spans()] == [1_000_000, 0]


def test_an_end_alone_is_the_start_too(tmp_path: Path) -> None:
    for number, start in enumerate(("0", "", None), start=1):
        lonely = span(trace_id(number), 1, startTimeUnixNano=start, endTimeUnixNano=str(NOON))
        write(tmp_path, request(lonely), name=f"{number}.json")
    reading = read(tmp_path)
    assert reading.events.rejected.total() == 0
    assert [(s.start_ns, s.latency_ns) for s in reading.spans] == [(NOON, 0)] * 3


def test_the_year_2200_is_the_last(tmp_path: Path) -> None:
    last = fields.nanoseconds_of("2200-12-31T23:59:59.999999999Z")
    assert last is not None
    write(tmp_path, request(*(span(trace_id(1), n, start=last + n, duration=0) for n in (0, 1))))
    events = read_set(tmp_path)
    assert events.rejected == {"absurd_time": 1}
    assert [s.start_ns for s in events.spans()] == [last]


def test_a_file_is_lines_or_one_document(tmp_path: Path) -> None:
    pretty = json.dumps(request(span(trace_id(1), 1)), indent=2)
    write(tmp_path, "\ufeff" + pretty, name="pretty.json")
    write(tmp_path, request(span(trace_id(1), 2)), name="lines.jsonl.gz")
    write(tmp_path, pretty[:-20], name="torn.json")
    write(tmp_path, '{"torn', request(span(trace_id(1), 3)), name="first_torn.jsonl")
    write(tmp_path / "not", request(span(trace_id(1), 4)), name="a.json")
    write(tmp_path / "not", "", name=".noingest")
    write(tmp_path / "not" / "below", request(span(trace_id(1), 5)), name="b.json")
    write(tmp_path, [{"traceId": "a", "id": "b"}], name="zipkin.json")
    write(tmp_path, "what it is", name="README.md")
    events = read_set(tmp_path)
    assert {s.span_id for s in events.spans()} == {span_id(n) for n in (1, 2, 3)}
    assert events.rejected == {"invalid_json": 2}
    assert events.unread_files == ["README.md", "zipkin.json"]


def test_a_cut_gzip_file_is_told_and_rejected(tmp_path: Path) -> None:
    write(tmp_path, *(request(span(trace_id(n), n)) for n in range(1, 50)), name="a.jsonl.gz")
    whole = tmp_path.joinpath("a.jsonl.gz").read_bytes()
    tmp_path.joinpath("a.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    events = read_set(tmp_path)
    assert events.torn_files and events.rejected["torn_file"] == 1


# ---------------------------------------------------------------- logs


def test_cri_parts_of_a_stream_are_one_record(tmp_path: Path) -> None:
    time = "2024-01-01T12:00:0{}.000000001Z"
    write_pod_log(
        tmp_path,
        f"{time.format(0)} stdout P ERROR TraceID: {trace_id(1)[:10]}",
        f"{time.format(1)} stderr F INFO between",
        f"{time.format(2)} stdout P:TAG:X {trace_id(1)[10:]} ",
        f"{time.format(3)} stdout F SpanID: {span_id(7)} done",
        f"{time.format(4)} stdout F",
        "no line of any runtime",
        f"{time.format(5)} stdout P never ended",
    )
    events = read_set(tmp_path)
    assert events.rejected == {"unparseable_line": 1}
    logs = sorted(events.logs(), key=lambda record: record.time_ns)
    assert [(r.trace_id, r.span_id, r.time_ns - NOON, r.severity_number) for r in logs] == [
        (trace_id(1), span_id(7), 1, 17),
        (None, None, SECOND + 1, 9),
        (None, None, 4 * SECOND + 1, 0),
        (None, None, 5 * SECOND + 1, 0),
    ]


def test_ids_and_levels_come_out_of_pod_logs(tmp_path: Path) -> None:
    upper = trace_id(0xAB).upper()
    texts = [
        f"12:00:00.000 ERROR a.b.C#1 TraceID: {upper} SpanID: {span_id(1)} boom",
        json.dumps({"traceId": upper, "dd": {"span_id": span_id(1)}, "level": "error"}),
        json.dumps({"message": f"TraceID: {upper} SpanID: {span_id(1)} x", "severity": "panic"}),
        json.dumps({"message": f"FATAL trace_id={upper} span_id={span_id(1)}"}),
        f"CRITICAL parent_span_id={span_id(9)} span_id={span_id(1)} trace_id={upper}",
    ]
    write_pod_log(tmp_path, *map(docker, texts))
    logs = read_set(tmp_path).logs()
    assert {(r.trace_id, r.span_id) for r in logs} == {(trace_id(0xAB), span_id(1))}
    assert [r.severity_number for r in logs] == [17, 17, 21, 21, 21]


def test_same_log_record_is_same_source_time_ids_and_text(tmp_path: Path) -> None:
    line = docker("INFO once")
    write_pod_log(tmp_path, line, line, docker("INFO once", "2024-01-01T12:00:00.500000001Z"))
    write_pod_log(tmp_path, line, line[:-1], pod="pay-7d9f8b6c5d-zzzzz")
    log = {"timeUnixNano": str(NOON), "severityNumber": 9, "body": {"stringValue": "b"}}
    worse = {**log, "severityNumber": "SEVERITY_NUMBER_ERROR2"}
    with_uid = [
        {**log, "body": {"stringValue": text}, "attributes": [attribute("log.record.uid", "u")]}
        for text in "xy"
    ]
    write(
        tmp_path,
        log_request(log, worse, *with_uid, **{"service.name": "shop"}),
        log_request(log, **{"service.name": "other"}),
    )
    reading = read(tmp_path)
    assert raw_figures(reading)["rejected_invalid_json"] == 1
    assert (reading.events.log_records, len(reading.logs)) == (9, 6)
    assert sum(record.is_error for record in reading.logs) == 1


# ---------------------------------------------------------------- meaning


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": {"code": 2}}, True),
        ({"status": {"code": 1}, "attributes": [attribute("error", True)]}, False),
        ({"attributes": [attribute("error", True)]}, True),
        ({"attributes": [attribute("error", "false")]}, False),
        ({"attributes": [attribute("http.status_code", "404")], "kind": 2}, False),
        ({"attributes": [attribute("http.status_code", "404")], "kind": 3}, True),
        ({"attributes": [attribute("http.response.status_code", "503")]}, True),
        ({"attributes": [attribute("rpc.grpc.status_code", "5")], "kind": 2}, False),
        ({"attributes": [attribute("rpc.grpc.status_code", "5")], "kind": 3}, True),
        ({"attributes": [attribute("rpc.grpc.status_code", "14")], "kind": 2}, True),
        ({"attributes": [attribute("rpc.grpc.status_code", "UNAVAILABLE")], "kind": 2}, True),
        ({"attributes": [attribute("rpc.response.status_code", "unavailable")]}, True),
        ({"attributes": [attribute("rpc.response.status_code", "NOT_FOUND")], "kind": 2}, False),
        ({"attributes": [attribute("rpc.response.status_code", "NOT_FOUND")], "kind": 3}, True),
        ({"attributes": [attribute("rpc.response.status_code", "OK")], "kind": 3}, False),
        ({"attributes": [attribute("rpc.response.status_code", "-32601")], "kind": 3}, False),
    ],
)
def test_what_an_error_span_is(tmp_path: Path, changes: dict[str, Any], expected: bool) -> None:
    (found,) = read(write(tmp_path, request(span(trace_id(1), 1, **changes)))).spans
    assert found.is_error is expected


def test_red_spans_are_judged_span_by_span(tmp_path: Path) -> None:
    trace = trace_id(1)
    write(
        tmp_path,
        request(
            span(trace, 1),
            span(trace, 2, 1),
            span(trace, 3, 99),
            span(trace, 4, kind=1),
            span(trace, 5, 2, kind=5),
            span(trace, 6, 2, kind=3),
            span("", 7, 1),
        ),
        request(span(trace, 8, 2), span(trace, 9, 8), service="other"),
    )
    requests = {s.span_id for s in read(tmp_path).spans if s.is_request}
    assert requests == {span_id(number) for number in (1, 3, 5, 7, 8)}


def test_exactly_1000_ms_is_not_slow(tmp_path: Path) -> None:
    write(
        tmp_path,
        request(span(trace_id(1), 1, duration=SECOND)),
        request(span(trace_id(2), 1, duration=SECOND + 1)),
        request(
            span(trace_id(3), 1, 99, duration=SECOND),
            span(trace_id(3), 2, 99, start=NOON + 1, duration=SECOND),
        ),
        request(span(trace_id(4), 1), span(trace_id(4), 2, 1, duration=9 * SECOND)),
        log_request(
            *(
                {"traceId": trace_id(5), "timeUnixNano": str(NOON + t), "severityNumber": 9}
                for t in (0, SECOND + 1)
            )
        ),
    )
    reading = read(tmp_path)
    classes = {int(k[:18], 16): t.sample_class for k, t in reading.traces.items()}
    assert classes == {1: "normal", 2: "slow", 3: "slow", 4: "normal", 5: "slow"}
    assert raw_figures(reading)["slow_requests"] == 1


@pytest.mark.parametrize(
    ("randomness", "duration", "state", "kept"),
    [
        ("fd70a400000000", 1, "", True),
        ("fd70a3ffffffff", 1, "", False),
        ("80000000000000", 2 * SECOND, "", True),
        ("7fffffffffffff", 2 * SECOND, "", False),
        (KEPT, 1, f"ot=rv:{DROPPED}", False),
        (DROPPED, 1, f"ot=rv:{KEPT}", True),
        (DROPPED, 1, f"ot=rv:{KEPT.upper()}", False),
    ],
)
def test_the_verdict_is_a_function_of_randomness_and_class(
    tmp_path: Path, randomness: str, duration: int, state: str, kept: bool
) -> None:
    one = span(trace_id(1, randomness), 1, duration=duration, traceState=state)
    (trace,) = read(write(tmp_path, request(one))).traces.values()
    assert trace.is_kept is kept


def test_spans_that_disagree_take_the_smallest_rv(tmp_path: Path) -> None:
    high, low = (f"ot=rv:{digits}" for digits in (KEPT, DROPPED))
    one, two = span(trace_id(1), 1, traceState=high), span(trace_id(1), 2, 1, traceState=low)
    (trace,) = read(write(tmp_path, request(one, two))).traces.values()
    assert not trace.is_kept


def test_an_error_log_of_the_root_makes_its_trace_fatal(tmp_path: Path) -> None:
    for number, failing in ((1, 1), (2, 2), (3, 77)):
        trace = trace_id(number)
        write(tmp_path, request(span(trace, 1), span(trace, 2, 1)), name=f"{number}.json")
        text = f"ERROR TraceID: {trace} SpanID: {span_id(failing)} x"
        write_pod_log(tmp_path, docker(text), pod=f"pay-{number}")
    traces = read(tmp_path).traces
    assert [traces[trace_id(n)].is_fatal for n in (1, 2, 3)] == [True, False, False]
    assert {t.sample_class for t in traces.values()} == {"error"}
    assert all(t.is_kept for t in traces.values())


def test_an_error_log_counts_in_its_spans_window_and_service(tmp_path: Path) -> None:
    write(tmp_path, request(span(trace_id(1), 1, start=NOON - 1)))
    write_pod_log(
        tmp_path,
        docker(f"ERROR TraceID: {trace_id(1)} SpanID: {span_id(1)} x"),
        docker("ERROR without a span"),
    )
    minute = NOON // (60 * SECOND)
    found = {k: w.error_log_count for k, w in read(tmp_path).windows.items()}
    assert found == {(minute - 1, "shop"): 1, (minute, "pay"): 1}


# ---------------------------------------------------------------- what errors say


def exception(*values: str | None) -> dict[str, Any]:
    names = ("exception.type", "exception.message", "exception.stacktrace")
    told = [attribute(n, v) for n, v in zip(names, values, strict=False) if v is not None]
    return {"name": "exception", "attributes": told}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (None, None, None)),
        ({"status": {"code": 2, "message": "refused"}}, (None, "refused", None)),
        ({"status": {"code": 2, "message": ""}}, (None, None, None)),
        (
            {
                "events": [exception("First", "one", "at a"), {"name": "x"}, exception("Last")],
                "status": {"code": 2, "message": "refused"},
            },
            ("Last", "refused", None),
        ),
        (
            {
                "events": [exception(None, "told")],
                "attributes": exception("Stated", "not told", "at b")["attributes"],
            },
            ("Stated", "told", "at b"),
        ),
        ({"attributes": [attribute("error.type", "timeout")]}, ("timeout", None, None)),
        ({"attributes": [attribute("http.status_code", "503")]}, ("503", None, None)),
        ({"attributes": [attribute("rpc.grpc.status_code", "DATA_LOSS")]}, ("15", None, None)),
        ({"status": {"code": 2, "message": "a\0b\ud800"}}, (None, "a\ufffdb\ufffd", None)),
    ],
)
def test_what_an_error_span_says(
    tmp_path: Path, changes: dict[str, Any], expected: tuple[str | None, ...]
) -> None:
    one = span(trace_id(1), 1, **{"status": {"code": 2}, **changes})
    (found,) = read(write(tmp_path, request(one))).spans
    assert found.failures == {expected}


def test_each_distinct_error_of_any_version_stays(tmp_path: Path) -> None:
    told = [{"code": 2, "message": text} for text in ("a", "b", "a")]
    versions = [span(trace_id(1), 1, status=s, duration=n) for n, s in enumerate(told)]
    fine = span(trace_id(1), 1, status={"code": 1, "message": "c"}, duration=9)
    (found,) = read(write(tmp_path, request(*versions, fine))).spans
    assert {failure.error_message for failure in found.failures} == {"a", "b"}


def test_what_an_error_log_says(tmp_path: Path) -> None:
    text = "ERROR žluťoučký " + "kůň " * 50
    cut = len(text.encode()[:21].decode("utf-8", "ignore").encode()) + 1  # inside a character
    raw = text.encode()
    assert raw[:cut].decode("utf-8", "replace").endswith("\ufffd")
    folder = tmp_path / "pods" / "prod_pay-1_0b1c" / "server"
    folder.mkdir(parents=True)
    folder.joinpath("0.log").write_bytes(
        b"2024-01-01T12:00:00Z stdout P " + raw[:cut] + b"\n"
        b"2024-01-01T12:00:00Z stdout F " + raw[cut:] + b"\n"
        b"2024-01-01T12:00:01Z stdout F ERROR \xff\x00\n"
    )
    cut_character, no_text = (r.messages for r in read_set(tmp_path).logs())
    assert {message.text for message in cut_character} == {messages.short_form(text)}
    assert {message.text for message in no_text} == {"ERROR \ufffd\ufffd"}


def test_a_short_form_is_equal_for_equal_texts_alone() -> None:
    long = "x" * 5000
    forms = {messages.short_form(text) for text in (long, long + "y", long[:-1] + "y", long[1:])}
    assert len(forms) == 4 and all(len(form or "") <= 160 for form in forms)
    assert messages.short_form("x" * 160) == "x" * 160
    assert messages.short_form(None) is None


@pytest.mark.parametrize(
    ("body", "lake_text", "expected"),
    [
        ({"stringValue": "boom"}, "boom", True),
        ({"stringValue": "boom"}, "boom ", False),
        ({"stringValue": '{"b": 1}'}, '{"b":1}', False),
        ({"intValue": "5"}, "5", True),
        ({"boolValue": True}, "true", True),
        (None, "", True),
        (None, None, False),
        (
            {
                "kvlistValue": {
                    "values": [
                        {"key": "b", "value": {"doubleValue": 2.0}},
                        {"key": "a", "value": {"arrayValue": {"values": [{"stringValue": "c"}]}}},
                    ]
                }
            },
            '{"a":["c"],"b":2}',
            True,
        ),
        ({"arrayValue": {"values": [{"intValue": "1"}]}}, "[2]", False),
    ],
)
def test_a_body_is_compared_as_its_text(
    tmp_path: Path, body: Any, lake_text: str | None, expected: bool
) -> None:
    log = {"timeUnixNano": str(NOON), "severityNumber": 17, "body": body}
    (record,) = read_set(write(tmp_path, log_request(log))).logs()
    (stated,) = record.messages
    silent = messages.Failure(None, None, None)
    short = messages.short_form(lake_text), messages.short_json(lake_text)
    assert stated.is_told_by(messages.Message(*short, silent)) is expected


def test_an_exception_that_a_log_states_is_compared(tmp_path: Path) -> None:
    log = {"timeUnixNano": str(NOON), "severityNumber": 17, "body": {"stringValue": "boom"}}
    log["attributes"] = exception("Boom", None, "at a")["attributes"]
    (record,) = read_set(write(tmp_path, log_request(log))).logs()
    (stated,) = record.messages
    for told, expected in (("Boom", "any", "at a"), True), (("Boom", "any", None), False):
        assert (
            stated.is_told_by(messages.Message("boom", None, messages.Failure(*told))) is expected
        )


def test_versions_of_a_log_that_tie_may_say_either(tmp_path: Path) -> None:
    uid = [attribute("log.record.uid", "u")]
    versions = [
        {"timeUnixNano": str(NOON), "severityNumber": n, "body": {"stringValue": t}}
        for n, t in ((17, "less"), (18, "a"), (18, "b"))
    ]
    write(tmp_path, log_request(*({**v, "attributes": uid} for v in versions)))
    (record,) = read_set(tmp_path).logs()
    assert {message.text for message in record.messages} == {"a", "b"}


def test_calls_follow_parents_shared_ids_links_and_peers(tmp_path: Path) -> None:
    one, two = trace_id(1), trace_id(2)
    client, server, producer, consumer, internal = 3, 2, 4, 5, 1
    kafka = [attribute("messaging.system", "kafka")]
    bank = [attribute("net.peer.name", "bank")]
    write(
        tmp_path,
        request(
            span(one, 1, kind=server),
            span(one, 2, 1, kind=client, status={"code": 2}, duration=3),
            span(one, 3, 2, kind=internal),
            span(one, 9, 1, kind=client, attributes=bank),
            span(two, 1, kind=producer, attributes=kafka),
        ),
        request(
            span(one, 4, 3, kind=server, duration=2),
            span(one, 5, 4, kind=internal),
            span(one, 6, 6, kind=server),
            service="pay",
        ),
        request(span(one, 7, 5, kind=server), service="ledger"),
        request(
            span(two, 2, kind=consumer, links=[
                {"traceId": two, "spanId": span_id(1)}, {"traceId": one, "spanId": span_id(8)},
            ]),
            service="mail",
        ),
    )  # fmt: skip
    calls = calls_of({t.trace_id: t.spans for t in read(tmp_path).traces.values()})
    told = {
        (c.source_service, c.target_service, c.source_span_id and int(c.source_span_id, 16),
         c.is_error, c.client_missing, c.is_linked, c.target_type)
        for c in calls
    }  # fmt: skip
    assert told == {
        ("external", "shop", None, False, False, False, "service"),
        ("shop", "pay", 2, True, False, False, "service"),
        ("shop", "bank", 9, False, False, False, "external"),
        ("pay", "ledger", 5, False, True, False, "service"),
        ("shop", "kafka", 1, False, False, False, "queue"),
        ("shop", "mail", 1, False, False, True, "service"),
        ("unknown_service", "mail", 8, False, True, True, "service"),
    }


# ---------------------------------------------------------------- against a lake


@pytest.fixture
def raw_set(tmp_path: Path) -> Path:
    """A slow kept, a normal dropped and two error traces, and events without ids."""
    folder = tmp_path / "raw"
    slow, normal, failed, logged = (
        trace_id(n, r) for n, r in ((1, KEPT), (2, DROPPED), (3, DROPPED), (4, DROPPED))
    )
    write(
        folder,
        request(span(slow, 1, duration=2 * SECOND), span(slow, 2, 1), span("", 3)),
        request(span(normal, 1), span(normal, 1)),
        request(
            span(failed, 1),
            span(failed, 2, 1, status={"code": 2, "message": "refused"}),
            span(failed, 2, 1, status={"code": 2, "message": "timeout"}),
            service="cart",
        ),
        request(span(logged, 1, start=NOON + 60 * SECOND)),
        "{torn",
    )
    return write_pod_log(
        folder,
        docker(f"ERROR TraceID: {logged} SpanID: {span_id(1)} boom"),
        docker("INFO nothing"),
    )


def moment(time_ns: int) -> pa.Scalar:
    return pa.scalar(time_ns // 1000, pa.timestamp("us", tz="UTC"))


def lake_rows(reading: Reading) -> dict[str, list[dict[str, Any]]]:
    """The rows that a right pipeline would build; one Bronze row per event, and one for torn."""
    spans = [
        {
            "trace_id": s.trace_id, "span_id": s.span_id, "service": s.service,
            "started_at": moment(s.start_ns), "is_error": s.is_error,
            "parent_span_id": s.parent_span_id, "latency_ms": s.latency_ns / 1e6,
            "start_time_unix_nano": s.start_ns, "end_time_unix_nano": s.end_ns,
        }
        for s in reading.spans
    ]  # fmt: skip
    logs = [
        {
            "trace_id": r.trace_id, "span_id": r.span_id, "logged_at": moment(r.time_ns),
            "severity_number": r.severity_number or None,
            "time_unix_nano": r.time_ns, "observed_time_unix_nano": r.time_ns,
        }
        for r in reading.logs
    ]  # fmt: skip
    traces = [
        {
            "trace_id": t.trace_id, "sample_class": t.sample_class, "is_kept": t.is_kept,
            "is_fatal": t.is_fatal, "sampling_threshold": t.threshold, "sample_weight": t.weight,
            "span_count": len(t.spans), "latency_ms": t.latency_ns / 1e6,
            "root_count": found.root_count, "orphan_count": found.orphan_count,
            "cyclic_span_count": found.cyclic_span_count, "is_complete": found.is_complete,
            "event_dates": found.dates,
        }
        for t in reading.traces.values()
        for found in (completeness_of(t),)
    ]  # fmt: skip
    calls = [
        {
            **dataclasses.asdict(call), "latency_ms": call.latency_ns / 1e6,
        }
        for call in calls_of({t.trace_id: t.spans for t in reading.traces.values()})
    ]  # fmt: skip
    kept = {t.trace_id for t in reading.traces.values() if t.is_kept}
    errors = [
        {
            **row, "event_type": "span", "occurred_at": row["started_at"], "body": None,
            **failure._asdict(),
        }
        for row, s in zip(spans, reading.spans, strict=True)
        for failure in s.failures
    ] + [
        {
            **row, "event_type": "log", "occurred_at": row["logged_at"], "service": "shop",
            "error_type": None, "error_message": message.text, "error_stack": None,
            "body": message.text,
        }
        for row, r in zip(logs, reading.logs, strict=True)
        for message in r.messages
    ]  # fmt: skip
    minutes = [
        {
            "window_start": moment(minute * 60 * SECOND), "service": service, "endpoint": name,
            "request_count": len(latencies), "error_count": 0, "slow_count": 0,
            "error_log_count": 0, "p50_latency_ms": median_of(latencies) / 1e6,
        }
        for (minute, service, name), latencies in reading.latencies.items()
    ]  # fmt: skip
    for (minute, service), counts in reading.windows.items():
        start = moment(minute * 60 * SECOND)
        row = next(m for m in minutes if (m["window_start"], m["service"]) == (start, service))
        row["error_count"], row["slow_count"] = counts.error_count, counts.slow_count
        row["error_log_count"] = counts.error_log_count
    return {
        "bronze.spans": [
            *spans,
            *(s for s in spans if s["trace_id"] == trace_id(2) or s["is_error"]),
        ],
        "bronze.log_records": logs,
        "bronze.rejected_records": [{"reason": "invalid_json"}],
        "silver.spans": spans,
        "silver.log_records": logs,
        "silver.traces": traces,
        "silver.service_calls": calls,
        "silver.error_events": errors,
        "gold.error_events": errors,
        "gold.sampled_spans": [row for row in spans if row["trace_id"] in kept],
        "gold.endpoint_minutes": minutes,
        "gold.incident_paths": [
            row for trace in reading.traces.values() for row in path_rows(trace)
        ],
    }


def path_rows(trace: Trace) -> list[dict[str, Any]]:
    """The rows of a trace in `gold.incident_paths`."""
    forest = forest_of(trace.spans)
    critical = [
        {
            "span_id": step.span.span_id, "service": step.span.service,
            "endpoint": step.span.name, "added_ms": step.added_ns / 1e6,
        }
        for step in critical_path_of(forest)
    ]  # fmt: skip
    return [
        {
            "trace_id": path.trace_id, "path_rank": path.path_rank, "service": path.origin.service,
            "endpoint": path.origin.operation, "span_id": path.origin.span_id,
            "service_path": path.service_path, "steps": list(map(step_row, path.steps)),
            "marks": path.marks, "is_fatal": path.is_fatal, "step_count": path.depth,
            "critical_path": critical if path.path_rank == 1 else None,
        }
        for path in paths_of(trace, forest)
    ]  # fmt: skip


def step_row(step: Step) -> dict[str, Any]:
    return {
        "span_id": step.span_id, "parent_span_id": step.parent_span_id, "service": step.service,
        "endpoint": step.operation, "operation": step.operation, "kind": step.kind,
        "latency_ms": None if step.latency_ns is None else step.latency_ns / 1e6,
        "status_code": step.status_code, "is_error": step.is_error,
        "error_message": max(step.messages, default=None),
    }  # fmt: skip


def as_table(rows: list[dict[str, Any]]) -> pa.Table:
    plain = [
        {k: v.as_py() if isinstance(v, pa.Scalar) else v for k, v in row.items()} for row in rows
    ]
    found = pa.Table.from_pylist(plain).schema
    return pa.Table.from_pylist(plain, pa.schema([(c.name, known(c.type)) for c in found]))


def known(kind: pa.DataType) -> pa.DataType:
    """A type with text where no value told one."""
    if pa.types.is_list(kind):
        return pa.list_(known(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, known(field.type)) for field in kind])
    return pa.string() if pa.types.is_null(kind) else kind


@pytest.fixture
def lake(tmp_path: Path, raw_set: Path) -> Path:
    folder = tmp_path / "lake"
    for name, rows in lake_rows(read(raw_set)).items():
        write_deltalake(str(folder.joinpath(*name.split("."))), as_table(rows))
    return folder


def delete(lake: Path, table: str, where: str) -> None:
    path = lake.joinpath(*table.split("."))
    assert DeltaTable(str(path)).delete(where)["num_deleted_rows"] == 1


def run(*words: object) -> int:
    parser = argparse.ArgumentParser()
    validation.add_arguments(parser)
    return validation.run(parser.parse_args([str(word) for word in words]))


def test_an_equal_lake_is_equal(
    raw_set: Path, lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = compare(read(raw_set), Lake(lake))
    assert [f for f in result.figures if not f.is_equal] == []
    assert [d for d in result.differences if d.count] == []
    figures = {f.name: f.lake for f in result.figures}
    assert figures["gold.sampled_spans: error traces kept whole"] == 2
    assert figures["gold.endpoint_minutes: of these p50 compared"] == 4
    allowed = "gold.incident_paths: incident paths that raw data allows that are in gold"
    assert figures[allowed] == figures["gold.incident_paths: incident paths"] == 2
    assert run(raw_set, "--lake", lake) == 0
    assert capsys.readouterr().out.endswith("equal\n")


@pytest.mark.parametrize(
    ("table", "where"),
    [
        ("bronze.spans", "trace_id is null"),
        ("bronze.log_records", "trace_id is null"),
        ("bronze.rejected_records", "reason = 'invalid_json'"),
        ("silver.spans", "trace_id is null"),
        ("silver.log_records", "trace_id is null"),
        ("silver.traces", f"trace_id = '{trace_id(2)}'"),
        ("silver.service_calls", f"trace_id = '{trace_id(2)}'"),
        ("silver.error_events", "event_type = 'log'"),
        ("gold.error_events", "event_type = 'log'"),
        ("gold.error_events", "error_message = 'timeout'"),
        ("gold.sampled_spans", f"trace_id = '{trace_id(3)}' and parent_span_id is not null"),
        ("gold.endpoint_minutes", "error_log_count = 1"),
        ("gold.incident_paths", f"trace_id = '{trace_id(3)}'"),
    ],
)
def test_a_row_taken_away_is_found(
    raw_set: Path, lake: Path, table: str, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    delete(lake, table, where)
    assert run(raw_set, "--lake", lake, "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert not told["is_equal"]
    unequal = [f["name"] for f in told["figures"] if not f["is_equal"]]
    assert unequal and all(name.startswith(table) for name in unequal)


@pytest.mark.parametrize(
    ("table", "where", "missing"),
    [
        ("silver.spans", "trace_id is null", span_id(3)),
        ("silver.traces", f"trace_id = '{trace_id(2)}'", trace_id(2)),
        ("gold.error_events", "error_message = 'timeout'", "timeout"),
        ("gold.error_events", "event_type = 'log'", "boom"),
        ("gold.sampled_spans", f"span_id = '{span_id(2)}' and not is_error", trace_id(1, KEPT)),
        ("gold.incident_paths", "step_count = 2", trace_id(3)),
    ],
)
def test_a_missing_row_is_listed(
    raw_set: Path,
    lake: Path,
    table: str,
    where: str,
    missing: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    delete(lake, table, where)
    assert run(raw_set, "--lake", lake) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "DIFFERENT"
    assert [line for line in lines if line.startswith(table) and line.endswith("NO")]
    title = next(n for n, line in enumerate(lines) if f"1 differences in {table}" in line)
    assert "only in the raw files" in lines[title + 1] and missing in lines[title + 1]


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("silver.error_events", {"error_message": "concat(error_message, '!')"}),
        ("gold.error_events", {"error_type": "'Guess'"}),
        ("silver.spans", {"latency_ms": "latency_ms + 0.00001"}),
        ("silver.spans", {"parent_span_id": f"'{span_id(5)}'"}),
        ("silver.traces", {"sample_weight": "sample_weight * 1.001"}),
        ("silver.traces", {"is_fatal": "not is_fatal"}),
        ("silver.traces", {"orphan_count": "orphan_count + 1"}),
        ("silver.service_calls", {"source_service": "'guess'"}),
        ("gold.endpoint_minutes", {"p50_latency_ms": "p50_latency_ms + 1"}),
        ("gold.incident_paths", {"is_fatal": "not is_fatal"}),
        ("gold.incident_paths", {"service": "'guess'"}),
        ("gold.incident_paths", {"step_count": "step_count + 1"}),
    ],
)
def test_a_changed_value_is_found(
    raw_set: Path, lake: Path, table: str, change: dict[str, str]
) -> None:
    DeltaTable(str(lake.joinpath(*table.split(".")))).update(updates=change)
    result = compare(read(raw_set), Lake(lake))
    (difference,) = [d for d in result.differences if d.count]
    assert difference.name.startswith(table) and difference.differing == difference.count
    assert 1 <= len(difference.examples) <= 5


@pytest.mark.parametrize(
    ("column", "change", "name"),
    [
        ("steps", {"latency_ms": 7.0}, "origin"),
        ("steps", {"operation": "other"}, "origin"),
        ("steps", {"service": "other"}, "origin"),
        ("steps", {"parent_span_id": span_id(9)}, "origin"),
        ("steps", {"status_code": "Ok"}, "origin"),
        ("steps", {"kind": "client"}, "origin"),
        ("steps", {"is_error": False}, "origin"),
        ("steps", {"error_message": "other"}, "origin"),
        ("critical_path", {"added_ms": 0.5}, "critical path"),
        ("critical_path", {"span_id": span_id(9)}, "critical path"),
    ],
)
def test_a_changed_step_is_found(
    raw_set: Path, lake: Path, column: str, change: dict[str, Any], name: str
) -> None:
    rows = lake_rows(read(raw_set))["gold.incident_paths"]
    row = next(row for row in rows if row["step_count"] == 2)
    row[column] = [*row[column][:-1], {**row[column][-1], **change}]
    replace_paths(lake, rows)
    result = compare(read(raw_set), Lake(lake))
    (difference,) = [d for d in result.differences if d.count]
    assert name in difference.name and difference.differing == 1


def replace_paths(lake: Path, rows: list[dict[str, Any]]) -> None:
    target = str(lake / "gold" / "incident_paths")
    write_deltalake(target, as_table(rows), mode="overwrite", schema_mode="overwrite")


def test_a_wrong_path_is_no_allowed_path(raw_set: Path, lake: Path) -> None:
    rows = lake_rows(read(raw_set))["gold.incident_paths"]
    rows[0]["marks"] = ["cycle"]
    replace_paths(lake, rows)
    figures = {f.name: f for f in compare(read(raw_set), Lake(lake)).figures if not f.is_equal}
    (found,) = figures.values()
    assert found.name.endswith("that are in gold") and (found.raw, found.lake) == (2, 1)


def test_any_message_of_an_error_span_may_stand_in_its_path(raw_set: Path, lake: Path) -> None:
    rows = lake_rows(read(raw_set))["gold.incident_paths"]
    assert [row["steps"][-1]["error_message"] for row in rows] == ["timeout", None]
    rows[0]["steps"][-1]["error_message"] = "refused"
    rows[1]["steps"][-1]["error_message"] = "what its log says"
    replace_paths(lake, rows)
    assert compare(read(raw_set), Lake(lake)).is_equal


def test_paths_that_tie_may_have_either_rank(tmp_path: Path, raw_set: Path) -> None:
    tied, failed = trace_id(9), {"code": 2}
    write(raw_set, request(span(tied, 1)), name="root.jsonl")
    for service in ("a", "b"):
        one = span(tied, 2, 1, status=failed)
        write(raw_set, request(one, service=service), name=f"{service}.jsonl")
    write(raw_set, request(span(tied, 3, 1, status=failed)), name="c.jsonl")
    folder = tmp_path / "tied"
    for name, rows in lake_rows(read(raw_set)).items():
        write_deltalake(str(folder.joinpath(*name.split("."))), as_table(rows))
    rows = lake_rows(read(raw_set))["gold.incident_paths"]
    first, second, third = sorted(
        (row for row in rows if row["trace_id"] == tied), key=lambda row: row["path_rank"]
    )
    critical = first["critical_path"]
    for one, other, is_equal in ((first, second, True), (second, third, False)):
        one["path_rank"], other["path_rank"] = other["path_rank"], one["path_rank"]
        for row in (first, second, third):
            row["critical_path"] = critical if row["path_rank"] == 1 else None
        replace_paths(folder, rows)
        result = compare(read(raw_set), Lake(folder))
        told = [d.count for d in result.differences if "incident" in d.name]
        assert (not any(told)) is is_equal


def test_a_lake_without_paths_or_their_fields_is_an_error(raw_set: Path, lake: Path) -> None:
    rows = lake_rows(read(raw_set))["gold.incident_paths"]
    for row in rows:
        row["steps"] = [{k: v for k, v in s.items() if k != "operation"} for s in row["steps"]]
    replace_paths(lake, rows)
    with pytest.raises(LakeError, match=r"gold\.incident_paths\.steps\.operation"):
        Lake(lake)
    shutil.rmtree(lake / "gold" / "incident_paths")
    with pytest.raises(LakeError, match=r"no table gold\.incident_paths"):
        Lake(lake)


def test_a_dropped_trace_in_the_sample_is_found(raw_set: Path, lake: Path) -> None:
    rows = lake_rows(read(raw_set))["silver.spans"]
    stranger = [row for row in rows if row["trace_id"] == trace_id(2)]
    target = str(lake / "gold" / "sampled_spans")
    write_deltalake(target, as_table(stranger), mode="append", schema_mode="merge")
    result = compare(read(raw_set), Lake(lake))
    (difference,) = [d for d in result.differences if d.count]
    assert difference.only_lake == 1


def test_nothing_to_compare_is_an_error(
    tmp_path: Path, raw_set: Path, lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run(tmp_path / "none", "--raw-only") == 2
    assert run(empty, "--lake", lake) == 2
    assert run(raw_set, "--lake", tmp_path / "none") == 2
    assert run(raw_set, "--lake", empty) == 2
    assert "no table bronze.spans" in capsys.readouterr().err
    write_deltalake(
        str(lake / "silver" / "traces"),
        as_table([{"trace_id": "a"}]),
        mode="overwrite",
        schema_mode="overwrite",
    )
    with pytest.raises(LakeError, match=r"silver\.traces\.sample_class"):
        Lake(lake)


def test_raw_only_prints_figures_alone(raw_set: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(raw_set, "--raw-only", "--json") == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["span_records"], figures["spans"], figures["traces"]) == (9, 7, 4)
    assert (figures["error_traces"], figures["kept_traces"], figures["error_logs"]) == (2, 3, 1)


@pytest.mark.parametrize(
    ("told", "stated", "expected"),
    [
        ("login [email] failed", "login ann@example.com failed", True),
        ("login [email] failed", "login ann@example.com worked", False),
        ("token=[token]&a=1", "token=abc&a=1", True),
        ("[warning] x", "y x", False),
        ("same", "same", True),
        (None, "x", False),
        ("[email]", None, False),
    ],
)
def test_a_masked_text_says_the_rest(told: str | None, stated: str | None, expected: bool) -> None:
    from tracekeep.validation.messages import is_masked

    assert is_masked(told, stated) is expected
