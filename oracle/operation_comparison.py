"""Spans and log records of any kind by minute, raw files against lake: `gold.operation_minutes` and
`gold.log_statement_minutes` (R4)."""

from __future__ import annotations

from collections.abc import Iterable
from operator import add

from oracle.differences import Comparison, difference_of
from oracle.events import UNKNOWN_ENVIRONMENT
from oracle.lake_reading import Lake
from oracle.verdicts import Reading, service_of, span_of

NS_PER_US = 1000

# window by its number since 1970, environment, service; and what is counted
Counted = tuple[tuple[int, str, str], tuple[int, ...]]


def compare_operations(reading: Reading, lake: Lake, comparison: Comparison) -> None:
    """Compare spans, requests and error spans of each service and window."""
    spans = (
        (
            (span.start_ns // reading.window_ns, span.environment, span.service),
            (1, span.is_request, span.is_error),
        )
        for span in reading.spans
    )
    _compare("gold.operation_minutes", "spans, requests, error spans", spans, reading, lake,
             comparison)  # fmt: skip


def compare_statements(reading: Reading, lake: Lake, comparison: Comparison) -> None:
    """Compare log records and error log records of each service and window, by their own time."""
    _compare(
        "gold.log_statement_minutes", "log records, error log records", _records(reading), reading,
        lake, comparison,
    )  # fmt: skip


def _records(reading: Reading) -> Iterable[Counted]:
    for record in reading.logs:
        span = span_of(record, reading.traces)
        environment = record.environment
        if span and environment == UNKNOWN_ENVIRONMENT:
            environment = span.environment
        window = record.time_ns // reading.window_ns
        yield (window, environment, service_of(record, span)), (1, record.is_error)


def _compare(
    table: str, names: str, raw: Iterable[Counted], reading: Reading, lake: Lake,
    comparison: Comparison,
) -> None:  # fmt: skip
    window_us = reading.window_ns // NS_PER_US
    told = (((row[0] // window_us, *row[1:3]), row[3:]) for row in lake.rows(table))
    difference = difference_of(
        f"{table} (window, environment, service): {names}", _sums(raw), _sums(told)
    )
    comparison.figure(f"{table}: windows of services compared", None, difference.compared)
    comparison.differences.append(difference)


def _sums(counted: Iterable[Counted]) -> Iterable[Counted]:
    sums: dict[tuple[int, str, str], tuple[int, ...]] = {}
    for key, counts in counted:
        sums[key] = tuple(map(add, sums[key], counts)) if key in sums else tuple(counts)
    return sums.items()
