"""The independent reading of every input format, and that its comparison finds what differs."""

from __future__ import annotations

import argparse
import base64
import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from oracle import format_comparison
from oracle.format_differences import compare, compare_pair
from oracle.format_reading import read_bytes
from oracle.format_rows import FileReading, Row

SECOND = 10**9
NOON = 1_704_110_400 * SECOND  # 2024-01-01T12:00:00Z
NOON_US = NOON // 1000
TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
PARENT = "00f067aa0ba902b7"


def read(*values: Any) -> FileReading:
    """Read JSON values, one a line."""
    return read_bytes(b"\n".join(json.dumps(value).encode() for value in values))


def only(reading: FileReading) -> Row:
    assert not reading.rejects
    [row] = reading.rows
    return row


# ---------------------------------------------------------------- OTLP, Tempo


def otlp_span(**changes: Any) -> dict[str, Any]:
    return {
        "traceId": TRACE,
        "spanId": SPAN,
        "name": "GET /cart",
        "startTimeUnixNano": str(NOON),
        "endTimeUnixNano": str(NOON + 5),
        **changes,
    }


def otlp(*spans: Any, key: str = "resourceSpans") -> dict[str, Any]:
    service = {"key": "service.name", "value": {"stringValue": "cart"}}
    return {key: [{"resource": {"attributes": [service]}, "scopeSpans": [{"spans": [*spans]}]}]}


def test_an_otlp_span_is_read_with_exact_numbers() -> None:
    text = json.dumps(otlp(otlp_span(kind=3, status={"code": 2}, parentSpanId=PARENT.upper())))
    text = text.replace(f'"{NOON}"', str(NOON + 123_456_789))  # a number, not a text
    row = only(read_bytes(text.encode()))
    assert row.start_ns == NOON + 123_456_789
    assert row.end_ns == NOON + 5
    assert (row.trace_id, row.span_id, row.parent_span_id) == (TRACE, SPAN, PARENT)
    assert (row.kind, row.status, row.service) == ("client", "Error", "cart")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (TRACE.upper(), TRACE),
        ("", None),
        ("0" * 32, None),
        ("trace-123", None),
        (TRACE[:31], None),
        (base64.b64encode(bytes.fromhex(TRACE)).decode(), TRACE),
        (base64.urlsafe_b64encode(bytes.fromhex(TRACE)).decode().rstrip("="), TRACE),
        (12, None),
    ],
)
def test_otlp_ids_are_hex_or_base64_or_null(given: Any, expected: str | None) -> None:
    assert only(read(otlp(otlp_span(traceId=given)))).trace_id == expected


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        ("SPAN_KIND_SERVER", {"code": "STATUS_CODE_OK"}, ("server", "Ok")),
        ("2", {"code": "2"}, ("server", "Error")),
        (0, {}, (None, None)),
        (99, {"code": 99}, (None, None)),
        (None, None, (None, None)),
    ],
)
def test_kind_and_status_are_numbers_or_names(kind: Any, status: Any, expected: Any) -> None:
    row = only(read(otlp(otlp_span(kind=kind, status=status))))
    assert (row.kind, row.status) == expected


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("0", "0", "no_time"),
        (None, None, "no_time"),
        ("1", "2", "absurd_time"),
        (str(946_684_800 * SECOND - 1), "0", "absurd_time"),
        (str(7_289_654_400 * SECOND), "0", "absurd_time"),
        (str(NOON), str(7_289_654_400 * SECOND), "absurd_time"),
    ],
)
def test_spans_without_a_usable_time_are_rejected(start: Any, end: Any, expected: str) -> None:
    reading = read(otlp(otlp_span(startTimeUnixNano=start, endTimeUnixNano=end)))
    assert not reading.rows
    assert reading.rejects == {expected: 1}


def test_an_end_that_stands_alone_is_the_start() -> None:
    row = only(read(otlp(otlp_span(startTimeUnixNano=None))))
    assert (row.start_ns, row.duration_ns) == (NOON + 5, 0)
    for end in ("0", "5", None):
        row = only(read(otlp(otlp_span(endTimeUnixNano=end))))
        assert (row.start_ns, row.duration_ns) == (NOON, None)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda spans: otlp(*spans),
        lambda spans: [otlp(*spans)],
        lambda spans: otlp(*spans, key="batches"),
        lambda spans: {"trace": otlp(*spans, key="batches")},
        lambda spans: {"trace": otlp(*spans)},
        lambda spans: {"result": otlp(*spans)},
    ],
)
def test_documents_come_in_envelopes(wrap: Callable[[list[Any]], Any]) -> None:
    document = wrap([otlp_span(), otlp_span(spanId=PARENT)])
    for content in (json.dumps(document), json.dumps(document, indent=2)):
        assert [row.span_id for row in read_bytes(content.encode()).rows] == [SPAN, PARENT]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"stringValue": "yes"}, "yes"),
        ({"boolValue": False}, "false"),
        ({"intValue": "9223372036854775807"}, "9223372036854775807"),
        ({"doubleValue": 637.704}, "637.704"),
        ({"bytesValue": "AAAwOQ=="}, "AAAwOQ=="),
        ({"arrayValue": {"values": [{"intValue": 1}, {"stringValue": "b"}]}}, '[1,"b"]'),
        ({"kvlistValue": {"values": [{"key": "a", "value": {"intValue": 1}}]}}, '{"a":1}'),
    ],
)
def test_values_of_every_kind_are_texts(value: Any, expected: str) -> None:
    row = only(read(otlp(otlp_span(attributes=[{"key": "k", "value": value}]))))
    assert row.attributes == (("k", expected),)
    record = {"timeUnixNano": str(NOON), "body": value}
    logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    assert only(read(logs)).text == expected


def test_a_log_record_takes_its_observed_time_and_the_number_of_its_severity() -> None:
    record = {"observedTimeUnixNano": str(NOON), "severityText": "Error", "traceId": TRACE}
    row = only(read({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}))
    assert (row.start_ns, row.severity, row.trace_id) == (NOON, 17, TRACE)


def test_what_is_no_object_is_rejected_on_its_own() -> None:
    reading = read(otlp(otlp_span(), "no span", None))
    assert len(reading.rows) == 1
    assert reading.rejects == {"wrong_type": 2}


@pytest.mark.parametrize(
    "changes", [{"startTimeUnixNano": "noon"}, {"name": 5}, {"attributes": {"a": 1}}]
)
def test_a_span_with_a_value_of_another_type_is_rejected(changes: Any) -> None:
    assert read(otlp(otlp_span(**changes))).rejects == {"wrong_type": 1}


# ---------------------------------------------------------------- Jaeger


def jaeger_span(**changes: Any) -> dict[str, Any]:
    return {
        "traceID": TRACE,
        "spanID": SPAN,
        "operationName": "GET /cart",
        "startTime": NOON_US,
        "duration": 250,
        "processID": "p1",
        **changes,
    }


def jaeger_trace(*spans: Any) -> dict[str, Any]:
    processes = {"p1": {"serviceName": "cart", "tags": [{"key": "host", "value": "a"}]}}
    return {"traceID": TRACE, "spans": [*spans], "processes": processes}


def reference(kind: str, span_id: str, trace_id: str = TRACE) -> dict[str, str]:
    return {"refType": kind, "traceID": trace_id, "spanID": span_id}


def tag(key: str, value: Any) -> dict[str, Any]:
    return {"key": key, "value": value}


@pytest.mark.parametrize(
    "document",
    [
        {"data": [jaeger_trace(jaeger_span())], "errors": None},
        {"data": jaeger_trace(jaeger_span())},
        jaeger_trace(jaeger_span()),
        [jaeger_trace(jaeger_span())],
        jaeger_trace(jaeger_span(processID=None, process={"serviceName": "cart"})),
    ],
)
def test_jaeger_documents_come_in_envelopes(document: Any) -> None:
    row = only(read(document))
    assert (row.trace_id, row.span_id, row.service, row.name) == (TRACE, SPAN, "cart", "GET /cart")
    assert (row.start_ns, row.duration_ns) == (NOON, 250_000)


@pytest.mark.parametrize(
    ("changes", "parent", "links"),
    [
        ({"references": [reference("CHILD_OF", PARENT)]}, PARENT, 0),
        ({"references": [reference("CHILD_OF", PARENT[2:])]}, PARENT, 0),
        ({"references": [reference("FOLLOWS_FROM", PARENT)]}, None, 1),
        (
            {"references": [reference("FOLLOWS_FROM", SPAN), reference("CHILD_OF", PARENT)]},
            PARENT,
            1,
        ),
        (
            {"references": [reference("CHILD_OF", SPAN, "ff"), reference("CHILD_OF", PARENT)]},
            PARENT,
            1,
        ),
        ({"references": [reference("CHILD_OF", PARENT), reference("CHILD_OF", SPAN)]}, PARENT, 1),
        ({"parentSpanID": PARENT}, PARENT, 0),
        ({"parentSpanID": "0"}, None, 0),
        ({"references": None}, None, 0),
    ],
)
def test_the_parent_is_the_first_child_of_reference(
    changes: Any, parent: str | None, links: int
) -> None:
    row = only(read(jaeger_trace(jaeger_span(**changes))))
    assert (row.parent_span_id, row.links) == (parent, links)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ([tag("error", True)], "Error"),
        ([tag("error", "true")], "Error"),
        ([tag("error", "TimeoutError"), tag("error", True)], "Error"),
        ([tag("error", True), tag("error", "TimeoutError")], "Error"),
        ([tag("error", "TimeoutError")], None),
        ([tag("error", False)], None),
        ([tag("otel.status_code", "ERROR")], "Error"),
        ([tag("otel.status_code", "OK"), tag("error", True)], "Ok"),
        ([], None),
        (None, None),
    ],
)
def test_the_status_of_a_jaeger_span_is_in_its_tags(tags: Any, expected: str | None) -> None:
    assert only(read(jaeger_trace(jaeger_span(tags=tags)))).status == expected


def test_jaeger_ids_are_padded_or_null_and_kinds_lower_case() -> None:
    short = jaeger_span(traceID="ABC", spanID="1", tags=[tag("span.kind", "Server")])
    row = only(read(jaeger_trace(short)))
    assert (row.trace_id, row.span_id, row.kind) == ("abc".zfill(32), "1".zfill(16), "server")
    row = only(read(jaeger_trace(jaeger_span(traceID="trace-123", spanID="0" * 17))))
    assert (row.trace_id, row.span_id) == (None, None)


def test_jaeger_spans_at_the_beginning_of_time_are_rejected() -> None:
    spans = [jaeger_span(startTime=0), jaeger_span(startTime=70), jaeger_span(startTime=None), 7]
    reading = read(jaeger_trace(*spans))
    assert reading.rejects == {"no_time": 2, "absurd_time": 1, "wrong_type": 1}


# ---------------------------------------------------------------- Zipkin


def zipkin(**changes: Any) -> dict[str, Any]:
    return {
        "traceId": "1e223ff1f80f1c69",
        "id": SPAN,
        "name": "get",
        "timestamp": NOON_US,
        "duration": 30,
        "localEndpoint": {"serviceName": "cart"},
        **changes,
    }


@pytest.mark.parametrize(
    "content",
    [
        json.dumps([zipkin(), zipkin(id=PARENT)]),
        json.dumps([[zipkin()], [zipkin(id=PARENT)]], indent=1),
        json.dumps(zipkin()) + "\n" + json.dumps(zipkin(id=PARENT)) + "\n",
    ],
)
def test_zipkin_spans_come_in_lists_and_lines(content: str) -> None:
    reading = read_bytes(content.encode())
    assert reading.format == "Zipkin v2 JSON"
    assert [row.span_id for row in reading.rows] == [SPAN, PARENT]
    assert reading.rows[0].trace_id == "00000000000000001e223ff1f80f1c69"


@pytest.mark.parametrize(
    ("changes", "start", "duration"),
    [
        ({}, NOON, 30_000),
        ({"duration": None}, NOON, None),
        ({"timestamp": None, "annotations": [{"timestamp": NOON_US + 2, "value": "b"},
                                             {"timestamp": NOON_US + 1, "value": "a"}]},
         NOON + 1000, 30_000),
    ],
)  # fmt: skip
def test_zipkin_times_may_be_missing(changes: Any, start: int, duration: int | None) -> None:
    row = only(read([zipkin(**changes)]))
    assert (row.start_ns, row.duration_ns) == (start, duration)


def test_a_zipkin_span_without_any_time_is_rejected() -> None:
    assert read([zipkin(timestamp=None)]).rejects == {"no_time": 1}


def test_both_sides_of_a_shared_span_are_rows() -> None:
    spans = [zipkin(kind="CLIENT"), zipkin(kind="SERVER", shared=True, tags={"error": ""})]
    client, server = read(spans).rows
    assert (client.kind, client.status) == ("client", None)
    assert (server.kind, server.status) == ("server", "Error")
    assert client.span_id == server.span_id


def test_a_zipkin_span_may_have_no_service() -> None:
    assert only(read([zipkin(localEndpoint={"ipv4": "10.0.0.1"})])).service is None
    assert only(read([zipkin(localEndpoint=None)])).service is None


# ---------------------------------------------------------------- container logs

CRI_TIME = "2024-01-01T12:00:0{}.5Z"


def cri(*lines: str) -> FileReading:
    """Read CRI lines `<stream> <flag> <text>`, one a second."""
    content = "\n".join(f"{CRI_TIME.format(n)} {line}" for n, line in enumerate(lines))
    return read_bytes(content.encode("utf-8", "surrogateescape"))


def texts(reading: FileReading) -> list[str | None]:
    return [row.text for row in reading.rows]


def test_parts_of_a_line_are_joined_by_stream() -> None:
    reading = cri(
        "stdout P one ", "stderr P:TAG1 uno ", "stdout F two", "stderr F due", "stderr F "
    )
    assert {(row.text, row.start_ns) for row in reading.rows} == {
        ("one two", NOON + SECOND // 2),
        ("uno due", NOON + 3 * SECOND // 2),
        ("", NOON + 9 * SECOND // 2),
    }


def test_a_line_may_be_cut_inside_a_character() -> None:
    whole = "naïve".encode()
    first, second = (part.decode("utf-8", "surrogateescape") for part in (whole[:3], whole[3:]))
    assert texts(cri(f"stdout P {first}", f"stdout F {second}")) == ["naïve"]
    assert texts(cri(f"stdout F {first}")) == ["na\ufffd"]


def test_a_part_without_its_end_is_a_record_and_other_lines_are_rejected() -> None:
    reading = cri("stdout F a", "stdout P b")
    assert texts(reading) == ["a", "b"]
    junk = "\n".join(
        [
            f"{CRI_TIME.format(1)} stdout F a",
            "no log line",
            "yesterday stdout F b",
            "2024-13-01T12:00:00Z stdout F c",
            "",
            json.dumps({"level": "info", "message": "a", "time": "2024-01-01T12:00:00Z"}),
        ]
    )
    reading = read_bytes(junk.encode())
    assert (texts(reading), dict(reading.rejects)) == (["a"], {"unknown_format": 3, "no_time": 1})


def test_ids_and_severity_are_told_by_the_text() -> None:
    reading = cri(
        f"stdout F 12:00 ERROR TraceID: {TRACE} SpanID: {SPAN} boom",
        "stdout F " + json.dumps({"level": "warn", "msg": "slow", "trace_id": TRACE}),
    )
    assert [(r.trace_id, r.span_id, r.severity) for r in reading.rows] == [
        (TRACE, SPAN, 17),
        (TRACE, None, 13),
    ]


def docker(*entries: tuple[int, str], stream: str = "stdout") -> FileReading:
    """Read docker entries (second after noon, log)."""
    return read(
        *(
            {"log": log, "stream": stream, "time": f"2024-01-01T12:{s // 60:02}:{s % 60:02}Z"}
            for s, log in entries
        )
    )


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([(0, "one\n"), (1, "two\n")], ["one", "two"]),
        ([(0, "one "), (1, "two\n")], ["one two"]),
        ([(0, "a "), (1, "b "), (2, "c\n")], ["a b c"]),
        ([(0, "one "), (61, "two\n")], ["one ", "two"]),
        ([(0, "one "), (60, "two\n")], ["one two"]),
        ([(0, "one"), (1, "2024-01-01 12:00:01 two\n")], ["one", "2024-01-01 12:00:01 two"]),
        ([(0, "one"), (1, "12:00:01.000 two\n")], ["one", "12:00:01.000 two"]),
        ([(0, "one"), (1, "INFO two\n")], ["one", "INFO two"]),
        ([(0, "one"), (1, "INFORMAL two\n")], ["oneINFORMAL two"]),
        ([(0, "one"), (1, "[two]\n")], ["one", "[two]"]),
        ([(0, "one"), (1, '{"two": 2}\n')], ["one", '{"two": 2}']),
        ([(0, "one"), (1, "java.io.IOException: two\n")], ["one", "java.io.IOException: two"]),
        ([(0, "one")], ["one"]),
    ],
)
def test_docker_parts_are_joined_unless_a_record_begins(
    entries: list[tuple[int, str]], expected: list[str]
) -> None:
    reading = docker(*entries)
    assert texts(reading) == expected
    assert reading.rows[0].start_ns == NOON


def test_docker_entries_without_a_text_or_time_are_rejected() -> None:
    reading = read(
        {"log": 1, "stream": "stdout", "time": "2024-01-01T12:00:00Z"},
        {"log": "a\n", "stream": "stdout", "time": "yesterday"},
        {"log": "a\n", "stream": "stdout", "time": "1999-01-01T12:00:00Z"},
    )
    assert reading.rejects == {"wrong_type": 1, "no_time": 1, "absurd_time": 1}


JAVA = [
    "java.lang.IllegalStateException: no instances",
    "\tat com.shop.Cart.add(Cart.java:12) ~[app.jar!/:1.0]",
    "\tat java.base/java.lang.Thread.run(Thread.java:833)",
    "Caused by: java.io.IOException: reset",
    "\tat com.shop.Net.read(Net.java:7)",
    "\t... 12 more",
]
PYTHON = [
    "Traceback (most recent call last):",
    '  File "/app/cart.py", line 3, in add',
    "    total = 1 / 0",
    "            ~~^~~",
    "ZeroDivisionError: division by zero",
    "",
    "During handling of the above exception, another exception occurred:",
    "",
    "Traceback (most recent call last):",
    '  File "/app/cart.py", line 5, in add',
    "shop.errors.CartError: no total",
]
GO = [
    "panic: runtime error: invalid memory address or nil pointer dereference",
    "[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x48]",
    "",
    "goroutine 1 [running]:",
    "main.(*Cart).Add(0xc000012345, {0x1, 0x2})",
    "\t/app/cart.go:12 +0x1d",
    "created by main.main in goroutine 1",
    "\t/app/main.go:3 +0x25",
    "exit status 2",
]
NODE = [
    "TypeError: Cannot read properties of undefined (reading 'id')",
    "    at Cart.add (/app/cart.js:12:5)",
    "    at async Promise.all (index 0)",
    "    at node:internal/process/task_queues:95:5",
]
DOTNET = [
    "Unhandled exception. System.InvalidOperationException: no cart",
    " ---> System.IO.IOException: reset",
    "   at Shop.Net.Read() in /src/Net.cs:line 7",
    "   --- End of inner exception stack trace ---",
    "   at Shop.Cart.Add(String id) in /src/Cart.cs:line 12",
]
RUBY = [
    "cart.rb:3:in `add': no total (RuntimeError)",
    "\tfrom cart.rb:7:in `block in run'",
    "\tfrom cart.rb:9:in `<main>'",
]


@pytest.mark.parametrize("trace", [JAVA, PYTHON, GO, NODE, DOTNET, RUBY])
def test_the_lines_of_a_stack_trace_are_one_record(trace: list[str]) -> None:
    lines = ["INFO before", *trace, "INFO after"]
    content = "\n".join(f"2024-01-01T12:00:00Z stderr F {line}" for line in lines)
    assert texts(read_bytes(content.encode())) == ["INFO before", "\n".join(trace), "INFO after"]
    entries = docker(*((0, f"{line}\n") for line in lines))
    assert texts(entries) == ["INFO before", "\n".join(trace), "INFO after"]


def test_frames_join_the_log_line_before_them_in_their_stream() -> None:
    reading = cri("stderr F ERROR failed", "stdout F other", f"stderr F {JAVA[1]}")
    assert sorted(texts(reading)) == [f"ERROR failed\n{JAVA[1]}", "other"]


def test_lines_that_only_look_like_frames_are_records() -> None:
    lines = ["INFO a", "    at least one", "", "at the end", "exit status 2", "main(x)"]
    assert texts(cri(*(f"stdout F {line}" for line in lines))) == lines


def test_each_exception_is_a_record() -> None:
    two = [*PYTHON[:5], *PYTHON[:5]]
    assert texts(cri(*(f"stderr F {line}" for line in two))) == ["\n".join(PYTHON[:5])] * 2
    lines = ["http: panic serving 10.0.0.1: boom", *GO[3:8], "INFO after"]
    assert texts(cri(*(f"stderr F {line}" for line in lines))) == [
        lines[0], "\n".join(GO[3:8]), "INFO after",
    ]  # fmt: skip


def test_the_properties_of_an_error_of_node_belong_to_it() -> None:
    trace = ["Error: no cart", "    at add (/app/cart.js:1:1) {", "  code: 'E1'", "}"]
    lines = [*trace, "  indented", "INFO after"]
    assert texts(cri(*(f"stderr F {line}" for line in lines))) == ["\n".join(trace), *lines[4:]]


def test_an_empty_line_after_a_trace_is_a_record() -> None:
    lines = [*PYTHON[:5], "", "INFO after"]
    assert texts(cri(*(f"stdout F {line}" for line in lines))) == [
        "\n".join(PYTHON[:5]), "", "INFO after",
    ]  # fmt: skip


# ---------------------------------------------------------------- flat JSON lines


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2024-01-01T12:00:00.123456789Z", NOON + 123_456_789),
        ("2024-01-01T14:00:00+02:00", NOON),
        ("2024-01-01 12:00:00,250", NOON + 250_000_000),
        (NOON // SECOND, NOON),
        (NOON // 10**6, NOON),
        (NOON // 10**3, NOON),
        (NOON, NOON),
        (str(NOON // 10**6), NOON),
    ],
)
@pytest.mark.parametrize("name", ["timestamp", "@timestamp", "time", "ts"])
def test_times_of_flat_lines_are_told_apart_by_their_size(
    given: Any, expected: int, name: str
) -> None:
    row = only(read({name: given, "message": "hello", "level": "info"}))
    assert row.start_ns == expected
    assert (row.text, row.severity) == ("hello", 9)


def test_a_fraction_of_a_second_is_exact() -> None:
    content = f'{{"ts": {NOON // SECOND}.123456789, "msg": "hello", "level": "ERROR"}}'
    row = only(read_bytes(content.encode()))
    assert (row.start_ns, row.severity) == (NOON + 123_456_789, 17)


@pytest.mark.parametrize(
    "ids",
    [
        {"trace_id": TRACE, "span_id": SPAN},
        {"traceId": TRACE.upper(), "spanId": SPAN},
        {"dd.trace_id": TRACE, "dd.span_id": SPAN},
        {"trace": {"id": TRACE}, "span": {"id": SPAN}},
        {"contextMap": {"traceId": TRACE, "spanId": SPAN}},
    ],
)
def test_ids_of_flat_lines_have_many_names(ids: Any) -> None:
    row = only(read({"time": "2024-01-01T12:00:00Z", "msg": "hello", **ids}))
    assert (row.trace_id, row.span_id) == (TRACE, SPAN)


def test_flat_lines_without_a_time_and_lines_of_no_format_are_rejected() -> None:
    content = "\n".join(
        [
            json.dumps({"level": "info", "message": "a"}),
            json.dumps({"level": "info", "message": "a", "time": "1970-01-01T00:00:01Z"}),
            json.dumps({"answer": 42}),
            json.dumps({"level": "info", "message": "a"}) + " and more",
            "{broken",
        ]
    )
    reading = read_bytes(content.encode())
    assert not reading.rows
    assert reading.rejects == {
        "no_time": 1, "absurd_time": 1, "unknown_format": 1, "invalid_json": 2,
    }  # fmt: skip


# ---------------------------------------------------------------- changes


def cd_event(**context: Any) -> dict[str, Any]:
    return {
        "context": {
            "version": "0.4.1",
            "id": "a1",
            "source": "/ci",
            "type": "dev.cdevents.service.deployed.0.2.0",
            "timestamp": "2024-01-01T12:00:00Z",
            **context,
        },
        "subject": {"id": "cart", "type": "service", "content": {"artifactId": "pkg:oci/cart"}},
    }


def test_a_cd_event_is_a_change_with_and_without_its_envelope() -> None:
    envelope = {
        "specversion": "1.0",
        "id": "e1",
        "type": "dev.cdevents.service.deployed.0.2.0",
        "time": "2024-01-01T12:00:05Z",
    }
    for event in (cd_event(), {**envelope, "data": cd_event()}):
        row = only(read(event))
        assert (row.record, row.record_id, row.start_ns) == ("change", "a1", NOON)
        assert (row.name, row.service) == ("dev.cdevents.service.deployed.0.2.0", "cart")
    row = only(read({**envelope, "data": cd_event(id=None, timestamp=None)}))
    assert (row.record_id, row.start_ns) == ("e1", NOON + 5 * SECOND)
    assert read(cd_event(timestamp=None)).rejects == {"no_time": 1}
    row = only(read({**envelope, "source": "/ci", "data": {"other": 1}}))
    assert (row.record, row.record_id, row.name) == ("change", "e1", envelope["type"])


def kubernetes_event(**changes: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"uid": "u1", "creationTimestamp": "2024-01-01T11:00:00Z"},
        "involvedObject": {"kind": "Deployment", "name": "cart", "namespace": "shop"},
        "reason": "ScalingReplicaSet",
        "message": "Scaled up replica set cart-5d4 to 3",
        "lastTimestamp": "2024-01-01T12:00:00Z",
        "eventTime": None,
        **changes,
    }


@pytest.mark.parametrize(
    "wrap",
    [
        lambda event: event,
        lambda event: {"kind": "List", "apiVersion": "v1", "items": [event]},
        lambda event: {"kind": "EventList", "items": [event]},
        lambda event: {"type": "ADDED", "object": event},
    ],
)
def test_kubernetes_events_come_alone_in_lists_and_watches(wrap: Callable[[Any], Any]) -> None:
    for content in (
        json.dumps(wrap(kubernetes_event())),
        json.dumps(wrap(kubernetes_event()), indent=2),
    ):
        row = only(read_bytes(content.encode()))
        assert (row.record, row.record_id, row.name) == ("change", "u1", "ScalingReplicaSet")
        assert row.start_ns == NOON


def test_a_kubernetes_event_takes_the_first_time_that_it_has() -> None:
    new = {"eventTime": "2024-01-01T12:00:00.000007Z"}
    assert only(read(kubernetes_event(**new))).start_ns == NOON
    assert only(read(kubernetes_event(**new, lastTimestamp=None))).start_ns == NOON + 7000
    series = {"count": 3, "lastObservedTime": "2024-01-01T12:00:09Z"}
    assert only(read(kubernetes_event(**new, series=series))).start_ns == NOON + 9 * SECOND
    row = only(read(kubernetes_event(lastTimestamp=None)))
    assert row.start_ns == NOON - 3600 * SECOND


# ---------------------------------------------------------------- files


def test_a_byte_order_mark_and_gzip_are_taken_off() -> None:
    content = b"\xef\xbb\xbf" + json.dumps(otlp(otlp_span())).encode() + b"\r\n"
    assert only(read_bytes(content)).span_id == SPAN
    assert only(read_bytes(gzip.compress(content))).span_id == SPAN
    lines = f"{CRI_TIME.format(1)} stdout F a\r\n".encode()
    both = gzip.compress(lines) + gzip.compress(lines)
    assert texts(read_bytes(both)) == ["a", "a"]


def test_what_a_torn_gzip_file_lost_is_one_reject() -> None:
    lines = "".join(f"{CRI_TIME.format(n)} stdout F {n * 99}\n" for n in range(9)).encode()
    reading = read_bytes(gzip.compress(lines)[:-12])
    assert reading.rejects == {"truncated_gzip": 1}
    assert len(reading.rows) < 9


def test_a_broken_document_is_one_reject_and_broken_lines_are_one_each() -> None:
    document = json.dumps(otlp(otlp_span()), indent=2)
    assert read_bytes(document[:-30].encode()).rejects == {"invalid_json": 1}
    assert read_bytes(f"{document}\n{document}".encode()).rejects == {"invalid_json": 1}
    lines = "{broken\n" + json.dumps(otlp(otlp_span())) + "\n{broken\n"
    reading = read_bytes(lines.encode())
    assert (len(reading.rows), dict(reading.rejects)) == (1, {"invalid_json": 2})


def test_lines_of_no_format_are_one_reject_each() -> None:
    reading = read_bytes(b"# Samples\n\nSome text.\n")
    assert (reading.format, dict(reading.rejects)) == ("unknown", {"unknown_format": 2})
    assert not read_bytes(b"").rejects


def test_empty_documents_hold_nothing() -> None:
    for value in ([], {}, {"data": []}, {"resourceSpans": []}, {"batches": []}):
        reading = read(value)
        assert not reading.rows
        assert not reading.rejects


# ---------------------------------------------------------------- the comparison

SAMPLE = Row(
    "span", trace_id=TRACE, span_id=SPAN, parent_span_id=PARENT, start_ns=NOON, end_ns=NOON + 5,
    status="Error", service="cart", name="GET /cart", kind="server",
    attributes=(("http.method", "GET"),),
)  # fmt: skip
OTHER = replace(SAMPLE, span_id="c" * 16, status=None, start_ns=NOON + 1, end_ns=NOON + 9)
LOG = Row("log", trace_id=TRACE, start_ns=NOON, text="boom", severity=17)


def reading_of(*rows: Row, **rejects: int) -> FileReading:
    reading = FileReading("any", list(rows))
    reading.rejects.update(rejects)
    return reading


def test_equal_rows_in_any_order_are_equal() -> None:
    raw = reading_of(SAMPLE, SAMPLE, OTHER, LOG, invalid_json=1)
    lake = reading_of(LOG, OTHER, SAMPLE, SAMPLE, trailing_text=1)
    result = compare("a.json", raw, lake)
    assert result.is_equal
    assert result.records_in == 5


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"trace_id": None}, {"ids": 1}),
        ({"span_id": "0" * 15 + "1"}, {"ids": 1}),
        ({"start_ns": NOON + 1, "end_ns": NOON + 6}, {"times": 1}),
        ({"start_ns": NOON + 1}, {"times": 1, "durations": 1}),
        ({"end_ns": NOON + 6}, {"durations": 1}),
        ({"end_ns": None}, {"durations": 1}),
        ({"parent_span_id": None}, {"parents": 1}),
        ({"status": None}, {"status": 1}),
        ({"status": "Ok"}, {"status": 1}),
        ({"service": None}, {"service": 1}),
        ({"service": "Cart"}, {"service": 1}),
        ({"name": "GET"}, {"names": 1}),
        ({"kind": "client"}, {"names": 1}),
        ({"events": 1}, {"names": 1}),
        ({"links": 1}, {"names": 1}),
    ],
)
def test_the_comparison_notices_a_changed_value(changes: Any, expected: dict[str, int]) -> None:
    raw = reading_of(SAMPLE, OTHER, LOG)
    result = compare("a.json", raw, reading_of(LOG, OTHER, replace(SAMPLE, **changes)))
    assert dict(result.differing) == expected
    assert not result.is_equal
    assert (result.only_raw, result.only_lake) == (0, 0)
    assert result.examples


def test_the_comparison_notices_changed_logs_and_changes() -> None:
    for changes in ({"text": "bang"}, {"severity": 9}):
        result = compare("a.log", reading_of(LOG), reading_of(replace(LOG, **changes)))
        assert dict(result.differing) == {"texts": 1}
    change = Row("change", record_id="a1", start_ns=NOON, name="deployed")
    result = compare("a.json", reading_of(change), reading_of(replace(change, record_id="a2")))
    assert dict(result.differing) == {"ids": 1}


def test_the_comparison_notices_lost_and_doubled_rows_and_rejects() -> None:
    raw = reading_of(SAMPLE, SAMPLE, LOG)
    result = compare("a.json", raw, reading_of(SAMPLE, LOG))
    assert (result.only_raw, result.only_lake, result.is_equal) == (1, 0, False)
    result = compare("a.json", raw, reading_of(SAMPLE, SAMPLE, SAMPLE, LOG))
    assert (result.only_raw, result.only_lake, result.is_equal) == (0, 1, False)
    result = compare("a.json", reading_of(SAMPLE), reading_of(replace(SAMPLE, record="log")))
    assert (result.only_raw, result.only_lake, result.is_equal) == (1, 1, False)
    for rejects in ({}, {"no_time": 2}, {"absurd_time": 1}, {"invalid_json": 1}):
        assert not compare("a", reading_of(no_time=1), reading_of(**rejects)).is_equal


def test_a_text_is_the_same_in_any_writing_of_its_json() -> None:
    raw = reading_of(replace(LOG, text='{"b": 1.0, "a": [1]}\n'))
    assert compare("a", raw, reading_of(replace(LOG, text='{"a":[1],"b":1.0}'))).is_equal
    assert not compare("a", raw, reading_of(replace(LOG, text='{"a":[2],"b":1.0}'))).is_equal


def test_a_pair_differs_in_its_attributes_too() -> None:
    assert compare_pair("p", reading_of(SAMPLE, OTHER), reading_of(OTHER, SAMPLE)).is_equal
    changed = replace(SAMPLE, attributes=(("http.method", "PUT"),))
    result = compare_pair("p", reading_of(SAMPLE), reading_of(changed))
    assert dict(result.differing) == {"attributes": 1}
    assert not compare_pair("p", reading_of(SAMPLE), reading_of()).is_equal


# ---------------------------------------------------------------- the command


def write_lake(lake: Path, folder: Path, status: str | None = "Error") -> None:
    """A Bronze of one span, one log record and one reject."""
    text_map = pa.map_(pa.string(), pa.string())
    structs = pa.list_(pa.struct([("name", pa.string())]))
    types = {
        "resource_attributes": text_map, "attributes": text_map, "events": structs,
        "links": structs, "severity_number": pa.int32(),
    }  # fmt: skip
    span = {
        "trace_id": TRACE, "span_id": SPAN, "name": "GET /cart", "start_time_unix_nano": NOON,
        "end_time_unix_nano": NOON + 5, "status_code": status, "source_file": "spans.json",
        "resource_attributes": [("service.name", "cart")],
    }  # fmt: skip
    log = {
        "time_unix_nano": NOON + SECOND // 2, "severity_text": "ERROR",
        "body": "ERROR <b>|`boom`", "source_file": "pod.log",
    }  # fmt: skip
    reject = {"reason": "unknown_format", "source_file": "pod.log"}
    rows = {"spans": [span], "log_records": [log], "changes": [], "rejected_records": [reject]}
    for table, columns in format_comparison.COLUMNS.items():
        schema = pa.schema(
            [
                (name, types.get(name, pa.int64() if name.endswith("nano") else pa.string()))
                for name in columns
            ]
        )
        for row in rows[table]:
            row["source_file"] = str(folder / row["source_file"])
        data = pa.Table.from_pylist(rows[table], schema=schema)
        write_deltalake(str(lake / "bronze" / table), data)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    samples = tmp_path / "samples"
    samples.mkdir()
    document = otlp(otlp_span(status={"code": 2}))
    (samples / "spans.json").write_text(json.dumps(document), encoding="utf-8")
    lines = f"{CRI_TIME.format(0)} stdout F ERROR <b>|`boom`\nno log line\n"
    (samples / "pod.log").write_text(lines, encoding="utf-8")
    return samples


def run(folder: Path, lake: Path, out: Path | None = None) -> int:
    return format_comparison.run(argparse.Namespace(folder=folder, lake=lake, out=out))


def test_the_command_compares_a_lake_and_writes_the_table(folder: Path, tmp_path: Path) -> None:
    write_lake(tmp_path / "lake", folder)
    out = tmp_path / "results" / "formats.md"
    assert run(folder, tmp_path / "lake", out) == format_comparison.EQUAL
    text = out.read_text(encoding="utf-8")
    assert "| `spans.json` | OTLP/JSON | 1 | 1 | 0 |" in text
    assert "| `pod.log` | CRI | 2 | 1 | 1 |" in text


def test_hidden_files_and_those_that_are_not_to_be_ingested_are_left_out(folder: Path) -> None:
    for name in (".hidden.json", ".folder/spans.json", "off/.noingest", "off/deep/spans.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(otlp(otlp_span())), encoding="utf-8")
    assert sorted(format_comparison.read_folder(folder)) == ["pod.log", "spans.json"]


def test_the_command_escapes_what_differs(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lake(tmp_path / "lake", folder, status=None)
    (folder / "pod.log").write_text(f"{CRI_TIME.format(0)} stdout F <i>|`x`\n", encoding="utf-8")
    assert run(folder, tmp_path / "lake") == format_comparison.DIFFERENT
    text = capsys.readouterr().out
    assert "| `spans.json` | status | status Error | status None |" in text
    assert "| 0 | 0 | 0 | 0 | 1 | 0 | 0 | 0 | **NO** |" in text
    assert "<i>" not in text
    assert "<b>" not in text
    assert "&#60;i&#62;&#124;&#96;x&#96;" in text


def test_the_command_has_nothing_to_compare_without_samples_or_lake(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path / "missing", tmp_path) == format_comparison.NOTHING_TO_COMPARE
    assert "DIR=FOLDER" in capsys.readouterr().err
    assert run(folder, tmp_path / "no-lake") == format_comparison.NOTHING_TO_COMPARE
    assert "bronze.spans" in capsys.readouterr().err
    (folder / "spans.json").unlink()
    (folder / "pod.log").write_text("text\n", encoding="utf-8")
    assert run(folder, tmp_path / "no-lake") == format_comparison.NOTHING_TO_COMPARE
    assert "no file of a known format" in capsys.readouterr().err
