"""The whole answer about an incident, from windows in Gold down to raw lines in Bronze."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tracekeep.incident import selection
from tracekeep.incident.delta_lake import DeltaLake, Row, stamp
from tracekeep.incident.layers import expired_days, expiry_of
from tracekeep.incident.reader import AsOfReader
from tracekeep.incident.selection import TimeRange
from tracekeep.incident.suspects import suspects_of
from tracekeep.incident.traces import PATH_COLUMNS, TraceReader
from tracekeep.incident.windows import (
    HOUR,
    WindowReader,
    dates_of,
    floor,
    started_in,
    starts_in,
    windows_of,
)

BEFORE, AFTER = timedelta(minutes=20), timedelta(minutes=10)
"""What is shown around an incident; changes are looked for in `CHANGES_BEFORE`."""

CHANGES_BEFORE = timedelta(hours=1)
MOST_SUSPECTS = 5
MOST_WINDOWS, MOST_GROUPS, MOST_PATTERNS, MOST_CHANGES, MOST_EDGES = 100, 30, 30, 30, 150
CHANGE_COLUMNS = (
    "change_key", "change_source", "change_kind", "change_type", "change_id", "service",
    "environment", "service_version", "changed_at", "neighbour_count", "new_pattern_count",
    "error_rate_before", "error_rate_after", "p95_latency_ms_before", "p95_latency_ms_after",
    "error_rate_effect", "p95_latency_effect",
)  # fmt: skip


ERASED, ERASED_FRAME = "erased <*>", "erased"
"""Template and top frame of what is left of erased errors, which is no news (R12)."""

Key = tuple[str, str]
"""Environment and fingerprint of a kind of error."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. Without a time range and a trace, the worst window is looked for.

    as_of: a version of gold.endpoint_minutes or a time, UTC; None for the versions that the rows of
    Gold name. trace_count: how many traces are shown in full. window: length of a window. warm_up:
    how long an environment is watched before an error is new. reference_hours: how far around an
    incident it is compared with, to find who caused it.
    """

    start: datetime | None = None
    end: datetime | None = None
    service: str | None = None
    environment: str | None = None
    trace_id: str | None = None
    as_of: int | datetime | None = None
    min_error_rate: float = selection.FAILING_RATE
    trace_count: int = 20
    window: timedelta = timedelta(minutes=1)
    warm_up: timedelta = timedelta(minutes=60)
    reference_hours: int = 24

    @classmethod
    def under(cls, variables: Mapping[str, Any], **asked: Any) -> Question:
        """A question whose lengths of time are those of dbt's variables."""
        return cls(
            **asked,
            window=timedelta(minutes=variables["window_minutes"]),
            warm_up=timedelta(minutes=variables["new_pattern_warm_up_minutes"]),
            reference_hours=variables["root_cause_reference_hours"],
        )


def answer(lake: DeltaLake, question: Question) -> Row:
    """Answer a question from the lake.

    Returns a dict whose texts are masked but for `raw_text` of `traces[].raw_lines`, which are as
    they came: `status` (found, expired, erased or unknown), `message`, `question`, `range`,
    `suspects`, `environments`, `worst_window`, `windows`, `timeline`, `graph`, `path_groups`,
    `traces`,
    `patterns`, `changes`, `versions`, `notes`; `*_count` says how many there are where a list has
    been cut.
    Raises UnreadableError for a broken table.
    """
    return _Investigation(lake, question).answer()


class _Investigation:
    def __init__(self, lake: DeltaLake, question: Question) -> None:
        self.question = question
        self.expired = expired_days(lake)
        self.reader = AsOfReader(lake, question.as_of, self.expired)
        self.windows = WindowReader(
            self.reader, question.service, question.environment, question.window
        )
        self.traces = TraceReader(self.reader, self.expired)

    # ------------------------------------------------------------ the whole

    def answer(self) -> Row:
        asked = self.question
        too_early = self.reader.too_early()
        if too_early:
            return self._empty("unknown", too_early)
        trace = self.traces.facts(asked.trace_id) if asked.trace_id else None
        if trace and trace["start"] is None:
            return self._nothing_of_trace(trace)
        environments = {asked.environment} if asked.environment else None
        if trace:
            incident, length = self._range_of(trace), asked.window
            environments = environments or trace["environments"] or None
        elif asked.start is not None and asked.end is not None:
            incident, length = TimeRange(asked.start, asked.end), asked.window
        else:
            windows, length = self.windows.with_errors()
            worst = selection.worst_window(windows, asked.min_error_rate) if windows else None
            if worst is None:
                return self._nothing_in_range()
            incident = selection.incident_range(windows, worst, length)
            environments = {worst["environment"]}
        shown = incident.widened(BEFORE, AFTER)
        has_expired = bool(expiry_of(self.expired, {"gold.endpoint_minutes"}, dates_of(incident)))
        windows_table, length = self.windows.table_of(shown, length, has_expired)
        if length == HOUR:
            incident = TimeRange(floor(incident.start, HOUR), incident.end)
            shown = TimeRange(floor(shown.start, HOUR), shown.end)
        traffic = _in_environments(self.windows.traffic(windows_table, shown), environments)
        inside = [row for row in traffic if incident.holds(row["window_start"])]
        paths = self._paths(incident, environments)
        if not inside and not trace and not paths:
            return self._nothing_in_range()
        failing = sorted(
            _in_environments(self.windows.failing(windows_table, incident), environments),
            key=lambda w: (-selection.weight(w), w["window_start"], w["service"], w["endpoint"]),
        )
        groups = selection.path_groups(paths)
        ids = [asked.trace_id] if asked.trace_id else []
        if not asked.trace_id:
            more = _sampled(failing) or self.windows.slowest_traces(windows_table, incident)
            ids = selection.traces_to_show(groups, more, asked.trace_count)
        edges = selection.call_graph(_in_environments(self.windows.calls(incident), environments))
        traces = self.traces.traces(ids, incident)
        patterns = self._patterns(failing, length)
        changes = self._changes(incident, environments, paths)
        return {
            "status": "found",
            "message": self._message(inside, failing, paths, incident),
            **self._head(incident, shown),
            "suspects": self._suspects(incident, length, environments),
            "environments": sorted(
                environments
                or {row["environment"] for row in inside or paths if row["environment"]}
            ),
            "window_minutes": length / timedelta(minutes=1),
            "worst_window": _worst(failing, asked.min_error_rate),
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
                "environment": asked.environment,
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
                    "committed_at": self.reader.lake[name].committed_at(version),
                }
                for name, version in sorted(self.reader.versions.items())
            ],
            "notes": list(dict.fromkeys(self.reader.notes)),
        }

    def _message(
        self,
        inside: Sequence[Row],
        failing: Sequence[Row],
        paths: Sequence[Row],
        incident: TimeRange,
    ) -> str:
        if failing or self.question.trace_id:
            return ""
        requests = sum(row["request_count"] for row in inside)
        times = f"from {stamp(incident.start)} to {stamp(incident.end)}"
        counted = (
            f"{requests:,} requests in {sum(row['window_count'] for row in inside):,} windows, "
            "none failed."
            if inside
            else f"no window{self._of()} tells of it."
        )
        since = None if inside else self._expired_since(incident)
        counted += f" Gold's windows of these days expired {stamp(since)}." if since else ""
        if paths:
            traces = len({path["trace_id"] for path in paths})
            return f"No request failed {times}, but {traces:,} traces hold an error: {counted}"
        return f"No error {times}: {counted}"

    def _of(self) -> str:
        """Of what windows are asked for, for people."""
        asked = self.question
        of = f" of service {asked.service}" if asked.service else ""
        return of + (f" in environment {asked.environment}" if asked.environment else "")

    def _nothing_in_range(self) -> Row:
        asked, of = self.question, self._of()
        if asked.start is None or asked.end is None:
            message = f"Gold holds no window{of} with an error."
            inner = self._paths(None, {asked.environment} if asked.environment else None)
            if inner:
                message = (
                    f"Gold holds no failed request{of}, but {len(inner):,} paths of errors inside "
                    f"traces, the last {stamp(max(path['started_at'] for path in inner))}: name "
                    "their time with --from and --to."
                )
            bounds = self.windows.bounds()
            message += f" {bounds}" if bounds else " It holds no window at all."
            return self._empty("unknown", message)
        asked_range = TimeRange(asked.start, asked.end)
        since = self._expired_since(asked_range)
        status = "expired" if since else "unknown"
        message = (
            f"No data{of} from {stamp(asked.start)} to {stamp(asked.end)}: "
            + (f"Gold's windows of these days expired {stamp(since)}." if since else "none came.")
            + f" {self.windows.bounds()}"
        )
        return self._empty(status, message.strip(), asked_range)

    def _expired_since(self, shown: TimeRange) -> datetime | None:
        """When the last windows of a time went; None if they did not."""
        # the hours hold all that the minutes held
        name = "gold.endpoint_hours"
        name = name if self.reader.lake[name].exists else "gold.endpoint_minutes"
        return expiry_of(self.expired, {name}, dates_of(shown))

    def _nothing_of_trace(self, facts: Row) -> Row:
        erased = facts["erased"]
        message = (
            f"Trace {facts['trace_id']} was erased {stamp(erased)}."
            if erased
            else f"Trace {facts['trace_id']} is unknown: no layer "
            + ("holds" if self.question.as_of is None else "held then")
            + " a row of it. It never came, or it had no error, Gold did not keep it, and Silver "
            "has expired it."
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

    def _range_of(self, trace: Row) -> TimeRange:
        """The windows that a trace lies in."""
        length = self.question.window
        start = floor(trace["start"], length)
        return TimeRange(start, max(floor(trace["end"], length), start) + length)

    # ------------------------------------------------------------ what happened in them

    def _suspects(
        self, incident: TimeRange, length: timedelta, environments: set[str] | None
    ) -> list[Row]:
        """Who may have caused it; nobody where only the hours are left."""
        if length == HOUR:
            return []
        windows = windows_of(incident, length)
        found = suspects_of(self.reader, windows, None, self.question.reference_hours)
        return _in_environments(found, environments)[:MOST_SUSPECTS]

    def _paths(self, incident: TimeRange | None, environments: set[str] | None) -> list[Row]:
        """The paths of the trace that is asked for, else those of a time; None: of all times."""
        import pyarrow.compute as pc

        asked = self.question
        where = started_in(incident, "started_at") if incident else None
        if asked.trace_id:
            where = pc.field("trace_id") == asked.trace_id
        paths = self.reader.rows("gold.incident_paths", PATH_COLUMNS, where)
        if asked.trace_id:
            return paths
        return [
            path
            for path in _in_environments(paths, environments)
            if asked.service is None or asked.service in selection.service_names(path)
        ]

    def _patterns(self, inside: Sequence[Row], length: timedelta) -> list[Row]:
        """The kinds of error in windows of a length, those that were new in one of them first."""
        import pyarrow.compute as pc

        failures: Counter[Key] = Counter()
        starts: dict[Key, set[datetime]] = defaultdict(set)
        for window in inside:
            for pattern in window["error_patterns"] or []:
                key = (window["environment"], pattern["fingerprint"])
                failures[key] += pattern["failure_count"]
                starts[key].add(window["window_start"])
        cut = [w for w in inside if (w["pattern_count"] or 0) > len(w["error_patterns"] or [])]
        if cut:
            self.reader.notes.append(
                f"{len(cut):,} of the windows had more kinds of error than the most frequent ones "
                "that are told of here; gold.error_events holds all."
            )
        if not failures:
            return []
        columns = (
            "environment", "fingerprint", "service", "error_type", "error_template",
            "error_message", "top_frame", "trace_id", "first_seen_at", "last_seen_at",
            "failure_count",
        )  # fmt: skip
        is_asked = pc.field("fingerprint").isin(sorted({of for _, of in failures}))
        known = {
            (row["environment"], row["fingerprint"]): row
            for row in self.reader.rows("gold.error_patterns", columns, is_asked)
        }
        watched = self._watched_since()
        is_new = {
            key
            for key, row in known.items()
            if key[0] in watched
            and row["error_template"] != ERASED
            and row["top_frame"] != ERASED_FRAME
            and row["first_seen_at"] >= watched[key[0]]
            and any(start <= row["first_seen_at"] < start + length for start in starts[key])
        }
        rows = [
            {
                **dict.fromkeys(columns),
                **known.get(key, {}),
                "environment": key[0],
                "fingerprint": key[1],
                "failures_in_range": count,
                "is_new": key in is_new,
            }
            for key, count in failures.items()
        ]
        return sorted(
            rows,
            key=lambda p: (
                not p["is_new"],
                -p["failures_in_range"],
                p["fingerprint"],
                p["environment"],
            ),
        )

    def _watched_since(self) -> dict[str, datetime]:
        """From when on an error is new, by environment (R10)."""
        first: dict[str, datetime] = {}
        for row in self.reader.rows("gold.environment_days", ("environment", "first_event_at")):
            name, at = row["environment"], row["first_event_at"]
            first[name] = min(at, first.get(name, at))
        warm_up = self.question.warm_up + timedelta(microseconds=1)
        return {name: at + warm_up for name, at in first.items()}

    def _changes(
        self, incident: TimeRange, environments: set[str] | None, paths: Sequence[Row]
    ) -> list[Row]:
        on_path = {name for path in paths for name in selection.service_names(path)}
        nearby = incident.widened(CHANGES_BEFORE, timedelta())
        where = starts_in(nearby, "changed_at")
        # a change that names no environment may be one of any
        changes = _in_environments(
            self.reader.rows("gold.change_effects", CHANGE_COLUMNS, where),
            environments and environments | {"unknown"},
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


# ---------------------------------------------------------------- rows as the answer has them


def _window(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "error_patterns"}


def _worst(failing: list[Row], rate: float) -> Row | None:
    import pyarrow as pa

    columns = {name: [row[name] for row in failing] for name in selection.CHOICE_COLUMNS}
    worst = selection.worst_window(pa.table(columns), rate) if failing else None
    return _window(failing[worst["place"]]) if worst else None


def _in_environments(rows: Iterable[Row], environments: set[str] | None) -> list[Row]:
    return [row for row in rows if environments is None or row["environment"] in environments]


def _sampled(windows: Iterable[Row]) -> list[str]:
    """The kept traces of windows, those with most errors first."""
    ranked = sorted(
        windows,
        key=lambda w: (-selection.weight(w), w["window_start"], w["service"], w["endpoint"]),
    )
    return [trace_id for window in ranked for trace_id in window["sample_trace_ids"] or []]


def _range(shown: TimeRange | None) -> dict[str, Any] | None:
    return None if shown is None else {"start": shown.start, "end": shown.end}
