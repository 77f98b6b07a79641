"""Readers of Jaeger, Zipkin, Tempo, flat JSON logs and changes: one sample of each, hand-made."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from reading import SPAN, TIME, TIME_NS, TRACE, only, records_of, write

from tracekeep.ingest.plan import Planner
from tracekeep.lake import PROJECT
from tracekeep.readers.files import Piece, read_piece, read_text
from tracekeep.readers.formats import FORMATS

TIME_US = TIME_NS // 1000


def tags(**values: Any) -> list[dict[str, Any]]:
    return [{"key": key.replace("__", "."), "value": value} for key, value in values.items()]


def jaeger_span(**fields: Any) -> dict[str, Any]:
    return {
        "traceID": TRACE,
        "spanID": SPAN,
        "operationName": "GET /",
        "references": [],
        "startTime": TIME_US,
        "duration": 5,
        "tags": [],
        "logs": [],
        "processID": "p1",
        **fields,
    }


def jaeger_trace(*spans: dict[str, Any]) -> dict[str, Any]:
    process = {"serviceName": "cart", "tags": tags(hostname="node-1")}
    return {"traceID": TRACE, "spans": list(spans), "processes": {"p1": process}}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda trace: {"data": [trace], "total": 0, "limit": 0, "errors": None},
        lambda trace: {"data": trace},
        lambda trace: trace,
        lambda trace: [trace],
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_jaeger_in_each_form(tmp_path: Path, wrap: Any, indent: int | None) -> None:
    parent = {"refType": "CHILD_OF", "traceID": TRACE, "spanID": "a"}
    other = {"refType": "FOLLOWS_FROM", "traceID": "b" * 32, "spanID": "c"}
    log = {"timestamp": TIME_US, "fields": tags(event="error", error__kind="E", message="boom")}
    span = jaeger_span(
        references=[parent, other], tags=tags(span__kind="client", error=True, n=7), logs=[log]
    )
    record = only(write(tmp_path, "a.json", json.dumps(wrap(jaeger_trace(span)), indent=indent)))
    assert (record["trace_id"], record["parent_span_id"]) == (TRACE, "a".zfill(16))
    assert (record["kind"], record["status_code"]) == ("client", "Error")
    assert record["start_time_unix_nano"] == TIME_US * 1000
    assert record["end_time_unix_nano"] == (TIME_US + 5) * 1000
    assert dict(record["resource_attributes"]) == {"service.name": "cart", "hostname": "node-1"}
    assert dict(record["attributes"]) == {"error": "true", "n": "7"}
    assert [link["trace_id"] for link in record["links"]] == ["b" * 32]
    (event,) = record["events"]
    assert (event["name"], dict(event["attributes"])["exception.type"]) == ("exception", "E")
    assert record["source_format"] == "jaeger_json"


def test_jaeger_reject_can_be_read_again_with_its_process(tmp_path: Path) -> None:
    broken, fine = records_of(
        write(tmp_path, "a.json", json.dumps(jaeger_trace(jaeger_span(startTime=0), jaeger_span())))
    )
    assert (broken["reason"], fine["span_id"]) == ("no_time", SPAN)
    again = only(write(tmp_path, "b.json", broken["raw_text"].replace(b": 0,", b": %d," % TIME_US)))
    assert dict(again["resource_attributes"])["service.name"] == "cart"


def zipkin_span(**fields: Any) -> dict[str, Any]:
    span = {
        "traceId": "4BF92F3577B34DA6",
        "id": "ABC",
        "name": "get",
        "timestamp": TIME_US,
        "duration": 7,
        "localEndpoint": {"serviceName": "cart"},
        **fields,
    }
    return {key: value for key, value in span.items() if value is not None}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(zipkin_span()),
        json.dumps([zipkin_span()]),
        json.dumps([[zipkin_span()]], indent=1),
    ],
)
def test_zipkin_in_each_form(tmp_path: Path, text: str) -> None:
    record = only(write(tmp_path, "a.json", text))
    assert record["trace_id"] == "4bf92f3577b34da6".zfill(32)
    assert record["span_id"] == "abc".zfill(16)
    assert record["end_time_unix_nano"] == (TIME_US + 7) * 1000
    assert record["resource_attributes"] == [("service.name", "cart")]
    assert (record["status_code"], record["kind"]) == (None, None)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"tags": {"error": ""}, "kind": "SERVER"}, {"status_code": "Error", "kind": "server"}),
        ({"duration": None}, {"end_time_unix_nano": None}),
        (
            {"timestamp": None, "annotations": [{"timestamp": TIME_US, "value": "sr"}]},
            {"start_time_unix_nano": TIME_US * 1000},
        ),
        ({"timestamp": None, "duration": None}, {"reason": "no_time"}),
        ({"timestamp": TIME_US // 1000}, {"reason": "absurd_time"}),
        ({"traceId": "0"}, {"trace_id": None}),
        ({"traceId": "f" * 33}, {"trace_id": None}),
        ({"id": "not-hex"}, {"span_id": None}),
        ({"timestamp": "soon"}, {"reason": "wrong_type"}),
    ],
)
def test_zipkin_case(tmp_path: Path, fields: dict[str, Any], expected: dict[str, Any]) -> None:
    record = only(write(tmp_path, "a.json", json.dumps(zipkin_span(**fields))))
    assert {name: record[name] for name in expected} == expected


@pytest.mark.parametrize("key", ["batches", "trace"])
def test_tempo_answers(tmp_path: Path, key: str) -> None:
    span = {
        "traceId": base64.b64encode(bytes.fromhex(TRACE)).decode(),
        "spanId": base64.urlsafe_b64encode(bytes.fromhex(SPAN)).decode().rstrip("="),
        "name": "GET",
        "kind": "SPAN_KIND_CLIENT",
        "startTimeUnixNano": str(TIME_NS),
        "endTimeUnixNano": str(TIME_NS + 1),
    }
    groups = [{"resource": {}, "scopeSpans": [{"spans": [span]}]}]
    document = {"batches": groups} if key == "batches" else {"trace": {"resourceSpans": groups}}
    record = only(write(tmp_path, "a.json", json.dumps(document, indent=2)))
    assert (record["trace_id"], record["span_id"]) == (TRACE, SPAN)
    assert (record["kind"], record["source_format"]) == ("client", "tempo_json")


@pytest.mark.parametrize(
    "time",
    [
        {"timestamp": TIME},
        {"@timestamp": "2026-01-12T11:00:00.123456789+01:00"},
        {"ts": TIME_NS},
        {"time": str(TIME_NS)},
        {"asctime": "2026-01-12 10:00:00,123456789"},
    ],
)
def test_flat_json_log(tmp_path: Path, time: dict[str, Any]) -> None:
    line = {
        **time,
        "level": "error",
        "msg": "boom",
        "dd.trace_id": TRACE,
        "span": {"id": SPAN},
        "service": "cart",
        "kubernetes": {"pod_name": "cart-1", "labels": {"a": "b"}},
        "stack_trace": "E: boom\n\tat a.b(C.java:1)",
    }
    record = only(write(tmp_path, "app.jsonl", json.dumps(line) + "\n"))
    assert record["time_unix_nano"] == TIME_NS
    assert (record["trace_id"], record["span_id"]) == (TRACE, SPAN)
    assert (record["severity_text"], record["body"]) == ("error", "boom")
    assert dict(record["resource_attributes"]) == {
        "service.name": "cart",
        "k8s.pod.name": "cart-1",
    }
    assert dict(record["attributes"])["exception.stacktrace"].startswith("E: boom")
    assert dict(record["attributes"])["kubernetes"] == '{"labels":{"a":"b"},"pod_name":"cart-1"}'


@pytest.mark.parametrize(
    ("value", "nanoseconds"),
    [
        (1_768_212_000, 1_768_212_000_000_000_000),
        (1_768_212_000.123, 1_768_212_000_123_000_000),
        (1_768_212_000_123, 1_768_212_000_123_000_000),
        (1_768_212_000_123_456, 1_768_212_000_123_456_000),
        ("1768212000.123456789", TIME_NS),
        *(
            (text, 1_768_212_000_000_000_000)
            for text in (
                "2026-01-12T13:00:00+03",
                "2026-01-12 10:00:00 +0000 UTC m=+0.1",
                "2026-01-12 13:00:00 +0300 MSK",
                "2026-01-12T11:00:00+01:00[Europe/Paris]",
                "Mon, 12 Jan 2026 10:00:00 GMT",
                "12/Jan/2026:10:00:00 +0000",
                "2026/01/12 10:00:00",
                "Mon Jan 12 10:00:00 2026",
            )
        ),
    ],
)
def test_epoch_times_by_their_size(tmp_path: Path, value: Any, nanoseconds: int) -> None:
    record = only(write(tmp_path, "a.jsonl", json.dumps({"ts": value, "msg": "m"})))
    assert record["time_unix_nano"] == nanoseconds


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"ts": 0, "msg": "m"}, "no_time"),
        ({"ts": 12, "msg": "m"}, "absurd_time"),
        ({"ts": "2262-01-01T00:00:00Z", "msg": "m"}, "absurd_time"),
        ({"ts": "soon", "msg": "m"}, "no_time"),
        ({"msg": "m"}, "no_time"),
        ({"some": "thing"}, "unknown_format"),
        ({}, "unknown_format"),
    ],
)
def test_json_line_that_is_no_usable_log(tmp_path: Path, line: Any, reason: str) -> None:
    record = only(write(tmp_path, "a.jsonl", json.dumps(line)))
    assert (record["table"], record["reason"]) == ("rejected_records", reason)
    assert json.loads(record["raw_text"]) == line


CDEVENT = {
    "context": {
        "id": "e1",
        "source": "/ci",
        "type": "dev.cdevents.service.deployed.0.2.0",
        "timestamp": TIME,
    },
    "subject": {
        "id": "cart",
        "type": "service",
        "content": {
            "environment": {"id": "production"},
            "artifactId": "pkg:oci/cart@sha256:12?tag=1.4.0",
        },
    },
}


@pytest.mark.parametrize("has_envelope", [False, True])
def test_cdevent(tmp_path: Path, has_envelope: bool) -> None:
    envelope = {"specversion": "1.0", "id": "x", "source": "/ci", "type": "t", "data": CDEVENT}
    change = only(
        write(tmp_path, "a.jsonl", json.dumps(envelope if has_envelope else CDEVENT) + "\n")
    )
    assert (change["table"], change["change_id"]) == ("changes", "e1")
    assert change["time_unix_nano"] == TIME_NS
    assert dict(change["resource_attributes"]) == {
        "service.name": "cart",
        "deployment.environment.name": "production",
        "service.version": "1.4.0",
    }
    assert dict(change["attributes"])["subject.id"] == "cart"


@pytest.mark.parametrize(
    ("artifact", "version"),
    [
        ("pkg:oci/cart@sha256%3A12ab", "sha256:12ab"),
        ("pkg:oci/cart@sha256%3A12?tag=1.4.2%2Bbuild.7&x=1", "1.4.2+build.7"),
        ("pkg:golang/git.example.com/acme/cart@234fd47e07d1", "234fd47e07d1"),
    ],
)
def test_versions_of_package_urls_are_decoded(tmp_path: Path, artifact: str, version: str) -> None:
    content = {"environment": {"id": "production"}, "artifactId": artifact}
    subject = {"id": "service/cart", "type": "service", "content": content}
    change = only(write(tmp_path, "a.json", json.dumps({**CDEVENT, "subject": subject})))
    told = dict(change["resource_attributes"])
    assert (told["service.name"], told["service.version"]) == ("cart", version)


_RELEASE = {"kind": "HelmRelease", "name": "cart", "namespace": "shop"}
_TIME = "2026-01-12T10:00:00Z"


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (
            {"kind": "Application", "metadata": {"name": "cart", "namespace": "argocd", "uid": "1"},
             "spec": {"destination": {"namespace": "shop"}},
             "status": {"sync": {"revision": "74e0"}, "operationState": {"finishedAt": _TIME}}},
            {"service.name": "cart", "k8s.namespace.name": "shop", "service.version": "74e0"},
        ),
        (
            {"involvedObject": _RELEASE, "reason": "UpgradeSucceeded", "timestamp": _TIME,
             "severity": "info", "message": "upgraded", "metadata": {"revision": "0.1.3"}},
            {"service.name": "cart", "k8s.namespace.name": "shop", "service.version": "0.1.3"},
        ),
        (
            {"kind": "Event", "metadata": {"uid": "2"}, "involvedObject": _RELEASE,
             "reason": "UpgradeSucceeded", "lastTimestamp": _TIME},
            {"service.name": "cart", "k8s.namespace.name": "shop"},
        ),
        (
            {"specversion": "1.0", "type": "t", "source": "s", "id": "3", "time": _TIME,
             "data": {"service": "cart", "stage": "prod", "tag": "0.10.1"}},
            {"service.name": "cart", "deployment.environment.name": "prod",
             "service.version": "0.10.1"},
        ),
        (
            {"name": "cart", "namespace": "shop", "revision": "3", "status": "deployed",
             "updated": "2026-01-12 11:00:00.0 +0100 CET", "chart": "cart-0.1", "app_version": "7"},
            {"service.name": "cart", "k8s.namespace.name": "shop", "service.version": "7"},
        ),
        (
            {"kind": "Application", "metadata": {"name": "cart", "uid": "1"},
             "status": {"sync": {"revisions": ["a1", "b2"]},
                        "operationState": {"finishedAt": _TIME}}},
            {"service.name": "cart", "service.version": "a1, b2"},
        ),
        (
            {"kind": "HelmRelease", "metadata": {"name": "cart", "namespace": "shop", "uid": "1"},
             "status": {"conditions": [{"lastTransitionTime": _TIME}],
                        "history": [{"appVersion": "7", "chartVersion": "0.1"}]}},
            {"service.name": "cart", "k8s.namespace.name": "shop", "service.version": "7"},
        ),
        (
            {"kind": "Event", "involvedObject": _RELEASE, "reason": "UpgradeSucceeded",
             "metadata": {"uid": "2", "annotations": {"helm.toolkit.fluxcd.io/revision": "0.1.3"}},
             "lastTimestamp": _TIME},
            {"service.name": "cart", "k8s.namespace.name": "shop", "service.version": "0.1.3"},
        ),
        (
            {"specversion": "1.0", "type": "t", "source": "s", "id": "3", "time": _TIME,
             "data_base64": "eyJzZXJ2aWNlIjoiY2FydCJ9"},
            {"service.name": "cart"},
        ),
        (  # that a stateful set changed says what manages its fields, not its age
            {"kind": "StatefulSetList", "apiVersion": "apps/v1", "items": [
                {"metadata": {"name": "db", "uid": "1", "creationTimestamp": "2025-01-01T00:00:00Z",
                              "managedFields": [{"time": _TIME}, {
                                  "time": "2026-01-13T00:00:00Z", "subresource": "status"}]}}]},
            {"k8s.statefulset.name": "db"},
        ),
        (
            {"context": {"id": "4", "type": "dev.cdevents.incident.detected.0.2.0",
                         "timestamp": _TIME},
             "subject": {"id": "i", "type": "incident", "content": {"service": {"id": "cart"}}}},
            {"service.name": "cart"},
        ),
        (
            {"context": {"id": "5", "type": "dev.cdevents.artifact.published.0.2.0",
                         "timestamp": _TIME},
             "subject": {"id": "pkg:oci/cart@sha256%3Aab?tag=7", "type": "artifact"}},
            {"service.version": "7"},
        ),
    ],
)  # fmt: skip
def test_deployers_name_what_they_deploy(
    tmp_path: Path, document: dict[str, Any], told: dict[str, str]
) -> None:
    change = only(write(tmp_path, "a.json", json.dumps(document)))
    assert change["table"] == "changes"
    assert change["time_unix_nano"] // 10**9 == TIME_NS // 10**9
    assert dict(change["resource_attributes"]) == told


EVENT = {
    "kind": "Event",
    "metadata": {"uid": "u1", "name": "cart.17"},
    "involvedObject": {"kind": "Deployment", "name": "cart", "namespace": "shop"},
    "reason": "ScalingReplicaSet",
    "message": "Scaled up replica set cart-7d9f8b6c5d to 3",
    "lastTimestamp": "2026-01-12T10:00:00Z",
}


@pytest.mark.parametrize(
    "document",
    [
        EVENT,
        {"kind": "EventList", "apiVersion": "v1", "items": [EVENT]},
        {"type": "ADDED", "object": EVENT},
        {"kind": "Event", "metadata": {"uid": "u1"}, "regarding": EVENT["involvedObject"],
         "reason": "ScalingReplicaSet", "note": EVENT["message"],
         "eventTime": "2026-01-12T10:00:00.000000Z"},
    ],
)  # fmt: skip
def test_kubernetes_rollout_event(tmp_path: Path, document: dict[str, Any]) -> None:
    change = only(write(tmp_path, "events.json", json.dumps(document, indent=2)))
    assert (change["change_id"], change["change_type"]) == ("u1", "ScalingReplicaSet")
    assert change["time_unix_nano"] == 1_768_212_000_000_000_000
    assert dict(change["resource_attributes"]) == {
        "k8s.deployment.name": "cart",
        "k8s.namespace.name": "shop",
    }
    assert dict(change["attributes"])["message"].startswith("Scaled up")


@pytest.mark.parametrize(
    "fields",
    [
        {"context": {"user": 1}, "subject": "Re: x"},
        {"kind": "card", "metadata": {"user": 1}},
        {"type": "x", "object": {"kind": "card"}},
        {"reason": "x", "involvedObject": "cart/cart"},
    ],
)
def test_logs_with_fields_like_those_of_changes_are_logs(
    tmp_path: Path, fields: dict[str, Any]
) -> None:
    line = json.dumps({"time": TIME, "level": "error", "msg": "no funds", **fields})
    record = only(write(tmp_path, "a.jsonl", line))
    assert (record["table"], record["severity_number"]) == ("log_records", 17)


@pytest.mark.parametrize(
    "fields",
    [
        {"severity_number": "1" * 5000},
        {"level": "9" * 5000},
        {"dd.trace_id": "1" * 5000},
    ],
)
def test_endless_numbers_are_none(tmp_path: Path, fields: dict[str, Any]) -> None:
    for name, line in (
        ("a.jsonl", json.dumps({"time": TIME, "msg": "x", **fields})),
        ("b.jsonl", f'{{"time":"{TIME}","msg":"x","level":1e1000000}}'),
    ):
        record = only(write(tmp_path, name, line))
        assert (record["severity_number"], record["trace_id"]) == (None, None)


def test_what_nests_too_deeply_is_rejected_at_any_depth(tmp_path: Path) -> None:
    for depth in (200, 990, 5000):
        deep = '{"a":' * depth + "1" + "}" * depth
        for line in (f'{{"time":"{TIME}","msg":{deep}}}', f'{{"kind":"Pod","metadata":{deep}}}'):
            record = only(write(tmp_path, "a.jsonl", line))
            assert record["reason"] == "invalid_json"


def test_otlp_logs_tell_ids_level_and_exception_in_attributes_or_body(tmp_path: Path) -> None:
    told = {"trace_id": TRACE, "span_id": SPAN, "level": "error", "exception": "a.BError: no\n\tat"}
    attributes = [{"key": key, "value": {"stringValue": text}} for key, text in told.items()]
    records = [
        {"attributes": attributes, "severityText": "DEFAULT", "traceId": "0" * 32},
        {"body": {"stringValue": json.dumps(told)}, "traceId": "0" * 32},
        {"body": {"kvlistValue": {"values": attributes}}, "severityText": " "},
        {
            "body": {"stringValue": "a.BError: no\n\tat a.B.c(B.java:1)"},
            "severityNumber": 9,
            "traceId": TRACE,
            "spanId": SPAN,
        },
        {"body": {}, "attributes": [], "severityText": "undefined"},
    ]
    request = {"resourceLogs": [{"scopeLogs": [{"logRecords": [
        {"timeUnixNano": str(TIME_NS), **record} for record in records]}]}]}  # fmt: skip
    *found, empty = records_of(write(tmp_path, "a.jsonl", json.dumps(request)))
    for record in found:
        assert (record["trace_id"], record["span_id"]) == (TRACE, SPAN)
        assert dict(record["attributes"])["exception.type"] == "a.BError"
    assert [record["severity_number"] for record in found] == [17, 17, 17, 9]
    assert (empty["body"], empty["severity_number"]) == ("", None)


def test_kubernetes_object_that_is_no_change(tmp_path: Path) -> None:
    document = {"kind": "Pod", "metadata": {"name": "a"}}
    assert only(write(tmp_path, "a.json", json.dumps(document)))["reason"] == "unknown_format"


def test_one_file_may_hold_all_kinds(tmp_path: Path) -> None:
    lines = [json.dumps(value) for value in (zipkin_span(), CDEVENT, jaeger_trace(jaeger_span()))]
    records = records_of(write(tmp_path, "mixed.jsonl", "\n".join([*lines, '{"torn'])))
    assert [record["table"] for record in records] == [
        "spans", "changes", "spans", "rejected_records",
    ]  # fmt: skip


def test_a_named_format_decides(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", json.dumps(CDEVENT) + "\n")
    file = Planner({}, named_format="zipkin").plan(str(path))
    assert file is not None
    ((_, _, record),) = read_piece(Piece(file.part, 0, file.part.to_position))
    assert record["reason"] == "no_time"


def test_values_that_no_column_takes_are_kept_as_text(tmp_path: Path) -> None:
    span = {
        "traceId": TRACE, "spanId": SPAN, "kind": "SPAN_KIND_ROBOT", "status": {"code": 9},
        "startTimeUnixNano": str(TIME_NS), "unknownField": {"kept": "in the raw text"},
    }  # fmt: skip
    request = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    record = only(write(tmp_path, "a.json", json.dumps(request)))
    assert (record["kind"], record["status_code"]) == (None, None)
    assert dict(record["attributes"]) == {
        "tracekeep.unreadable.kind": "SPAN_KIND_ROBOT",
        "tracekeep.unreadable.status_code": "9",
    }
    assert b"in the raw text" in record["raw_text"]


def test_a_wrong_group_costs_no_other(tmp_path: Path) -> None:
    span = {"traceId": TRACE, "spanId": SPAN, "startTimeUnixNano": str(TIME_NS)}
    groups = [{"scopeSpans": 7}, {"scopeSpans": [{"spans": [span]}]}]
    broken, fine = records_of(write(tmp_path, "a.json", json.dumps({"resourceSpans": groups})))
    assert (broken["reason"], fine["span_id"]) == ("wrong_type", SPAN)


def test_each_format_has_a_rank_of_its_own_and_is_documented() -> None:
    ranks = [module.RANK for module in FORMATS.values()]
    assert ranks == sorted(set(ranks))
    documented = (PROJECT / "docs" / "ingest.md").read_text(encoding="utf-8")
    assert [name for name in FORMATS if f"`{name}`" not in documented] == []


def test_json_named_a_pod_log_is_rejected() -> None:
    (record,) = read_text("topic", b'{"a": 1}', "pod_log")
    assert (record["table"], record["reason"]) == ("rejected_records", "unknown_format")
