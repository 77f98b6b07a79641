"""The day's spans and log records in other stores, for scripts/bench.py: ClickHouse in process
(chdb) and clp-s. Both are filled from Bronze's rows, with all of their columns that the store has.

`make bench` installs them into .bench; nothing else needs them.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import duckdb

_BENCH = Path(__file__).resolve().parents[1] / ".bench"
_ATTRIBUTES = "Map(LowCardinality(String), String)"
_INDEXES = """
    index trace_id TraceId type bloom_filter(0.001),
    index {0}_key mapKeys({0}) type bloom_filter(0.01),
    index {0}_value mapValues({0}) type bloom_filter(0.01),
    index resource_key mapKeys(ResourceAttributes) type bloom_filter(0.01),
    index resource_value mapValues(ResourceAttributes) type bloom_filter(0.01)
"""
# Columns, codecs, indexes and orders of the tables of OpenTelemetry's ClickHouse exporter, without
# its table of the times of a trace (otel_traces_trace_id_ts).
_TABLES = {
    "otel_traces": (
        f"""
        Timestamp DateTime64(9) codec(Delta, ZSTD(1)), TraceId String codec(ZSTD(1)),
        SpanId String codec(ZSTD(1)), ParentSpanId String codec(ZSTD(1)),
        TraceState String codec(ZSTD(1)), SpanName LowCardinality(String) codec(ZSTD(1)),
        SpanKind LowCardinality(String) codec(ZSTD(1)),
        ServiceName LowCardinality(String) codec(ZSTD(1)),
        ResourceAttributes {_ATTRIBUTES} codec(ZSTD(1)), ScopeName String codec(ZSTD(1)),
        ScopeVersion String codec(ZSTD(1)), SpanAttributes {_ATTRIBUTES} codec(ZSTD(1)),
        Duration UInt64 codec(ZSTD(1)), StatusCode LowCardinality(String) codec(ZSTD(1)),
        StatusMessage String codec(ZSTD(1)),
        "Events.Timestamp" Array(DateTime64(9)) codec(ZSTD(1)),
        "Events.Name" Array(LowCardinality(String)) codec(ZSTD(1)),
        "Events.Attributes" Array({_ATTRIBUTES}) codec(ZSTD(1)),
        "Links.TraceId" Array(String) codec(ZSTD(1)), "Links.SpanId" Array(String) codec(ZSTD(1)),
        index duration Duration type minmax, {_INDEXES.format("SpanAttributes")}
        """,
        "partition by toDate(Timestamp) order by (ServiceName, SpanName, toDateTime(Timestamp))",
        """
        select
            fromUnixTimestamp64Nano(assumeNotNull(start_time_unix_nano)), trace_id, span_id,
            parent_span_id, trace_state, name, kind, resource_attributes['service.name'],
            resource_attributes, scope_name, scope_version, attributes,
            greatest(end_time_unix_nano - start_time_unix_nano, 0), status_code, status_message,
            arrayMap(e -> fromUnixTimestamp64Nano(assumeNotNull(e.time_unix_nano)), events),
            arrayMap(e -> coalesce(e.name, ''), events), arrayMap(e -> e.attributes, events),
            arrayMap(l -> coalesce(l.trace_id, ''), links),
            arrayMap(l -> coalesce(l.span_id, ''), links)
        """,
    ),
    "otel_logs": (
        f"""
        Timestamp DateTime64(9) codec(Delta, ZSTD(1)),
        TimestampTime DateTime default toDateTime(Timestamp), TraceId String codec(ZSTD(1)),
        SpanId String codec(ZSTD(1)), SeverityText LowCardinality(String) codec(ZSTD(1)),
        SeverityNumber UInt8, ServiceName LowCardinality(String) codec(ZSTD(1)),
        Body String codec(ZSTD(1)), ResourceAttributes {_ATTRIBUTES} codec(ZSTD(1)),
        ScopeName String codec(ZSTD(1)), ScopeVersion LowCardinality(String) codec(ZSTD(1)),
        LogAttributes {_ATTRIBUTES} codec(ZSTD(1)),
        index body Body type tokenbf_v1(32768, 3, 0) granularity 8,
        {_INDEXES.format("LogAttributes")}
        """,
        "partition by toDate(TimestampTime) order by (ServiceName, TimestampTime, Timestamp)",
        """
        select
            fromUnixTimestamp64Nano(
                assumeNotNull(coalesce(time_unix_nano, observed_time_unix_nano, 0))
            ) as at,
            toDateTime(at), trace_id, span_id, severity_text, severity_number,
            resource_attributes['service.name'], body, resource_attributes, scope_name,
            scope_version, attributes
        """,
    ),
}
_SPANS = """
    create view clickhouse_spans_read as
    select
        TraceId as trace_id, SpanId as span_id, ParentSpanId as parent_span_id,
        ServiceName as service,
        if(SpanAttributes['http.route'] != '', SpanAttributes['http.route'], SpanName) as endpoint,
        SpanKind in ('server', 'consumer') as is_request,
        lower(StatusCode) = 'error' as is_error,
        StatusMessage as error_message, Timestamp as started_at
    from otel_traces
"""
# Events as a JSON exporter writes them, one a line.
_LINES = {
    "spans": """
        select
            start_time_unix_nano // 1000000 as timestamp, * exclude (
                record_hash, raw_text, source_format, source_file, source_position, source_index,
                ingest_batch, ingested_at, region
            ),
            resource_attributes['service.name'] as service
    """,
    "log_records": """
        select
            coalesce(time_unix_nano, observed_time_unix_nano) // 1000000 as timestamp, * exclude (
                record_hash, raw_text, source_format, source_file, source_position, source_index,
                ingest_batch, ingested_at, region, severity_source, is_truncated, stream
            ),
            resource_attributes['service.name'] as service
    """,
}


class ClickHouse:
    """A database in a folder, made anew."""

    def __init__(self, folder: Path, spans: list[str], log_records: list[str]) -> None:
        from chdb.session import Session  # type: ignore[import-not-found]

        shutil.rmtree(folder, ignore_errors=True)
        self.session: Any = Session(str(folder))
        for name, files in (("otel_traces", spans), ("otel_logs", log_records)):
            columns, order, select = _TABLES[name]
            self.session.query(f"create table {name} ({columns}) engine MergeTree {order}")
            for file in files:
                self.session.query(f"insert into {name} {select} from file('{file}', Parquet)")
        self.session.query(_SPANS)

    def rows(self, sql: str) -> int:
        """Ask; how many rows answered."""
        answer = self.session.query(f"{sql} settings session_timezone = 'UTC'", "JSONEachRow")
        return answer.bytes().count(b"\n")

    def bytes(self) -> int:
        """Of all live parts."""
        sql = "select sum(bytes_on_disk) from system.parts where active and database = 'default'"
        return int(self.session.query(sql, "CSV").bytes())


class Clp:
    """Archives in a folder, made anew: one of spans, one of log records."""

    def __init__(self, folder: Path, spans: list[str], log_records: list[str]) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.folder = folder
        for name, files in (("spans", spans), ("log_records", log_records)):
            lines = folder / f"{name}.jsonl"
            duckdb.sql(
                f"copy ({_LINES[name]} from read_parquet({files!r})) to '{lines}' (format json)"
            )
            self._run("c", "--timestamp-key", "timestamp", str(folder / name), str(lines))
            lines.unlink()

    def rows(self, query: str) -> int:
        """Search the spans by a query in its language (KQL); how many were found. Without a query
        the program starts and ends."""
        if not query:
            return self._run("s", "--help").count(b"\n")
        return self._run("s", "-i", str(self.folder / "spans"), query).count(b"\n")

    def bytes(self) -> int:
        """Of both archives."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    @staticmethod
    def _run(*words: str) -> bytes:
        command = _BENCH / "yscope_clp_core/bin/clp-s"
        return subprocess.run([command, *words], check=True, capture_output=True).stdout  # noqa: S603


def kql(value: str) -> str:
    """A value of clp-s's query language, as it stands."""
    return '"' + "".join("\\" + c if c in '\\"*?' else c for c in value) + '"'
