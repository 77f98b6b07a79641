"""Events → windows of endpoints: what counts in each, and its kept traces (contract, R4)."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from oracle.endpoints import UNKNOWN_ENDPOINT, is_template_proof
from oracle.events import UNKNOWN_ENVIRONMENT
from oracle.verdicts import (
    SLOW_NS,
    Reading,
    Trace,
    randomness_of,
    service_of,
    span_of,
)

SAMPLE_TRACES = 20


class WindowKey(NamedTuple):
    """A window by its number since 1970, and an endpoint in it."""

    window: int
    environment: str
    service: str
    endpoint: str


@dataclass(slots=True)
class EndpointWindow:
    """One endpoint in one window: RED latencies in ns, and the traces of its events.

    `is_sure`: all its events have this endpoint, and no template can change how it is written.
    """

    latencies: array[int] = field(default_factory=lambda: array("q"))
    trace_ids: set[str] = field(default_factory=set)
    error_count: int = 0
    error_log_count: int = 0
    slow_count: int = 0
    is_sure: bool = True

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """request_count, error_count, error_log_count, slow_count."""
        return len(self.latencies), self.error_count, self.error_log_count, self.slow_count


def endpoint_windows(reading: Reading, length_ns: int) -> dict[WindowKey, EndpointWindow]:
    """All windows of a length in which a request began, or the span of an error log."""
    windows: dict[WindowKey, EndpointWindow] = defaultdict(EndpointWindow)
    for span in reading.spans:
        if span.is_request:
            key = (span.start_ns // length_ns, span.environment, span.service, span.endpoint)
            window = windows[WindowKey(*key)]
            window.latencies.append(span.latency_ns)
            window.error_count += span.is_error
            window.slow_count += span.latency_ns > SLOW_NS
            window.is_sure &= not span.is_tied
            if span.trace_id is not None:
                window.trace_ids.add(span.trace_id)
    for record in reading.logs:
        if record.is_error:
            span = span_of(record, reading.traces)
            start_ns = span.start_ns if span else record.time_ns
            endpoint = span.endpoint if span else UNKNOWN_ENDPOINT
            service = service_of(record, span)
            environment = record.environment
            if span and environment == UNKNOWN_ENVIRONMENT:
                environment = span.environment
            key = (start_ns // length_ns, environment, service, endpoint)
            window = windows[WindowKey(*key)]
            window.error_log_count += 1
            window.is_sure &= span is None or not span.is_tied
            if record.trace_id is not None:
                window.trace_ids.add(record.trace_id)
    for key, window in windows.items():
        window.is_sure &= is_template_proof(key.endpoint)
    return dict(windows)


def kept_of(trace_ids: Iterable[str], traces: Mapping[str, Trace]) -> tuple[int, tuple[str, ...]]:
    """How many of some traces are kept, and the first of them by R descending, then id."""
    kept = [traces[trace_id] for trace_id in trace_ids if traces[trace_id].is_kept]
    kept.sort(key=lambda trace: trace.trace_id)
    kept.sort(key=randomness_of, reverse=True)
    return len(kept), tuple(trace.trace_id for trace in kept[:SAMPLE_TRACES])
