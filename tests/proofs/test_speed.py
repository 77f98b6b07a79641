"""CPU of ingest against DuckDB's `read_json`, on the same files in one run.

Ingest: the second of two equal runs in a warm JVM, Python workers counted; the first, cold one is
told beside it. DuckDB: one row a span or line with its raw text, written as zstd Parquet.
"""

from __future__ import annotations

import datetime
import json
import os
import shutil
import time
from pathlib import Path

import commands
import duckdb
import processes
import pytest

from tracekeep.lake import PROJECT

EVENTS = int(os.environ.get("TRACEKEEP_PROVE_EVENTS", "1000000"))
LIMIT = 6.0
SPANS = """
    with lines as (
        select resourceSpans
        from read_json('{files}', format = 'newline_delimited', maximum_object_size = 100000000)
    ),
    resources as (select unnest(resourceSpans) as r from lines),
    scopes as (select r.resource as resource, unnest(r.scopeSpans) as s from resources),
    spans as (select resource, s.scope as scope, unnest(s.spans) as span from scopes)
    select span.*, resource, scope, to_json(span)::varchar as raw_text from spans
"""
LOGS = """
    select json->>'$.log' as body, json->>'$.stream' as stream, json->>'$.time' as time,
        json as raw_text, filename
    from read_json(
        '{files}', format = 'newline_delimited', records = false, columns = {{json: 'JSON'}},
        filename = true
    )
"""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A generated day's spans, and its pod logs as docker's driver writes them: DuckDB reads no
    CRI lines."""
    day = tmp_path_factory.mktemp("input") / "day"
    code, _, err = commands.finish(commands.start("generate", day, "--events", EVENTS, "--seed", 1))
    assert code == 0, err
    for path in (day / "pods").rglob("*.log"):
        lines = []
        for line in path.read_text(encoding="utf-8").splitlines():
            moment, stream, _, text = line.split(" ", 3)
            lines.append(json.dumps({"log": f"{text}\n", "stream": stream, "time": moment}))
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return {"OTLP spans": day / "otlp" / "traces", "pod logs": day / "pods"}


def duckdb_cpu(query: str, files: str, out: Path) -> tuple[int, float]:
    """Rows and CPU seconds; the better of two runs."""
    connection = duckdb.connect()
    costs = []
    for _ in range(2):
        started = time.process_time()
        copied = f"copy ({query.format(files=files)}) to '{out}' (format parquet, compression zstd)"
        (rows,) = connection.execute(copied).fetchone() or (0,)
        costs.append(time.process_time() - started)
    return rows, min(costs)


def ingest_cpu(folder: Path, lake: Path) -> tuple[int, float, float]:
    """Records, CPU seconds of the first ingest and of the second, each into an empty lake."""
    from tracekeep.ingest import ingest
    from tracekeep.session import spark_session

    costs = []
    records = 0
    started = processes.cpu_seconds(os.getpid())
    spark = spark_session()
    for _ in range(2):
        shutil.rmtree(lake / "bronze", ignore_errors=True)
        spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
        records = ingest(spark, [folder])["bronze"]
        now = processes.cpu_seconds(os.getpid())
        costs.append(now - started)
        started = now
    return records, costs[0], costs[1]


def test_ingest_costs_at_most_six_times_duckdb(
    sources: dict[str, Path], lake: Path, tmp_path: Path
) -> None:
    rows = []
    for name, query, pattern in (
        ("OTLP spans", SPANS, "**/*.jsonl.gz"),
        ("pod logs", LOGS, "**/*.log"),
    ):
        folder = sources[name]
        peer_rows, peer = duckdb_cpu(query, f"{folder}/{pattern}", tmp_path / "peer.parquet")
        records, cold, warm = ingest_cpu(folder, lake)
        assert records == peer_rows
        rows.append((name, records, peer, warm, cold))
    (PROJECT / "docs" / "results" / "ingest_speed.md").write_text(_report(rows), encoding="utf-8")
    for name, _, peer, warm, _ in rows:
        assert warm <= LIMIT * peer, f"{name}: {warm:.1f} CPU s against {peer:.1f}"


def _report(rows: list[tuple[str, int, float, float, float]]) -> str:
    lines = [
        "# CPU of ingest against DuckDB",
        "",
        f"Made by `make prove-speed` on {datetime.date.today()}: a generated day of {EVENTS:,} "
        "events, on 2 cores. CPU seconds of all",
        "processes, JVM and Python workers included. Warm is the second of two equal ingests into "
        "an empty lake in one JVM;",
        f"cold is the first, with the start of the JVM. DuckDB {duckdb.__version__} writes one row "
        "a record with its raw text as zstd",
        "Parquet (the better of two runs).",
        "",
        "| input | records | DuckDB | ingest, warm | times | events per CPU s | ingest, cold |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, records, peer, warm, cold in rows:
        lines.append(
            f"| {name} | {records:,} | {peer:.1f} s | {warm:.1f} s | {warm / peer:.1f} | "
            f"{records / warm:,.0f} | {cold:.1f} s |"
        )
    return "\n".join(lines) + "\n"
