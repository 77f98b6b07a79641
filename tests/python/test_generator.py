"""The generated day: same bytes for the same arguments, and a truth that the files agree with.

``Reading`` reads the written files back with rules of its own; nothing in it comes from the
generator's code.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec import Raw

from tracekeep.generator import add_arguments, generate, run

SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5
CRI = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (stdout|stderr) ([PF]) (.*)$")
TEXT = re.compile(
    r"^\d{4}-\d\d-\d\dT[\d:.]+Z ([A-Z]+) \[trace_id=([0-9a-f]{32}) span_id=([0-9a-f]{16})\] \S+ - ."
)
SECOND = 1_000_000_000
# Incident kinds that a change caused, and what only their spans say.
CAUSED = {"failing_deploy", "rollback", "canary", "config_change"}
SYMPTOMS = {
    "new_error_type": "LedgerInvariantViolatedException",
    "failing_deploy": "reading 'taxes'",
    "canary": "*json.UnmarshalTypeError",
    "connection_pool_exhausted": "java.sql.SQLTransientConnectionException",
    "retry_storm": "*auth.QueueFullError",
    "certificate_expiry": "javax.net.ssl.SSLHandshakeException",
    "config_change": "deadline of 3 ms exceeded",
}


def attributes_of(holder: dict) -> dict[str, object]:
    values: dict[str, object] = {}
    for attribute in holder.get("attributes", []):
        ((kind, value),) = attribute["value"].items()
        values[attribute["key"]] = int(value) if kind == "intValue" else value
    return values


def is_error_span(span: dict) -> bool:
    """The contract's words, read from the JSON alone."""
    status = span["status"].get("code", 0)
    if status:
        return status == 2
    attributes = attributes_of(span)
    client = span["kind"] == CLIENT
    http = attributes.get("http.response.status_code", attributes.get("http.status_code", 0))
    grpc = attributes.get("rpc.grpc.status_code", 0)
    failing = range(1, 17) if client else (2, 4, 12, 13, 14, 15)
    return http >= (400 if client else 500) or grpc in failing or attributes.get("error") is True


class Reading:
    """All records of an output folder, duplicates counted apart."""

    def __init__(self, out: Path) -> None:
        self.spans: dict[tuple[str, str], dict] = {}
        self.logs: list[tuple[str, str, int, str]] = []  # trace, span, ns, level
        self.duplicates = 0
        self.requests: list[list[dict]] = []
        self.files: dict[tuple[str, str], str] = {}
        self.log_keys: Counter[str] = Counter()
        for path in sorted(out.glob("otlp/traces/*/*.jsonl.gz")):
            for request in self._lines(path):
                self.requests.append([])  # without what a repeated request brings again
                size = 0
                for group in request["resourceSpans"]:
                    for scope in group["scopeSpans"]:
                        assert scope["scope"]["name"]
                        size += len(scope["spans"])
                        for span in scope["spans"]:
                            self._span(path, attributes_of(group["resource"]), span)
                assert 0 < size <= 500
        for path in sorted(out.glob("otlp/logs/*/*.jsonl.gz")):
            for request in self._lines(path):
                for group in request["resourceLogs"]:
                    for scope in group["scopeLogs"]:
                        for record in scope["logRecords"]:
                            self._otlp_log(record)
        self.pod_records: list[tuple[Path, str, str, int]] = []  # file, time, text, parts
        for path in sorted(out.glob("pods/*/*/0.log")):
            self._pod_log(path)

    @staticmethod
    def _lines(path: Path) -> list[dict]:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def _span(self, path: Path, resource: dict[str, object], span: dict) -> None:
        span["resource"] = resource
        key = span["traceId"], span["spanId"]
        if key in self.spans:
            assert self.spans[key] == span
            self.duplicates += 1
            return
        self.spans[key] = span
        self.files[key] = f"{path.parent.name}/{path.name}"
        self.requests[-1].append(span)

    def _otlp_log(self, record: dict) -> None:
        key = json.dumps(record)
        self.log_keys[key] += 1
        if self.log_keys[key] > 1:
            self.duplicates += 1
            return
        level = "ERROR" if record["severityNumber"] >= 17 else record["severityText"]
        at = int(record["timeUnixNano"])
        self.logs.append((record["traceId"], record["spanId"], at, level))

    def _pod_log(self, path: Path) -> None:
        held, parts, at = "", 0, ""
        for line in path.read_text(encoding="utf-8").splitlines():
            match = CRI.match(line)
            assert match, line
            time, _, tag, text = match.groups()
            assert len(text) <= 16 * 1024
            at, held, parts = at or time, held + text, parts + 1
            if tag == "P":
                assert len(text) == 16 * 1024
                continue
            self.pod_records.append((path, at, held, parts))
            if held.startswith("{"):
                entry = json.loads(held)
                level, trace, span = entry["level"].upper(), entry["trace_id"], entry["span_id"]
                assert entry["msg"]
            else:
                match = TEXT.match(held)
                assert match, held
                level, trace, span = match.groups()
            self.logs.append((trace, span, unix_ns(at), level))
            held, parts, at = "", 0, ""
        assert not held

    @property
    def error_events(self) -> set[tuple[str, str, str, int]]:
        """Event, trace, span, ns."""
        spans = {
            ("span", trace, span, int(value["startTimeUnixNano"]))
            for (trace, span), value in self.spans.items()
            if is_error_span(value)
        }
        return spans | {
            ("log", trace, span, at)
            for trace, span, at, level in self.logs
            if level in ("ERROR", "FATAL")
        }

    def roots(self) -> dict[str, dict]:
        return {trace: s for (trace, _), s in self.spans.items() if not s["parentSpanId"]}


def unix_ns(text: str) -> int:
    seconds = (date.fromisoformat(text[:10]) - date(1970, 1, 1)).days * 86400
    hour, minute, second = (int(part) for part in text[11:19].split(":"))
    return (seconds + hour * 3600 + minute * 60 + second) * SECOND + int(text[20:29])


def duration_ms(span: dict) -> float:
    return (int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"])) / 1e6


def digest(out: Path) -> dict[str, str]:
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int], Reading]:
    """20,000 events with much of what is rare by default."""
    out = tmp_path_factory.mktemp("generated") / "day"
    counts = generate(out, 20_000, seed=5, late_share=0.05, duplicate_share=0.05, workers=1)
    return out, counts, Reading(out)


def test_same_bytes_whatever_the_number_of_workers(tmp_path: Path) -> None:
    for share in (None, 0.1):
        one, two = tmp_path / f"one-{share}", tmp_path / f"two-{share}"
        generate(one, 3000, seed=1, days=2, error_share=share, workers=1)
        generate(two, 3000, seed=1, days=2, error_share=share, workers=2)
        assert digest(one) == digest(two)
        assert {"changes/2026-01-13.jsonl", "truth/changes.json", "truth/verdicts.jsonl.gz"} <= (
            digest(one).keys()
        )


def test_another_seed_is_another_day(tmp_path: Path) -> None:
    generate(tmp_path / "one", 1500, seed=1, workers=1)
    generate(tmp_path / "two", 1500, seed=2, workers=1)
    one, two = Reading(tmp_path / "one"), Reading(tmp_path / "two")
    assert not one.spans.keys() & two.spans.keys()
    assert {record[0].parts[-3] for record in one.pod_records}.isdisjoint(
        record[0].parts[-3] for record in two.pod_records
    )


def test_number_of_events_is_exact(day: tuple[Path, dict[str, int], Reading]) -> None:
    out, counts, reading = day
    assert len(reading.spans) + len(reading.logs) == counts["events"] == 20_000
    assert (len(reading.spans), len(reading.logs)) == (counts["spans"], counts["logs"])
    assert 0.65 < counts["spans"] / counts["events"] < 0.75
    assert reading.duplicates == counts["duplicates"] > 0
    assert len(reading.roots()) == counts["traces"]
    manifest = json.loads((out / "truth/manifest.json").read_text())
    assert manifest["counts"] == counts
    assert manifest["arguments"]["seed"] == 5
    assert (out / "truth/.noingest").read_bytes() == b""
    assert not (out / ".parts").exists()


@pytest.mark.parametrize("events", [1, 37, 700])
def test_few_events_are_exact_too(tmp_path: Path, events: int) -> None:
    counts = generate(tmp_path / "few", events, seed=3, workers=1)
    reading = Reading(tmp_path / "few")
    assert len(reading.spans) + len(reading.logs) == counts["events"] == events


def test_truth_equals_a_reading_of_the_files(day: tuple[Path, dict[str, int], Reading]) -> None:
    out, counts, reading = day
    with gzip.open(out / "truth/error_events.jsonl.gz", "rt") as file:
        rows = [json.loads(line) for line in file]
    truth = {(r["event"], r["trace_id"], r["span_id"], r["time_unix_nano"]) for r in rows}
    assert len(truth) == len(rows) == counts["error_events"] > 30
    assert truth == reading.error_events
    traces = {row["trace_id"] for row in rows}
    assert len(traces) == counts["error_traces"]
    assert 0.003 < len(traces) / counts["traces"] < 0.03
    for row in rows:
        if row["event"] == "span":
            span = reading.spans[row["trace_id"], row["span_id"]]
            assert span["resource"]["service.name"] == row["service"]
            assert row["error_type"] and row["error_message"]


def test_errors_come_in_every_guise(day: tuple[Path, dict[str, int], Reading]) -> None:
    spans = day[2].spans.values()
    errors = [span for span in spans if is_error_span(span)]
    by_code = [span for span in errors if span["status"].get("code", 0) == 0]
    assert by_code
    assert any(span["status"].get("message") for span in errors)
    assert any(event["name"] == "exception" for span in errors for event in span.get("events", []))
    not_found = [
        span
        for span in spans
        if span["kind"] == SERVER
        and 404
        in (
            attributes_of(span).get("http.response.status_code"),
            attributes_of(span).get("http.status_code"),
        )
    ]
    assert not_found and not any(is_error_span(span) for span in not_found)


def test_trees_are_whole(day: tuple[Path, dict[str, int], Reading]) -> None:
    _, _, reading = day
    roots = Counter(trace for (trace, _), s in reading.spans.items() if not s["parentSpanId"])
    assert set(roots.values()) == {1}
    for (trace, _), span in reading.spans.items():
        assert int(span["startTimeUnixNano"]) < int(span["endTimeUnixNano"])
        parent = span["parentSpanId"]
        if parent:
            assert int(reading.spans[trace, parent]["startTimeUnixNano"]) <= int(
                span["startTimeUnixNano"]
            )
        for link in span.get("links", []):
            assert reading.spans[link["traceId"], link["spanId"]]["kind"] == PRODUCER
    assert {span["kind"] for span in reading.spans.values()} == {1, 2, 3, 4, 5}
    services = {span["resource"]["service.name"] for span in reading.spans.values()}
    assert len(services) == 10


def test_every_log_names_a_span(day: tuple[Path, dict[str, int], Reading]) -> None:
    _, _, reading = day
    assert all((trace, span) in reading.spans for trace, span, _, _ in reading.logs)


def test_pod_logs_are_in_time_order(day: tuple[Path, dict[str, int], Reading]) -> None:
    _, counts, reading = day
    assert len(reading.pod_records) == counts["pod_logs"]
    times: dict[Path, str] = {}
    for path, at, _, _ in reading.pod_records:
        assert times.get(path, "") < at
        times[path] = at
    assert any(parts > 1 for _, _, _, parts in reading.pod_records)
    assert all((len(text) > 16 * 1024) == (parts > 1) for _, _, text, parts in reading.pod_records)
    pod = re.compile(r"^payments_[a-z-]+-[0-9a-f]{8,10}-[a-z0-9]{5}_[0-9a-f-]{36}$")
    assert all(pod.match(path.parts[-3]) for path in times)


def test_pod_logs_of_neighbour_hours_are_merged(tmp_path: Path) -> None:
    """A trace that runs beyond its hour writes lines among those of the next hour."""
    from tracekeep.generator.writers import Slot, merge_pod_log

    slots = [Slot(date(2026, 1, 12), hour, 0, 1) for hour in (9, 10, 11)]

    def line(clock: str, tag: str = "F") -> str:
        return f"2026-01-12T{clock}.000000000Z stdout {tag} x\n"

    parts = {
        (0, "log"): [line("09:59:59")],
        (0, "over"): [line("10:00:01", "P") + line("10:00:01"), line("11:00:05")],
        (1, "log"): [line("10:00:00"), line("10:00:02")],
        (2, "log"): [line("11:00:00"), line("11:00:09")],
    }
    for (index, suffix), lines in parts.items():
        (tmp_path / f"{slots[index].name}.{suffix}").write_text("".join(lines))
    merge_pod_log(tmp_path, tmp_path / "0.log", slots)
    times = [text[11:19] for text in (tmp_path / "0.log").read_text().splitlines()]
    assert times == sorted(times) and len(times) == 8


def test_names_and_conventions(day: tuple[Path, dict[str, int], Reading]) -> None:
    _, _, reading = day
    keys = Counter(key for span in reading.spans.values() for key in attributes_of(span))
    for key in (
        "http.request.method",
        "http.method",
        "http.route",
        "url.path",
        "url.full",
        "http.target",
        "http.response.status_code",
        "http.status_code",
        "rpc.system",
        "rpc.method",
        "rpc.grpc.status_code",
        "messaging.destination.name",
        "messaging.destination",
        "db.system",
        "db.namespace",
        "db.name",
        "server.address",
    ):
        assert keys[key], key
    ids = re.compile(r"/(?:[0-9a-f]{8}|m_\d+|ORD-\d+)(?:/|$)")
    paths = [
        str(attributes_of(span).get("url.full", attributes_of(span).get("url.path", "")))
        for span in reading.spans.values()
    ]
    assert sum(bool(ids.search(path)) for path in paths) > 500
    assert sum(bool(ids.search(span["name"])) for span in reading.spans.values()) > 100
    resource = next(iter(reading.spans.values()))["resource"]
    assert resource["deployment.environment.name"] == "production"
    assert {"k8s.pod.name", "k8s.pod.uid", "k8s.node.name", "cloud.region", "service.version"} <= (
        resource.keys()
    )


def test_late_parts_stand_in_later_files(day: tuple[Path, dict[str, int], Reading]) -> None:
    _, counts, reading = day
    late = {key: name for key, name in reading.files.items() if "-late-from-" in name}
    assert len(late) == counts["late_spans"] > 0
    for (trace, span), name in late.items():
        folder, hour = name[:10], int(name[11:13])
        arrival = unix_ns(f"{folder}T{hour:02d}:00:00.000000000Z")
        start = int(reading.spans[trace, span]["startTimeUnixNano"])
        assert 0 < arrival - start + 60 * SECOND <= 25 * 3600 * SECOND
        # something of the trace was there before
        assert any(key[0] == trace and key not in late for key in reading.spans)


def test_out_of_order_share(tmp_path: Path) -> None:
    shares = {}
    for name, share in (("none", 0.0), ("some", 0.2)):
        out = tmp_path / name
        generate(out, 3000, 4, out_of_order_share=share, late_share=0, duplicate_share=0, workers=1)
        # a request holds spans that ended in a time range of its own, but for those out of order
        early, total, newest, file = 0, 0, 0, ""
        reading = Reading(out)
        for request in filter(None, reading.requests):
            first = request[0]
            name_of_file = reading.files[first["traceId"], first["spanId"]]
            if name_of_file != file:
                file, newest = name_of_file, 0
            ends = [int(span["endTimeUnixNano"]) for span in request]
            early += sum(end < newest for end in ends)
            total += len(ends)
            newest = max(newest, *ends)
        shares[name] = early / total
    assert shares["none"] == 0
    assert shares["some"] > 0.03


@dataclass(frozen=True)
class Told:
    """What the truth of an output folder says, and a reading of its records."""

    out: Path
    counts: dict[str, int]
    reading: Reading
    incidents: list[dict]
    changes: list[dict]

    def incident(self, kind: str) -> dict:
        (found,) = [incident for incident in self.incidents if incident["kind"] == kind]
        return found

    def is_under(self, trace: str, kind: str) -> bool:
        incident, root = self.incident(kind), self.roots[trace]
        start = int(root["startTimeUnixNano"])
        return incident["start_unix_nano"] <= start < incident["end_unix_nano"]

    @cached_property
    def roots(self) -> dict[str, dict]:
        return self.reading.roots()


def told(out: Path, counts: dict[str, int]) -> Told:
    incidents, changes = (
        json.loads((out / f"truth/{name}.json").read_text()) for name in ("incidents", "changes")
    )
    return Told(out, counts, Reading(out), incidents, changes)


@pytest.fixture(scope="module")
def eventful(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Events enough for each incident to be felt."""
    out = tmp_path_factory.mktemp("generated") / "eventful"
    return told(out, generate(out, 100_000, seed=6, workers=1))


def test_every_incident_comes_once_and_alone(eventful: Told) -> None:
    incidents = eventful.incidents
    assert sorted(i["kind"] for i in incidents) == sorted([*SYMPTOMS, "slow_bank", "rollback"])
    assert len(incidents) == eventful.counts["incidents"]
    by_time = sorted(incidents, key=lambda incident: incident["start_unix_nano"])
    assert by_time == incidents
    for earlier, later in pairwise(incidents):
        assert earlier["end_unix_nano"] <= later["start_unix_nano"]
        assert (earlier["start"][:13] == later["start"][:13]) == (later["kind"] == "rollback")
    deploy, rollback = eventful.incident("failing_deploy"), eventful.incident("rollback")
    assert deploy["end_unix_nano"] == rollback["start_unix_nano"]
    for incident in incidents:
        assert incident["start"][:13] == incident["end"][:13]
        assert unix_ns(f"{incident['start'][:19]}.000000000Z") == incident["start_unix_nano"]
        assert 8 <= int(incident["start"][11:13]) <= 20
        assert len(incident["affected_trace_ids"]) == incident["affected_trace_count"]
        assert (incident["affected_trace_count"] == 0) == (incident["kind"] == "rollback")


@pytest.mark.parametrize("kind", SYMPTOMS)
def test_symptoms_show_in_the_window_alone(eventful: Told, kind: str) -> None:
    symptom = json.dumps(SYMPTOMS[kind])[1:-1]
    seen = {
        trace
        for (trace, _), span in eventful.reading.spans.items()
        if symptom in json.dumps(span.get("events", []))
    }
    affected = set(eventful.incident(kind)["affected_trace_ids"])
    assert seen and all(eventful.is_under(trace, kind) for trace in affected)
    if kind == "connection_pool_exhausted":  # more wait than fail
        assert seen < affected
    else:
        assert seen == affected


def test_slow_bank_is_slow(eventful: Told) -> None:
    inside, outside = Counter(), Counter()
    for trace, root in eventful.roots.items():
        within = eventful.is_under(trace, "slow_bank")
        (inside if within else outside)[duration_ms(root) > 1000] += 1
    share_inside = inside[True] / inside.total()
    assert share_inside > 0.1
    assert share_inside > 5 * outside[True] / outside.total()


def test_exhausted_pool_makes_queries_wait_and_fail(eventful: Told) -> None:
    inside, outside = [], []
    for (trace, _), span in eventful.reading.spans.items():
        if span["name"] == "SELECT merchants":
            within = eventful.is_under(trace, "connection_pool_exhausted")
            (inside if within else outside).append(duration_ms(span))
    assert sum(took > 200 for took in inside) > 0.4 * len(inside) > 0
    assert sum(took > 200 for took in outside) < 0.02 * len(outside)


def test_retries_multiply_traffic(eventful: Told) -> None:
    tries = Counter(
        trace
        for (trace, _), span in eventful.reading.spans.items()
        if span["kind"] == SERVER and span["name"] == "auth.v1.Auth/Issue"
    )
    inside = [count for trace, count in tries.items() if eventful.is_under(trace, "retry_storm")]
    calm = [count for trace, count in tries.items() if not eventful.is_under(trace, "retry_storm")]
    assert max(inside) > 3
    assert sum(inside) > 2 * len(inside)
    assert 0 < sum(calm) < 1.05 * len(calm)


def test_expired_certificate_fails_every_call_to_its_host(eventful: Told) -> None:
    calls = Counter()
    for (trace, _), span in eventful.reading.spans.items():
        values = attributes_of(span)
        if span["kind"] == CLIENT and eventful.is_under(trace, "certificate_expiry"):
            url = str(values.get("http.url", values.get("url.full", "")))
            if re.match("https://api[.][a-z]+bank[.]example/", url):
                calls["api.seebank.example" in url, is_error_span(span)] += 1
    assert calls[True, True] > 0
    assert calls[True, False] == 0
    assert calls[False, False] > 0


def rollouts_of(told: Told) -> dict[str, list[tuple[int, str, dict]]]:
    """Service → (ns, version, change) of its deployments, in time order."""
    found: dict[str, list[tuple[int, str, dict]]] = {}
    for change in sorted(told.changes, key=lambda change: change["effective_unix_nano"]):
        if change["version"]:
            row = change["effective_unix_nano"], change["version"], change
            found.setdefault(change["service"], []).append(row)
    return found


def test_quiet_incidents_are_felt_where_they_say_and_hardly_fail(tmp_path: Path) -> None:
    quiet = told(tmp_path / "day", generate(tmp_path / "day", 100_000, 6, is_quiet=True, workers=1))
    assert [i["kind"] for i in quiet.incidents] == [
        i["kind"] for i in sorted(quiet.incidents, key=lambda i: i["start"])
    ]
    assert {i["kind"] for i in quiet.incidents} == {"missing_statement", "slow_hop", "few_failures"}
    closed = {trace for _, _, text, _ in quiet.reading.pod_records if "closed" in text
              for trace in re.findall(r"trace_id=([0-9a-f]{32})", text)}  # fmt: skip
    missing = set(quiet.incident("missing_statement")["affected_trace_ids"])
    assert missing and closed and not missing & closed
    slow = set(quiet.incident("slow_hop")["affected_trace_ids"])
    spans = quiet.reading.spans
    served = {
        trace: (int(span["startTimeUnixNano"]) - int(caller["startTimeUnixNano"])) / 1e6
        for (trace, _), span in spans.items()
        if span["resource"]["service.name"] == "fraud" and span["kind"] == 2
        and (caller := spans.get((trace, span.get("parentSpanId", ""))))
    }  # fmt: skip
    assert {trace for trace, ms in served.items() if ms > 20} == slow != set()
    failed = set(quiet.incident("few_failures")["affected_trace_ids"])
    under = [t for t in quiet.roots if quiet.is_under(t, "few_failures")]
    assert 0 < len(failed) < len(under) * 0.1


def test_versions_follow_the_changes(eventful: Told) -> None:
    """Requests meet the version that was rolled out last, a canary's on one pod beside it."""
    rollouts = rollouts_of(eventful)
    versions: dict[str, set[str]] = {}
    pods: dict[tuple[str, str, int], set[str]] = {}
    met = Counter()
    for span in eventful.reading.spans.values():
        resource, at = span["resource"], int(span["startTimeUnixNano"])
        service, version = str(resource["service.name"]), str(resource["service.version"])
        versions.setdefault(str(resource["k8s.pod.uid"]), set()).add(version)
        if span["kind"] not in (SERVER, CONSUMER):
            continue
        before = [row for row in rollouts.get(service, []) if row[0] <= at]
        epoch = len(before)
        pods.setdefault((service, version, epoch), set()).add(str(resource["k8s.pod.uid"]))
        if not before:
            met[service, version, "first"] += 1
        elif before[-1][2]["is_canary"] and before[-1][2]["type"].split(".")[3] == "deployed":
            met[service, version == before[-1][1], "canary"] += 1
        else:
            assert version == before[-1][1], (service, version, at)
            met[service, version, "later"] += 1
    assert all(len(of_pod) == 1 for of_pod in versions.values())
    first = {service: version for service, version, when in met if when == "first"}
    assert len(first) == 10 == sum(when == "first" for _, _, when in met)
    canary = eventful.incident("canary")
    service = canary["service"]
    assert met[service, True, "canary"] > 0
    assert 0.1 < met[service, True, "canary"] / met[service, False, "canary"] < 0.7
    canary_version = rollouts[service][0][1]
    assert len(pods[service, canary_version, 1]) == 1
    assert pods[service, first[service], 1] == pods[service, first[service], 0]
    deploy = rollouts["checkout"]
    assert [version for _, version, _ in deploy] == [deploy[0][1], first["checkout"]]
    # new pods each time, also for the version that came back
    groups = [
        pods["checkout", version, n]
        for n, version in enumerate([first["checkout"], deploy[0][1], first["checkout"]])
    ]
    assert all(groups) and sum(map(len, groups)) == len(set.union(*groups))
    logs = {str(path.parts[-3]).rpartition("_")[2] for path, *_ in eventful.reading.pod_records}
    assert groups[1] <= logs


def test_a_changed_setting_changes_no_version(eventful: Told) -> None:
    gateway = {
        (eventful.is_under(trace, "config_change"), span["resource"]["service.version"])
        for (trace, _), span in eventful.reading.spans.items()
        if span["resource"]["service.name"] == "gateway" and not span["parentSpanId"]
    }
    incident = eventful.incident("config_change")
    (cause,) = [c for c in eventful.changes if c["incident_id"] == incident["id"]]
    assert cause["version"] is None and cause["setting"]["from"] != cause["setting"]["to"]
    assert len({version for within, version in gateway if within}) == 1


def test_changes_name_their_incidents(eventful: Told) -> None:
    incidents = {incident["id"]: incident for incident in eventful.incidents}
    causes = [change for change in eventful.changes if change["incident_id"]]
    decoys = [
        change
        for change in eventful.changes
        if not change["incident_id"] and not change["ended_incident_id"]
    ]
    assert len(eventful.changes) == eventful.counts["changes"]
    assert {incidents[change["incident_id"]]["kind"] for change in causes} == CAUSED
    assert len(causes) == len(CAUSED) <= len(decoys)
    for incident in eventful.incidents:
        own = [change for change in causes if change["incident_id"] == incident["id"]]
        assert incident["change_ids"] == [change["id"] for change in own]
        assert len(own) == (incident["kind"] in CAUSED)
        for change in own:
            assert change["effective_unix_nano"] == incident["start_unix_nano"]
            assert 0 < incident["start_unix_nano"] - change["time_unix_nano"] < 180 * SECOND
            assert change["service"] == incident["root_cause_service"]
    ends = {
        incidents[change["ended_incident_id"]]["kind"]: change
        for change in eventful.changes
        if change["ended_incident_id"]
    }
    assert set(ends) == {"failing_deploy", "canary", "config_change"}
    for kind, change in ends.items():
        assert change["effective_unix_nano"] == eventful.incident(kind)["end_unix_nano"]
    words = {change["type"].split(".")[3] for change in eventful.changes}
    assert words >= {"upgraded", "deployed", "rolledback", "modified"}
    assert {bool(change["version"]) for change in decoys} == {True, False}
    # two at nearly the same time, of which one matters
    for kind in ("failing_deploy", "config_change"):
        (cause,) = [c for c in causes if c["incident_id"] == eventful.incident(kind)["id"]]
        near = [
            decoy
            for decoy in decoys
            if abs(decoy["time_unix_nano"] - cause["time_unix_nano"]) < 60 * SECOND
        ]
        assert len(near) == 1 and near[0]["service"] != cause["service"]
        assert bool(near[0]["version"]) == bool(cause["version"])


def test_changes_are_cdevents(eventful: Told) -> None:
    """Read by hand, and by the project's own reader."""
    from tracekeep.readers.formats import changes

    lines = [
        line
        for path in sorted(eventful.out.glob("changes/*.jsonl"))
        for line in path.read_text().splitlines()
    ]
    documents = [json.loads(line) for line in lines]
    assert {"data" in document for document in documents} == {True, False}
    assert len(lines) == len(eventful.changes) > 0
    for line, document, change in zip(lines, documents, eventful.changes, strict=True):
        event = document.get("data", document)
        context, subject = event["context"], event["subject"]
        assert (context["id"], context["type"]) == (change["id"], change["type"])
        assert context["timestamp"] == change["time"]
        stamp = unix_ns(change["time"].replace("Z", "000000Z"))
        assert stamp == change["time_unix_nano"]
        if "data" in document:
            assert document["specversion"] == "1.0" and document["id"] == change["id"]
        assert changes.matches({key: Raw(json.dumps(document[key]).encode()) for key in document})
        (record,) = changes.read({}, line.encode())
        assert record["table"] == "changes"
        assert record["change_id"] == change["id"]
        assert record["change_type"] == change["type"]
        assert record["time_unix_nano"] == change["time_unix_nano"]
        resource = dict(record["resource_attributes"])
        if change["version"]:
            assert subject["content"]["environment"]["id"] == "production"
            assert resource["service.name"] == change["service"]
            assert resource["service.version"] == change["version"]
        else:
            assert (subject["type"], subject["id"]) == ("environment", "production")
            expected = {"service": change["service"], **change["setting"]}
            assert event["customData"] == expected


def test_versions_stay_from_day_to_day(tmp_path: Path) -> None:
    generate(tmp_path / "two", 3000, seed=2, days=2, workers=1)
    generate(tmp_path / "one", 3000, seed=2, days=1, workers=1)
    two, one = (
        json.loads((tmp_path / name / "truth/changes.json").read_text()) for name in ("two", "one")
    )
    assert two[: len(one)] == one and len(two) > len(one)
    assert len(list((tmp_path / "two/changes").iterdir())) == 2
    seen: dict[str, list[str]] = {}
    for change in two:
        if change["version"]:
            versions = seen.setdefault(change["service"], [])
            if change["type"].split(".")[3] != "rolledback":
                assert change["version"] not in versions
            versions.append(change["version"])
    checkout = seen["checkout"]
    assert len(checkout) == 4
    assert checkout[1] == checkout[3] not in (checkout[0], checkout[2])


def test_verdicts_are_those_of_the_records(eventful: Told) -> None:
    """Class, threshold and keeping by the contract (R3), reckoned from the files alone."""
    reading = eventful.reading
    errors = {(trace, span) for _, trace, span, _ in reading.error_events}
    error_traces = {trace for trace, _ in errors}
    with gzip.open(eventful.out / "truth/verdicts.jsonl.gz", "rt") as file:
        rows = [json.loads(line) for line in file]
    verdicts = {row["trace_id"]: row for row in rows}
    assert len(rows) == len(verdicts) == eventful.counts["traces"]
    assert verdicts.keys() == eventful.roots.keys()
    causes = {i["id"]: i["root_cause_service"] for i in eventful.incidents}
    touched: dict[str, list[str]] = {}
    for incident in eventful.incidents:
        for trace in incident["affected_trace_ids"]:
            touched.setdefault(trace, []).append(incident["id"])
    classes = Counter()
    for trace, root in eventful.roots.items():
        took = int(root["endTimeUnixNano"]) - int(root["startTimeUnixNano"])
        sample_class = (
            "error" if trace in error_traces else "slow" if took > 1000 * 10**6 else "normal"
        )
        threshold, share = {"error": ("0", 1), "slow": ("8", 0.5), "normal": ("fd70a4", 0.01)}[
            sample_class
        ]
        classes[sample_class] += 1
        ids = touched.get(trace, [])
        assert verdicts[trace] == {
            "trace_id": trace,
            "sample_class": sample_class,
            "is_fatal": (trace, root["spanId"]) in errors,
            "is_kept": int(trace[18:], 16) >= round((1 - share) * 16**6) * 16**8,
            "sampling_threshold": threshold,
            "incident_ids": ids,
            "root_cause_service": causes[ids[0]] if ids and sample_class == "error" else None,
        }
    assert min(classes[name] for name in ("error", "slow", "normal")) > 20
    assert {(row["is_fatal"], row["is_kept"]) for row in rows if row["incident_ids"]} >= {
        (True, True),
        (False, True),
        (False, False),
    }
    counts = eventful.counts
    assert classes["error"] == counts["error_traces"]
    assert sum(row["is_kept"] for row in rows) == counts["kept_traces"]
    assert sum(row["is_fatal"] for row in rows) == counts["fatal_traces"]
    spans = sum(trace in error_traces for trace, _ in reading.spans)
    assert spans == counts["error_trace_spans"]
    assert 0.008 < spans / counts["spans"] < 0.025


@pytest.mark.parametrize(
    ("share", "least", "most"), [(0.0, 0.0, 0.004), (0.05, 0.044, 0.058), (0.1, 0.09, 0.115)]
)
def test_error_share_is_hit(tmp_path: Path, share: float, least: float, most: float) -> None:
    counts = generate(tmp_path / "out", 60_000, seed=1, error_share=share)
    assert least <= counts["error_trace_spans"] / counts["spans"] <= most
    manifest = json.loads((tmp_path / "out/truth/manifest.json").read_text())
    assert manifest["arguments"]["error_share"] == share


def test_rare_incidents_show_among_few_events(tmp_path: Path) -> None:
    """56 days of 1,000 events: each kind once, each felt; changes on no other day."""
    for name, workers in (("out", 1), ("again", 2)):
        counts = generate(tmp_path / name, 56_000, 4, days=56, incident_every=7, workers=workers)
    assert digest(tmp_path / "out") == digest(tmp_path / "again")
    rare = told(tmp_path / "out", counts)
    assert sorted(i["kind"] for i in rare.incidents) == sorted([*SYMPTOMS, "slow_bank", "rollback"])
    assert len(rare.reading.spans) + len(rare.reading.logs) == counts["events"] == 56_000
    failed = {trace for _, trace, _, _ in rare.reading.error_events}
    days = set()
    for incident in rare.incidents:
        affected = set(incident["affected_trace_ids"])
        assert all(rare.is_under(trace, incident["kind"]) for trace in affected)
        assert len(affected & failed) >= 3 or incident["kind"] == "rollback"
        days.add((date.fromisoformat(incident["start"][:10]) - date(2026, 1, 12)).days)
    assert days == {7 * week for week in range(8)}
    changed = {(date.fromisoformat(c["time"][:10]) - date(2026, 1, 12)).days for c in rare.changes}
    assert changed == days
    # what is no incident fails as seldom as ever
    calm = len(rare.roots) - sum(i["affected_trace_count"] for i in rare.incidents)
    others = failed - {trace for i in rare.incidents for trace in i["affected_trace_ids"]}
    assert 0 < len(others) < 0.02 * calm
    manifest = json.loads((tmp_path / "out/truth/manifest.json").read_text())
    assert manifest["arguments"]["incident_every"] == 7


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="generate")
    add_arguments(parser)
    return parser.parse_args(words)


def test_command_writes_and_refuses_to_overwrite(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (str(tmp_path / "out"), "--events", "200", "--seed", "1", "--workers", "1")
    assert run(parse(*words)) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["events"] == 200
    first = digest(tmp_path / "out")
    assert run(parse(*words)) == 2
    assert "not empty" in capsys.readouterr().err
    (tmp_path / "out/mine.txt").write_text("mine")
    assert run(parse(*words, "--force")) == 0
    assert (tmp_path / "out/mine.txt").read_text() == "mine"
    (tmp_path / "out/mine.txt").unlink()
    assert digest(tmp_path / "out") == first


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--events", "0"), "at least 1"),
        (("--events", "many"), "not a whole number"),
        (("--events", "9", "--late-share", "1.5"), "must be 0 to 1"),
        (("--events", "9", "--duplicate-share", "nan"), "must be 0 to 1"),
        (("--events", "9", "--error-share", "-1"), "must be 0 to 1"),
        (("--events", "9", "--days", "0"), "at least 1"),
        (("--events", "9", "--incident-every", "0"), "at least 1"),
        (("--events", "9", "--start", "tomorrow"), "not a day"),
    ],
)
def test_bad_arguments_exit_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        parse(str(tmp_path / "out"), "--seed", "1", *words)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_generate_checks_its_arguments(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="late_share"):
        generate(tmp_path / "out", 10, 1, late_share=2.0)
    with pytest.raises(ValueError, match="error_share"):
        generate(tmp_path / "out", 10, 1, error_share=1.5)
    with pytest.raises(ValueError, match="incident_every"):
        generate(tmp_path / "out", 10, 1, incident_every=0)
    with pytest.raises(ValueError, match="events"):
        generate(tmp_path / "out", 0, 1)
    assert not (tmp_path / "out").exists()
