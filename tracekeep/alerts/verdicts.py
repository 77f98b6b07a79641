"""What Gold says that somebody should know of now; a function of the tables and a clock."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Literal

from tracekeep.incident.delta_lake import DeltaLake, Row
from tracekeep.incident.layers import expired_days
from tracekeep.incident.reader import AsOfReader, all_rows, queried, rows_of
from tracekeep.incident.selection import TimeRange
from tracekeep.incident.suspects import failing_windows, suspects_of_each

if TYPE_CHECKING:
    import pyarrow as pa

QUIET = timedelta(minutes=5)
"""An incident goes on over so many minutes without a failure (macro failing_windows)."""
LONGEST = timedelta(days=7)
"""An incident that began so long before the time that is looked at is told from then on."""
DAY = timedelta(days=1)
"""Before an incident, what its rate of errors is compared with."""
STANDSTILL = timedelta(hours=1)
"""After which `dbt source freshness` fails."""
STANDARD_ERRORS = 3
"""A rate has risen if it is so many standard errors above the one before."""
RISE = 0.01
"""Least rise of an error rate that a change is blamed for."""
SLOWER, MANY_REQUESTS = 2.0, 100
"""A change made a service slower: its 95th percentile rose so many times, of so many requests."""

_MINUTE_COLUMNS = (
    "environment", "window_start", "partition_date", "request_count", "error_count",
    "error_log_count",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that somebody should know of.

    kind: an episode is told from others of its labels by its times; a fact is known by its labels;
    a state is one of now, whatever Gold holds. ended_at: UTC, None while it goes on. verdict: what
    a message about it rests on; it is told again when this changes. facts: figures and texts for
    people.
    """

    name: str
    kind: Literal["episode", "fact", "state"]
    labels: Mapping[str, str]
    started_at: datetime
    ended_at: datetime | None
    verdict: str
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Looked:
    """The time that was looked at, `since` to `until`, and when that was; UTC."""

    since: datetime
    until: datetime
    at: datetime


def alerts_of(
    lake: DeltaLake,
    variables: Mapping[str, Any],
    hours: int,
    now: datetime,
    suspected: int | None = None,
) -> tuple[list[Alert], Looked]:
    """The alerts of the last hours up to the newest window of Gold, the first one first, and the
    time that was looked at. What events say of times to come counts as now.

    suspected: of how many of the last incidents the suspect is looked for, which takes longest;
    None for all. Raises UnreadableError, also for a lake without Gold.
    """
    reader = AsOfReader(lake, None, expired_days(lake))
    minutes, until = _minutes(reader, hours, timedelta(minutes=variables["window_minutes"]), now)
    looked = Looked(until - timedelta(hours=hours), until, now)
    found = [
        *_incidents(reader, minutes, variables, looked, suspected),
        *_new_patterns(reader, variables, looked),
        *_changes(reader, variables, looked),
        *_standstill(reader, now),
    ]
    found.sort(key=lambda it: (it.started_at, it.name, sorted(it.labels.items())))
    return found, looked


def _minutes(
    reader: AsOfReader, hours: int, window: timedelta, now: datetime
) -> tuple[pa.Table, datetime]:
    """The windows of the last hours and of the time before in which their incidents began, and the
    end of the newest one. The hours of Gold, few rows of a year, tell which days to read."""
    import pyarrow.compute as pc

    last_hour = _newest(rows_of(reader, "gold.endpoint_hours", ("window_start",)), now)
    since = (last_hour or now) - timedelta(hours=hours) - LONGEST - DAY
    near = pc.field("partition_date") >= since.date()
    minutes = rows_of(reader, "gold.endpoint_minutes", _MINUTE_COLUMNS, near)
    newest = _newest(minutes, now)
    return minutes, now if newest is None else min(newest + window, now)


def _newest(windows: pa.Table, now: datetime) -> datetime | None:
    """Start of the newest window that has begun: one clock that is ahead must not hide the rest."""
    import pyarrow as pa
    import pyarrow.compute as pc

    starts = windows["window_start"]
    newest: datetime | None = pc.max(
        starts.filter(pc.less_equal(starts, pa.scalar(now, starts.type)))
    ).as_py()
    return newest


def _incidents(
    reader: AsOfReader,
    minutes: pa.Table,
    variables: Mapping[str, Any],
    looked: Looked,
    suspected: int | None,
) -> Iterator[Alert]:
    incidents = [
        (row["environment"], TimeRange(row["window_start"], row["window_end"]))
        for row in failing_windows(minutes, variables["window_minutes"])
        if row["window_end"] > looked.since
    ]
    incidents.sort(key=lambda it: (it[1].start, it[0]), reverse=True)
    hours = variables["root_cause_reference_hours"]
    found = suspects_of_each(reader, incidents[:suspected], hours)
    rates = _rates(minutes, incidents)
    for (environment, time), suspects in zip_longest(incidents, found):
        inside, outside = rates[environment, time.start]
        facts = {
            "summary": f"errors in {environment}: {inside}, usually {outside}",
            "error_rate": inside,
            "usual_error_rate": outside,
        }
        verdict = "no suspect" if suspects == [] else "not looked for"
        if suspects:
            verdict = f"suspected: {suspects[0]['service']}"
            facts |= {"suspected": suspects[0]["service"], "because": suspects[0]["because"]}
        ended = time.end if time.end + QUIET <= looked.until else None
        labels = {"environment": environment}
        yield Alert("ErrorsAboveUsual", "episode", labels, time.start, ended, verdict, facts)


_RATES = """
    select
        incidents.environment,
        incidents.starts_at,
        sum(error_count) filter (where window_start >= starts_at)
        / nullif(sum(request_count) filter (where window_start >= starts_at), 0) as inside,
        sum(error_count) filter (where window_start < starts_at)
        / nullif(sum(request_count) filter (where window_start < starts_at), 0) as outside
    from incidents
    inner join endpoint_minutes
        on
            incidents.environment = endpoint_minutes.environment
            and endpoint_minutes.window_start >= starts_at - $day
            and endpoint_minutes.window_start < ends_at
    group by all
"""


def _rates(
    minutes: pa.Table, incidents: Sequence[tuple[str, TimeRange]]
) -> dict[tuple[str, datetime], tuple[str, str]]:
    """By environment and start of an incident the error rates of requests in it and in the day
    before it, as text."""
    import pyarrow as pa

    at = minutes.schema.field("window_start").type
    of = pa.schema({"environment": pa.string(), "starts_at": at, "ends_at": at})
    rows = [
        {"environment": environment, "starts_at": time.start, "ends_at": time.end}
        for environment, time in incidents
    ]
    tables = {"endpoint_minutes": minutes, "incidents": pa.Table.from_pylist(rows, of)}
    return {
        (row["environment"], row["starts_at"]): (_percent(row["inside"]), _percent(row["outside"]))
        for row in queried(tables, _RATES, {"day": DAY}).to_pylist()
    }


def _percent(rate: float | None) -> str:
    return "no request" if rate is None else f"{rate:.2%}"


_NEW_PATTERNS = """
    with environments as (
        select environment, min(first_event_at) as first_event_at
        from environment_days
        group by 1
    ),

    patterns as (
        select
            environment,
            fingerprint,
            min(first_seen_at) as first_seen_at,
            any_value(service order by service) as service,
            arg_min(error_type, first_seen_at) as error_type,
            arg_min(error_template, first_seen_at) as error_template,
            arg_min(trace_id, first_seen_at) as trace_id
        from error_pattern_days
        where
            pattern_version = $version
            and error_template is distinct from 'erased <*>'
            and top_frame is distinct from 'erased'
        group by 1, 2
    )

    select patterns.*
    from patterns
    inner join environments using (environment)
    where
        first_seen_at > first_event_at + $warm_up
        and first_seen_at >= $since
    order by all
"""
"""As gold.new_patterns, which is a view."""


_PATTERN_TABLES = {
    "environment_days": ("gold.environment_days", ("environment", "first_event_at")),
    "error_pattern_days": (
        "gold.error_pattern_days",
        (
            "environment", "fingerprint", "pattern_version", "first_seen_at", "service",
            "error_type", "error_template", "top_frame", "trace_id",
        ),
    ),
}  # fmt: skip


def _new_patterns(
    reader: AsOfReader, variables: Mapping[str, Any], looked: Looked
) -> Iterator[Alert]:
    tables = all_rows(reader, _PATTERN_TABLES)
    asked = {
        "version": variables["error_pattern_version"],
        "warm_up": timedelta(minutes=variables["new_pattern_warm_up_minutes"]),
        "since": looked.since,
    }
    for row in queried(tables, _NEW_PATTERNS, asked).to_pylist():
        error = row["error_type"] or "an error"
        facts = {
            "summary": f"new in {row['environment']}: {error} in {row['service']}",
            "message": row["error_template"] or "",
            "trace_id": row["trace_id"] or "",
        }
        labels = {name: row[name] for name in ("environment", "service", "fingerprint")}
        at = row["first_seen_at"]
        yield Alert("NewErrorPattern", "fact", labels, at, at, "new", facts)


_CHANGE_COLUMNS = (
    "change_key", "change_kind", "service", "environment", "service_version", "neighbour_count",
    "new_pattern_count", "request_count_before", "request_count_after", "error_rate_before",
    "error_rate_after", "p95_latency_ms_before", "p95_latency_ms_after", "error_rate_effect",
    "p95_latency_effect", "changed_at",
)  # fmt: skip


def _changes(reader: AsOfReader, variables: Mapping[str, Any], looked: Looked) -> Iterator[Alert]:
    after = timedelta(minutes=variables["change_effect_minutes"])
    for row in rows_of(reader, "gold.change_effects", _CHANGE_COLUMNS).to_pylist():
        if row["changed_at"] < looked.since or not (harm := _harm(row)):
            continue
        of = " ".join(row[it] or "" for it in ("change_kind", "service", "service_version"))
        facts = {
            "summary": f"{of.strip()} in {row['environment']}: {'; '.join(harm)}",
            "changes_beside": str(row["neighbour_count"]),
            "new_error_patterns": str(row["new_pattern_count"]),
        }
        labels = {name: row[name] or "" for name in ("environment", "service", "change_key")}
        end = row["changed_at"] + after
        verdict = " and ".join(it.partition(" ")[0] for it in harm)
        ended = end if end <= looked.until else None
        yield Alert("HarmfulChange", "fact", labels, row["changed_at"], ended, verdict, facts)


def _harm(row: Row) -> list[str]:
    """What a change made worse, beyond what happened to services that did not change."""
    harm = []
    before, after = row["error_rate_before"], row["error_rate_after"]
    if (row["error_rate_effect"] or 0) >= RISE:
        counts = row["request_count_before"], row["request_count_after"]
        both = (before * counts[0] + after * counts[1]) / sum(counts)
        error = math.sqrt(both * (1 - both) * sum(1 / count for count in counts))
        if after - before > STANDARD_ERRORS * error:
            harm.append(f"errors {before:.2%} before, {after:.2%} after")
    requests = min(row["request_count_before"], row["request_count_after"])
    if (row["p95_latency_effect"] or 0) >= SLOWER and requests >= MANY_REQUESTS:
        times = row["p95_latency_ms_before"], row["p95_latency_ms_after"]
        harm.append(f"latency (p95) {times[0]:,.0f} ms before, {times[1]:,.0f} ms after")
    return harm


def _standstill(reader: AsOfReader, now: datetime) -> Iterator[Alert]:
    import pyarrow.compute as pc

    last = pc.max(
        rows_of(reader, "bronze.ingest_batches", ("committed_at",))["committed_at"]
    ).as_py()
    if last is not None and now - last.astimezone(UTC) > STANDSTILL:
        facts = {"summary": f"ingest has closed no batch since {last:%Y-%m-%d %H:%M} UTC"}
        yield Alert("IngestStandsStill", "state", {}, last, None, "still", facts)
