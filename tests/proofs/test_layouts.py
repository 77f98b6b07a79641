"""The layouts of silver.spans side by side: one trace by its id.

The times are figures alone: which layout is the best depends on what is asked.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import commands
import pyarrow.parquet as pq
import pytest
from lake_costs import cost_of

from tracekeep.lake import PROJECT

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

EVENTS = int(os.environ.get("TRACEKEEP_PROVE_EVENTS", "1000000"))
DAYS = 3
TRACES = 8
GROUP = 20_000
"""Rows of a group, which dbt_project.yml sets."""
LAYOUTS = ("date", "date_service", "date_trace_prefix", "clustered")


@pytest.fixture
def spark(lake: Path, tmp_path: Path) -> Iterator[SparkSession]:
    """The session over a lake whose Bronze holds some generated days."""
    from tracekeep.session import spark_session

    day = tmp_path / "input"
    for words in (
        ("generate", day, "--events", EVENTS, "--days", DAYS, "--seed", 1),
        ("ingest", day),
    ):
        code, _, err = commands.finish(commands.start(*words))
        assert code == 0, err
    session = spark_session(hive=True)
    yield session
    session.stop()


def files_read(rows: DataFrame) -> int:
    """Files that a query that has run read from."""
    plan = rows._jdf.queryExecution().executedPlan()
    if plan.getClass().getSimpleName() == "AdaptiveSparkPlanExec":
        plan = plan.executedPlan()
    leaves = plan.collectLeaves()
    metrics = [leaves.apply(n).metrics().get("numFiles") for n in range(leaves.size())]
    return sum(metric.get().value() for metric in metrics if metric.isDefined())


def greatest_row_group(folder: Path) -> int:
    """Rows of the greatest group of rows in a table's files."""
    groups = [
        metadata.row_group(n).num_rows
        for path in folder.rglob("*.parquet")
        if "_delta_log" not in path.parts
        for metadata in [pq.read_metadata(path)]
        for n in range(metadata.num_row_groups)
    ]
    return max(groups)


def seconds_of(query: Callable[[], DataFrame]) -> tuple[float, DataFrame]:
    """How long a query takes until its rows are here, planning included."""
    started = time.perf_counter()
    rows = query()
    assert rows.collect()
    return time.perf_counter() - started, rows


def test_one_trace_by_id(spark: SparkSession, lake: Path) -> None:
    from pyspark.sql import functions as f

    from tracekeep.dbt import dbt

    plain = "rebuild: true, redaction_policy: {parts: {}, rules: []}"
    dbt("run", "--select", "+traces", "--vars", f"{{{plain}}}")
    spark.range(1).write.format("delta").save(str(lake / "floor"))
    traces = spark.table("silver.traces").orderBy(f.sha2("trace_id", 256)).limit(TRACES)
    chosen = traces.select("trace_id", "partition_date").collect()

    def floor() -> DataFrame:
        return spark.read.format("delta").load(str(lake / "floor"))

    lines = []
    expected = None
    for layout in LAYOUTS:
        dbt(
            *("run", "--select", "spans", "--full-refresh"),
            *("--vars", f"{{{plain}, silver_layout: {layout}}}"),
        )
        spark.sql(
            "optimize silver.spans" + ("" if layout == "clustered" else " zorder by (trace_id)")
        )
        size = spark.sql("describe detail silver.spans").first()
        assert greatest_row_group(lake / "silver" / "spans") == GROUP
        counts = []
        for known_day in (False, True):
            times, files, read = [], [], []
            for trace_id, day in chosen:
                condition = f.col("trace_id") == trace_id
                if known_day:
                    condition &= f.col("partition_date") == day

                def query(condition: Column = condition) -> DataFrame:
                    return spark.table("silver.spans").where(condition)

                seconds_of(query)  # the first time compiles
                least = min(seconds_of(floor)[0] for _ in range(3))
                with cost_of(spark, lake) as cost:
                    seconds, rows = seconds_of(query)
                times.append(seconds - least)
                files.append(files_read(rows))
                read.append(cost.bytes_read)
                counts.append(rows.count())
            lines.append(
                f"| {layout} | {'id and day' if known_day else 'id'} | {size.numFiles:,} | "
                f"{size.sizeInBytes / 1e6:.1f} | {statistics.mean(files):.1f} | "
                f"{statistics.mean(read) / 1e3:,.0f} | {statistics.median(times) * 1e3:.0f} |"
            )
            print(lines[-1], flush=True)
        assert expected in (None, counts)
        expected = counts
    report = [
        "# Layouts of silver.spans: one trace by its id",
        "",
        f"Made by `make prove-layouts`: {EVENTS:,} generated events of {DAYS} days, compacted; "
        f"{TRACES} traces.",
        "Files and bytes are means of what a query reads, time is the median above the floor, a "
        "query of a table of one row.",
        "",
        "| layout | asked by | files of the table | MB of the table | files read | kB read | ms |",
        "|---|---|---|---|---|---|---|",
        *lines,
    ]
    (PROJECT / "docs" / "results" / "layouts.md").write_text(
        "\n".join(report) + "\n", encoding="utf-8"
    )
