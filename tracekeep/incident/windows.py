"""Windows of Gold: which fail, what ran in them, and who called whom."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

from tracekeep.incident import selection
from tracekeep.incident.delta_lake import Row, stamp
from tracekeep.incident.reader import AsOfReader
from tracekeep.incident.selection import TimeRange

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.compute import Expression

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
WINDOW_COLUMNS = (
    "window_start", "environment", "region", "service", "endpoint", "sample_trace_ids",
    "error_patterns", "pattern_count", "request_count", "error_count", "error_log_count",
    "slow_count", "trace_count", "error_rate", "p50_latency_ms", "p95_latency_ms",
    "p99_latency_ms", "max_latency_ms", "bronze_version", "silver_version", "build_id",
)  # fmt: skip
CALL_COLUMNS = (
    "window_start", "environment", "source_service", "target_service", "target_type", "trace_id",
    "call_count", "error_count", "client_p95_latency_ms", "server_p95_latency_ms",
)  # fmt: skip


class WindowReader:
    """Windows of one service and environment, or of all for None.

    window: length of a window of gold.endpoint_minutes.
    """

    def __init__(
        self,
        reader: AsOfReader,
        service: str | None,
        environment: str | None,
        window: timedelta,
    ) -> None:
        self.reader = reader
        self.names = {"service": service, "environment": environment}
        self.window = window

    def with_errors(self) -> tuple[pa.Table | None, timedelta]:
        """`CHOICE_COLUMNS` of all windows with errors that Gold holds, and their length: what the
        worst is one of."""
        where = all_of([has_error(), self._is_asked()])
        rows = self.reader.arrow("gold.endpoint_minutes", selection.CHOICE_COLUMNS, where)
        if rows:
            return rows, self.window
        return self.reader.arrow("gold.endpoint_hours", selection.CHOICE_COLUMNS, where), HOUR

    def table_of(
        self, shown: TimeRange, length: timedelta, has_expired: bool
    ) -> tuple[str, timedelta]:
        """The table that tells of a time, and the length of its windows: the minutes, or the hours
        where the minutes are gone.

        has_expired: whether minutes of the time have; what is left of them is not the whole, but
        an old version holds what has expired since.
        """
        if length < HOUR:
            has_minutes = self._has("gold.endpoint_minutes", shown)
            has_all = "gold.endpoint_minutes" in self.reader.old - self.reader.cut
            if has_minutes and (has_all or not has_expired):
                return "gold.endpoint_minutes", length
            if not self._has("gold.endpoint_hours", TimeRange(floor(shown.start, HOUR), shown.end)):
                return "gold.endpoint_minutes", length
            self.reader.notes.append(
                "Only the hours of this time are left: Gold's minutes have expired."
            )
        return "gold.endpoint_hours", HOUR

    def traffic(self, table: str, shown: TimeRange) -> list[Row]:
        """Per window and environment: requests, errors, error logs, the highest p95 of an endpoint
        in ms, and of how many rows. Added up by Arrow, since a day may have many rows."""
        sums = ("request_count", "error_count", "error_log_count")
        columns = ("window_start", "environment", *sums, "p95_latency_ms")
        where = all_of([starts_in(shown), self._is_asked()])
        rows = self.reader.arrow(table, columns, where)
        if rows is None:
            return []
        has_latency = "p95_latency_ms" in rows.column_names
        grouped = rows.group_by(["window_start", "environment"]).aggregate(
            [
                *((name, "sum") for name in sums),
                ("window_start", "count"),
                *([("p95_latency_ms", "max")] if has_latency else []),
            ]
        )
        return [
            {
                "window_start": row["window_start"],
                "environment": row["environment"],
                **{name: row[f"{name}_sum"] for name in sums},
                "p95_latency_ms": row.get("p95_latency_ms_max"),
                "window_count": row["window_start_count"],
            }
            for row in grouped.to_pylist()
        ]

    def failing(self, table: str, incident: TimeRange) -> list[Row]:
        """The windows of a time that show errors."""
        where = all_of([starts_in(incident), self._is_asked(), has_error()])
        nothing = dict.fromkeys(WINDOW_COLUMNS)  # the hours have no percentiles
        rows = self.reader.rows(table, WINDOW_COLUMNS, where)
        return [{**nothing, **row} for row in rows if selection.weight(row)]

    def slowest_traces(self, table: str, incident: TimeRange) -> list[str]:
        """Kept traces of the windows with the greatest latencies."""
        where = all_of([starts_in(incident), self._is_asked()])
        rows = self.reader.arrow(table, ("sample_trace_ids", "max_latency_ms"), where)
        if rows is None:
            return []
        slowest = rows.sort_by([("max_latency_ms", "descending")]).slice(0, 1000).to_pylist()
        return [trace_id for row in slowest for trace_id in row["sample_trace_ids"] or []]

    def calls(self, incident: TimeRange) -> list[Row]:
        """Per environment and edge: calls, errors, the highest p95 in ms, a failed call's trace."""
        rows = self.reader.arrow("gold.call_graph_minutes", CALL_COLUMNS, starts_in(incident))
        if rows is None:
            return []
        keys = ["environment", "source_service", "target_service", "target_type"]
        how = {
            "call_count": "sum",
            "error_count": "sum",
            "client_p95_latency_ms": "max",
            "server_p95_latency_ms": "max",
            "trace_id": "min",
        }
        grouped = rows.group_by(keys).aggregate(list(how.items()))
        names = {f"{name}_{function}": name for name, function in how.items()}
        return [
            {names.get(name, name): value for name, value in row.items()}
            for row in grouped.to_pylist()
        ]

    def bounds(self) -> str:
        """From when to when Gold holds windows, as a sentence; empty if it holds none."""
        import pyarrow.compute as pc

        held = [
            pc.min_max(rows["window_start"]).as_py()
            for name in ("gold.endpoint_minutes", "gold.endpoint_hours")
            if (rows := self.reader.arrow(name, ("window_start",)))
        ]
        if not held:
            return ""
        first, last = min(each["min"] for each in held), max(each["max"] for each in held)
        return f"Gold holds windows from {stamp(first)} to {stamp(last)}."

    def _has(self, table: str, shown: TimeRange) -> bool:
        return bool(self.reader.arrow(table, ("window_start",), starts_in(shown)))

    def _is_asked(self) -> Expression | None:
        import pyarrow.compute as pc

        conditions = [
            pc.field(name) == value for name, value in self.names.items() if value is not None
        ]
        return all_of(conditions) if conditions else None


def starts_in(shown: TimeRange, column: str = "window_start") -> Expression:
    """That a row of a table by day lies in a time, by one of its columns, whose day it has."""
    import pyarrow.compute as pc

    return (pc.field("partition_date") >= shown.start.date()) & started_in(shown, column)


def started_in(shown: TimeRange, column: str) -> Expression:
    """That a row lies in a time, by one of its columns; its day is that one's or an earlier one, as
    those of a trace are the day on which the trace began."""
    import pyarrow.compute as pc

    return (
        (pc.field("partition_date") <= shown.end.date())
        & (pc.field(column) >= shown.start)
        & (pc.field(column) < shown.end)
    )


def all_of(conditions: Iterable[Expression | None]) -> Expression:
    """All conditions together, of which one at least is not None."""
    return reduce(and_, [condition for condition in conditions if condition is not None])


def has_error() -> Expression:
    """That a window has a failed request or an error log record."""
    import pyarrow.compute as pc

    return (pc.field("error_count") > 0) | (pc.field("error_log_count") > 0)


def dates_of(shown: TimeRange) -> list[date]:
    """The days, UTC, that a time range touches; at least one."""
    last = (shown.end - timedelta(microseconds=1)).date()
    count = (last - shown.start.date()).days + 1
    return [shown.start.date() + timedelta(days=day) for day in range(max(count, 1))]


def windows_of(shown: TimeRange, length: timedelta) -> TimeRange:
    """The windows of a length that a time range touches, whole."""
    last = floor(shown.end - timedelta.resolution, length)
    return TimeRange(floor(shown.start, length), last + length)


def floor(time: datetime, length: timedelta) -> datetime:
    """The start of the window of a length, counted from 1970, that a time lies in."""
    return time - (time - datetime(1970, 1, 1, tzinfo=time.tzinfo)) % length
