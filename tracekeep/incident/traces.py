"""Traces through the layers: what Gold kept; Silver and Bronze as of what Gold names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from tracekeep.incident import selection
from tracekeep.incident.delta_lake import GoneError, LakeTable, Row, UnreadableError
from tracekeep.incident.layers import (
    ExpiredDay,
    LayerAnswer,
    erased_at,
    expiry_of,
    layer_answer,
)
from tracekeep.incident.reader import AsOfReader
from tracekeep.incident.selection import TimeRange
from tracekeep.incident.windows import DAY, dates_of

MOST_SPANS, MOST_LOGS, MOST_RAW_LINES, MOST_PATHS, MOST_STEPS = 400, 200, 200, 50, 400
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
ERROR_COLUMNS = (
    "event_type", "occurred_at", "occurred_at_ns",
    *(
        name for name in dict.fromkeys((*SPAN_COLUMNS, *LOG_COLUMNS))
        if name not in ("is_error", "started_at", "started_at_ns", "logged_at", "logged_at_ns")
    ),
)  # fmt: skip
PATH_COLUMNS = (
    "trace_id", "span_id", "service", "endpoint", "fingerprint", "error_type", "error_message",
    "suspected_root_cause", "service_path", "environment", "path_rank", "started_at",
)  # fmt: skip
STEP_COLUMNS = (
    *PATH_COLUMNS, "steps", "critical_path", "marks", "path_count", "is_fatal", "bronze_version",
    "silver_version", "build_id",
)  # fmt: skip
LISTED_COLUMNS = (
    "trace_id", "is_kept", "started_at", "first_arrival_at", "last_arrival_at", "bronze_version",
    "build_id",
)  # fmt: skip
RAW_COLUMNS = ("trace_id", "span_id", "raw_text", "source_format", "source_file", "source_position")


class TraceReader:
    """Traces of a lake. expired: the days that expiry has recorded."""

    def __init__(self, reader: AsOfReader, expired: Sequence[ExpiredDay]) -> None:
        self.reader = reader
        self.expired = expired

    def facts(self, trace_id: str) -> Row:
        """When and where a trace ran, from whichever layer still tells; `start` None if none does.
        `environments` are those of its spans and paths."""
        times: list[datetime] = []
        environments: set[str] = set()
        for name, column in (
            ("gold.sampled_spans", "started_at"),
            ("gold.sampled_log_records", "logged_at"),
            ("gold.incident_paths", "started_at"),
            ("gold.error_events", "occurred_at"),
            ("silver.traces", "started_at"),
        ):
            columns = (column, "ended_at", "environment")
            rows = self.reader.rows_of_traces(name, [trace_id], columns)
            times += [row[column] for row in rows]
            environments |= {row["environment"] for row in rows if row.get("environment")}
            times += [row["ended_at"] for row in rows if row.get("ended_at")]
        if not times:  # perhaps Silver has not taken it yet
            for name, column in (
                ("bronze.spans", "start_time_unix_nano"),
                ("bronze.log_records", "time_unix_nano"),
            ):
                rows = self.reader.rows_of_traces(name, [trace_id], (column,))
                times += [
                    datetime.fromtimestamp(row[column] / 1e9, UTC) for row in rows if row[column]
                ]
        return {
            "trace_id": trace_id,
            "environments": environments,
            "start": min(times, default=None),
            "end": max(times) + timedelta(microseconds=1) if times else None,
            "erased": erased_at(self.reader.lake, trace_id),
        }

    def traces(self, ids: Sequence[str], incident: TimeRange) -> list[Row]:
        """Each trace with what every layer still says of it."""
        if not ids:
            return []
        event_dates = dates_of(incident.widened(DAY, DAY))

        def rows(table: str, columns: Sequence[str], days: Sequence[date] = ()) -> list[Row]:
            return self.reader.rows_of_traces(table, ids, columns, days)

        spans = _by_trace(rows("gold.sampled_spans", SPAN_COLUMNS, event_dates))
        logs = _by_trace(rows("gold.sampled_log_records", LOG_COLUMNS, event_dates))
        for event in rows("gold.error_events", ERROR_COLUMNS, event_dates):
            add_late_error(event, spans, logs)
        listed = _by_trace(rows("silver.traces", LISTED_COLUMNS))
        by_trace = _by_trace(rows("gold.incident_paths", STEP_COLUMNS, event_dates))
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

    def _versions_of(self, trace: _Kept) -> tuple[tuple[str, int | None], ...]:
        """Which version of each table below Gold a trace is read as of: what is asked for, else
        what its rows in Gold name. None: the newest."""
        tables = ("silver.spans", "silver.log_records", "bronze.spans", "bronze.log_records")
        if self.reader.as_of is not None:
            versions: dict[str, int | None] = {}
            for name in tables:
                try:
                    versions[name] = self.reader.version_of(name)
                except GoneError as gone:
                    self.reader.notes.append(f"{name} is read as of now: {gone}.")
                    versions[name] = None
            return tuple(versions.items())
        row = trace.newest_row
        if row is None:
            return tuple((name, None) for name in tables)
        build = self.reader.build(row["build_id"])
        named = {"silver.spans": row["silver_version"], "bronze.spans": row["bronze_version"]}
        return tuple((name, named.get(name, build.get(name))) for name in tables)

    def _read_below(
        self, versions: dict[str, int | None], traces: Sequence[_Kept], event_dates: Sequence[date]
    ) -> dict[str, Row]:
        """Rows of Silver and Bronze by trace, each table with its version and what is gone."""
        ids = [trace.trace_id for trace in traces]
        arrivals: set[date] = set()
        if all(trace.arrival_dates for trace in traces):
            arrivals = {day for trace in traces for day in trace.arrival_dates}
        wanted = {
            "silver.spans": (SPAN_COLUMNS, event_dates),
            "silver.log_records": (LOG_COLUMNS, event_dates),
            "bronze.spans": ((*RAW_COLUMNS, "start_time_unix_nano"), arrivals),
            "bronze.log_records": ((*RAW_COLUMNS, "time_unix_nano"), arrivals),
        }
        found: dict[str, Row] = {trace_id: {} for trace_id in ids}
        for name, (columns, days) in wanted.items():
            table = self.reader.lake[name]
            version, gone = versions[name], None
            try:
                rows = table.rows_of_traces(ids, columns, days, version)
            except GoneError as error:
                version, gone, rows = None, error, []
            except UnreadableError as error:
                version, gone, rows = None, GoneError(str(error)), []
            if gone:
                rows = self._rows_of_now(table, ids, columns, days)
            if table.exists and version is None:
                version = table.version
            if version is not None and table.exists and (rows or name not in self.reader.versions):
                self.reader.versions[name] = max(version, self.reader.versions.get(name, -1))
            by_trace = _by_trace(rows)
            for trace_id in ids:
                found[trace_id][name] = (by_trace.get(trace_id, []), version, gone)
        return found

    def _rows_of_now(
        self,
        table: LakeTable,
        ids: Sequence[str],
        columns: Sequence[str],
        days: Iterable[date],
    ) -> list[Row]:
        """Rows of the newest version; none, and noted, if that cannot be read either."""
        try:
            return table.rows_of_traces(ids, columns, days)
        except UnreadableError as error:
            self.reader.notes.append(f"{error}.")
            return []

    def _told(self, kept: _Kept, below: Row, event_dates: Sequence[date]) -> Row:
        """One trace as the answer tells it."""
        silver_spans, silver_version, silver_gone = below["silver.spans"]
        silver_logs, _, _ = below["silver.log_records"]
        bronze_spans, bronze_version, bronze_gone = below["bronze.spans"]
        bronze_logs, _, _ = below["bronze.log_records"]
        erased = erased_at(self.reader.lake, kept.trace_id)
        in_gold = len(kept.spans) + len(kept.logs) + len(kept.paths)
        in_silver, in_bronze = len(silver_spans) + len(silver_logs), len(bronze_spans + bronze_logs)
        dates = kept.event_dates or event_dates

        def expiry(layer: str, of: Iterable[date] | None) -> datetime | None:
            tables = {f"{layer}.spans", f"{layer}.log_records"}
            return expiry_of(self.expired, tables, None if of is None else set(of))

        gold = layer_answer(
            "gold",
            in_gold,
            version=self.reader.versions.get("gold.sampled_spans"),
            erased=erased,
            expired=expiry_of(self.expired, {"gold.sampled_spans"}, set(dates)),
        )
        is_built = bool(in_silver or kept.listed)
        if gold.status == "unknown" and any(row["is_kept"] for row in kept.listed):
            gold = replace(gold, note="Gold has not taken it yet: `dbt run --select gold`")
        elif gold.status == "unknown" and is_built:
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
        if in_bronze and not is_built:
            gold, silver = (
                replace(layer, note="Silver has not taken it yet: `dbt run --select silver`")
                if layer.status == "unknown"
                else layer
                for layer in (gold, silver)
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
        path_count = max((path["path_count"] for path in ranked), default=0)
        critical = (ranked[0]["critical_path"] if ranked else None) or []
        return {
            "trace_id": kept.trace_id,
            "layers": [_layer(layer) for layer in (gold, silver, bronze)],
            "told_by": "gold" if is_short else "silver",
            "has_error": bool(ranked) or any(row["is_error"] for row in (*spans, *logs)),
            "is_fatal": any(path["is_fatal"] for path in ranked),
            "service_paths": [path["service_path"] for path in ranked[:MOST_PATHS]],
            "suspected_root_cause": ranked[0]["suspected_root_cause"] if ranked else None,
            "marks": sorted({mark for path in ranked for mark in path["marks"] or []}),
            "path_count": path_count,
            "told_path_count": min(len(ranked), MOST_PATHS),
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
        return dates_of(TimeRange(first, last + timedelta(microseconds=1)))


# ---------------------------------------------------------------- rows as the answer has them


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


def add_late_error(event: Row, spans: dict[str, list[Row]], logs: dict[str, list[Row]]) -> None:
    """Add a row of gold.error_events to the spans or logs that Gold kept, if it is none of them:
    one that came when Silver had let its day go stands alone (R6)."""
    trace_id, at, nanoseconds = event["trace_id"], event["occurred_at"], event["occurred_at_ns"]
    if event["event_type"] == "span":
        held = spans.setdefault(trace_id, [])
        if not any(span["span_id"] == event["span_id"] for span in held):
            held.append({**event, "is_error": True, "started_at": at, "started_at_ns": nanoseconds})
    else:
        held = logs.setdefault(trace_id, [])
        told = (event["span_id"], event["body"], at)
        if not any((log["span_id"], log["body"], log["logged_at"]) == told for log in held):
            held.append({**event, "is_error": True, "logged_at": at, "logged_at_ns": nanoseconds})


def _by_trace(rows: Iterable[Row]) -> dict[str, list[Row]]:
    by_trace: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_trace[row["trace_id"]].append(row)
    return by_trace
