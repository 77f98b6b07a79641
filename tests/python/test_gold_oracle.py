"""That the comparison of Gold with raw files finds what differs: windows, calls, samples, more."""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from raw_sets import (
    KEPT,
    MINUTE,
    NOON,
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
from right_lakes import build_lake, lake_rows, replace

import oracle
from oracle.comparison import compare
from oracle.differences import Comparison
from oracle.lake_reading import Lake
from oracle.raw_reading import UnreadableSetError, read_set
from oracle.truth_comparison import Truth, read_truth
from oracle.verdicts import judge

MS = 1_000_000
HOUR = 60 * MINUTE
FAILED = {"code": 2, "message": "refused"}
PRODUCTION = {"deployment.environment.name": "production"}
QUEUE = [attribute("messaging.destination.name", "payment-events")]


def order(number: int, **changes: Any) -> list[dict[str, Any]]:
    """A request to the gateway, its call, and the payment; `changes` by span."""
    trace, start = trace_id(number), NOON + changes.get("after", 0)
    route = [attribute("http.route", changes.get("route", "/v1/orders/{order}"))]
    rpc = [attribute("rpc.service", "pay.v1.Pay"), attribute("rpc.method", "Charge")]
    gateway = span(trace, 1, kind=2, start=start, duration=(10 + number) * MS, attributes=route)
    client = span(trace, 2, 1, kind=3, start=start, duration=(5 + number) * MS,
                  status=changes.get("client", {}))  # fmt: skip
    server = span(trace, 3, 2, kind=2, start=start, duration=number * MS, attributes=rpc,
                  status=changes.get("server", {}))  # fmt: skip
    return [
        request(gateway, client, service="gateway", **PRODUCTION),
        request(server, service="pay", **PRODUCTION),
    ]


@pytest.fixture
def busy_set(tmp_path: Path) -> Path:
    """Orders of which some fail, in two minutes and two hours, and a queue of kept traces."""
    folder = tmp_path / "raw"
    orders = [order(n) for n in (1, 2, 4, 5, 7)]
    orders += [order(3, server=FAILED), order(6, server=FAILED, client=FAILED)]
    orders += [order(8, after=MINUTE), order(9, after=HOUR), order(10, after=HOUR, server=FAILED)]
    orders.append(order(11, after=2 * HOUR, route="/v1/orders/17"))
    write(folder, *(one for each in orders for one in each))
    queued = [span(trace_id(n, KEPT), 1, kind=5, attributes=QUEUE) for n in range(20, 45)]
    write(folder, request(*queued, service="mail", **PRODUCTION), name="queue.jsonl")
    said = {"timeUnixNano": str(NOON), "severityNumber": 9, "traceId": trace_id(6)}
    write(folder, log_request(said, **{"service.name": "pay"}), name="logs.jsonl")
    ids = f"TraceID: {trace_id(3)} SpanID: {span_id(3)}"
    return write_pod_log(folder, docker(f"12:00:00.000 ERROR shop.Pay#17 {ids} card refused"))


@pytest.fixture
def busy_lake(tmp_path: Path, busy_set: Path) -> Path:
    return build_lake(tmp_path / "lake", lake_rows(read(busy_set)))


def unequal(comparison: Comparison) -> list[str]:
    """The names of all that differs."""
    names = [figure.name for figure in comparison.figures if not figure.is_equal]
    return names + [difference.name for difference in comparison.differences if difference.count]


def test_a_right_lake_is_equal_and_nothing_is_left_out(busy_set: Path, busy_lake: Path) -> None:
    result = compare(read(busy_set), Lake(busy_lake))
    assert unequal(result) == []
    compared = {d.name.split(":")[0]: d.compared for d in result.differences}
    for table in ("endpoint_minutes (window, environment", "endpoint_hours (hour, environment"):
        found = [n for name, n in compared.items() if name.startswith(f"gold.{table}")]
        assert found and all(found)
    figures = {figure.name: figure.lake for figure in result.figures}
    assert figures["gold.call_graph_minutes: client_error_count"] == 1
    assert figures["gold.call_graph_minutes: server_error_count"] == 3
    assert figures["gold.call_graph_minutes: rows"] == 9
    assert figures["gold.sampled_log_records: log records of kept traces"] == 2
    # the order to /v1/orders/17 may stand under another endpoint, and does not here
    assert figures["gold.endpoint_minutes: rows"] == 9
    assert figures["gold.endpoint_minutes: of these compared by endpoint"] == 9


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        *(
            (table, column, f"{column} + 1")
            for table in ("gold.endpoint_minutes", "gold.endpoint_hours")
            for column in (
                "request_count", "error_count", "error_log_count", "slow_count", "trace_count",
                "kept_trace_count", "max_latency_ms",
            )
        ),
        ("gold.endpoint_minutes", "error_rate", "error_rate + 0.001"),
        ("gold.endpoint_minutes", "sample_trace_ids", "array_reverse(sample_trace_ids)"),
        ("gold.endpoint_minutes", "p50_latency_ms", "p50_latency_ms * 1.001"),
        ("gold.endpoint_minutes", "p95_latency_ms", "p95_latency_ms * 1.001"),
        ("gold.endpoint_minutes", "p99_latency_ms", "p99_latency_ms * 1.001"),
        ("gold.endpoint_minutes", "environment", "'unknown'"),
        ("gold.endpoint_minutes", "endpoint", "'/other'"),
        ("gold.endpoint_hours", "error_rate", "error_rate + 0.001"),
        ("gold.endpoint_hours", "latency_sum_ms", "latency_sum_ms * 1.00001"),
        ("gold.endpoint_hours", "endpoint", "'/other'"),
        *(
            ("gold.call_graph_minutes", column, f"{column} + 1")
            for column in (
                "call_count", "error_count", "client_error_count", "server_error_count",
                "client_missing_count", "linked_count", "error_rate", "client_p50_latency_ms",
                "client_p95_latency_ms", "client_p99_latency_ms", "server_p50_latency_ms",
                "server_p95_latency_ms", "server_p99_latency_ms", "wait_p50_ms", "wait_p95_ms",
            )
        ),
        ("silver.service_calls", "wait_ms", "wait_ms + 1"),
        *(
            (table, column, f"{column} + 1")
            for table, columns in {
                "gold.operation_minutes": ("span_count", "request_count", "error_span_count"),
                "gold.log_statement_minutes": ("log_count", "error_log_count"),
            }.items()
            for column in columns
        ),
        ("gold.call_graph_minutes", "trace_id", f"'{trace_id(3)}'"),
        ("gold.call_graph_minutes", "source_span_id", f"'{span_id(9)}'"),
        ("gold.call_graph_minutes", "target_span_id", f"'{span_id(9)}'"),
        ("gold.call_graph_minutes", "target_type", "'queue'"),
        ("gold.call_graph_minutes", "environment", "'unknown'"),
        *(
            (table, column, value)
            for table in ("gold.sampled_spans", "gold.sampled_log_records")
            for column, value in (
                ("sample_class", "'slow'"),
                ("sampling_threshold", "'8'"),
                ("sample_weight", "sample_weight * 1.0001"),
                ("span_id", f"'{span_id(9)}'"),
            )
        ),
        *(
            (table, column, value)
            for table in ("gold.error_pattern_days", "gold.error_patterns")
            for column, value in (
                ("event_count", "event_count + 1"),
                ("failure_count", "failure_count + 1"),
                ("first_seen_at", "last_seen_at + interval '1 second'"),
                ("first_seen_at", "first_seen_at - interval '1 second'"),
                ("last_seen_at", "last_seen_at + interval '1 second'"),
                ("error_template", "'in 7 days'"),
                ("fingerprint", "'other'"),
                ("environment", "'other'"),
            )
        ),
        ("gold.error_events", "fingerprint", "'other'"),
        ("gold.error_events", "failure_id", "'one and the same'"),
        ("gold.incident_path_groups", "path_count", "path_count + 1"),
        ("gold.incident_path_groups", "error_type", "'other'"),
        ("gold.incident_path_groups", "environment", "'other'"),
    ],
)  # fmt: skip
def test_a_changed_value_of_gold_is_found(
    busy_set: Path, busy_lake: Path, table: str, column: str, value: str
) -> None:
    DeltaTable(str(busy_lake.joinpath(*table.split(".")))).update(updates={column: value})
    found = unequal(compare(read(busy_set), Lake(busy_lake)))
    assert found and all(table in name or "statements" in name for name in found)


@pytest.mark.parametrize(
    ("table", "where"),
    [
        ("gold.endpoint_minutes", "request_count = 25"),
        ("gold.endpoint_minutes", "error_log_count = 1"),
        ("gold.endpoint_hours", "request_count = 25"),
        ("gold.call_graph_minutes", "client_error_count = 1"),
        ("gold.operation_minutes", "error_span_count = 1"),
        ("gold.log_statement_minutes", "error_log_count = 1"),
        ("gold.sampled_log_records", "span_id is null"),
        ("gold.error_pattern_days", "environment = 'unknown'"),
        ("gold.error_patterns", "environment = 'production'"),
        ("gold.incident_path_groups", "path_count = 1"),
    ],
)
def test_a_row_of_gold_taken_away_is_found(
    busy_set: Path, busy_lake: Path, table: str, where: str
) -> None:
    assert DeltaTable(str(busy_lake.joinpath(*table.split(".")))).delete(where)["num_deleted_rows"]
    found = unequal(compare(read(busy_set), Lake(busy_lake)))
    assert found and all(table in name for name in found)


@pytest.mark.parametrize(
    ("endpoint", "moved", "names"),
    [
        ("/v1/orders/{order}", 1, ["latency_buckets", "p50, p95, p99 of latency_buckets"]),
        # 25 messages of 1 ms, where the next bucket begins
        ("payment-events", 1, []),
        ("payment-events", 2, ["latency_buckets", "p50, p95, p99 of latency_buckets"]),
        ("payment-events", -1, ["latency_buckets", "p50, p95, p99 of latency_buckets"]),
    ],
)
def test_a_bucket_moved_is_found(
    busy_set: Path, busy_lake: Path, endpoint: str, moved: int, names: list[str]
) -> None:
    rows = lake_rows(read(busy_set))["gold.endpoint_hours"]
    row = next(row for row in rows if row["endpoint"] == endpoint)
    for bucket in row["latency_buckets"]:
        bucket["bucket"] += moved
    replace(busy_lake, "gold.endpoint_hours", rows)
    found = unequal(compare(read(busy_set), Lake(busy_lake)))
    assert [name.split("): ")[1] for name in found] == names


def test_rows_are_only_open_where_a_template_may_change_them(
    busy_set: Path, busy_lake: Path
) -> None:
    rows = lake_rows(read(busy_set))["gold.endpoint_minutes"]
    (raw_url,) = [row for row in rows if row["endpoint"] == "/v1/orders/17"]
    raw_url["endpoint"] = "/v1/orders/{id}"
    replace(busy_lake, "gold.endpoint_minutes", rows)
    result = compare(read(busy_set), Lake(busy_lake))
    assert unequal(result) == []
    figures = {figure.name: figure.lake for figure in result.figures}
    assert figures["gold.endpoint_minutes: of these compared by endpoint"] == 8


@pytest.mark.parametrize(
    ("durations", "endpoint", "is_equal"),
    [
        ((5, 5), "/refund", True),
        ((5, 5), "/pay", True),
        ((5, 6), "/refund", True),
        ((5, 6), "/pay", False),
    ],
)
def test_versions_that_tie_may_have_either_endpoint(
    busy_set: Path, busy_lake: Path, durations: tuple[int, int], endpoint: str, is_equal: bool
) -> None:
    for name, duration in zip(("pay", "refund"), durations, strict=True):
        one = span(trace_id(80), 1, kind=2, name=f"POST /{name}", duration=duration)
        write(busy_set, request(one, service="ledger"), name=f"{name}.jsonl")
    rows = lake_rows(read(busy_set))
    for table in ("gold.endpoint_minutes", "gold.endpoint_hours"):
        (row,) = [row for row in rows[table] if row["service"] == "ledger"]
        row["endpoint"] = endpoint
    build_lake(busy_lake, rows)
    assert (not unequal(compare(read(busy_set), Lake(busy_lake)))) is is_equal


@pytest.mark.parametrize(("minutes", "is_equal"), [(1, False), (5, True), (7, False)])
def test_windows_are_as_long_as_said(
    tmp_path: Path, busy_set: Path, minutes: int, is_equal: bool
) -> None:
    of_five = judge(read_set(busy_set), 5 * MINUTE)
    lake = build_lake(tmp_path / "long", lake_rows(of_five))
    parser = argparse.ArgumentParser()
    oracle.add_arguments(parser)
    words = [str(busy_set), "--lake", str(lake), "--window-minutes", str(minutes)]
    assert (oracle.run(parser.parse_args(words)) == 0) is is_equal


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.5"])
def test_a_window_has_a_length(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    oracle.add_arguments(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["set", "--window-minutes", text])
    assert "window-minutes" in capsys.readouterr().err


def test_any_of_the_slowest_failed_calls_is_an_example(busy_set: Path, busy_lake: Path) -> None:
    write(busy_set, *order(6, server=FAILED, client=FAILED), name="again.jsonl")
    text = json.dumps(order(6, server=FAILED, client=FAILED)).replace(trace_id(6), trace_id(60))
    write(busy_set, *json.loads(text), name="twin.jsonl")
    rows = lake_rows(read(busy_set))
    for example in (trace_id(6), trace_id(60)):
        for row in rows["gold.call_graph_minutes"]:
            if row["trace_id"] in (trace_id(6), trace_id(60)):
                row["trace_id"] = example
        build_lake(busy_lake, rows)
        assert unequal(compare(read(busy_set), Lake(busy_lake))) == []


def test_an_error_without_a_trace_is_in_the_sample(busy_set: Path, busy_lake: Path) -> None:
    write(busy_set, request(span("", 7, status=FAILED), service="pay"), name="lost.jsonl")
    rows = lake_rows(read(busy_set))
    (lost,) = [row for row in rows["silver.spans"] if row["trace_id"] is None]
    build_lake(busy_lake, rows)
    assert unequal(compare(read(busy_set), Lake(busy_lake))) == [
        "gold.sampled_spans: error spans without trace id"
    ]
    verdict = {"sample_class": "error", "sampling_threshold": "0", "sample_weight": 1.0}
    for weight, names in ((1.0, []), (2.0, ["gold.sampled_spans: unknown spans without trace id"])):
        sample = [*rows["gold.sampled_spans"], {**lost, **verdict, "sample_weight": weight}]
        replace(busy_lake, "gold.sampled_spans", sample)
        assert unequal(compare(read(busy_set), Lake(busy_lake))) == names


def test_a_failure_counts_where_its_span_does(busy_set: Path, busy_lake: Path) -> None:
    rows = lake_rows(read(busy_set))
    events = rows["gold.error_events"]
    one = next(row for row in events if row["event_type"] == "span")
    log = next(row for row in events if row["event_type"] == "log")
    assert log["environment"] != one["environment"]
    patterns = [r for r in rows["gold.error_patterns"] if r["environment"] == "production"]
    log |= {"failure_id": one["failure_id"], "fingerprint": one["fingerprint"]}
    patterns[0]["event_count"] += 1
    build_lake(busy_lake, {"gold.error_events": events, "gold.error_patterns": patterns,
                           "gold.error_pattern_days": patterns})  # fmt: skip
    # but who looks for the pattern of the log record in its environment finds none
    assert unequal(compare(read(busy_set), Lake(busy_lake))) == [
        "gold.error_events: rows whose fingerprint is in gold.error_patterns of their environment"
    ]


def test_only_the_rule_in_use_is_compared(busy_set: Path, busy_lake: Path) -> None:
    rows = lake_rows(read(busy_set))["gold.error_patterns"]
    old = [{**row, "fingerprint": "old", "pattern_version": 0} for row in rows]
    replace(busy_lake, "gold.error_patterns", [*rows, *old])
    assert unequal(compare(read(busy_set), Lake(busy_lake))) == []
    newer = [{**row, "pattern_version": 2} for row in rows[:1]]
    replace(busy_lake, "gold.error_patterns", [*rows[1:], *newer])
    assert unequal(compare(read(busy_set), Lake(busy_lake)))


def test_what_option_a_rebuilds_is_told_and_not_compared(busy_set: Path, busy_lake: Path) -> None:
    lonely = span(trace_id(70), 1, kind=2, start=NOON + 9 * HOUR, status=FAILED)
    write(busy_set, request(lonely, service="alone"), name="alone.jsonl")
    build_lake(busy_lake, lake_rows(read(busy_set)))
    name = "incident paths that Option A alone rebuilds"
    (figure,) = [f for f in compare(read(busy_set), Lake(busy_lake)).figures if f.name == name]
    assert (figure.raw, figure.lake) == (None, 1)


# ---------------------------------------------------------------- the truth of a generated set


def write_truth(folder: Path, verdicts: list[dict[str, Any]], incidents: Any) -> Path:
    truth = folder / "truth"
    truth.mkdir()
    truth.joinpath(".noingest").touch()
    lines = "".join(json.dumps(verdict) + "\n" for verdict in verdicts)
    truth.joinpath("verdicts.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    truth.joinpath("incidents.json").write_text(json.dumps(incidents))
    return folder


def generated_truth(folder: Path) -> Path:
    verdicts = [
        {
            "trace_id": t.trace_id, "sample_class": t.sample_class, "is_fatal": t.is_fatal,
            "is_kept": t.is_kept, "sampling_threshold": t.threshold, "incident_ids": [],
        }
        for t in read(folder).traces.values()
    ]  # fmt: skip
    affected = [trace_id(n) for n in (1, 3, 6, 99)]
    return write_truth(folder, verdicts, [{"id": "outage", "affected_trace_ids": affected}])


def test_the_truth_of_a_generated_set_is_compared(busy_set: Path, busy_lake: Path) -> None:
    truth = read_truth(generated_truth(busy_set))
    result = compare(read(busy_set), Lake(busy_lake), truth)
    assert unequal(result) == []
    (incident,) = [f for f in result.figures if f.name.endswith("of incident outage")]
    assert (incident.raw, incident.lake) == (2, 2)


@pytest.mark.parametrize("change", ["sample_class", "is_fatal", "is_kept", "threshold", "missing"])
def test_a_verdict_that_is_not_true_is_found(busy_set: Path, busy_lake: Path, change: str) -> None:
    truth = read_truth(generated_truth(busy_set))
    assert truth
    verdict = truth.verdicts[trace_id(3)]
    assert verdict == ("error", False, True, "0")
    wrong = {
        "sample_class": ("slow", *verdict[1:]),
        "is_fatal": ("error", True, True, "0"),
        "is_kept": ("error", False, False, "0"),
        "threshold": ("error", False, True, "8"),
    }
    if change in wrong:
        truth.verdicts[trace_id(3)] = wrong[change]
    else:
        del truth.verdicts[trace_id(1)]
    (name,) = [n for n in unequal(compare(read(busy_set), Lake(busy_lake), truth)) if "truth" in n]
    assert name.startswith("silver.traces")


def test_an_incident_without_a_path_is_found(busy_set: Path, busy_lake: Path) -> None:
    truth = Truth({trace_id(1): ("error", False, True, "0")}, {"outage": [trace_id(1)]})
    result = compare(read(busy_set), Lake(busy_lake), truth)
    (incident,) = [f for f in result.figures if f.name.endswith("of incident outage")]
    assert (incident.raw, incident.lake) == (1, 0) and not incident.is_equal


def test_a_broken_truth_is_told(tmp_path: Path, busy_set: Path) -> None:
    assert read_truth(busy_set) is None
    write_truth(busy_set, [{"trace_id": "a"}], [])
    with pytest.raises(UnreadableSetError, match="truth cannot be read"):
        read_truth(busy_set)
