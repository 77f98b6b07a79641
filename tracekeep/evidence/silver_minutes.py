"""Gold's tables of minutes as Silver tells them, in windows that begin with a case: what a method
could know at most."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from tracekeep.incident.reader import AsOfReader, queried, rows_of
from tracekeep.incident.selection import TimeRange
from tracekeep.incident.windows import starts_in
from tracekeep.lake import project_variables

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Source:
    """A table of Silver: the column that places it in time, what is read beside it, and the time
    that decides its window."""

    moment: str
    columns: tuple[str, ...]
    counted_at: str


_SOURCES = {
    "spans": Source(
        "started_at",
        ("environment", "service", "endpoint", "is_request", "is_error", "latency_ms"),
        "started_at",
    ),
    "log_records": Source(
        "logged_at",
        ("environment", "service", "endpoint", "statement", "is_error", "trace_id", "span_id",
         "span_started_at"),
        "logged_at",
    ),
    "service_calls": Source(
        "started_at",
        ("environment", "source_service", "target_service", "is_self_call", "wait_ms",
         "server_started_at"),
        "coalesce(server_started_at, started_at)",
    ),
}  # fmt: skip

_MINUTES = {
    "operation_minutes": """
        select {spans} as window_start, environment, service,
            coalesce(endpoint, 'unknown_endpoint') as endpoint, count(*) as span_count,
            count_if(is_request) as request_count
        from spans group by all
    """,
    "log_statement_minutes": """
        select {log_records} as window_start, environment, service,
            coalesce(endpoint, 'unknown_endpoint') as endpoint,
            coalesce(statement, '') as statement,
            count(distinct (trace_id, span_id)) filter (span_started_at is not null) as span_count
        from log_records group by all
    """,
    "call_graph_minutes": """
        select {service_calls} as window_start, environment, source_service, target_service,
            is_self_call, count(*) as call_count, median(wait_ms) as wait_p50_ms
        from service_calls group by all
    """,
    "anomaly_features": """
        with endpoints as (
            select {spans} as window_start, environment, service, endpoint,
                count(*) as span_count,
                count_if(is_request) as request_count,
                count_if(is_request and is_error) as error_count,
                count_if(is_request and latency_ms > {slow_ms}) as slow_count,
                quantile_cont(latency_ms, [0.5, 0.95, 0.99]) filter (is_request) as percentiles,
                max(latency_ms) filter (is_request) as max_latency_ms
            from spans group by all
        ),
        services as (
            select window_start, environment, service,
                count_if(request_count > 0) as endpoint_count,
                sum(span_count) as span_count,
                sum(request_count) as request_count,
                sum(error_count) as error_count,
                sum(slow_count) as slow_count,
                count_if(error_count > 0) as failing_endpoint_count,
                max(error_count / nullif(request_count, 0)) as max_error_rate,
                max(percentiles[1]) as max_p50_latency_ms,
                max(percentiles[2]) as max_p95_latency_ms,
                max(percentiles[3]) as max_p99_latency_ms,
                max(max_latency_ms) as max_latency_ms
            from endpoints group by all
        ),
        logs as (
            select {log_records} as window_start, environment, service,
                count(*) as log_count,
                count_if(is_error) as error_log_count,
                count(distinct statement) as statement_count,
                count(distinct statement) filter (is_error) as pattern_count
            from log_records group by all
        ),
        edges as (
            select {service_calls} as window_start, environment, source_service, target_service,
                median(wait_ms) as wait_ms
            from service_calls where not is_self_call group by all
        ),
        waits as (
            select window_start, environment, target_service as service,
                max(wait_ms) as max_caller_wait_ms
            from edges group by all
        ),
        waits_of_own as (
            select window_start, environment, source_service as service,
                max(wait_ms) as max_callee_wait_ms
            from edges group by all
        )
        select *,
            error_count / nullif(request_count, 0) as error_rate,
            slow_count / nullif(request_count, 0) as slow_rate
        from services
        full join logs using (window_start, environment, service)
        left join waits using (window_start, environment, service)
        left join waits_of_own using (window_start, environment, service)
        where request_count > 0 or error_log_count > 0
    """,
}


def silver_minutes(
    names: Iterable[str], reader: AsOfReader, time: TimeRange, around: timedelta, length: timedelta
) -> dict[str, pa.Table]:
    """Gold's tables of these names, of a time and what is around it.

    length: of a window; the first begins with the time. Raises UnreadableError.
    """
    near = time.widened(around, around)
    asked = {name: _MINUTES[name] for name in names}
    sources = {
        name: source
        for name, source in _SOURCES.items()
        if any(f"{{{name}}}" in sql for sql in asked.values())
    }
    tables = {
        name: rows_of(
            reader,
            f"silver.{name}",
            (source.moment, *source.columns),
            starts_in(near, source.moment),
        )
        for name, source in sources.items()
    }
    words = {
        name: f"time_bucket($length, {source.counted_at}, $start)"
        for name, source in sources.items()
    }
    words["slow_ms"] = str(int(project_variables()["slow_request_ms"]))
    times = {"length": length, "start": time.start}
    return {name: queried(tables, sql.format(**words), times) for name, sql in asked.items()}
