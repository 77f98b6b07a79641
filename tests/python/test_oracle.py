"""The independent reading of raw files, and that its comparison finds what differs."""

from __future__ import annotations

import argparse
import base64
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable, write_deltalake
from raw_sets import (
    DROPPED,
    KEPT,
    NOON,
    SECOND,
    attribute,
    docker,
    log_request,
    read,
    request,
    span,
    span_id,
    trace_id,
    write,
    write_pod_log,
)
from right_lakes import as_table, build_lake, lake_rows, replace

import oracle
from oracle import fields, messages
from oracle.calls import calls_of
from oracle.comparison import compare
from oracle.lake_reading import Lake, LakeError
from oracle.raw_reading import read_set
from oracle.verdicts import (
    raw_figures,
    sample_weight,
)

# ---------------------------------------------------------------- single values


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ABCDEF0123456789ABCDEF0123456789", "abcdef0123456789abcdef0123456789"),
        (base64.b64encode(bytes(range(16))).decode(), bytes(range(16)).hex()),
        (base64.b64encode(bytes(range(16))).decode().rstrip("="), bytes(range(16)).hex()),
        ("0" * 32, None),
        (base64.b64encode(bytes(16)).decode(), None),
        ("abcdef0123456789", "0000000000000000abcdef0123456789"),
        ("abcdef012345678", None),
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


def test_weight() -> None:
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


@pytest.fixture
def lake(tmp_path: Path, raw_set: Path) -> Path:
    return build_lake(tmp_path / "lake", lake_rows(read(raw_set)))


def delete(lake: Path, table: str, where: str) -> None:
    path = lake.joinpath(*table.split("."))
    assert DeltaTable(str(path)).delete(where)["num_deleted_rows"] == 1


def run(*words: object) -> int:
    parser = argparse.ArgumentParser()
    oracle.add_arguments(parser)
    return oracle.run(parser.parse_args([str(word) for word in words]))


def test_an_equal_lake_is_equal(
    raw_set: Path, lake: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = compare(read(raw_set), Lake(lake))
    assert [f for f in result.figures if not f.is_equal] == []
    assert [d for d in result.differences if d.count] == []
    figures = {f.name: f.lake for f in result.figures}
    assert figures["gold.sampled_spans: error traces kept whole"] == 2
    assert figures["gold.endpoint_minutes: of these exact percentiles compared"] == 4
    assert figures["gold.endpoint_hours: of these histograms compared"] == 3
    assert figures["gold.sampled_log_records: error traces with all logs"] == 1
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
    assert unequal and all(table in name for name in unequal)


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
    replace(lake, "gold.incident_paths", rows)
    result = compare(read(raw_set), Lake(lake))
    (difference,) = [d for d in result.differences if d.count and "against" not in d.name]
    assert name in difference.name and difference.differing == 1


def test_a_wrong_path_is_no_allowed_path(raw_set: Path, lake: Path) -> None:
    rows = lake_rows(read(raw_set))["gold.incident_paths"]
    rows[0]["marks"] = ["cycle"]
    replace(lake, "gold.incident_paths", rows)
    figures = {f.name: f for f in compare(read(raw_set), Lake(lake)).figures if not f.is_equal}
    (found,) = figures.values()
    assert found.name.endswith("that are in gold") and (found.raw, found.lake) == (2, 1)


def test_any_message_of_an_error_span_may_stand_in_its_path(raw_set: Path, lake: Path) -> None:
    rows = lake_rows(read(raw_set))["gold.incident_paths"]
    assert [row["steps"][-1]["error_message"] for row in rows] == ["timeout", None]
    rows[0]["steps"][-1]["error_message"] = "refused"
    rows[1]["steps"][-1]["error_message"] = "what its log says"
    replace(lake, "gold.incident_paths", rows)
    assert compare(read(raw_set), Lake(lake)).is_equal


def test_paths_that_tie_may_have_either_rank(tmp_path: Path, raw_set: Path) -> None:
    tied, failed = trace_id(9), {"code": 2}
    write(raw_set, request(span(tied, 1)), name="root.jsonl")
    for service in ("a", "b"):
        one = span(tied, 2, 1, status=failed)
        write(raw_set, request(one, service=service), name=f"{service}.jsonl")
    write(raw_set, request(span(tied, 3, 1, status=failed)), name="c.jsonl")
    folder = build_lake(tmp_path / "tied", lake_rows(read(raw_set)))
    rows = lake_rows(read(raw_set))["gold.incident_paths"]
    first, second, third = sorted(
        (row for row in rows if row["trace_id"] == tied), key=lambda row: row["path_rank"]
    )
    critical = first["critical_path"]
    for one, other, is_equal in ((first, second, True), (second, third, False)):
        one["path_rank"], other["path_rank"] = other["path_rank"], one["path_rank"]
        for row in (first, second, third):
            row["critical_path"] = critical if row["path_rank"] == 1 else None
        replace(folder, "gold.incident_paths", rows)
        result = compare(read(raw_set), Lake(folder))
        told = [d.count for d in result.differences if "incident" in d.name]
        assert (not any(told)) is is_equal


def test_a_lake_without_paths_or_their_fields_is_an_error(raw_set: Path, lake: Path) -> None:
    rows = lake_rows(read(raw_set))["gold.incident_paths"]
    for row in rows:
        row["steps"] = [{k: v for k, v in s.items() if k != "operation"} for s in row["steps"]]
    replace(lake, "gold.incident_paths", rows)
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
    from oracle.messages import is_masked

    assert is_masked(told, stated) is expected
