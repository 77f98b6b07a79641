"""What a wall shows of the last hours: figures, charts and lists, from Gold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from tracekeep.alerts.verdicts import Alert, Looked, alerts_of
from tracekeep.incident.delta_lake import DeltaLake, Row
from tracekeep.incident.layers import expired_days
from tracekeep.incident.reader import BUILD_TIME, AsOfReader, queried, rows_of
from tracekeep.incident.selection import TimeRange
from tracekeep.incident.windows import started_in, starts_in

MOST_HOURS = 168
MOST_ROWS = 12
"""Of a list."""
DAY = timedelta(days=1)
STEPS = {2: 1, 24: 5, MOST_HOURS: 60}
"""Minutes between the points of a chart, by the hours that it shows."""
KINDS = {
    "ErrorsAboveUsual": "incident",
    "NewErrorPattern": "new error",
    "HarmfulChange": "change",
    "IngestStandsStill": "standstill",
}
"""What an alert is called, by its name."""

_ERROR_RATES = """
    select
        time_bucket($step, window_start) as starts_at,
        environment,
        sum(error_count) / sum(request_count) as error_rate
    from endpoint_minutes
    group by all
    having sum(request_count) > 0
    order by all
"""

_TOTALS = """
    select
        coalesce(sum(request_count), 0)::bigint as request_count,
        coalesce(sum(error_count), 0)::bigint as error_count,
        sum(error_count) / nullif(sum(request_count), 0) as error_rate,
        coalesce(sum(error_log_count), 0)::bigint as error_log_count
    from endpoint_minutes
"""

_ENDPOINTS = """
    select
        environment,
        service,
        endpoint,
        sum(request_count)::bigint as request_count,
        sum(error_count)::bigint as error_count,
        sum(error_count) / nullif(sum(request_count), 0) as error_rate,
        max(p95_latency_ms) as p95_latency_ms
    from endpoint_minutes
    group by all
    having sum(error_count) > 0
    order by error_count desc, environment, service, endpoint
    limit $most
"""

_PATHS = """
    select
        environment,
        service_path,
        error_type,
        count(distinct trace_id) as trace_count,
        max(started_at) as last_seen_at,
        arg_max(error_message, (started_at, trace_id)) as error_message,
        arg_max(trace_id, (started_at, trace_id)) as trace_id
    from incident_paths
    group by all
    order by trace_count desc, last_seen_at desc, environment, service_path
    limit $most
"""

_SAMPLE = """
    with traces as (
        select distinct trace_id, sample_class, sample_weight
        from sampled_spans
    )

    select sample_class, count(*) as trace_count, sum(sample_weight) as estimated_trace_count
    from traces
    group by 1
    order by 1
"""

# The seasonal baseline of gold.endpoint_traffic_hours, of each environment as a whole, and for the
# hours to come.
_TRAFFIC = """
    with hours as (
        select environment, window_start, sum(request_count)::bigint as request_count
        from endpoint_hours
        group by all
    ),

    environments as (
        select environment, date_trunc('hour', min(first_event_at)) as first_hour
        from environment_days
        group by 1
    ),

    shown as (
        select
            environment,
            first_hour,
            unnest(generate_series($first, $next + interval 23 hours, interval 1 hour)) as starts_at
        from environments
    ),

    told as (
        select
            shown.starts_at,
            case
                when shown.starts_at >= $next then null
                when shown.starts_at >= shown.first_hour then coalesce(hours.request_count, 0)
            end as request_count,
            case
                when shown.starts_at - interval 168 hours >= shown.first_hour
                    then coalesce(last_week.request_count, 0)
                when shown.starts_at - interval 24 hours >= shown.first_hour
                    then coalesce(last_day.request_count, 0)
            end as forecast_request_count
        from shown
        left join hours
            on shown.environment = hours.environment
            and shown.starts_at = hours.window_start
        left join hours as last_day
            on shown.environment = last_day.environment
            and shown.starts_at - interval 24 hours = last_day.window_start
        left join hours as last_week
            on shown.environment = last_week.environment
            and shown.starts_at - interval 168 hours = last_week.window_start
    )

    select
        starts_at,
        sum(request_count)::bigint as request_count,
        sum(forecast_request_count)::bigint as forecast_request_count
    from told
    group by 1
    order by 1
"""

_MINUTE_COLUMNS = (
    "window_start", "environment", "service", "endpoint", "request_count", "error_count",
    "error_log_count", "p95_latency_ms",
)  # fmt: skip
_PATH_COLUMNS = (
    "environment", "service_path", "error_type", "error_message", "trace_id", "started_at",
)  # fmt: skip
_CHANGE_COLUMNS = (
    "changed_at", "change_kind", "environment", "service", "service_version", "error_rate_before",
    "error_rate_after", "p95_latency_ms_before", "p95_latency_ms_after",
)  # fmt: skip


def figures(lake: DeltaLake, variables: Mapping[str, Any], hours: int, now: datetime) -> Row:
    """What dashboard.html shows of the last hours up to the newest window of Gold. now: UTC.

    Raises UnreadableError, also for a lake that lacks a table.
    """
    import pyarrow.compute as pc

    alerts, looked = alerts_of(lake, variables, hours, now, suspected=MOST_ROWS)
    reader = AsOfReader(lake, None, expired_days(lake))
    shown = TimeRange(looked.since, looked.until)
    near = starts_in(shown)
    minutes = {"endpoint_minutes": rows_of(reader, "gold.endpoint_minutes", _MINUTE_COLUMNS, near)}
    (totals,) = queried(minutes, _TOTALS, {}).to_pylist()
    step = timedelta(minutes=next(STEPS[most] for most in STEPS if hours <= most))
    rates = queried(minutes, _ERROR_RATES, {"step": step}).to_pylist()
    # the day of a trace's rows is that of its first event
    is_day = pc.field("partition_date") >= (shown.start - DAY).date()
    of_traces = is_day & started_in(shown, "started_at")
    paths = {"incident_paths": rows_of(reader, "gold.incident_paths", _PATH_COLUMNS, of_traces)}
    sample_columns = ("trace_id", "sample_class", "sample_weight")
    sample = {"sampled_spans": rows_of(reader, "gold.sampled_spans", sample_columns, of_traces)}
    changes = [
        row
        for row in rows_of(reader, "gold.change_effects", _CHANGE_COLUMNS).to_pylist()
        if shown.holds(row["changed_at"])
    ]
    changes.sort(key=lambda row: (row["changed_at"], row["service"] or ""), reverse=True)
    closed = pc.max(rows_of(reader, "bronze.ingest_batches", ("committed_at",))["committed_at"])
    is_one = pc.field("table_name") == "gold.endpoint_minutes"
    builds = rows_of(reader, "gold.build_versions", ("build_id",), is_one)
    built = pc.max(builds["build_id"]).as_py()
    return {
        "hours": hours,
        "since": shown.start,
        "until": shown.end,
        "built": built and _ago(_build_time(built), now),
        "closed": closed.as_py() and _ago(closed.as_py(), now),
        "totals": totals,
        "alert_counts": Counter(KINDS[alert.name] for alert in alerts),
        "alerts": [_told(alert, looked) for alert in reversed(alerts) if not _is_new_error(alert)],
        "new_errors": [_told(alert, looked) for alert in reversed(alerts) if _is_new_error(alert)],
        "most": MOST_ROWS,
        "error_rates": rates,
        "incidents": [
            (max(it.started_at, shown.start), it.ended_at or shown.end)
            for it in alerts
            if it.kind == "episode"
        ],
        "traffic": _traffic(reader, looked),
        "endpoints": [
            {
                **row,
                "link": _incident_link(shown.start, shown.end, row["environment"], row["service"]),
            }
            for row in queried(minutes, _ENDPOINTS, {"most": MOST_ROWS}).to_pylist()
        ],
        "paths": queried(paths, _PATHS, {"most": MOST_ROWS}).to_pylist(),
        "changes": [{**row, "link": _change_link(row, variables)} for row in changes],
        "sample": queried(sample, _SAMPLE, {}).to_pylist(),
    }


def _traffic(reader: AsOfReader, looked: Looked) -> list[Row]:
    import pyarrow.compute as pc

    following = looked.until.replace(minute=0, second=0, microsecond=0)
    first = min(looked.since, looked.until - DAY).replace(minute=0, second=0, microsecond=0)
    days = pc.field("partition_date") >= (first - timedelta(days=8)).date()
    columns = ("environment", "window_start", "request_count")
    first_seen = ("environment", "first_event_at")
    tables = {
        "endpoint_hours": rows_of(reader, "gold.endpoint_hours", columns, days),
        "environment_days": rows_of(reader, "gold.environment_days", first_seen),
    }
    return queried(tables, _TRAFFIC, {"first": first, "next": following}).to_pylist()


def _is_new_error(alert: Alert) -> bool:
    return alert.name == "NewErrorPattern"


def _told(alert: Alert, looked: Looked) -> Row:
    """An alert as a row of the page."""
    start, end = alert.started_at, alert.ended_at or looked.until
    if trace_id := alert.facts.get("trace_id"):
        link = f"/traces/{quote(trace_id, safe='')}"
    elif alert.kind == "state":
        link = None
    else:
        names = (alert.labels.get(name) for name in ("environment", "service"))
        link = _incident_link(start, max(end, start + timedelta(minutes=1)), *names)
    return {
        "kind": KINDS[alert.name],
        "started_at": start,
        "is_over": alert.ended_at is not None,
        "summary": alert.facts["summary"],
        "because": alert.facts.get("because") or alert.facts.get("message") or "",
        "link": link,
    }


def _incident_link(
    start: datetime, end: datetime, environment: str | None = None, service: str | None = None
) -> str:
    asked = {"from": iso(start), "to": iso(end), "environment": environment, "service": service}
    return f"/incident?{urlencode({name: value for name, value in asked.items() if value})}"


def _change_link(change: Row, variables: Mapping[str, Any]) -> str:
    around = timedelta(minutes=variables["change_effect_minutes"])
    at = change["changed_at"]
    return _incident_link(at - around, at + around, change["environment"], change["service"])


def iso(time: datetime) -> str:
    """A time as ISO 8601 has it, UTC, to the second."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"


def _build_time(build_id: str) -> datetime:
    return datetime.strptime(build_id[:BUILD_TIME], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def _ago(time: datetime, now: datetime) -> str:
    """How long ago something was, as people say it."""
    minutes = max(0, round((now - time.astimezone(UTC)).total_seconds() / 60))
    for length, unit in ((1440, "d"), (60, "h")):
        if minutes >= 2 * length:
            return f"{minutes // length} {unit} ago"
    return f"{minutes} min ago"
