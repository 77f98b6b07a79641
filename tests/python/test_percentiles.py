"""Exact percentiles, histograms and windows: what the validation holds Gold against."""

from __future__ import annotations

import random
import statistics
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from raw_sets import (
    KEPT,
    MINUTE,
    NOON,
    SECOND,
    attribute,
    docker,
    read,
    request,
    span,
    span_id,
    trace_id,
    write,
    write_pod_log,
)

from oracle.endpoints import endpoint_source_of, is_template_proof
from oracle.percentiles import (
    BASE,
    BUCKET_ERROR,
    are_buckets_of,
    bucket_of,
    bucket_percentile,
    percentile_of,
)
from oracle.windows import SAMPLE_TRACES, endpoint_windows, kept_of

MS = 1_000_000


def test_percentiles_are_interpolated() -> None:
    assert percentile_of([7], 0.99) == 7
    assert percentile_of([1, 2, 3], 0.5) == 2
    assert percentile_of([1, 4], 0.5) == 2.5
    assert percentile_of([0, 10], 0.95) == 9.5
    values = sorted(random.Random(1).random() for _ in range(1000))
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    for percent in (50, 95, 99):
        assert percentile_of(values, percent / 100) == pytest.approx(cuts[percent - 1])


@pytest.mark.parametrize(
    ("latency_ns", "bucket"),
    [
        (MS, -1),
        (MS + 1, 0),
        (1_044_273, 0),  # 2^(1/16) ms = 1.04427378…
        (1_044_274, 1),
        (2 * MS, 15),
        (2 * MS + 1, 16),
        (1024 * MS, 159),
        (MS // 64, -97),
        (1, -319),
        (0, -319),
    ],
)
def test_a_bucket_begins_above_its_power(latency_ns: int, bucket: int) -> None:
    assert bucket_of(latency_ns) == bucket
    assert max(latency_ns, 1) / MS <= BASE ** (bucket + 1) * (1 + 1e-12)
    assert max(latency_ns, 1) / MS > BASE**bucket * (1 - 1e-12)


@pytest.mark.parametrize(
    ("latencies", "told", "expected"),
    [
        ([], {}, True),
        ([], {3: 1}, False),
        ([3 * MS], {25: 1}, True),
        ([3 * MS], {26: 1}, False),
        ([3 * MS], {24: 1}, False),
        ([3 * MS], {25: 2}, False),
        ([2 * MS], {15: 1}, True),
        ([2 * MS], {16: 1}, True),
        ([2 * MS], {14: 1}, False),
        ([2 * MS] * 3, {15: 1, 16: 2}, True),
        ([2 * MS] * 3, {15: 1, 16: 3}, False),
        ([2 * MS, 2 * MS + 1], {16: 2}, True),
        ([2 * MS, 2 * MS + 1], {15: 2}, False),
        ([2 * MS, 2 * MS + 1], {15: 1, 16: 1}, True),
        ([0, 1], {-319: 2}, True),
        ([MS // 64], {-96: 1}, True),
    ],
)
def test_only_exact_powers_may_be_a_bucket_higher(
    latencies: list[int], told: dict[int, int], expected: bool
) -> None:
    assert are_buckets_of(latencies, told) is expected


@pytest.mark.parametrize("seed", range(5))
def test_a_percentile_of_buckets_is_within_its_bound(seed: int) -> None:
    chance = random.Random(seed)
    latencies = sorted(int(10 ** chance.uniform(0, 10)) for _ in range(chance.randrange(1, 300)))
    buckets = Counter(map(bucket_of, latencies))
    for share in (0.5, 0.95, 0.99):
        exact = percentile_of(latencies, share) / MS
        assert abs(bucket_percentile(buckets, share) - exact) <= BUCKET_ERROR * exact * (1 + 1e-9)
    shifted = {bucket + 1: count for bucket, count in buckets.items()}
    assert bucket_percentile(shifted, 0.5) == pytest.approx(bucket_percentile(buckets, 0.5) * BASE)


# ---------------------------------------------------------------- endpoints


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("GET /cart", {"http.route": "/cart", "rpc.method": "Get"}, "/cart"),
        ("x", {"rpc.service": "pay.v1.Pay", "rpc.method": "Charge"}, "pay.v1.Pay/Charge"),
        ("x", {"rpc.service": "Pay", "rpc.method": "pay.Pay/Charge"}, "pay.Pay/Charge"),
        ("x", {"rpc.method": "Charge"}, "Charge"),
        ("x", {"messaging.destination.name": "events"}, "events"),
        ("x", {"messaging.destination": "events"}, "events"),
        ("GET /cart", {}, "/cart"),
        ("GET", {}, "GET"),
        ("GETCART", {}, "GETCART"),
        ("", {"http.route": ""}, ""),
        ("x", {"http.route": ["a"]}, '["a"]'),
    ],
)
def test_what_an_endpoint_is_taken_from(name: str, known: dict[str, Any], expected: str) -> None:
    assert endpoint_source_of(name, known) == expected


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("/v1/orders/{order}", True),
        ("pay.v1.Pay/Charge", True),
        ("payment-events", True),
        ("/", False),
        ("/orders/17", False),
        ("/orders/m_17", False),
        ("GET /orders", False),
        ("POST", False),
        ("/cart/deadbeef", False),
        ("/cart/" + "x" * 40, False),
        ("", False),
    ],
)
def test_what_no_template_changes(endpoint: str, expected: bool) -> None:
    assert is_template_proof(endpoint) is expected


# ---------------------------------------------------------------- windows


def test_a_window_holds_requests_and_error_logs_at_the_start_of_their_spans(
    tmp_path: Path,
) -> None:
    route = [attribute("http.route", "/orders")]
    write(
        tmp_path,
        request(
            span(trace_id(1), 1, kind=2, start=NOON - 1, duration=2 * SECOND, attributes=route),
            span(trace_id(1), 2, 1, kind=3, start=NOON),
            span(trace_id(2), 1, kind=2, attributes=route, status={"code": 2}),
            span("", 1, kind=2, attributes=route),
            **{"deployment.environment": "production"},
        ),
    )
    ids = f"TraceID: {trace_id(1)} SpanID: "
    write_pod_log(
        tmp_path,
        docker(f"ERROR {ids}{span_id(1)} of the first minute"),
        docker(f"ERROR {ids}{span_id(9)} without its span"),
        docker("INFO no error"),
    )
    reading = read(tmp_path)
    minute = NOON // MINUTE
    found = {
        (key.window - minute, *key[1:]): (window.counts, len(window.trace_ids))
        for key, window in endpoint_windows(reading, MINUTE).items()
    }
    assert found == {
        (-1, "production", "shop", "/orders"): ((1, 0, 1, 1), 1),
        (0, "production", "shop", "/orders"): ((2, 1, 0, 0), 1),
        (0, "unknown", "pay", "unknown_endpoint"): ((0, 0, 1, 0), 1),
    }
    hours = endpoint_windows(reading, 60 * MINUTE)
    assert {key.window for key in hours} == {NOON // MINUTE // 60 - 1, NOON // MINUTE // 60}


def test_samples_are_by_randomness_then_id_and_end_somewhere(tmp_path: Path) -> None:
    ids = [trace_id(n, KEPT) for n in range(30, 0, -1)]
    ids += [trace_id(40, "fe" + "0" * 12), trace_id(41), trace_id(42)]
    spans = [span(one, 1) for one in ids[:-1]]
    stated = span(ids[-1], 1, traceState="ot=rv:" + "f" * 13 + "e")
    traces = read(write(tmp_path, request(*spans, stated))).traces
    count, sample = kept_of(ids, traces)
    assert count == 32 and len(sample) == SAMPLE_TRACES
    assert sample == tuple(trace_id(n, KEPT) for n in range(1, 21))
    few = kept_of([trace_id(40, "fe" + "0" * 12), ids[-1], trace_id(7, KEPT), trace_id(41)], traces)
    assert few == (3, (trace_id(7, KEPT), ids[-1], trace_id(40, "fe" + "0" * 12)))
