"""Calls by window and edge, raw files against lake: `gold.call_graph_minutes` (R4, R8)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from oracle.calls import Call
from oracle.differences import Comparison, ToMicrosecond, difference_of, same
from oracle.lake_reading import Lake
from oracle.percentiles import NS_PER_MS, SHARES, percentile_of

NS_PER_US = 1000
TABLE = "gold.call_graph_minutes"

Example = tuple[str | None, str | None, str | None]


class Edge(NamedTuple):
    """An edge in a window, the window by its number since 1970."""

    window: int
    environment: str
    source_service: str
    target_service: str
    target_type: str


class ToldEdge(NamedTuple):
    """What is told of an edge; of the raw files all `examples` that the contract allows."""

    counts: tuple[int, ...]
    error_rate: float
    client_ms: tuple[float | None, ...]
    server_ms: tuple[float | None, ...]
    wait_ms: tuple[float | None, ...]
    examples: frozenset[Example]

    @classmethod
    def of_raw(cls, calls: Sequence[Call]) -> ToldEdge:
        """The calls of one edge and window."""
        failed = [call for call in calls if call.is_error]
        slowest = max((call.latency_ns for call in failed), default=None)
        clients = [call.client for call in calls if call.client]
        servers = [call.server for call in calls if call.server]
        return cls(
            (
                len(calls), len(failed), sum(s.is_error for s in clients),
                sum(s.is_error for s in servers), sum(c.client_missing for c in calls),
                sum(c.is_linked for c in calls),
            ),
            len(failed) / len(calls),
            _percentiles_of(span.latency_ns for span in clients),
            _percentiles_of(span.latency_ns for span in servers),
            tuple(
                None if wait is None else ToMicrosecond(wait)
                for wait in _percentiles_of(c.wait_ns for c in calls if c.wait_ns is not None)[:2]
            ),
            frozenset(
                (call.trace_id, call.source_span_id, call.target_span_id)
                for call in failed
                if call.latency_ns == slowest
            ) or frozenset([(None, None, None)]),
        )  # fmt: skip

    @classmethod
    def of_row(cls, values: Sequence[Any]) -> ToldEdge:
        """A row of the lake, from `call_count` on."""
        example = (values[15], values[16], values[17])
        return cls(
            tuple(values[:6]), values[6], tuple(values[7:10]), tuple(values[10:13]),
            tuple(values[13:15]), frozenset([example]),
        )  # fmt: skip

    def is_told_by(self, told: ToldEdge) -> bool:
        """Whether a row of the lake is this one."""
        return same(self[:5], told[:5]) and told.examples <= self.examples


def _percentiles_of(latencies_ns: Iterable[int]) -> tuple[float | None, ...]:
    ordered = sorted(latencies_ns)
    if not ordered:
        return (None,) * len(SHARES)
    return tuple(percentile_of(ordered, share) / NS_PER_MS for share in SHARES)


def compare_call_graph(
    calls: Iterable[Call], window_ns: int, lake: Lake, comparison: Comparison
) -> None:
    """Compare the calls of a set, gathered by window and edge, with the lake's rows."""
    by_edge: dict[Edge, list[Call]] = defaultdict(list)
    for call in calls:
        edge = Edge(
            call.start_ns // window_ns, call.environment, call.source_service,
            call.target_service, call.target_type,
        )  # fmt: skip
        by_edge[edge].append(call)
    raw = {edge: ToldEdge.of_raw(calls) for edge, calls in by_edge.items()}
    told: dict[Edge, list[ToldEdge]] = defaultdict(list)
    elsewhere = 0
    for window_us, environment, source, target, kind, *values in lake.rows(TABLE):
        window, rest = divmod(window_us, window_ns // NS_PER_US)
        elsewhere += rest != 0
        told[Edge(window, environment, source, target, kind)].append(ToldEdge.of_row(values))
    comparison.figure(f"{TABLE}: rows that start between two windows", 0, elsewhere)
    for position, name in enumerate(
        ("call_count", "error_count", "client_error_count", "server_error_count",
         "client_missing_count", "linked_count")
    ):  # fmt: skip
        comparison.figure(
            f"{TABLE}: {name}",
            sum(stated.counts[position] for stated in raw.values()),
            sum(row.counts[position] or 0 for rows in told.values() for row in rows),
        )
    # several rows of one edge and window are of several regions, which the reading does not tell
    several = {edge for edge, rows in told.items() if len(rows) > 1}
    difference = difference_of(
        f"{TABLE} (window, environment, source, target, type): calls, failed, failed at the "
        "client, at the server, without client, linked; error rate; p50, p95, p99 ms of both "
        "sides, p50, p95 of the wait; slowest failed call",
        ((e, stated) for e, stated in raw.items() if e not in several),
        ((e, rows[0]) for e, rows in told.items() if e not in several),
        equal=ToldEdge.is_told_by,
    )
    comparison.figure(f"{TABLE}: rows", None, sum(map(len, told.values())))
    comparison.figure(f"{TABLE}: of these compared", None, difference.compared)
    comparison.differences.append(difference)
