"""Questions asked of raw files, Bronze, Silver and Gold, by DuckDB and Spark, and of two other
stores, in turn.

    scripts/bench.py --out FOLDER [--rounds N]

Asks the lake of TRACEKEEP_LAKE, which `make bench` builds of a generated day (its `input`). Every
question goes to each source once a round. The page lists wall time, CPU seconds and the bytes that
the process read, medians over the rounds, beside those of a query of one row (the floor). Writes
bench.json and bench.md.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from bench_peers import ClickHouse, Clp, kql
from deltalake import DeltaTable

from tracekeep.evidence.pages import table
from tracekeep.incident.delta_lake import DeltaLake, Row
from tracekeep.lake import lake_path
from tracekeep.session import spark_session
from tracekeep.tables import lake_tables

SOURCES = ("raw", "bronze", "silver", "gold")
ENGINES = ("duckdb", "spark")
# By heading what is asked there: engine and source, with the title of the source.
_ASKED = {
    "DuckDB, and other stores": {
        **{("duckdb", source): source for source in SOURCES},
        ("clickhouse", "clickhouse"): "ClickHouse",
        ("clp-s", "clp-s"): "clp-s",
    },
    "Spark": {("spark", source): source for source in SOURCES},
}
_TICKS = os.sysconf("SC_CLK_TCK")
# Of an ExportTraceServiceRequest what the questions ask for, as each engine writes a type.
_ATTRIBUTES = {
    "duckdb": "struct(key varchar, value struct(stringValue varchar))[]",
    "spark": "array<struct<key:string,value:struct<stringValue:string>>>",
}
_SCOPES = {
    "duckdb": f"""struct(spans struct(
        traceId varchar, spanId varchar, parentSpanId varchar, name varchar, kind int,
        startTimeUnixNano bigint, attributes {_ATTRIBUTES["duckdb"]},
        status struct(code int, message varchar)
    )[])[]""",
    "spark": f"""array<struct<spans:array<struct<
        traceId:string,spanId:string,parentSpanId:string,name:string,kind:int,
        startTimeUnixNano:string,attributes:{_ATTRIBUTES["spark"]},
        status:struct<code:int,message:string>
    >>>>""",
}
_REQUEST = {
    "duckdb": f"struct(resource struct(attributes {_ATTRIBUTES['duckdb']}), "
    f"scopeSpans {_SCOPES['duckdb']})[]",
    "spark": f"resourceSpans array<struct<resource:struct<attributes:{_ATTRIBUTES['spark']}>,"
    f"scopeSpans:{_SCOPES['spark']}>>",
}
_TABLES = (
    "bronze.spans", "silver.spans", "gold.endpoint_minutes", "gold.endpoint_hours",
    "gold.sampled_spans", "gold.incident_paths", "gold.error_patterns", "gold.incident_path_groups",
)  # fmt: skip
_OPTION_A = (
    "window_start", "environment", "region", "service", "endpoint", "request_count", "error_count",
    "error_log_count", "slow_count", "trace_count", "error_rate", "p50_latency_ms",
    "p95_latency_ms", "p99_latency_ms", "max_latency_ms",
)  # fmt: skip

# Spans by the same columns from each source, as each engine has to say it.
_SPANS = {
    "bronze": """
        select
            trace_id, span_id, parent_span_id, resource_attributes['service.name'] as service,
            coalesce(attributes['http.route'], name) as endpoint,
            kind in ('server', 'consumer') as is_request,
            coalesce(lower(status_code) = 'error', false) as is_error,
            status_message as error_message,
            {of_micros}(cast(start_time_unix_nano / 1000 as bigint)) as started_at
        from bronze_spans
    """,
    "silver": """
        select
            trace_id, span_id, parent_span_id, service, endpoint, is_request, is_error,
            coalesce(error_message, status_message) as error_message, started_at
        from silver_spans
    """,
}
_RAW = {
    "duckdb": """
        select
            span.traceId as trace_id, span.spanId as span_id, span.parentSpanId as parent_span_id,
            list_filter(resource, lambda a: a.key = 'service.name')[1].value.stringValue as service,
            coalesce(
                list_filter(span.attributes, lambda a: a.key = 'http.route')[1].value.stringValue,
                span.name
            ) as endpoint,
            span.kind in (2, 5) as is_request,
            coalesce(span.status.code = 2, false) as is_error,
            span.status.message as error_message,
            make_timestamptz(span.startTimeUnixNano // 1000) as started_at
        from (
            select resource, unnest(scope.spans) as span from (
                select r.resource.attributes as resource, unnest(r.scopeSpans) as scope from (
                    select unnest(resourceSpans) as r
                    from read_json('{files}', columns = {columns}, format = 'newline_delimited')
                )
            )
        )
    """,
    "spark": """
        select
            span.traceId as trace_id, span.spanId as span_id, span.parentSpanId as parent_span_id,
            get(filter(resource, a -> a.key = 'service.name'), 0).value.stringValue as service,
            coalesce(
                get(filter(span.attributes, a -> a.key = 'http.route'), 0).value.stringValue,
                span.name
            ) as endpoint,
            span.kind in (2, 5) as is_request,
            coalesce(span.status.code = 2, false) as is_error,
            span.status.message as error_message,
            timestamp_micros(cast(span.startTimeUnixNano as bigint) div 1000) as started_at
        from (
            select resource, explode(scope.spans) as span from (
                select r.resource.attributes as resource, explode(r.scopeSpans) as scope from (
                    select explode(resourceSpans) as r from raw_lines
                )
            )
        )
    """,
}
_WORDS = {
    "duckdb": {"of_micros": "make_timestamptz", "path": "list(service order by started_at)"},
    "spark": {
        "of_micros": "timestamp_micros",
        "path": "transform(array_sort(collect_list(struct(started_at, service))), x -> x.service)",
    },
    "clickhouse": {"path": "arrayMap(x -> x.2, arraySort(groupArray((started_at, service))))"},
}
# By question: what is asked of spans, and of Gold. A failure is known to spans by its message, to
# Gold by its pattern or shape.
_QUESTIONS = {
    "error rate of the last hour": (
        """
        select service, avg(cast(is_error as int)) from {source}_spans_read
        where is_request and started_at >= {last_hour} group by service
        """,
        """
        select service, sum(error_count) / sum(request_count) from gold_endpoint_minutes
        where window_start >= {last_hour} and request_count > 0 group by service
        """,
    ),
    "top failing endpoints of the day": (
        """
        select service, endpoint, count(*) as n from {source}_spans_read
        where is_request and is_error group by service, endpoint
        order by n desc, service, endpoint limit 10
        """,
        """
        select service, endpoint, sum(error_count) as n from gold_endpoint_hours
        where error_count > 0 group by service, endpoint
        order by n desc, service, endpoint limit 10
        """,
    ),
    "one trace by id": (
        "select * from {source}_spans_read where trace_id = '{trace_id}'",
        "select * from gold_sampled_spans where trace_id = '{trace_id}'",
    ),
    "paths of an incident": (
        """
        select path, count(*) from (
            select trace_id, {path} as path from {source}_spans_read
            where is_error and trace_id in (
                select trace_id from {source}_spans_read
                where is_error and started_at >= {start} and started_at < {end}
            )
            group by trace_id
        ) as paths group by path
        """,
        """
        select service_path, count(*) from gold_incident_paths
        where started_at >= {start} and started_at < {end} group by service_path
        """,
    ),
    "new patterns of the last hours": (
        """
        select service, error_message, min(started_at) from {source}_spans_read
        where is_error group by service, error_message having min(started_at) >= {start}
        """,
        """
        select service, error_template, min(first_seen_at) from gold_error_patterns
        group by service, error_template having min(first_seen_at) >= {start}
        """,
    ),
    "did this failure happen before?": (
        """
        select count(*), min(started_at) from {source}_spans_read
        where is_error and service = {service} and error_message = {message}
        """,
        """
        select sum(path_count), min(first_seen_at) from gold_incident_path_groups
        where shape_hash = '{shape}'
        """,
    ),
}
# What clp-s can be asked: it searches spans, and has no join, no order and no share.
_SEARCHES = {
    "one trace by id": 'trace_id: "{trace_id}"',
    "did this failure happen before?": (
        'status_code: "error" AND service: {kql_service} AND status_message: {kql_message}'
    ),
}
FLOOR = "floor: one row"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    asked = parser.parse_args()
    lake = DeltaLake(lake_path())
    day = lake_path() / "input"
    stores = _stores()
    asks = {
        "duckdb": _duckdb(day),
        "spark": _spark(day),
        **{name: _asks_here(store.rows) for name, store in stores.items()},
    }
    words = _words(lake)
    found: dict[tuple[str, str, str], list[Row]] = {}
    for _ in range(asked.rounds):
        for question, engine, source, sql in _statements(words):
            taken = asks[engine](sql)
            found.setdefault((question, engine, source), []).append(taken)
    figures: Row = {
        "events": json.loads((day / "truth/manifest.json").read_text())["arguments"]["events"],
        "rounds": asked.rounds,
        "storage": _storage(lake, day) | {n: store.bytes() for n, store in stores.items()},
        "questions": [
            {"question": question, "engine": engine, "source": source, "rows": taken[-1]["rows"]}
            | {name: statistics.median(one[name] for one in taken) for name in _MEASURED}
            for (question, engine, source), taken in found.items()
        ],
    }
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "bench.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    page = _page(figures)
    (asked.out / "bench.md").write_text(page, encoding="utf-8")
    print(page)


_MEASURED = ("wall_s", "cpu_s", "read_bytes")


def _statements(words: Row) -> Iterator[tuple[str, str, str, str]]:
    for engine in (*ENGINES, "clickhouse"):
        yield FLOOR, engine, "-", "select 1"
    yield FLOOR, "clp-s", "-", ""
    for question, (of_spans, of_gold) in _QUESTIONS.items():
        asked = _sql(of_spans, "clickhouse", "clickhouse", words)
        yield question, "clickhouse", "clickhouse", asked
        if question in _SEARCHES:
            yield question, "clp-s", "clp-s", _SEARCHES[question].format(**words)
        for source in SOURCES:
            for engine in ENGINES:
                text = of_gold if source == "gold" else of_spans
                yield question, engine, source, _sql(text, source, engine, words)


def _sql(text: str, source: str, engine: str, words: Row) -> str:
    """A question as an engine has to be asked."""
    backslash = "\\" if engine == "duckdb" else "\\\\"
    literals = {
        name: "'" + words[name].replace("\\", backslash).replace("'", _QUOTE[engine]) + "'"
        for name in ("service", "message")
    }
    return text.format(source=source, **words | _WORDS[engine] | literals)


_QUOTE = {"duckdb": "''", "spark": "\\'", "clickhouse": "\\'"}


def _words(lake: DeltaLake) -> Row:
    """What is asked for: the last hour, the longest path's incident, its trace and its shape."""

    def moment(at: Any) -> str:
        return f"timestamp '{at:%Y-%m-%d %H:%M:%S}'"

    last = max(r["window_start"] for r in lake["gold.endpoint_minutes"].rows(("window_start",)))
    columns = ("trace_id", "started_at", "service", "error_message", "step_count")
    paths = {row["trace_id"]: row for row in lake["gold.incident_paths"].rows(columns)}
    groups = lake["gold.incident_path_groups"].rows(("shape_hash", "trace_ids"))
    group, path = max(
        ((group, paths[name]) for group in groups for name in group["trace_ids"] if name in paths),
        key=lambda pair: (pair[1]["step_count"], pair[1]["trace_id"]),
    )
    return {
        "last_hour": moment(last - timedelta(hours=1)),
        "start": moment(path["started_at"] - timedelta(minutes=10)),
        "end": moment(path["started_at"] + timedelta(minutes=10)),
        "trace_id": path["trace_id"],
        "service": path["service"],
        "message": path["error_message"] or "",
        "kql_service": kql(path["service"]),
        "kql_message": kql(path["error_message"] or ""),
        "shape": group["shape_hash"],
    }


Ask = Callable[[str], Row]


def _duckdb(day: Path) -> Ask:
    # without its cache of files, so that each round reads what it needs
    connection = duckdb.connect(config={"threads": 2, "enable_external_file_cache": "false"})
    connection.execute("set timezone = 'UTC'")
    for name in _TABLES:
        files = DeltaTable(_path(name)).file_uris()
        connection.execute(
            f"create view {name.replace('.', '_')} as select * from read_parquet({files!r})"  # noqa: S608
        )
    columns = f"{{resourceSpans: '{_REQUEST['duckdb']}'}}"
    raw = _RAW["duckdb"].format(files=day / "otlp/traces/*/*.jsonl.gz", columns=columns)
    for source, sql in {"raw": raw, **_SPANS}.items():
        text = sql if source == "raw" else sql.format(**_WORDS["duckdb"])
        connection.execute(f"create view {source}_spans_read as {text}")

    return _asks_here(lambda sql: len(connection.execute(sql).fetchall()))


def _spark(day: Path) -> Ask:
    spark = spark_session()
    for name in _TABLES:
        spark.read.format("delta").load(_path(name)).createOrReplaceTempView(name.replace(".", "_"))
    lines = spark.read.schema(_REQUEST["spark"]).json(str(day / "otlp/traces/*/*.jsonl.gz"))
    lines.createOrReplaceTempView("raw_lines")
    for source, sql in {"raw": _RAW["spark"], **_SPANS}.items():
        text = sql.format(**_WORDS["spark"]) if source in _SPANS else sql
        spark.sql(text).createOrReplaceTempView(f"{source}_spans_read")
    java = spark.sparkContext._gateway.proc.pid
    return lambda sql: _measured(java, lambda: len(spark.sql(sql).collect()))


def _stores() -> dict[str, ClickHouse | Clp]:
    """The other stores, each filled from Bronze."""
    spans, log_records = (
        DeltaTable(_path(f"bronze.{name}")).file_uris() for name in ("spans", "log_records")
    )
    folder = lake_path() / "bench"
    return {
        name: store(folder / name, spans, log_records)
        for name, store in (("clickhouse", ClickHouse), ("clp-s", Clp))
    }


def _asks_here(rows: Callable[[str], int]) -> Ask:
    return lambda question: _measured(os.getpid(), lambda: rows(question))


def _measured(pid: int, ask: Callable[[], int]) -> Row:
    """Wall, CPU and bytes read of a process, and of children that end, while it answers."""
    before, start = _used(pid), time.perf_counter()
    rows = ask()
    wall = time.perf_counter() - start
    after = _used(pid)
    return {
        "rows": rows,
        "wall_s": wall,
        "cpu_s": after[0] - before[0],
        "read_bytes": after[1] - before[1],
    }


def _used(pid: int) -> tuple[float, int]:
    """CPU seconds, to the microsecond of this process and to a hundredth of others, and bytes."""
    read = Path(f"/proc/{pid}/io").read_text().split("rchar: ")[1].split()[0]
    if pid == os.getpid():
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.process_time() + children.ru_utime + children.ru_stime, int(read)
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS, int(read)


def _storage(lake: DeltaLake, day: Path) -> Row:
    """Bytes of the day's events in each form."""
    files = [p for p in day.rglob("*") if p.is_file() and "truth" not in p.relative_to(day).parts]
    found = dict.fromkeys(("as_they_arrive", "plain_json", "gz_json", "zstd_json"), 0)
    for path in sorted(files):
        packed = path.read_bytes()
        plain = gzip.decompress(packed) if path.suffix == ".gz" else packed
        found["as_they_arrive"] += len(packed)
        found["plain_json"] += len(plain)
        found["gz_json"] += len(gzip.compress(plain, 6))
        found["zstd_json"] += len(pa.compress(plain, codec="zstd", asbytes=True))
    for layer in ("bronze", "silver", "gold"):
        found[layer] = sum(table.bytes for table in lake_tables() if table.layer == layer)
    minutes = lake["gold.endpoint_minutes"].arrow(_OPTION_A)
    sink = pa.BufferOutputStream()
    pq.write_table(
        minutes.sort_by([(n, "ascending") for n in _OPTION_A[1:5]]), sink, compression="zstd"
    )
    found["gold_a"] = sink.getvalue().size
    return found


def _path(table: str) -> str:
    return str(lake_path().joinpath(*table.split(".")))


def _page(figures: Row) -> str:
    storage = figures["storage"]
    titles = {
        "plain_json": "raw, plain", "gz_json": "raw, gz", "zstd_json": "raw, zstd",
        "as_they_arrive": "raw, as it arrives", "bronze": "Bronze", "silver": "Silver",
        "gold": "Gold B", "gold_a": "Gold A (endpoint windows alone)",
        "clickhouse": "ClickHouse, tables of the OpenTelemetry exporter", "clp-s": "clp-s",
    }  # fmt: skip
    lines = [
        "# Questions and bytes, by layer",
        "",
        f"Made by `make bench`: {figures['events']:,} generated events of a day, windows of a",
        f"minute, {figures['rounds']} rounds in turn, 2 cores; medians less the floor, a query of",
        "one row by the same engine, or the start of its program (clp-s). Read: bytes that the",
        "process asked the system for. Raw and Bronze are as they arrived; live data files.",
        "ClickHouse (chdb) and clp-s hold Bronze's rows without the raw text.",
        "",
        "Three answers differ. The paths of Gold go from the entry to the failure; those of spans",
        "hold the services that failed. New patterns of Gold are templates; those of spans are",
        "messages. What happened before is the shape of the path in Gold, the message in spans.",
        "",
    ]
    sizes = []
    for name, title in titles.items():
        size = storage[name]
        ratios = [storage[of] / size for of in ("plain_json", "gz_json", "bronze")]
        sizes.append((title, f"{size / 1e6:.2f}", *(f"{ratio:.1f}" for ratio in ratios)))
    lines += table(["form", "MB", "plain / form", "gz / form", "Bronze / form"], sizes)
    rows = {(r["question"], r["engine"], r["source"]): r for r in figures["questions"]}
    for heading, asked in _ASKED.items():
        floors = {engine: rows[FLOOR, engine, "-"] for engine, _ in asked}
        told = ", ".join(
            f"{engine} {floor['wall_s'] * 1000:.0f} ms, {floor['cpu_s']:.2f} CPU s"
            for engine, floor in floors.items()
        )
        lines += ["", f"## {heading}", "", f"Floor: {told}.", ""]
        first = next(iter(asked))
        lines += table(
            _HEADINGS,
            [
                (
                    question,
                    title,
                    str(rows[question, *key]["rows"]),
                    *_told(
                        _net(rows[question, *key], floors[key[0]]),
                        _net(rows[question, *first], floors[first[0]]),
                    ),
                )
                for question in _QUESTIONS
                for key, title in asked.items()
                if (question, *key) in rows
            ],
        )
    return "\n".join(lines) + "\n"


def _net(row: Row, floor: Row) -> list[float]:
    """Wall, CPU and bytes less the floor, at least what can be told."""
    return [max(row[name] - floor[name], low) for name, low in zip(_MEASURED, _LEAST, strict=True)]


def _told(net: list[float], of_raw: list[float]) -> tuple[str, ...]:
    """What an answer took, and how much more it took from raw files."""
    ratios = (f"{raw / own:.0f}" for raw, own in zip(of_raw, net, strict=True))
    return f"{net[0] * 1000:.1f}", f"{net[1]:.4f}", f"{net[2] / 1e6:.3f}", *ratios


_HEADINGS = (
    "question", "from", "rows", "ms", "CPU s", "read, MB", "raw / this, time", "CPU", "bytes",
)  # fmt: skip
_LEAST = (0.0001, 0.0001, 1)
"""What can be told of wall, CPU and bytes at least."""


if __name__ == "__main__":
    main()
