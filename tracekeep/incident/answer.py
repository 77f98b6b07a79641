"""The whole answer about an incident, from windows in Gold down to raw lines in Bronze."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any

from tracekeep.incident import selection
from tracekeep.incident.delta_lake import (
    DeltaLake,
    GoneError,
    LakeTable,
    Row,
    UnreadableError,
    stamp,
)
from tracekeep.incident.layers import (
    ExpiredDay,
    LayerAnswer,
    erased_at,
    expired_days,
    expiry_of,
    layer_answer,
)
from tracekeep.incident.selection import TimeRange

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.compute import Expression

BEFORE, AFTER = timedelta(minutes=20), timedelta(minutes=10)
"""What is shown around an incident; changes are looked for in `CHANGES_BEFORE`."""

CHANGES_BEFORE = timedelta(hours=1)
MOST_WINDOWS, MOST_GROUPS, MOST_PATTERNS, MOST_CHANGES, MOST_EDGES = 100, 30, 30, 30, 150
MOST_SPANS, MOST_LOGS, MOST_RAW_LINES, MOST_PATHS, MOST_STEPS = 400, 200, 200, 50, 400
DAY, HOUR = timedelta(days=1), timedelta(hours=1)

WINDOW_COLUMNS = (
    "window_start", "environment", "region", "service", "endpoint", "sample_trace_ids",
    "error_patterns", "request_count", "error_count", "error_log_count", "slow_count",
    "trace_count", "error_rate", "p50_latency_ms", "p95_latency_ms", "p99_latency_ms",
    "max_latency_ms", "bronze_version", "silver_version", "build_id",
)  # fmt: skip
SPAN_COLUMNS = (
    "trace_id", "span_id", "parent_span_id", "service", "endpoint", "operation", "kind",
    "status_code", "status_message", "error_type", "error_message", "error_stack", "environment",
    "pod", "service_version", "http_status_code", "rpc_status_code", "latency_ms", "is_error",
    "started_at", "started_at_ns", "first_arrival_at", "last_arrival_at", "bronze_version",
    "silver_version", "build_id",
)  # fmt: skip
LOG_COLUMNS = (
    "trace_id", "span_id", "service", "severity_text", "severity_number", "body", "error_type",
    "is_error", "pod", "logged_at", "logged_at_ns", "first_arrival_at", "last_arrival_at",
    "bronze_version", "silver_version", "build_id",
)  # fmt: skip
PATH_COLUMNS = (
    "trace_id", "span_id", "service", "endpoint", "fingerprint", "error_type", "error_message",
    "suspected_root_cause", "service_path", "environment", "path_rank", "started_at",
)  # fmt: skip
STEP_COLUMNS = (
    *PATH_COLUMNS, "steps", "critical_path", "marks", "path_count", "is_fatal", "bronze_version",
    "silver_version", "build_id",
)  # fmt: skip
CALL_COLUMNS = (
    "window_start", "environment", "source_service", "target_service", "target_type", "trace_id",
    "call_count", "error_count", "client_p95_latency_ms", "server_p95_latency_ms",
)  # fmt: skip
CHANGE_COLUMNS = (
    "change_key", "change_source", "change_kind", "change_type", "change_id", "service",
    "environment", "service_version", "changed_at", "neighbour_count", "new_pattern_count",
    "error_rate_before", "error_rate_after", "p95_latency_ms_before", "p95_latency_ms_after",
    "error_rate_effect", "p95_latency_effect",
)  # fmt: skip
RAW_COLUMNS = ("trace_id", "span_id", "raw_text", "source_format", "source_file", "source_position")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. Without a time range and a trace, the worst window is looked for.

    as_of: a version of gold.endpoint_minutes or a time, UTC; None for the versions that the rows of
    Gold name. trace_count: how many traces are shown in full.
    """

    start: datetime | None = None
    end: datetime | None = None
    service: str | None = None
    trace_id: str | None = None
    as_of: int | datetime | None = None
    min_error_rate: float = selection.FAILING_RATE
    trace_count: int = 20
    window: timedelta = timedelta(minutes=1)


def answer(lake: DeltaLake, question: Question) -> Row:
    """Answer a question from the lake.

    Returns a dict whose texts are masked but for `raw_text` of `traces[].raw_lines`, which are as
    they came: `status` (found, expired, erased or unknown), `message`, `question`, `range`,
    `worst_window`, `windows`, `timeline`, `graph`, `path_groups`, `traces`, `patterns`, `changes`,
    `versions`, `notes`; `*_count` says how many there are where a list has been cut.
    Raises UnreadableError for a broken table.
    """
    return _Investigation(lake, question).answer()


class _Investigation:
    def __init__(self, lake: DeltaLake, question: Question) -> None:
        self.lake = lake
        self.question = question
        self.notes: list[str] = []
        self.versions: dict[str, int] = {}
        self.expired: list[ExpiredDay] = expired_days(lake)
        self.builds = self._builds()

    # ------------------------------------------------------------ the whole

    def answer(self) -> Row:
        asked = self.question
        too_early = self._too_early()
        if too_early:
            return self._empty("unknown", too_early)
        trace = self._trace_facts(asked.trace_id) if asked.trace_id else None
        if trace and trace["start"] is None:
            return self._nothing_of_trace(trace)
        if trace:
            incident, worst, length = self._range_of(trace), None, asked.window
        elif asked.start is not None and asked.end is not None:
            incident, worst, length = TimeRange(asked.start, asked.end), None, asked.window
        else:
            windows, length = self._windows_with_errors()
            worst = selection.worst_window(windows, asked.min_error_rate)
            if worst is None:
                return self._nothing_in_range()
            incident = selection.incident_range(windows, worst, length)
        environments = {worst["environment"]} if worst else None
        shown = incident.widened(BEFORE, AFTER)
        windows_table, length = self._table_of_windows(shown, length)
        if length == HOUR:
            incident = TimeRange(_floor(incident.start, HOUR), incident.end)
            shown = TimeRange(_floor(shown.start, HOUR), shown.end)
        traffic = _in_environments(self._traffic(windows_table, shown), environments)
        inside = [row for row in traffic if incident.holds(row["window_start"])]
        if not inside and not trace:
            return self._nothing_in_range()
        failing = sorted(
            _in_environments(self._failing(windows_table, incident), environments),
            key=lambda w: (-selection.weight(w), w["window_start"], w["service"], w["endpoint"]),
        )
        worst = worst or selection.worst_window(failing, asked.min_error_rate)
        paths = self._paths(incident, environments)
        groups = selection.path_groups(paths)
        ids = [asked.trace_id] if asked.trace_id else []
        if not asked.trace_id:
            more = _sampled(failing) or self._slowest(windows_table, incident)
            ids = selection.traces_to_show(groups, more, asked.trace_count)
        edges = selection.call_graph(_in_environments(self._calls(incident), environments))
        traces = self._traces(ids, incident)
        patterns = self._patterns(failing)
        changes = self._changes(incident, environments, paths)
        return {
            "status": "found",
            "message": self._message(inside, failing, incident),
            **self._head(incident, shown),
            "window_minutes": length / timedelta(minutes=1),
            "worst_window": _window(worst) if worst else None,
            "windows": [_window(row) for row in failing[:MOST_WINDOWS]],
            "window_count": len(failing),
            "request_count": sum(row["request_count"] for row in inside),
            "error_count": sum(row["error_count"] for row in inside),
            "error_log_count": sum(row["error_log_count"] for row in inside),
            "timeline": selection.timeline(traffic, shown, length),
            "graph": edges[:MOST_EDGES],
            "edge_count": len(edges),
            "path_groups": [
                {**group, "trace_ids": group["trace_ids"][:20]} for group in groups[:MOST_GROUPS]
            ],
            "path_group_count": len(groups),
            "error_trace_count": len({path["trace_id"] for path in paths}),
            "traces": traces,
            "patterns": patterns[:MOST_PATTERNS],
            "pattern_count": len(patterns),
            "changes": changes[:MOST_CHANGES],
            "change_count": len(changes),
            **self._foot(),
        }

    def _head(self, incident: TimeRange | None, shown: TimeRange | None) -> Row:
        asked = self.question
        return {
            "question": {
                "from": asked.start,
                "to": asked.end,
                "service": asked.service,
                "trace_id": asked.trace_id,
                "as_of": asked.as_of,
                "min_error_rate": asked.min_error_rate,
            },
            "range": _range(incident),
            "shown_range": _range(shown),
        }

    def _foot(self) -> Row:
        return {
            "versions": [
                {
                    "table_name": name,
                    "version": version,
                    "committed_at": self.lake[name].committed_at(version),
                }
                for name, version in sorted(self.versions.items())
            ],
            "notes": list(dict.fromkeys(self.notes)),
        }

    def _message(self, inside: Sequence[Row], failing: Sequence[Row], incident: TimeRange) -> str:
        if failing or self.question.trace_id:
            return ""
        requests = sum(row["request_count"] for row in inside)
        return (
            f"No error from {stamp(incident.start)} to {stamp(incident.end)}: "
            f"{requests:,} requests in {sum(row['window_count'] for row in inside):,} windows, "
            "none failed."
        )

    def _nothing_in_range(self) -> Row:
        asked = self.question
        if asked.start is None or asked.end is None:
            of = f" of service {asked.service}" if asked.service else ""
            message = f"Gold holds no window{of} with an error."
            bounds = self._bounds()
            message += f" {bounds}" if bounds else " It holds no window at all."
            return self._empty("unknown", message)
        asked_range = TimeRange(asked.start, asked.end)
        since = expiry_of(
            self.expired, {"gold.endpoint_minutes", "gold.endpoint_hours"}, _dates(asked_range)
        )
        status = "expired" if since else "unknown"
        of = f" of service {asked.service}" if asked.service else ""
        message = (
            f"No data{of} from {stamp(asked.start)} to {stamp(asked.end)}: "
            + (f"Gold's windows of these days expired {stamp(since)}." if since else "none came.")
            + f" {self._bounds()}"
        )
        return self._empty(status, message.strip(), asked_range)

    def _bounds(self) -> str:
        starts = [
            row["window_start"]
            for name in ("gold.endpoint_minutes", "gold.endpoint_hours")
            for row in self._gold(name, ("window_start",))
        ]
        if not starts:
            return ""
        return f"Gold holds windows from {stamp(min(starts))} to {stamp(max(starts))}."

    def _nothing_of_trace(self, facts: Row) -> Row:
        erased = facts["erased"]
        message = (
            f"Trace {facts['trace_id']} was erased {stamp(erased)}."
            if erased
            else f"Trace {facts['trace_id']} is unknown: no layer holds a row of it. It never "
            "came, or it had no error, Gold did not keep it, and Silver has expired it."
        )
        return self._empty("erased" if erased else "unknown", message)

    def _empty(self, status: str, message: str, incident: TimeRange | None = None) -> Row:
        """An answer without rows, which says why."""
        return {
            "status": status,
            "message": message,
            **self._head(incident, None),
            **self._foot(),
        }

    # ------------------------------------------------------------ versions

    def _builds(self) -> dict[str, dict[str, int]]:
        rows = self.lake["gold.build_versions"].rows(("build_id", "table_name", "table_version"))
        builds: dict[str, dict[str, int]] = defaultdict(dict)
        for row in rows:
            if row["table_version"] is not None:
                builds[row["build_id"]][row["table_name"]] = row["table_version"]
        return dict(sorted(builds.items()))

    def _build_asked_for(self) -> str | None:
        """The build that a version of gold.endpoint_minutes belongs to: the first that ended at it
        or later. None if none did."""
        held = (
            (versions["gold.endpoint_minutes"], build)
            for build, versions in self.builds.items()
            if versions.get("gold.endpoint_minutes", -1) >= self.question.as_of
        )
        return min(held, default=(None, None))[1]

    def _too_early(self) -> str | None:
        """Why there is no answer as of a time before the first commit; None if that is not so."""
        as_of, table = self.question.as_of, self.lake["gold.endpoint_minutes"]
        if not isinstance(as_of, datetime) or not table.exists:
            return None
        first = table.commits[0]
        if first.version or first.at <= as_of:
            return None
        return f"There was no Gold as of {stamp(as_of)}: its first build is of {stamp(first.at)}."

    def _asked_version(self, name: str) -> int | None:
        """The version of a table that the question asks for; None if it asks for none.

        Raises GoneError.
        """
        as_of = self.question.as_of
        if as_of is None or not self.lake[name].exists:
            return None
        if isinstance(as_of, datetime):
            return self.lake[name].version_at(as_of)
        if name == "gold.endpoint_minutes":
            return as_of
        build = self._build_asked_for()
        version = self.builds.get(build or "", {}).get(name)
        if version is None:
            raise GoneError(
                f"gold.build_versions does not say which version of {name} belongs to version "
                f"{as_of} of gold.endpoint_minutes"
            )
        return version

    def _gold(
        self, name: str, columns: Sequence[str], where: Expression | None = None
    ) -> list[Row]:
        """As `_gold_arrow`; no rows without a table."""
        rows = self._gold_arrow(name, columns, where)
        return [] if rows is None else rows.to_pylist(maps_as_pydicts="lossy")

    def _gold_arrow(
        self, name: str, columns: Sequence[str], where: Expression | None = None
    ) -> pa.Table | None:
        """Rows of a table as of what the question asks for; as of now, and noted, if that cannot be
        read any more. None without a table."""
        table = self.lake[name]
        if not table.exists:
            return None
        version = None
        try:
            version = self._asked_version(name)
            rows = table.arrow(columns, where, version)
        except GoneError as gone:
            self.notes.append(f"{name} is read as of now: {gone}.")
            version, rows = None, table.arrow(columns, where)
        self.versions[name] = table.version if version is None else version
        return rows

    # ------------------------------------------------------------ windows

    def _windows_with_errors(self) -> tuple[list[Row], timedelta]:
        """All windows with errors that Gold holds, and their length: what the worst is one of."""
        columns = tuple(name for name in WINDOW_COLUMNS if name != "error_patterns")
        where = _all([_has_error(), self._is_service()])
        rows = self._gold("gold.endpoint_minutes", columns, where)
        if rows:
            return rows, self.question.window
        return self._gold("gold.endpoint_hours", columns, where), HOUR

    def _table_of_windows(self, shown: TimeRange, length: timedelta) -> tuple[str, timedelta]:
        """The table that tells of a time, and the length of its windows: the minutes, or the hours
        where the minutes are gone."""
        if length < HOUR:
            columns = ("window_start",)
            if self._gold("gold.endpoint_minutes", columns, self._starts_in(shown)):
                return "gold.endpoint_minutes", length
            whole = TimeRange(_floor(shown.start, HOUR), shown.end)
            if not self._gold("gold.endpoint_hours", columns, self._starts_in(whole)):
                return "gold.endpoint_minutes", length
            self.notes.append("Only the hours of this time are left: Gold's minutes have expired.")
        return "gold.endpoint_hours", HOUR

    def _traffic(self, table: str, shown: TimeRange) -> list[Row]:
        """Per window and environment: requests, errors, error logs, the highest p95 of an endpoint
        in ms, and of how many rows. Added up by Arrow, since a day may have many rows."""
        sums = ("request_count", "error_count", "error_log_count")
        columns = ("window_start", "environment", *sums, "p95_latency_ms")
        where = _all([self._starts_in(shown), self._is_service()])
        rows = self._gold_arrow(table, columns, where)
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

    def _failing(self, table: str, incident: TimeRange) -> list[Row]:
        """The windows of a time that show errors."""
        where = _all([self._starts_in(incident), self._is_service(), _has_error()])
        nothing = dict.fromkeys(WINDOW_COLUMNS)  # the hours have no percentiles
        rows = self._gold(table, WINDOW_COLUMNS, where)
        return [{**nothing, **row} for row in rows if selection.weight(row)]

    def _slowest(self, table: str, incident: TimeRange) -> list[str]:
        """Kept traces of the windows with the greatest latencies."""
        where = _all([self._starts_in(incident), self._is_service()])
        rows = self._gold_arrow(table, ("sample_trace_ids", "max_latency_ms"), where)
        if rows is None:
            return []
        slowest = rows.sort_by([("max_latency_ms", "descending")]).slice(0, 1000).to_pylist()
        return [trace_id for row in slowest for trace_id in row["sample_trace_ids"] or []]

    def _calls(self, incident: TimeRange) -> list[Row]:
        """Per environment and edge: calls, errors, the highest p95 in ms, a failed call's trace."""
        rows = self._gold_arrow("gold.call_graph_minutes", CALL_COLUMNS, self._starts_in(incident))
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

    def _range_of(self, trace: Row) -> TimeRange:
        """The windows that a trace lies in."""
        length = self.question.window
        start = _floor(trace["start"], length)
        return TimeRange(start, max(_floor(trace["end"], length), start) + length)

    def _is_service(self) -> Expression | None:
        import pyarrow.compute as pc

        service = self.question.service
        return None if service is None else pc.field("service") == service

    def _starts_in(self, shown: TimeRange, column: str = "window_start") -> Expression:
        import pyarrow.compute as pc

        return (
            pc.field("partition_date").isin(_dates(shown))
            & (pc.field(column) >= shown.start)
            & (pc.field(column) < shown.end)
        )

    # ------------------------------------------------------------ what happened in them

    def _paths(self, incident: TimeRange, environments: set[str] | None) -> list[Row]:
        import pyarrow.compute as pc

        asked = self.question
        if asked.trace_id:
            return self._gold(
                "gold.incident_paths", PATH_COLUMNS, pc.field("trace_id") == asked.trace_id
            )
        paths = self._gold(
            "gold.incident_paths", PATH_COLUMNS, self._starts_in(incident, "started_at")
        )
        return [
            path
            for path in _in_environments(paths, environments)
            if asked.service is None or asked.service in selection.service_names(path)
        ]

    def _patterns(self, inside: Iterable[Row]) -> list[Row]:
        import pyarrow.compute as pc

        failures: Counter[str] = Counter()
        is_new: set[str] = set()
        for window in inside:
            for pattern in window["error_patterns"] or []:
                failures[pattern["fingerprint"]] += pattern["failure_count"]
                if pattern.get("is_new"):
                    is_new.add(pattern["fingerprint"])
        if not failures:
            return []
        columns = (
            "fingerprint", "service", "error_type", "error_template", "error_message", "top_frame",
            "trace_id", "first_seen_at", "last_seen_at", "failure_count",
        )  # fmt: skip
        known = {
            row["fingerprint"]: row
            for row in self._gold(
                "gold.error_patterns", columns, pc.field("fingerprint").isin(sorted(failures))
            )
        }
        rows = [
            {
                **dict.fromkeys(columns),
                **known.get(fingerprint, {}),
                "fingerprint": fingerprint,
                "failures_in_range": count,
                "is_new": fingerprint in is_new,
            }
            for fingerprint, count in failures.items()
        ]
        return sorted(
            rows, key=lambda p: (not p["is_new"], -p["failures_in_range"], p["fingerprint"])
        )

    def _changes(
        self, incident: TimeRange, environments: set[str] | None, paths: Sequence[Row]
    ) -> list[Row]:
        on_path = {name for path in paths for name in selection.service_names(path)}
        nearby = incident.widened(CHANGES_BEFORE, timedelta())
        where = self._starts_in(nearby, "changed_at")
        changes = _in_environments(
            self._gold("gold.change_effects", CHANGE_COLUMNS, where), environments
        )
        for change in changes:
            change["is_on_path"] = change["service"] is None or change["service"] in on_path
        return sorted(
            changes,
            key=lambda c: (
                not c["is_on_path"],
                abs(c["changed_at"] - incident.start),
                c["change_key"],
            ),
        )

    # ------------------------------------------------------------ traces through the layers

    def _trace_facts(self, trace_id: str) -> Row:
        """When a trace ran, from whichever layer still tells; `start` None if none does."""
        import pyarrow.compute as pc

        is_trace = pc.field("trace_id") == trace_id
        times: list[datetime] = []
        for name, column in (
            ("gold.sampled_spans", "started_at"),
            ("gold.sampled_log_records", "logged_at"),
            ("gold.incident_paths", "started_at"),
            ("silver.traces", "started_at"),
        ):
            rows = self._gold(name, (column, "ended_at"), is_trace)
            times += [row[column] for row in rows]
            times += [row["ended_at"] for row in rows if row.get("ended_at")]
        if not times:  # perhaps Silver has not taken it yet
            for name, column in (
                ("bronze.spans", "start_time_unix_nano"),
                ("bronze.log_records", "time_unix_nano"),
            ):
                rows = self.lake[name].rows((column,), is_trace)
                times += [
                    datetime.fromtimestamp(row[column] / 1e9, UTC) for row in rows if row[column]
                ]
        return {
            "trace_id": trace_id,
            "start": min(times, default=None),
            "end": max(times) + timedelta(microseconds=1) if times else None,
            "erased": erased_at(self.lake, trace_id),
        }

    def _traces(self, ids: Sequence[str], incident: TimeRange) -> list[Row]:
        """Each trace with what every layer still says of it."""
        import pyarrow.compute as pc

        if not ids:
            return []
        event_dates = _dates(incident.widened(DAY, DAY))
        where = pc.field("trace_id").isin(list(ids)) & pc.field("partition_date").isin(event_dates)
        spans = _by_trace(self._gold("gold.sampled_spans", SPAN_COLUMNS, where))
        logs = _by_trace(self._gold("gold.sampled_log_records", LOG_COLUMNS, where))
        listed = _by_trace(self._silver_traces(ids))
        by_trace = _by_trace(self._gold("gold.incident_paths", STEP_COLUMNS, where))
        kept = {
            trace_id: _Kept(
                trace_id,
                by_trace.get(trace_id, []),
                spans.get(trace_id, []),
                logs.get(trace_id, []),
                listed.get(trace_id, []),
            )
            for trace_id in ids
        }
        read: dict[str, Row] = {}
        together: dict[tuple[object, ...], list[_Kept]] = defaultdict(list)
        for trace in kept.values():
            together[self._versions_of(trace)].append(trace)
        for versions, members in together.items():
            read.update(self._read_below(dict(versions), members, event_dates))
        return [self._told(kept[trace_id], read[trace_id], event_dates) for trace_id in ids]

    def _silver_traces(self, ids: Sequence[str]) -> list[Row]:
        import pyarrow.compute as pc

        columns = (
            "trace_id", "sample_class", "is_kept", "started_at", "first_arrival_at",
            "last_arrival_at", "bronze_version", "build_id",
        )  # fmt: skip
        return self.lake["silver.traces"].rows(columns, pc.field("trace_id").isin(list(ids)))

    def _versions_of(self, trace: _Kept) -> tuple[tuple[str, int | None], ...]:
        """Which version of each table below Gold a trace is read as of: what is asked for, else
        what its rows in Gold name. None: the newest."""
        tables = ("silver.spans", "silver.log_records", "bronze.spans", "bronze.log_records")
        if self.question.as_of is not None:
            versions: dict[str, int | None] = {}
            for name in tables:
                try:
                    versions[name] = self._asked_version(name)
                except GoneError as gone:
                    self.notes.append(f"{name} is read as of now: {gone}.")
                    versions[name] = None
            return tuple(versions.items())
        row = trace.newest_row
        if row is None:
            return tuple((name, None) for name in tables)
        build = self.builds.get(row["build_id"], {})
        named = {"silver.spans": row["silver_version"], "bronze.spans": row["bronze_version"]}
        return tuple((name, named.get(name, build.get(name))) for name in tables)

    def _read_below(
        self, versions: dict[str, int | None], traces: Sequence[_Kept], event_dates: Sequence[date]
    ) -> dict[str, Row]:
        """Rows of Silver and Bronze by trace, each table with its version and what is gone."""
        import pyarrow.compute as pc

        ids = [trace.trace_id for trace in traces]
        is_trace = pc.field("trace_id").isin(ids)
        in_silver = is_trace & pc.field("partition_date").isin(list(event_dates))
        in_bronze = is_trace
        if all(trace.arrival_dates for trace in traces):
            arrivals = {day for trace in traces for day in trace.arrival_dates}
            in_bronze = is_trace & pc.field("partition_date").isin(sorted(arrivals))
        time_column = {
            "bronze.spans": "start_time_unix_nano",
            "bronze.log_records": "time_unix_nano",
        }
        wanted = {
            "silver.spans": (SPAN_COLUMNS, in_silver),
            "silver.log_records": (LOG_COLUMNS, in_silver),
            "bronze.spans": ((*RAW_COLUMNS, time_column["bronze.spans"]), in_bronze),
            "bronze.log_records": ((*RAW_COLUMNS, time_column["bronze.log_records"]), in_bronze),
        }
        found: dict[str, Row] = {trace_id: {} for trace_id in ids}
        for name, (columns, where) in wanted.items():
            table = self.lake[name]
            version, gone = versions[name], None
            try:
                rows = table.rows(columns, where, version)
            except GoneError as error:
                version, gone, rows = None, error, []
            except UnreadableError as error:
                version, gone, rows = None, GoneError(str(error)), []
            if gone:
                rows = self._rows_of_now(table, columns, where)
            if table.exists and version is None:
                version = table.version
            if version is not None and (rows or name not in self.versions):
                self.versions[name] = max(version, self.versions.get(name, -1))
            by_trace = _by_trace(rows)
            for trace_id in ids:
                found[trace_id][name] = (by_trace.get(trace_id, []), version, gone)
        return found

    def _rows_of_now(
        self, table: LakeTable, columns: Sequence[str], where: Expression
    ) -> list[Row]:
        """Rows of the newest version; none, and noted, if that cannot be read either."""
        try:
            return table.rows(columns, where)
        except UnreadableError as error:
            self.notes.append(f"{error}.")
            return []

    def _told(self, kept: _Kept, below: Row, event_dates: Sequence[date]) -> Row:
        """One trace as the answer tells it."""
        silver_spans, silver_version, silver_gone = below["silver.spans"]
        silver_logs, _, _ = below["silver.log_records"]
        bronze_spans, bronze_version, bronze_gone = below["bronze.spans"]
        bronze_logs, _, _ = below["bronze.log_records"]
        erased = erased_at(self.lake, kept.trace_id)
        in_gold = len(kept.spans) + len(kept.logs) + len(kept.paths)
        in_silver, in_bronze = len(silver_spans) + len(silver_logs), len(bronze_spans + bronze_logs)
        dates = kept.event_dates or event_dates

        def expiry(layer: str, of: Iterable[date] | None) -> datetime | None:
            tables = {f"{layer}.spans", f"{layer}.log_records"}
            return expiry_of(self.expired, tables, None if of is None else set(of))

        gold = layer_answer(
            "gold",
            in_gold,
            version=self.versions.get("gold.sampled_spans"),
            erased=erased,
            expired=expiry_of(self.expired, {"gold.sampled_spans"}, set(dates)),
        )
        is_built = bool(in_silver or kept.listed)
        if gold.status == "unknown" and is_built:
            note = "a trace without an error that the sample leaves out"
            gold = replace(gold, status="not_kept", note=note)
        silver = layer_answer(
            "silver",
            in_silver,
            version=silver_version,
            gone=silver_gone,
            is_seen=bool(in_gold or kept.listed),
            erased=erased,
            expired=expiry("silver", dates),
        )
        bronze = layer_answer(
            "bronze",
            in_bronze,
            version=bronze_version,
            gone=bronze_gone,
            is_seen=bool(in_gold or is_built),
            erased=erased,
            expired=expiry("bronze", kept.arrival_dates) if kept.arrival_dates else None,
        )
        # of a trace of which a day has expired in Silver, Gold may hold more
        is_short = len(silver_spans) < len(kept.spans) or len(silver_logs) < len(kept.logs)
        spans = selection.in_tree_order(kept.spans if is_short else silver_spans)
        logs = sorted(kept.logs if is_short else silver_logs, key=_log_order)
        raw = sorted([*map(_raw_span, bronze_spans), *map(_raw_log, bronze_logs)], key=_raw_order)
        failing = {row["span_id"] for row in (*spans, *logs) if row["is_error"]}
        for line in raw:
            line["is_of_error"] = line["span_id"] is not None and line["span_id"] in failing
        ranked = sorted(kept.paths, key=lambda path: path["path_rank"])
        on_path = {step["span_id"] for path in ranked for step in path["steps"] or []}
        steps = selection.step_tree(ranked[:MOST_PATHS])
        critical = (ranked[0]["critical_path"] if ranked else None) or []
        return {
            "trace_id": kept.trace_id,
            "layers": [_layer(layer) for layer in (gold, silver, bronze)],
            "told_by": "gold" if is_short else "silver",
            "is_fatal": any(path["is_fatal"] for path in ranked),
            "service_paths": [path["service_path"] for path in ranked[:MOST_PATHS]],
            "suspected_root_cause": ranked[0]["suspected_root_cause"] if ranked else None,
            "marks": sorted({mark for path in ranked for mark in path["marks"] or []}),
            "path_count": ranked[0]["path_count"] if ranked else 0,
            "steps": steps[:MOST_STEPS],
            "step_count": len(steps),
            "critical_path": critical[:MOST_STEPS],
            "spans": _cut_spans(spans, on_path, critical),
            "span_count": len(spans),
            "log_records": [_log(row, spans) for row in _cut_logs(logs)],
            "log_record_count": len(logs),
            "raw_lines": _cut_raw(raw),
            "raw_line_count": len(raw),
        }


@dataclass(frozen=True, slots=True)
class _Kept:
    """What Gold and the index of Silver say of one trace."""

    trace_id: str
    paths: list[Row]
    spans: list[Row]
    logs: list[Row]
    listed: list[Row]

    @property
    def newest_row(self) -> Row | None:
        """The row of Gold whose versions hold for the trace: the one that was built last."""
        rows = [*self.paths, *self.spans, *self.logs]
        return max(rows, key=lambda row: row["build_id"], default=None)

    @property
    def event_dates(self) -> list[date]:
        """Days of its events."""
        times = [row["started_at"] for row in (*self.spans, *self.paths, *self.listed)]
        return sorted({time.date() for time in [*times, *(row["logged_at"] for row in self.logs)]})

    @property
    def arrival_dates(self) -> list[date]:
        """Days from the first to the last arrival of it; none if no layer tells."""
        rows = [*self.spans, *self.logs, *self.listed]
        if not rows:
            return []
        first = min(row["first_arrival_at"] for row in rows)
        last = max(row["last_arrival_at"] for row in rows)
        return _dates(TimeRange(first, last + timedelta(microseconds=1)))


# ---------------------------------------------------------------- rows as the answer has them


def _window(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "error_patterns"}


def _layer(layer: LayerAnswer) -> Row:
    return {
        "layer": layer.layer,
        "status": layer.status,
        "version": layer.version,
        "since": layer.since,
        "note": layer.note,
    }


def _cut_spans(
    spans: Sequence[Row], on_path: set[str | None], critical: Sequence[Row]
) -> list[Row]:
    """The spans to show, at most `MOST_SPANS`: those of error paths and of the critical path first,
    then the others by their order in the tree."""
    added = {step["span_id"]: step["added_ms"] for step in critical}
    first = min((span["started_at"] for span in spans), default=None)
    wanted = sorted(
        range(len(spans)),
        key=lambda place: (
            not (spans[place]["span_id"] in on_path or spans[place]["is_error"]),
            spans[place]["span_id"] not in added,
            place,
        ),
    )[:MOST_SPANS]
    names = (
        "span_id", "parent_span_id", "service", "endpoint", "operation", "kind", "status_code",
        "status_message", "error_type", "error_message", "error_stack", "pod", "service_version",
        "http_status_code", "rpc_status_code", "latency_ms", "is_error", "started_at", "depth",
    )  # fmt: skip
    return [
        {
            **{name: spans[place][name] for name in names},
            "offset_ms": (spans[place]["started_at"] - first) / timedelta(milliseconds=1),
            "is_on_path": spans[place]["span_id"] in on_path,
            "critical_ms": added.get(spans[place]["span_id"]),
        }
        for place in sorted(wanted)
    ]


def _cut_logs(logs: Sequence[Row]) -> list[Row]:
    """At most `MOST_LOGS` log records, errors first, in their order."""
    places = sorted(range(len(logs)), key=lambda place: (not logs[place]["is_error"], place))
    return [logs[place] for place in sorted(places[:MOST_LOGS])]


def _log(row: Row, spans: Sequence[Row]) -> Row:
    names = (
        "span_id", "service", "severity_text", "body", "error_type", "is_error", "pod", "logged_at",
    )  # fmt: skip
    first = min((span["started_at"] for span in spans), default=row["logged_at"])
    offset = (row["logged_at"] - first) / timedelta(milliseconds=1)
    return {**{name: row[name] for name in names}, "offset_ms": offset}


def _log_order(row: Row) -> tuple[object, ...]:
    return (row["logged_at"], row["logged_at_ns"] or 0, row["service"], row["body"] or "")


def _raw_span(row: Row) -> Row:
    return {"record": "span", "time_unix_nano": row["start_time_unix_nano"], **_raw(row)}


def _raw_log(row: Row) -> Row:
    return {"record": "log", "time_unix_nano": row["time_unix_nano"], **_raw(row)}


def _raw(row: Row) -> Row:
    return {name: row[name] for name in RAW_COLUMNS if name != "trace_id"}


def _raw_order(line: Row) -> tuple[object, ...]:
    return (line["time_unix_nano"] or 0, line["record"], line["source_file"], line["raw_text"])


def _cut_raw(lines: Sequence[Row]) -> list[Row]:
    """At most `MOST_RAW_LINES` lines, those of failing spans first, in their order."""
    places = sorted(range(len(lines)), key=lambda place: (not lines[place]["is_of_error"], place))
    return [lines[place] for place in sorted(places[:MOST_RAW_LINES])]


# ---------------------------------------------------------------- small things


def _by_trace(rows: Iterable[Row]) -> dict[str, list[Row]]:
    by_trace: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_trace[row["trace_id"]].append(row)
    return by_trace


def _in_environments(rows: Iterable[Row], environments: set[str] | None) -> list[Row]:
    return [row for row in rows if environments is None or row["environment"] in environments]


def _sampled(windows: Iterable[Row]) -> list[str]:
    """The kept traces of windows, those with most errors first."""
    ranked = sorted(
        windows,
        key=lambda w: (-selection.weight(w), w["window_start"], w["service"], w["endpoint"]),
    )
    return [trace_id for window in ranked for trace_id in window["sample_trace_ids"] or []]


def _all(conditions: Iterable[Expression | None]) -> Expression:
    return reduce(and_, [condition for condition in conditions if condition is not None])


def _has_error() -> Expression:
    import pyarrow.compute as pc

    return (pc.field("error_count") > 0) | (pc.field("error_log_count") > 0)


def _dates(shown: TimeRange) -> list[date]:
    last = (shown.end - timedelta(microseconds=1)).date()
    count = (last - shown.start.date()).days + 1
    return [shown.start.date() + timedelta(days=day) for day in range(max(count, 1))]


def _floor(time: datetime, length: timedelta) -> datetime:
    return time - (time - datetime(1970, 1, 1, tzinfo=time.tzinfo)) % length


def _range(shown: TimeRange | None) -> dict[str, Any] | None:
    return None if shown is None else {"start": shown.start, "end": shown.end}
