"""A hand-made input that is anything but clean: what the property tests mix into a generated day.

Each record is one OTLP/JSON export request (a line), so that records can be dealt to files and
ingest batches in any way.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

START = 1_768_212_000_000_000_000  # 2026-01-12 10:00:00 UTC, inside the generated day
SECOND = 1_000_000_000
MILLISECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

DROPPED = "0a" * 9 + "00000000000001"  # its randomness is too small for any class but error
KEPT = "0b" * 9 + "ffffffffffffff"
HALF = "0c" * 9 + "90000000000000"
SHORT = "64b1000000000001"  # a 64-bit trace id

KINDS = {None: 0, "internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}


def attributes_of(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Attributes as OTLP's key-value list, all values as strings."""
    return [{"key": key, "value": {"stringValue": str(value)}} for key, value in values.items()]


def span(
    trace_id: Any,
    span_id: Any,
    parent: Any = "",
    *,
    service: str = "payment",
    kind: str | None = "server",
    name: str = "POST /pay",
    start: int = START,
    milliseconds: float | None = 5,
    status: int = 0,
    message: str = "",
    exception: tuple[str, str] | None = None,
    state: str = "",
    attributes: dict[str, Any] | None = None,
    resource: dict[str, Any] | None = None,
    links: Sequence[tuple[str, str]] = (),
) -> str:
    """A trace export request with one span; `milliseconds` None leaves the end out; `links` are
    trace and span ids."""
    body: dict[str, Any] = {
        "traceId": trace_id,
        "spanId": span_id,
        "parentSpanId": parent,
        "traceState": state,
        "name": name,
        "kind": KINDS[kind],
        "startTimeUnixNano": str(start),
        "attributes": attributes_of(attributes or {}),
        "links": [{"traceId": trace, "spanId": span} for trace, span in links],
        "status": {"code": status, "message": message},
    }
    if milliseconds is not None:
        body["endTimeUnixNano"] = str(start + round(milliseconds * MILLISECOND))
    if exception:
        kind_of, text = exception
        body["events"] = [
            {
                "name": "exception",
                "timeUnixNano": str(start),
                "attributes": attributes_of({"exception.type": kind_of, "exception.message": text}),
            }
        ]
    group = {
        "resource": {"attributes": attributes_of({"service.name": service, **(resource or {})})},
        "scopeSpans": [{"spans": [body]}],
    }
    return json.dumps({"resourceSpans": [group]})


def log(
    trace_id: Any,
    span_id: Any,
    text: str,
    *,
    service: str | None = "payment",
    severity: int = 9,
    time: int = START,
    attributes: dict[str, Any] | None = None,
    resource: dict[str, Any] | None = None,
) -> str:
    """A log export request with one record."""
    body = {
        "timeUnixNano": str(time),
        "severityNumber": severity,
        "body": {"stringValue": text},
        "attributes": attributes_of(attributes or {}),
        "traceId": trace_id,
        "spanId": span_id,
    }
    named = {"service.name": service} if service else {}
    group = {
        "resource": {"attributes": attributes_of({**named, **(resource or {})})},
        "scopeLogs": [{"logRecords": [body]}],
    }
    return json.dumps({"resourceLogs": [group]})


def hex_id(number: int) -> str:
    """A span id."""
    return f"{number:016x}"


def trace(number: int, tail: str = "00000000000001") -> str:
    """A trace id whose randomness is `tail`."""
    return f"{number:04x}" + "5eed" * 3 + "00" + tail


LATE = trace(98)
LATE_START = START + 7 * HOUR + 10 * MINUTE


def promoting() -> list[str]:
    """What comes of the trace LATE after all else: its root again, longer and with another
    endpoint, and an error that began two minutes after it."""
    return [
        span(
            LATE, hex_id(1), service="late-shop", name="GET /new", start=LATE_START,
            milliseconds=130_000,
        ),
        span(
            LATE, hex_id(2), hex_id(1), service="late-bank", name="POST /debit", status=2,
            start=LATE_START + 2 * MINUTE, message="no funds for 4711",
        ),
    ]  # fmt: skip


def timely() -> list[str]:
    """Records that arrive before the late ones when a test keeps an order."""
    upper = trace(7).upper()
    as_base64 = base64.b64encode(bytes.fromhex(trace(8))).decode()
    timeout = {"exception.type": "c.Timeout"}
    return [
        # a trace that is dropped until its error arrives
        span(DROPPED, hex_id(1), service="gateway"),
        span(DROPPED, hex_id(2), hex_id(1), kind="client", service="gateway"),
        span(DROPPED, hex_id(3), hex_id(2), start=START + 1),
        log(DROPPED, hex_id(3), "paying"),
        # a dropped trace that a late error promotes, and whose root comes again elsewhere
        span(LATE, hex_id(1), service="late-shop", name="GET /old", start=LATE_START),
        log(LATE, hex_id(1), "hello", service="late-shop", time=LATE_START),
        # a slow trace that a longer root makes slow only later
        span(HALF, hex_id(1), milliseconds=1000),
        span(KEPT, hex_id(1), milliseconds=1000.000001),
        # versions of one span that differ
        span(trace(1), hex_id(1), milliseconds=5),
        span(trace(1), hex_id(1), milliseconds=7, attributes={"b": 1}),
        span(trace(1), hex_id(1), milliseconds=7, attributes={"a": 2}),
        span(trace(1), hex_id(1), milliseconds=7, attributes={"a": 2}, name="POST /refund"),
        # two versions fail in different words; the second is longer, a third one is fine
        span(trace(2), hex_id(1), status=2, message="no funds", milliseconds=5),
        span(trace(2), hex_id(1), status=2, exception=("Timeout", "bank"), milliseconds=9),
        span(trace(2), hex_id(1), status=1, milliseconds=90),
        # the same record from two regions
        span(trace(3), hex_id(1), resource={"cloud.region": "eu"}),
        span(trace(3), hex_id(1), resource={"cloud.region": "us"}),
        # two environments in one trace
        span(trace(3), hex_id(2), resource={"deployment.environment.name": "canary"}),
        # client and server share an id; a third span bears it too
        span(trace(4), hex_id(1), service="gateway", kind="client"),
        span(trace(4), hex_id(1), start=START + 2 * MINUTE),
        span(trace(4), hex_id(1), service="ledger", start=START + 4 * MINUTE),
        log(trace(4), hex_id(1), "whose?", severity=17, service="ledger", time=START + 9 * MINUTE),
        log(trace(4), hex_id(1), "nobody's", severity=17, service=None, time=START + 9 * MINUTE),
        # kinds unknown
        span(trace(5), hex_id(2), hex_id(1), service="b", kind=None),
        span(trace(5), hex_id(3), hex_id(2), service="b", kind=None),
        # orphans whose parent never arrives
        span(trace(17), hex_id(2), hex_id(1), kind="internal"),
        span(trace(17), hex_id(3), hex_id(1), kind=None, service="ledger"),
        log(trace(17), hex_id(9), "its span never came", severity=17, time=START + MINUTE),
        # no root, self-parent, cycle
        span(trace(6), hex_id(1), hex_id(1)),
        span(trace(6), hex_id(2), hex_id(3)),
        span(trace(6), hex_id(3), hex_id(2), milliseconds=2000),
        # ids in upper case, as base64, with white noise around them
        span(upper, hex_id(10).upper()),
        span(trace(7), hex_id(11), hex_id(10)),
        span(as_base64, base64.b64encode(bytes.fromhex(hex_id(12))).decode()),
        log(as_base64, "", "base64", severity=18),
        # two roots; upstream thresholds and randomness that disagree
        span(trace(9), hex_id(1), state="ot=th:c;rv:ffffffffffffff"),
        span(trace(9), hex_id(2), state="ot=th:8;rv:f0000000000000", start=START - 1),
        span(trace(10), hex_id(1), state="ot=th:8", name="contradicted"),
        span(trace(11), hex_id(1), state="ot=th:FF;rv:XY", name="malformed"),
        # no usable ids
        span("", hex_id(1), name="no trace"),
        span("", hex_id(1), name="no trace"),
        span("00" * 16, hex_id(1), name="no trace", status=2, message="zero"),
        span(None, None, name="nothing", status=2, message="zero"),
        span("xyz", "12", name="not ids"),
        span(trace(12), "", name="no span id"),
        span(trace(12), "", name="no span id"),
        span(trace(12), None, name="no span id", attributes={"other": 1}),
        log("", "", "no trace", severity=17),
        log("", "", "no trace", severity=17),
        log("", "", "no trace", severity=17, service="ledger"),
        log("", hex_id(1), "no trace but a span", severity=21),
        # times
        span(trace(13), hex_id(1), milliseconds=None),
        span(trace(13), hex_id(2), milliseconds=-5),
        span(trace(13), hex_id(3), start=START + 999, milliseconds=0.000001),
        # a uid makes two texts one record
        log(trace(14), "", "first text", attributes={"log.record.uid": "u1"}),
        log(trace(14), "", "other text", severity=17, attributes={"log.record.uid": "u1"}),
        log(trace(14), "", "third text", severity=17, attributes={"log.record.uid": "u2"}),
        log(trace(14), "", "third text", severity=17, attributes={"log.record.uid": "u2"}),
        # an empty uid is none
        log(trace(18), "", "one", severity=17, attributes={"log.record.uid": ""}),
        log(trace(18), "", "two", severity=17, attributes={"log.record.uid": ""}),
        # a uid whose time moves to another window
        log(trace(19), "", "moves", severity=17, attributes={"log.record.uid": "u3"}),
        # the same without a trace, two days apart
        log("", "", "moves far", attributes={"log.record.uid": "u4"}),
        # copies of one error, of which one names its exception
        log(trace(20), "", "same", severity=17, attributes={"exception.type": "Timeout"}),
        log(trace(20), "", "same", severity=17),
        # values that no column takes, beside old and new names of one attribute
        span(trace(21), hex_id(1), attributes={"http.status_code": "teapot"}),
        span(
            trace(21),
            hex_id(2),
            attributes={"http.response.status_code": 503, "http.status_code": "200"},
        ),
        log(trace(21), hex_id(1), "no such level", severity=0, attributes={"n": [1, 2]}),
        # three tries of which one is answered, with a database behind it
        span(trace(22), hex_id(1), service="gateway"),
        *(
            span(
                trace(22),
                hex_id(n),
                hex_id(1),
                service="gateway",
                kind="client",
                start=START + n,
                status=2 * (n < 4),
                attributes={"server.address": "payment"},
            )
            for n in (2, 3, 4)
        ),
        span(trace(22), hex_id(5), hex_id(4), attributes={"http.status_code": 404}),
        span(trace(22), hex_id(6), hex_id(5), kind="internal"),
        span(trace(22), hex_id(7), hex_id(6), kind="client", attributes={"db.system": "redis"}),
        # nobody's client span; the service itself; an orphan that calls itself
        span(trace(22), hex_id(8), hex_id(6), service="ledger"),
        span(trace(22), hex_id(9), hex_id(8), service="ledger", kind="client"),
        span(trace(22), hex_id(10), hex_id(9), service="ledger"),
        span(trace(22), hex_id(11), "f" * 16, service="mail", kind="client"),
        span(trace(22), hex_id(12), hex_id(11), service="mail"),
        # a batch of messages: its own trace's, another's, one that comes late, none, no ids
        span(
            trace(23),
            hex_id(2),
            hex_id(1),
            service="mail",
            kind="consumer",
            start=START + 7 * MINUTE,
            links=[
                (trace(23), hex_id(1)),
                (trace(22), hex_id(4)),
                (trace(24), hex_id(1)),
                (trace(24), hex_id(1)),
                (trace(99), hex_id(1)),
                ("", ""),
                *((trace(24), hex_id(n)) for n in range(100, 200)),
            ],
        ),
        # a link of a span that is no consumer, and a system without a name
        span(trace(28), hex_id(1), links=[(trace(22), hex_id(4))]),
        span(
            trace(28),
            hex_id(2),
            hex_id(1),
            kind="client",
            attributes={"db.system.name": "", "db.system": "mysql"},
        ),
        # depth and circles of internal spans below another service
        *(
            span(trace(25), hex_id(n), hex_id(n - 1), kind="internal", start=START + n)
            for n in range(2, 40)
        ),
        span(trace(25), hex_id(40), hex_id(39), service="ledger"),
        span(trace(26), hex_id(1), hex_id(2), kind="internal"),
        span(trace(26), hex_id(2), hex_id(1), kind="internal"),
        span(trace(26), hex_id(3), hex_id(2), service="ledger"),
        # one exception told by a span and by a log, and three that only look like it
        span(trace(27), hex_id(1), status=2, exception=("a.b.Timeout", "bank")),
        log(trace(27), hex_id(1), "c.Timeout: bank", severity=17, attributes=timeout),
        log(trace(27), hex_id(1), "bank", severity=17, attributes={"exception.type": "Refused"}),
        log(trace(27), hex_id(1), "ledger", severity=17, attributes={"exception.type": "Timeout"}),
        log(trace(27), hex_id(2), "c.Timeout: bank", severity=17, attributes=timeout),
        # across midnights: three days, of which the middle one holds a log record alone
        span(trace(29), hex_id(1), start=START - 24 * HOUR, kind="producer"),
        log(trace(29), hex_id(1), "waiting"),
        span(trace(29), hex_id(2), hex_id(1), kind="consumer", start=START + 24 * HOUR, status=2),
        # the same trace by a 64-bit id, see `foreign`
        span("0" * 16 + SHORT, hex_id(1), service="gateway"),
        # client and server disagree, in both ways; slow and failed; identical twice
        span(trace(30), hex_id(1), service="gateway", milliseconds=1001, status=2),
        span(trace(30), hex_id(2), hex_id(1), service="gateway", kind="client", status=2),
        span(trace(30), hex_id(3), hex_id(2)),
        span(
            trace(30),
            hex_id(4),
            hex_id(1),
            service="gateway",
            kind="client",
            attributes={"http.status_code": 404},
        ),
        span(trace(30), hex_id(5), hex_id(4), attributes={"http.status_code": 404}),
        span(trace(30), hex_id(5), hex_id(4), attributes={"http.status_code": 404}),
        # ids that count up
        *(span(f"{n:032x}", hex_id(n), milliseconds=2000) for n in range(1, 4)),
        # a child that starts before its parent
        span(trace(31), hex_id(1), service="gateway"),
        span(trace(31), hex_id(2), hex_id(1), start=START - SECOND),
        # hostile text
        log(trace(15), hex_id(1), "{{ x }} '\"; drop table\\ \u0000 <b> $a", severity=17),
        span(trace(15), hex_id(1), name="GET /a'b\"/{{ 1 }}/4711?q=\\", status=2, message="\u0000"),
        log(trace(15), hex_id(1), "two\nlines\n\tat a.B.c(D.java:1)", severity=17),
    ]


def late() -> list[str]:
    """Records that arrive last when a test keeps an order."""
    moving, moving_far = {"log.record.uid": "u3"}, {"log.record.uid": "u4"}
    return [
        # promotes the dropped trace, in a window of its own
        log(DROPPED, hex_id(3), "declined", severity=17, time=START + 3 * MINUTE),
        span(HALF, hex_id(1), milliseconds=1500),
        log(trace(19), "", "moved", severity=17, time=START + 11 * MINUTE, attributes=moving),
        log("", "", "moved far", severity=17, time=START + 48 * HOUR, attributes=moving_far),
        # the parents that were missing
        span(trace(5), hex_id(1), service="a", kind=None),
        # turns an ok span into an error; moves its log's window by an earlier twin
        span(trace(3), hex_id(2), status=2, message="late"),
        span(trace(4), hex_id(1), service="gateway", kind="client", start=START - 5 * MINUTE),
        # the sender of messages that were read before, and the root above
        span(trace(24), hex_id(1), kind="producer", attributes={"messaging.system": "kafka"}),
        span(trace(23), hex_id(1), kind="producer", start=START - HOUR),
        span(trace(25), hex_id(1), service="gateway", kind="client", milliseconds=50),
        # a day before and a day after a trace whose verdict is taken
        log(trace(29), hex_id(1), "late", severity=17, time=START - 23 * HOUR),
        span(trace(31), hex_id(3), hex_id(1), start=START + 30 * HOUR),
        # the span of a log that stood alone
        span(trace(14), hex_id(1), kind="consumer", start=START - 2 * MINUTE),
        log(trace(16), hex_id(1), "before its span", severity=17, time=START + 7 * MINUTE),
        span(trace(16), hex_id(1), start=START + 6 * MINUTE, state="ot=rv:00000000000000"),
    ]


def deployed(
    change_id: str, timestamp: str, source: str = "/ci", service: str = "payment", **subject: Any
) -> str:
    """A CDEvent of a deployment. timestamp: ISO."""
    context = {
        "version": "0.4.1",
        "id": change_id,
        "source": source,
        "type": "dev.cdevents.service.deployed.0.1.1",
        "timestamp": timestamp,
    }
    return json.dumps({"context": context, "subject": {"id": service, **subject}})


def changes() -> list[str]:
    """Changes as CDEvents: versions, repetitions, another source's same id, and none."""

    def change(change_id: str, second: int, source: str = "/ci", **subject: Any) -> str:
        timestamp = f"2026-01-12T10:00:{second:02d}.000000001Z"
        return deployed(change_id, timestamp, source, **subject)

    return [
        change("c1", 1, type="service"),
        change("c1", 1, type="service"),
        change("c1", 2, content={"environment": {"id": "production"}}),
        change("c1", 2, content={"environment": {"id": "canary"}}),
        change("c1", 3, source="/other"),
        change("", 4),
        change("", 4),
        change("", 4, content={"artifactId": "pkg:oci/payment@sha256:00?tag=2.0"}),
    ]


def foreign() -> list[str]:
    """A record in another format: Jaeger's, whose trace ids may have 64 bits."""
    parent = {"refType": "CHILD_OF", "traceID": SHORT, "spanID": hex_id(1)}
    failed = {
        "traceID": SHORT,
        "spanID": hex_id(2),
        "operationName": "POST /pay",
        "references": [parent],
        "startTime": START // 1000 + 7,
        "duration": 1000,
        "tags": [
            {"key": "span.kind", "type": "string", "value": "server"},
            {"key": "error", "type": "bool", "value": True},
        ],
        "logs": [],
        "processID": "p1",
    }
    processes = {"p1": {"serviceName": "payment", "tags": []}}
    return [json.dumps({"data": [{"traceID": SHORT, "spans": [failed], "processes": processes}]})]


def giants() -> list[str]:
    """A chain of 10,000 spans, a fan-out of 50,000, and 3,000 spans without a trace id."""
    chain = (
        span(trace(40), hex_id(n), hex_id(n - 1) if n > 1 else "", kind="internal", start=START + n)
        for n in range(1, 10_001)
    )
    fan = (
        span(trace(41), hex_id(n), hex_id(1) if n > 1 else "", start=START + n)
        for n in range(1, 50_001)
    )
    lost = (span("", hex_id(n), start=START + n) for n in range(3000))
    end = span(trace(40), hex_id(10_001), hex_id(10_000), service="ledger", status=2)
    return [*chain, end, *fan, *lost]


def in_copy(record: str, copy: int) -> str:
    """The record as another one of its kind: in an environment `copy-NN` and with other leading
    digits of the trace ids; the randomness (R3) and all else stay. What identifies a log record
    without a trace, its uid or its text, names the copy too."""
    tag = f"copy-{copy:02d}"
    document = json.loads(record)
    if "data" in document:
        (jaeger,) = document["data"]
        jaeger["processes"]["p1"]["tags"].append(
            {"key": "deployment.environment.name", "type": "string", "value": tag}
        )
        (child,) = jaeger["spans"]
        for holder in (jaeger, child, *child["references"]):
            holder["traceID"] = _id_in_copy(holder["traceID"], copy)
    elif "context" in document:
        context, content = document["context"], document["subject"].setdefault("content", {})
        context["source"] = f"/{tag}{context['source']}"
        environment = content.setdefault("environment", {"id": ""})
        environment["id"] = f"{tag}-{environment['id']}".rstrip("-")
    else:
        for group in document.get("resourceSpans", []) + document.get("resourceLogs", []):
            _resource_in_copy(group["resource"]["attributes"], tag)
            for scope in group.get("scopeSpans", []) + group.get("scopeLogs", []):
                for event in scope.get("spans", []) + scope.get("logRecords", []):
                    for holder in (event, *event.get("links", [])):
                        holder["traceId"] = _id_in_copy(holder["traceId"], copy)
                    if "body" in event and not event["traceId"]:
                        texts = [event["body"], *(a["value"] for a in event["attributes"])]
                        for text in texts:
                            text["stringValue"] += f" {tag}"
    return json.dumps(document)


def _resource_in_copy(attributes: list[dict[str, Any]], tag: str) -> None:
    for attribute in attributes:
        if attribute["key"] == "deployment.environment.name":
            attribute["value"]["stringValue"] = f"{tag}-{attribute['value']['stringValue']}"
            return
    attributes += attributes_of({"deployment.environment.name": tag})


def _id_in_copy(trace_id: Any, copy: int) -> Any:
    """Digits 5 to 8 of a whole id, the first two of a 64-bit one, are the copy's number."""
    if not trace_id or not trace_id.strip("0") or len(trace_id) not in (16, 24, 32):
        return trace_id
    if len(trace_id) == 24:
        text = base64.b64decode(trace_id).hex()
        return base64.b64encode(bytes.fromhex(_id_in_copy(text, copy))).decode()
    if len(trace_id) == 16:
        return f"{copy:02x}{trace_id[2:]}"
    if trace_id.startswith("0" * 16):
        return f"{'0' * 16}{copy:02x}{trace_id[18:]}"
    return f"{trace_id[:4]}{copy:04x}{trace_id[8:]}"
